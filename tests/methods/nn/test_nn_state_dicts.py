"""Checkpoints of other people: read without running code, refused with a full list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from vosbench_methods.nn import load_strictly, read_state_dict

from vosbench.errors import InputError


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("wrap", [None, "state_dict", "model"])
def test_reads_wrapped_and_prefixed_files(tmp_path: Path, new: bool, wrap: str | None) -> None:
    state = network().state_dict()
    prefixed: Any = {f"module.{key}": value for key, value in state.items()}
    path = tmp_path / "net.pth"
    whole = {wrap: prefixed, "epoch": 3} if wrap else prefixed
    torch.save(whole, path, _use_new_zipfile_serialization=new)
    read = read_state_dict(path)
    assert list(read) == list(state)
    assert all(torch.equal(read[key], state[key]) for key in state)


def test_a_prefix_that_not_all_keys_have_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"module.weight": torch.ones(1), "bias": torch.ones(1)}, path)
    assert set(read_state_dict(path)) == {"module.weight", "bias"}


def test_reads_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"weight": torch.arange(3.0)}, path)
    assert torch.equal(read_state_dict(path)["weight"], torch.arange(3.0))


class Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    path, mark = tmp_path / "evil.pth", tmp_path / "mark"
    torch.save({"weight": Payload(mark)}, path)
    with pytest.raises(InputError, match="more than plain tensors") as caught:
        read_state_dict(path)
    assert "weights_only" not in str(caught.value) + caught.value.hint
    assert not mark.exists()


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"PK\x03\x04 broken"])
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_state_dict(path)


def test_files_cut_short_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    for new in (True, False):
        torch.save(network().state_dict(), path, _use_new_zipfile_serialization=new)
        whole = path.read_bytes()
        for part in (0.1, 0.5, 0.9):
            path.write_bytes(whole[: int(len(whole) * part)])
            with pytest.raises(InputError, match=r"net\.pth"):
                read_state_dict(path)


def test_what_is_no_state_dict_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    for content, message in (
        ([1, 2], "it holds a list"),
        ({}, "it holds nothing"),
        ({"lr": 0.1, "weight": torch.ones(1)}, r"1 entry is no tensor \(lr\)"),
    ):
        torch.save(content, path)
        with pytest.raises(InputError, match=message):
            read_state_dict(path)
    with pytest.raises(InputError, match="does not exist"):
        read_state_dict(tmp_path / "none.pth")
    with pytest.raises(InputError, match="is a folder"):
        read_state_dict(tmp_path)


def test_a_fitting_state_is_loaded_also_onto_meta_and_from_half() -> None:
    source = network()
    state = {key: value.half() for key, value in source.state_dict().items() if value.ndim}
    with torch.device("meta"):
        target = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=True))
    load_strictly(target, state, source="a test")
    assert same(target, source.half().float())
    assert all(value.dtype == torch.float32 for value in target.parameters())
    assert not any(value.is_meta for value in target.state_dict().values())


def test_counters_of_batch_normalisation_do_not_matter() -> None:
    state = network().state_dict()
    del state["1.num_batches_tracked"]
    load_strictly(network(), state, source="old file")
    without = nn.Conv2d(3, 4, 3)
    extra = {**without.state_dict(), "bn.num_batches_tracked": torch.tensor(1)}
    load_strictly(without, extra, source="new file")


def test_every_misfit_is_listed_and_nothing_is_changed() -> None:
    state = network().state_dict()
    del state["0.bias"]
    state["head.weight"] = torch.ones(2)
    state["0.weight"] = torch.ones(4, 3, 1, 1)
    state["1.bias"] = torch.tensor([0.0, float("nan"), 0.0, 0.0])
    target, before = network(), network()
    with pytest.raises(InputError) as caught:
        load_strictly(target, state, source="checkpoints/net.pth")
    text = str(caught.value)
    assert text.startswith("checkpoints/net.pth does not fit")
    assert "1 tensor is missing (0.bias)" in text
    assert "1 tensor is extra (head.weight)" in text
    assert "0.weight is 4×3×1×1, expected 4×3×3×3" in text
    assert "1 tensor is not finite (1.bias)" in text
    assert "6 of 7" in text
    assert same(target, before)


def test_long_lists_are_cut() -> None:
    with pytest.raises(InputError, match=r"6 tensors are missing .*; 20 tensors .* and 12 more"):
        load_strictly(network(), {f"k{i}": torch.ones(1) for i in range(20)}, source="x")
