"""`vosbench train` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from vosbench_methods.nn import ResNet

from tests.conftest import MakeDavis, RunVosbench


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A ResNet-50 under torchvision's names, with random weights."""
    path = tmp_path / "resnet50.pth"
    torch.save(ResNet().state_dict(), path)
    return path


def test_weights_of_a_short_training_run_a_method(
    vosbench: RunVosbench, make_davis: MakeDavis, encoder: Path
) -> None:
    data = make_davis({"alpha": 4, "beta": 4}, split="train", objects=1, size=(120, 214))
    words = ("train", "dmvos", "--data", f"davis2017={data}", "--encoder", encoder, "--json")
    answer = vosbench(*words, "--steps", "1", "--hold-out", "beta", "--precision", "fp32").json
    weights = data.parent / answer["weights"]
    assert weights.is_file()
    assert set(answer["validation"]) == {"beta"}
    assert 0 <= answer["validation"]["beta"] <= 1
    make_davis({"gamma": 3}, objects=1, size=(120, 214), root=data)
    run = ("run", "--method", "dmvos", "--dataset", "davis2017", "--data", data, "--json")
    record = vosbench(
        *run, "--weights", weights, "--set", "input.height=96", "--set", "input.width=171"
    )
    assert set(record.json["objects"]) == {"gamma_1"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("baseline-first-mask", "--data", "davis2017=x", "--steps", "1"), "no training recipe"),
        (("dmvos", "--data", "davis2017", "--steps", "1"), "NAME=ROOT"),
        (("dmvos", "--data", "mose=x", "--steps", "1", "--encoder", "e"), "mose"),
        (("dmvos", "--data", "davis2017=x", "--encoder", "e"), "either"),
        (("dmvos", "--steps", "1"), "--data"),
    ],
)
def test_wrong_commands_exit_2(vosbench: RunVosbench, words: tuple[str, ...], says: str) -> None:
    assert says in vosbench("train", *words, check=2).err


def test_missing_training_data_exit_4(vosbench: RunVosbench, tmp_path: Path) -> None:
    words = ("dmvos", "--data", f"davis2017={tmp_path}", "--steps", "1", "--encoder", "e")
    assert str(tmp_path) in vosbench("train", *words, check=4).err
