"""Run-length masks and the JSON files of BURST."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vosbench.data.masks import encode_labels, open_masks
from vosbench.data.masks.rle import decode_runs, parse_runs
from vosbench.errors import InputError
from vosbench.evaluate import score_masks
from vosbench.types import FrameRef, Sequence


def runs_of(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of alternating runs down the columns, background first."""
    runs, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


def compress(runs: list[int]) -> str:
    """The text form, after the description of COCO's mask interface."""
    text = ""
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != -1 if group & 0x10 else value != 0
            text += chr(48 + (group | 0x20 if more else group))
    return text


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 99), st.floats(0, 1))
def test_masks_survive_compression(height: int, width: int, seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    mask[: height // 2, : width // 3] = True
    runs = parse_runs(compress(runs_of(mask)), "m")
    assert runs == runs_of(mask)
    assert np.array_equal(decode_runs(runs, height, width, "m"), mask)


def test_strings_that_pycocotools_wrote() -> None:
    small = np.zeros((4, 5), np.bool_)
    small[1:3, 1:4] = True
    assert np.array_equal(decode_runs(parse_runs("5220003", "m"), 4, 5, "m"), small)
    large = np.zeros((480, 854), np.bool_)
    large[100:300, 200:202] = True
    large[:, 400] = True
    large[7, 853] = True
    runs = parse_runs("Tkm2X6h80lfl2h8clf3QAab\\I", "m")
    assert np.array_equal(decode_runs(runs, 480, 854, "m"), large)


@pytest.mark.parametrize("text", ["5é", "5 2", "P", "PPPPPPPPPPPPPPP0", "~"])
def test_text_that_is_no_mask_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="run-length mask"):
        parse_runs(text, "seq, frame 3")


@pytest.mark.parametrize("runs", [[], [20], [21, -1], [4, 5], [2**40]])
def test_runs_that_do_not_fill_the_mask_are_refused(runs: list[int]) -> None:
    if sum(runs) == 20 and min(runs) >= 0:
        assert not decode_runs(runs, 4, 5, "m").any()
    else:
        with pytest.raises(InputError, match="do not add up to 5x4"):
            decode_runs(runs, 4, 5, "m")


def scene(frame: int) -> NDArray[np.uint8]:
    labels = np.zeros((20, 30), np.uint8)
    labels[3:10, 4 + frame : 12 + frame] = 1
    labels[12:18, 10:20] = 2
    return labels


def results(frames: int = 5) -> dict[str, Any]:
    masks = [
        {str(k): {"rle": compress(runs_of(scene(i) == k)), "score": 0.5} for k in (1, 2)}
        for i in range(frames)
    ]
    return {
        "sequences": [
            {
                "id": 7,
                "seq_name": "a",
                "height": 20,
                "width": 30,
                "annotated_image_paths": [f"frame{i:04d}.jpg" for i in range(frames)],
                "segmentations": masks,
            }
        ]
    }


def write(folder: Path, content: Any) -> Path:
    path = folder / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_burst_results_are_read_and_scored(tmp_path: Path) -> None:
    path = write(tmp_path, results())
    source = open_masks(path)
    assert source.sequences() == ("a",)
    assert source.frames("a")[:2] == ("frame0000", "frame0001")
    assert np.array_equal(source.read("a", "frame0002", "ids", size=(20, 30)).labels, scene(2))
    assert np.array_equal(source.read("a", "frame0002", "binary").labels, scene(2) > 0)
    frames = []
    for name, labels in zip(source.frames("a"), map(scene, range(5)), strict=True):
        truth = tmp_path / f"{name}.png"
        truth.write_bytes(encode_labels(labels))
        frames.append(FrameRef(name, None, truth))
    clip = Sequence("d", "s", "a", tuple(frames), 20, 30, (1, 2), "ids")
    for processes in (1, 2):
        record = score_masks(
            source,
            [clip, Sequence("d", "s", "b", tuple(frames), 20, 30, (1, 2), "ids")],
            protocol="davis2017",
            dataset="d",
            split="s",
            processes=processes,
        ).record
        assert record.overall.jf_mean == 1.0
        assert list(record.unscored) == ["b"]


def test_absent_objects_and_overlaps(tmp_path: Path) -> None:
    content = results(3)
    masks = content["sequences"][0]["segmentations"]
    del masks[1]["1"]
    masks[2]["2"]["rle"] = masks[2]["1"]["rle"]
    source = open_masks(write(tmp_path, content))
    assert set(np.unique(source.read("a", "frame0001", "ids").labels)) == {0, 2}
    read = source.read("a", "frame0002", "ids")
    assert set(np.unique(read.labels)) == {0, 1}
    assert "lowest id" in read.note


def test_sizes_and_missing_frames_are_named(tmp_path: Path) -> None:
    source = open_masks(write(tmp_path, results()))
    with pytest.raises(InputError, match="30x20 px, the sequence is 31x20 px"):
        source.read("a", "frame0000", "ids", size=(20, 31))
    with pytest.raises(InputError, match="frame 00009: the mask is missing"):
        source.read("a", "00009", "ids")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        [],
        {"sequences": 3},
        {"sequences": [{"seq_name": "a"}]},
        {"sequences": [{**results()["sequences"][0], "height": -1}]},
        {"sequences": [{**results()["sequences"][0], "height": 10**9}]},
        {"sequences": [{**results()["sequences"][0], "annotated_image_paths": ["x.jpg"]}]},
        {"sequences": [{**results()["sequences"][0], "segmentations": [{"0": {"rle": ""}}] * 5}]},
        {"sequences": [{**results()["sequences"][0], "segmentations": [{"a": {"rle": ""}}] * 5}]},
        {"sequences": results()["sequences"] * 2},
    ],
)
def test_other_json_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(InputError, match=r"results\.json"):
        open_masks(write(tmp_path, content))


def test_an_object_under_two_spellings_of_its_id_is_refused(tmp_path: Path) -> None:
    content = results()
    masks = content["sequences"][0]["segmentations"][2]
    masks["01"] = masks["2"]
    with pytest.raises(InputError, match=r"results\.json.*is there twice"):
        open_masks(write(tmp_path, content))
