"""YouTube-VOS and LVOS: objects of seen and unseen categories, ranges of frames, and V."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vosbench.data import load_card
from vosbench.data.metadata import read_metadata
from vosbench.errors import InputError
from vosbench.evaluate import SequenceScore, evaluation_of, score_arrays
from vosbench.metrics import frame_counts, get_protocol
from vosbench.metrics.scores import boundary_accuracy, region_similarity
from vosbench.types import LabelMap, ObjectInfo

BOX = {1: (10, 10, 30, 30), 2: (35, 40, 55, 70), 3: (5, 50, 20, 75)}


def canvas(*ids: int, shift: int = 0) -> LabelMap:
    labels = np.zeros((60, 80), np.uint8)
    for value in ids:
        top, left, bottom, right = BOX[value]
        labels[top:bottom, left + shift : right + shift] = value
    return labels


def overall(scores: Sequence[SequenceScore], protocol: str) -> dict[str, float | None]:
    evaluation = evaluation_of(scores, protocol=get_protocol(protocol), dataset="d", split="s")
    record = evaluation.record
    return {**record.extras, **record.overall.model_dump(by_alias=True)}


def test_youtube_vos_is_the_mean_of_four_scores() -> None:
    truths = [canvas(1, 2)] * 3 + [canvas(1, 2, 3)] * 3
    predictions = [canvas(1)] * 4 + [canvas(1, 3, shift=2)] * 2
    kinds = (ObjectInfo(1, True), ObjectInfo(2, False), ObjectInfo(3, False))
    score = score_arrays(predictions, truths, protocol="youtube-vos", objects=kinds)
    assert score.object_ids == (1, 2, 3)
    # object 3 is given on frame 3 and counts from frame 4 on; the last frame counts
    assert score.evaluated.sum(axis=1).tolist() == [5, 5, 2]
    one, two, three = score.object_figures()
    found = overall([score], "youtube-vos")
    assert two.j_mean == two.f_mean == 0
    assert found["J-Seen"] == one.j_mean
    assert found["F-Unseen"] == three.f_mean / 2
    four = (one.j_mean, one.f_mean, three.j_mean / 2, three.f_mean / 2)
    assert found["G"] == pytest.approx(np.mean(four), abs=1e-15)
    assert found["J&F-Mean"] == found["G"]
    assert found["J-Mean"] == pytest.approx((four[0] + four[2]) / 2, abs=1e-15)
    plain = score_arrays(predictions, truths, protocol="late-objects")
    assert overall([plain], "late-objects")["J-Mean"] != found["J-Mean"]


def test_halves_weigh_the_same_however_many_objects_they_have() -> None:
    kinds = (ObjectInfo(1, True), ObjectInfo(2, True), ObjectInfo(3, False))
    truths = [canvas(1, 2, 3)] * 4
    score = score_arrays([canvas(1, 2)] * 4, truths, protocol="youtube-vos", objects=kinds)
    assert overall([score], "youtube-vos")["J&F-Mean"] == 0.5


def test_one_half_alone_has_no_g_and_says_so() -> None:
    truths = [canvas(1)] * 4
    kinds = (ObjectInfo(1, True),)
    score = score_arrays(truths, truths, protocol="youtube-vos", objects=kinds)
    rules = get_protocol("youtube-vos")
    record = evaluation_of([score], protocol=rules, dataset="d", split="s").record
    assert record.extras == {
        "J-Seen": 1.0,
        "F-Seen": 1.0,
        "J-Unseen": None,
        "F-Unseen": None,
        "G": None,
    }
    assert record.overall.jf_mean == 1.0
    assert any("no object of unseen categories" in line for line in record.warnings)


def test_without_metadata_the_reason_is_told() -> None:
    truths = [canvas(1)] * 4
    with pytest.raises(InputError, match="no metadata on its objects.*youtube-vos"):
        score_arrays(truths, truths, protocol="youtube-vos")
    with pytest.raises(InputError, match="whether its objects are of seen categories"):
        score_arrays(truths, truths, protocol="youtube-vos", objects=[ObjectInfo(1)])
    with pytest.raises(InputError, match="no range of frames"):
        score_arrays(truths, truths, protocol="lvos", objects=[ObjectInfo(1, True)])
    with pytest.raises(InputError, match="object 1 is annotated, but not in the metadata"):
        score_arrays(truths, truths, protocol="youtube-vos", objects=[ObjectInfo(2, True)])


def values(
    predictions: Sequence[LabelMap], truths: Sequence[LabelMap], object_id: int
) -> list[float]:
    """(J + F) / 2 of one object on each frame."""
    found = []
    for prediction, truth in zip(predictions, truths, strict=True):
        counts = frame_counts(prediction, truth, (object_id,))
        found.append(float(region_similarity(counts)[0] + boundary_accuracy(counts)[0]) / 2)
    return found


@pytest.mark.parametrize("inclusive", [True, False], ids=["end-is-last", "end-is-behind"])
def test_lvos_takes_the_frames_that_its_tool_takes(inclusive: bool, tmp_path: Path) -> None:
    names = [f"{1 + 5 * k:08d}" for k in range(12)]
    first, last = 3, 9
    end = 1 + 5 * last + (0 if inclusive else 2)
    content = {
        "videos": {
            "s": {
                "objects": {
                    "1": {"frame_range": {"start": "1", "end": "56", "frame_nums": 12}},
                    "2": {"frame_range": {"start": 1 + 5 * first, "end": end, "frame_nums": 7}},
                }
            }
        }
    }
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "val_meta.json").write_text(json.dumps(content))
    (tmp_path / "unseen_videos.txt").write_text("x\ny\n")
    metadata = read_metadata(load_card("lvos"), "val", tmp_path)
    assert metadata is not None
    objects = metadata.objects("s", names)
    assert [one.seen for one in objects] == [True, True]
    truths = [canvas(1, 2) if first <= k <= last else canvas(1) for k in range(12)]
    rng = np.random.default_rng(1)
    predictions = [np.roll(truth, int(rng.integers(0, 9)), axis=1) for truth in truths]
    score = score_arrays(
        predictions, truths, protocol="lvos", frame_names=names, objects=objects, sequence="s"
    )
    # as the tool walks: every fifth number from start up to, not including, end
    for row, (start, stop, number) in enumerate(((1, 56, 12), (16, end, 7))):
        walked = []
        for position, frame in enumerate(range(start, stop, 5)):
            if position not in (0, number - 1):
                walked.append((frame - 1) // 5)
        assert np.flatnonzero(score.evaluated[row]).tolist() == walked
        both = values([predictions[k] for k in walked], [truths[k] for k in walked], row + 1)
        figures = score.object_figures()[row]
        assert figures.jf_mean == pytest.approx(np.mean(both), abs=1e-12)
        spread = math.sqrt(sum((v - np.mean(both)) ** 2 for v in both) / len(both))
        assert score.object_extras()[row]["V"] == pytest.approx(spread, abs=1e-12)
        # the tool's own decay is 0 for every object
        assert figures.j_decay == pytest.approx(_decay(score.region[row, walked]), abs=1e-12)


def _decay(region: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    edges = np.round(np.linspace(1, region.size, 5) + 1e-10).astype(int) - 1
    return float(region[: edges[1] + 1].mean() - region[edges[3] :].mean())


def test_lvos_averages_halves_and_spreads() -> None:
    names = tuple(f"{k:05d}" for k in range(6))
    truths = [canvas(1, 2)] * 6
    predictions = [canvas(1)] * 3 + [canvas(2)] * 3
    kinds = (ObjectInfo(1, True, names), ObjectInfo(2, False, names))
    score = score_arrays(predictions, truths, protocol="lvos", objects=kinds)
    found = overall([score], "lvos")
    assert found["V-Seen"] == found["V-Unseen"] == found["V"] == 0.5
    assert found["J-Seen"] == found["J-Unseen"] == found["J&F-Mean"] == 0.5
    assert "G" not in found


def test_lvos_objects_that_are_not_listed_are_named() -> None:
    names = tuple(f"{k:05d}" for k in range(5))
    truths = [canvas(1, 2)] * 5
    kinds = (ObjectInfo(1, True, names),)
    score = score_arrays(truths, truths, protocol="lvos", objects=kinds)
    assert score.object_ids == (1,)
    assert "object ids 2 are annotated, but not among the objects" in " ".join(score.findings)


def test_lvos_needs_the_truth_of_every_frame_of_a_range() -> None:
    names = tuple(f"{k:05d}" for k in range(5))
    truths = [canvas(1), canvas(1), None, canvas(1), canvas(1)]
    with pytest.raises(InputError, match="frame 00002 is in the range of object 1"):
        score_arrays([canvas(1)] * 5, truths, protocol="lvos", objects=[ObjectInfo(1, True, names)])
