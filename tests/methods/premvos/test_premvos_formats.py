"""The official files: what is written comes back, and what is damaged is named."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from vosbench_methods.premvos.formats import (
    Proposal,
    combine_proposals,
    decode_segmentation,
    encode_segmentation,
    read_flow,
    read_proposals,
    write_flow,
    write_proposals,
)
from vosbench_methods.premvos.merging import Box, tight_box

from vosbench.errors import InputError


def test_run_lengths_are_those_of_the_official_tool(golden: Path, units: Any) -> None:
    told = units("rle")["masks"]
    with np.load(golden / "units" / "rle_masks.npz") as archive:
        for name, one in told.items():
            mask = archive[name] != 0
            written = encode_segmentation(mask)
            assert written == {"size": one["size"], "counts": one["counts"]}, name
            read = decode_segmentation(written, size=mask.shape, where=name)
            assert_array_equal(read, mask)
            assert int(mask.sum()) == one["area"]
            assert list(tight_box(mask)) == one["bbox"]


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_any_mask_survives_writing_and_reading(mask: Any) -> None:
    assert_array_equal(decode_segmentation(encode_segmentation(mask), size=None, where=""), mask)


def test_long_runs_survive_writing_and_reading() -> None:
    mask = np.zeros((700, 900), bool)
    mask[3, 4] = mask[699, 899] = True
    assert_array_equal(
        decode_segmentation(encode_segmentation(mask), size=(700, 900), where=""), mask
    )


def some_proposals() -> list[Proposal]:
    mask = np.zeros((20, 30), bool)
    mask[4:9, 5:16] = True
    embedding = np.linspace(-3, 3, 128)
    return [
        Proposal(Box(4.5, 3.9, 12.0, 6.2), 0.93),
        Proposal(Box(5.0, 4.0, 11.0, 5.0), 0.5, mask, "0.9041"),
        Proposal(Box(0.0, 0.0, 0.0, 0.0), 1.0, mask, "0.1", embedding),
    ]


def test_proposals_survive_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "00000.json"
    write_proposals(path, some_proposals())
    for one, other in zip(read_proposals(path, size=(20, 30)), some_proposals(), strict=True):
        assert (one.box, one.score, one.confidence) == (other.box, other.score, other.confidence)
        for ours, theirs in ((one.mask, other.mask), (one.embedding, other.embedding)):
            assert (ours is None) == (theirs is None)
            assert ours is None or np.array_equal(ours, theirs)


def test_official_proposal_files_are_read_and_written_alike(golden: Path, tmp_path: Path) -> None:
    for path in sorted((golden / "merge" / "duo" / "inputs" / "proposals").glob("*.json")):
        written = tmp_path / path.name
        write_proposals(written, read_proposals(path, size=(120, 200)))
        assert json.loads(written.read_text()) == json.loads(path.read_text())


def test_general_proposals_come_before_specific_ones() -> None:
    general, specific = some_proposals()[:1], some_proposals()[1:]
    assert [one.score for one in combine_proposals(general, specific)] == [0.93, 0.5, 1.0]


def with_entry(**changes: Any) -> str:
    entry = {
        "bbox": [1, 2, 3, 4],
        "score": 0.5,
        "segmentation": {"size": [7, 5], "counts": "77>0"},
        "conf_score": "0.9",
        "ReID": [0.5] * 128,
    } | changes
    return json.dumps([{key: value for key, value in entry.items() if value is not None}])


def test_a_sound_entry_is_read(tmp_path: Path) -> None:
    path = tmp_path / "00003.json"
    path.write_text(with_entry(later_stage=[1]))
    assert len(read_proposals(path, size=(7, 5))) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (with_entry()[:-9], "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("{}", "expected a list of proposals, found an object"),
        ("[3]", "proposal 0: expected an object, found a number"),
        (with_entry(bbox=None), "proposal 0 has no bbox"),
        (with_entry(bbox=[1, 2, 3]), "bbox: expected 4 numbers, found 3"),
        (with_entry(bbox=[1, 2, -3, 4]), "bbox: width -3.0"),
        (with_entry(score="0.5"), "score: expected a finite number, found '0.5'"),
        (with_entry(score=True), "score: expected a finite number"),
        (with_entry().replace("0.5,", "NaN,", 1), "not valid JSON: NaN"),
        (with_entry().replace("0.5,", "1e999,", 1), "score: expected a finite number"),
        (with_entry(conf_score=0.9), "conf_score: expected a number as text"),
        (with_entry(conf_score="high"), "conf_score: expected a number as text, found 'high'"),
        (with_entry(ReID=[0.5] * 127), "ReID: expected 128 numbers, found 127"),
        (with_entry(ReID=[0.5] * 127 + ["x"]), r"ReID\[127\]: expected a finite number"),
        (with_entry(segmentation=[1]), "segmentation: expected an object with size and counts"),
        (with_entry(segmentation={"size": [7, 0], "counts": "S1"}), r"size is \[7, 0\]"),
        (with_entry(segmentation={"size": [1 << 20, 1 << 20], "counts": "S1"}), "size is"),
        (with_entry(segmentation={"size": [5, 7], "counts": "S1"}), "5x7 px, the frame 7x5"),
        (with_entry(segmentation={"size": [7, 5], "counts": [35]}), "counts are a list"),
        (with_entry(segmentation={"size": [7, 5], "counts": "S1S1"}), "do not add up to 5x7"),
        (with_entry(segmentation={"size": [7, 5], "counts": "S"}), "is cut off"),
    ],
)
def test_damaged_proposals_are_named_by_file_and_place(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "00003.json"
    path.write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        read_proposals(path, size=(7, 5))
    assert str(path) in str(caught.value)


def test_missing_proposals_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"00001\.json cannot be read: No such file"):
        read_proposals(tmp_path / "00001.json")


def test_an_official_flow_is_read_and_written_alike(
    golden: Path, units: Any, tmp_path: Path
) -> None:
    told = units("files")["flo"]
    path = golden / "units" / told["file"]
    flow = read_flow(path, size=tuple(told["size"]))
    expected = np.array(told["numerator"], np.float32) / np.float32(told["divisor"])
    assert_array_equal(flow, expected)
    write_flow(tmp_path / "again.flo", flow)
    assert (tmp_path / "again.flo").read_bytes() == path.read_bytes()


def flo(magic: float = 202021.25, width: int = 3, height: int = 2, numbers: int = 12) -> bytes:
    return struct.pack("<fii", magic, width, height) + np.ones(numbers, "<f4").tobytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PI", "2 bytes are no .flo file"),
        (flo(magic=202021.0), "starts with 202021.0, a .flo file with 202021.25"),
        (flo(width=-3), "the header says 2x-3 px"),
        (flo(width=1 << 30, height=1 << 30), "which no frame has"),
        (flo(width=2, height=3), "3x2 px, the frame 2x3"),
        (flo(numbers=11), "fewer than the 60 bytes"),
        (flo(numbers=13), "more than the 60 bytes"),
        (flo()[:-4] + struct.pack("<f", float("nan")), "row 1, column 2 is .*not finite"),
        (flo()[:-4] + struct.pack("<f", 1.7e9), "row 1, column 2 is .*unknown"),
    ],
)
def test_damaged_flows_are_named_by_file_and_place(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "00007.flo"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_flow(path, size=(2, 3))
    assert str(path) in str(caught.value)


def test_what_is_no_flow_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4×5"):
        write_flow(tmp_path / "x.flo", np.zeros((4, 5), np.float32))
