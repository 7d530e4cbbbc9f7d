"""Faults of other evaluators that no other test of this folder guards against."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vosbench.data.masks import encode_labels, open_masks
from vosbench.evaluate import score_arrays, score_masks
from vosbench.types import FrameRef, LabelMap, Sequence

SIZE = (60, 90)


def two(k: int) -> LabelMap:
    labels = np.zeros(SIZE, np.uint8)
    labels[8:38, 5 + k : 35 + k] = 1
    labels[20:50, 50 - k : 80 - k] = 2
    return labels


def test_a_swap_of_identities_halfway_costs() -> None:
    # An evaluator that assigns predicted to true objects again would not see it.
    truths = [two(k) for k in range(10)]
    swapped = [np.array([0, 2, 1], np.uint8)[t] if k >= 5 else t for k, t in enumerate(truths)]
    for protocol in ("davis2017", "vos-benchmark", "sa-v", "mosev2", "vost"):
        score = score_arrays(swapped, truths, protocol=protocol)
        assert score.figures().j_mean == pytest.approx(0.5, abs=0.05), protocol
        assert score.region[:, 6].max() < 0.1


def burst(path: Path, second: dict[str, dict[str, str]]) -> Path:
    """One frame in the middle has the masks given, the others have none."""
    entry = {
        "seq_name": "s",
        "height": SIZE[0],
        "width": SIZE[1],
        "annotated_image_paths": [f"{k:05d}.jpg" for k in range(3)],
        "segmentations": [{}, second, {}],
    }
    path.write_text(json.dumps({"sequences": [entry]}))
    return path


def counts_of_nothing() -> str:
    """One run of zeros, in the compressed form."""
    value, text = SIZE[0] * SIZE[1], ""
    while value >= 16:
        text += chr(48 + (value & 31 | 32))
        value >>= 5
    return text + chr(48 + value)


def test_an_empty_run_length_mask_scores_as_a_missing_entry(tmp_path: Path) -> None:
    frames = []
    for k in range(3):
        path = tmp_path / f"{k:05d}.png"
        path.write_bytes(encode_labels(two(0) if k == 0 else np.zeros(SIZE, np.uint8)))
        frames.append(FrameRef(path.stem, None, path))
    clip = Sequence("d", "v", "s", tuple(frames), *SIZE, (1, 2), "ids")
    figures = []
    for name, second in (("absent", {}), ("empty", {"1": {"rle": counts_of_nothing()}})):
        masks = open_masks(burst(tmp_path / f"{name}.json", second))
        record = score_masks(masks, [clip], protocol="davis2017", dataset="d", split="v").record
        assert record.unscored == {}
        figures.append(record.overall)
    assert figures[0] == figures[1]
    assert figures[0].jf_mean == 1.0


def test_mosev2_does_not_depend_on_the_way_up_but_its_tool_does() -> None:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:480, 0:854]
    truth = (np.hypot(y - 240, x - 400) < 150 + 20 * np.sin(np.arctan2(y - 240, x - 400) * 9)) * 1
    noise = rng.normal(0, 6, 63)
    wave = np.interp(np.arctan2(y - 236, x - 404), np.linspace(-np.pi, np.pi, 63), noise)
    prediction = (np.hypot(y - 236, x - 404) < 150 + wave) * 1
    masks = [labels.astype(np.uint8) for labels in (prediction, truth)]
    gaps = {}
    for protocol in ("mosev2", "mosev2-official"):
        scores = [
            score_arrays([p] * 3, [t] * 3, protocol=protocol).figures().f_mean
            for p, t in (masks, [labels[::-1, ::-1].copy() for labels in masks])
        ]
        gaps[protocol] = abs(scores[0] - scores[1])
    # The boundary itself is asymmetric by less than one pixel, the disk of the tool by more.
    assert gaps["mosev2"] < 0.02
    assert gaps["mosev2-official"] > 2 * gaps["mosev2"]


def test_a_sequence_without_masks_is_missing_from_no_figure_in_silence(tmp_path: Path) -> None:
    clips = []
    for name in ("a", "b"):
        frames = []
        for k in range(4):
            for folder in ("truth", "masks"):
                path = tmp_path / folder / name / f"{k:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encode_labels(two(k)))
            frames.append(FrameRef(path.stem, None, tmp_path / "truth" / name / path.name))
        clips.append(Sequence("d", "v", name, tuple(frames), *SIZE, (1, 2), "ids"))
    for path in (tmp_path / "masks" / "b").iterdir():
        path.unlink()
    for protocol in ("davis2017", "mosev2"):
        record = score_masks(
            open_masks(tmp_path / "masks"), clips, protocol=protocol, dataset="d", split="v"
        ).record
        assert list(record.unscored) == ["b"]
        assert "1 of 2 sequences could not be scored" in record.warnings[0]
