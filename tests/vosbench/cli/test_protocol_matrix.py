"""`vosbench score --protocol all`: one set of masks under every protocol, several sets ranked."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis, RunVosbench
from vosbench.metrics import PROTOCOLS


@pytest.fixture
def data(make_davis: MakeDavis) -> Path:
    return make_davis({"alpha": 8})


def masks(data: Path, folder: Path, shift: int, *, bad_last: bool = False) -> Path:
    """The truth, shifted by some pixels; the last frame may be lost."""
    shutil.copytree(data / "Annotations" / "480p", folder)
    files = sorted(folder.rglob("*.png"))
    for path in files:
        with Image.open(path) as image:
            labels, palette = np.array(image), image.getpalette()
        moved = np.roll(labels, shift, axis=1)
        if bad_last and path is files[-1]:
            moved[:] = 0
        out = Image.fromarray(moved)
        out.putpalette(palette or [])
        out.save(path)
    return folder


def test_all_protocols_are_there_and_say_what_they_do(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    folder = masks(data, tmp_path / "one", 1)
    words = ("score", folder, "--dataset", "davis2017", "--data", data, "--protocol", "all")
    text = vosbench(*words).out
    answer = vosbench(*words, "--json").json
    records = answer["sets"][str(folder)]
    assert set(records) == set(PROTOCOLS)
    plain = " ".join(text.split())
    for name, protocol in PROTOCOLS.items():
        assert " ".join(protocol.description.split()) in plain
        if protocol.needs_metadata:
            assert f"{name} leaves out 1 sequence; alpha" in plain
            assert "there are no metadata" in records[name]["unscored"]["alpha"]
            continue
        mean = records[name]["global"]["J-Mean"]
        assert mean is not None
        row = next(line for line in text.splitlines() if line.startswith(name + " "))
        assert f"{100 * mean:.1f}" in row
    single = vosbench(*words[:-1], "davis2017", "--json").json
    assert records["davis2017"]["global"] == single["global"]


def test_a_ranking_that_flips_is_told(vosbench: RunVosbench, data: Path, tmp_path: Path) -> None:
    # the last frame does not count under davis2017; under vots it does
    near = masks(data, tmp_path / "near", 1, bad_last=True)
    far = masks(data, tmp_path / "far", 2)
    words = ("score", near, far, "--dataset", "davis2017", "--data", data, "--protocol", "all")
    flips = vosbench(*words, "--json").json["flips"]
    assert {"vots"} <= {flip["protocol"] for flip in flips}
    for flip in flips:
        assert (flip["better"], flip["worse"]) == (str(near), str(far))
        assert flip["reference"] == "davis2017"
    assert "The ranking depends on the protocol" in vosbench(*words).out
    same = ("score", far, far, *words[3:])
    assert vosbench(*same, "--json").json["flips"] == []


def test_a_protocol_that_cannot_score_says_why(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    folder = masks(data, tmp_path / "one", 1)
    path = folder / "alpha" / "00003.png"
    labels = np.array(Image.open(path))
    labels[0, 0] = 9
    Image.fromarray(labels).save(path)
    words = ("score", folder, "--dataset", "davis2017", "--data", data, "--protocol", "all")
    assert "davis2017 leaves out 1 sequence; alpha" in vosbench(*words).out


def test_several_sets_need_all(vosbench: RunVosbench, data: Path, tmp_path: Path) -> None:
    folder = masks(data, tmp_path / "one", 1)
    words = ("score", folder, folder, "--dataset", "davis2017", "--data", data)
    assert "--protocol all" in vosbench(*words, check=2).err


def test_decay_can_be_had_as_the_official_tool_computes_it(
    vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"long": 300}, objects=1, size=(24, 640))
    folder = tmp_path / "masks"
    shutil.copytree(data / "Annotations" / "480p", folder)
    for path in sorted(folder.rglob("*.png"))[150:]:
        Image.fromarray(np.zeros((24, 640), np.uint8)).save(path)
    words = ("score", folder, "--dataset", "davis2017", "--data", data, "--json")
    correct = vosbench(*words)
    official = vosbench(*words, "--official-decay")
    assert correct.json["global"]["J-Decay"] == pytest.approx(1.0)
    assert official.json["global"]["J-Decay"] != correct.json["global"]["J-Decay"]
    assert "overflow" in correct.err
    assert "overflow" in official.err
