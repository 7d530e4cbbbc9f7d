"""Protocols other than DAVIS 2016 and 2017, semi-supervised."""

from __future__ import annotations

import itertools
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vosbench.data.masks import open_masks
from vosbench.errors import InputError
from vosbench.evaluate import Evaluation, evaluation_of, score_arrays, score_masks
from vosbench.metrics import PROTOCOLS, frame_counts, get_protocol, region_similarity
from vosbench.types import FrameRef, LabelMap, ObjectInfo, Sequence

SHARED = Path(os.environ.get("VOSBENCH_SHARED", Path(__file__).parents[4] / "shared"))
GOLDEN = SHARED / "reference" / "golden" / "scoring"
CASES: dict[str, Any] = (
    json.loads((GOLDEN / "edge_cases.json").read_text())["cases"] if GOLDEN.is_dir() else {}
)
ANSWERED = [
    name
    for name, answers in CASES.items()
    if answers["vos_benchmark"] and all(key.isdigit() for key in answers["vos_benchmark"])
]
UNANSWERED = sorted(set(CASES) - set(ANSWERED))
needs_fixtures = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"the scoring fixtures are not at {GOLDEN} (VOSBENCH_SHARED)"
)


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def evaluate_case(name: str, folder: Path, protocol: str) -> Evaluation:
    frames: dict[int, Path] = {}
    with np.load(GOLDEN / "edge_inputs.npz") as arrays:
        for key in arrays.files:
            case, role, index = key.split("|")
            if case == name:
                path = folder / role / "s" / f"{int(index):05d}.png"
                save(path, arrays[key])
                if role == "gt":
                    frames[int(index)] = path
    refs = tuple(FrameRef(frames[k].stem, None, frames[k]) for k in sorted(frames))
    clip = Sequence("edge", "val", "s", refs, 60, 80, (1,), "ids")
    return score_masks(
        open_masks(folder / "pred"), [clip], protocol=protocol, dataset="edge", split="val"
    )


@needs_fixtures
@pytest.mark.parametrize("protocol", ["vos-benchmark", "sa-v"])
@pytest.mark.parametrize("name", ANSWERED)
def test_edge_cases_score_as_in_the_original_tools(
    name: str, protocol: str, tmp_path: Path
) -> None:
    record = evaluate_case(name, tmp_path, protocol).record
    expected = CASES[name]["vos_benchmark" if protocol == "vos-benchmark" else "sam2_sav"]
    assert record.unscored == {}
    assert {str(o.object_id) for o in record.objects.values()} == set(expected)
    for score in record.objects.values():
        j, f = expected[str(score.object_id)]
        assert score.j_mean == pytest.approx(j / 100, abs=1e-15)
        assert score.f_mean == pytest.approx(f / 100, abs=1e-15)


@needs_fixtures
@pytest.mark.parametrize("name", UNANSWERED)
def test_where_the_original_tools_hang_or_crash_a_reason_comes_back(
    name: str, tmp_path: Path
) -> None:
    record = evaluate_case(name, tmp_path, "vos-benchmark").record
    assert record.objects == {}
    assert len(record.unscored["s"]) > 20


@needs_fixtures
def test_binary_predictions_against_ids_are_pointed_out(tmp_path: Path) -> None:
    record = evaluate_case("pred_0_255_gt_0_1", tmp_path, "vos-benchmark").record
    assert record.overall.j_mean == 0
    assert any("ids look permuted" in line for line in record.warnings)
    assert any("object ids 255 are not annotated" in line for line in record.warnings)


def canvas(*boxes: tuple[int, int, int, int, int]) -> LabelMap:
    labels = np.zeros((60, 80), np.uint8)
    for value, top, left, bottom, right in boxes:
        labels[top:bottom, left:right] = value
    return labels


ONE = (1, 10, 10, 30, 30)
TWO = (2, 35, 40, 55, 70)


def test_late_objects_count_after_the_frame_that_gives_them() -> None:
    truths = [canvas(ONE)] * 3 + [canvas(ONE, TWO)] * 3
    missed = [canvas(ONE)] * 6
    score = score_arrays(missed, truths, protocol="late-objects")
    assert score.object_ids == (1, 2)
    assert score.evaluated.tolist() == [
        [False, True, True, True, True, True],
        [False, False, False, False, True, True],
    ]
    assert score.figures().j_mean == 0.5
    davis = score_arrays(missed, truths, protocol="davis2017")
    assert davis.object_ids == (1,)
    assert "object ids 2 appear after" in " ".join(davis.findings)


def test_an_object_first_shown_on_the_last_frame_is_not_counted() -> None:
    truths = [canvas(ONE)] * 3 + [canvas(ONE, TWO)]
    score = score_arrays([canvas(ONE)] * 4, truths, protocol="late-objects")
    assert score.object_ids == (1,)


def test_invented_objects_are_pointed_out_where_they_cost_nothing() -> None:
    truths = [canvas(ONE)] * 5
    predictions = [canvas(ONE, (7, 40, 40, 50, 50))] * 5
    for protocol in ("vos-benchmark", "late-objects", "vost", "mosev2", "vots"):
        score = score_arrays(predictions, truths, protocol=protocol)
        assert score.object_ids == (1,)
        assert score.figures().j_mean == 1.0
        assert "predicted object ids 7 are not annotated" in " ".join(score.findings)
    for protocol in ("davis2017", "volumetric"):
        with pytest.raises(InputError, match="object id 7"):
            score_arrays(predictions, truths, protocol=protocol)


def test_vost_looks_at_the_last_quarter() -> None:
    truths = [canvas(ONE)] * 12
    predictions = [canvas(ONE)] * 8 + [canvas()] * 4
    score = score_arrays(predictions, truths, protocol="vost")
    # 10 frames count, of which the last three (from floor(7.5) on) are empty.
    assert score.figures().j_mean == pytest.approx(0.7)
    assert score.object_extras()[0] == {"J-Last": 0.0}
    evaluation = evaluation_of([score], protocol=get_protocol("vost"), dataset="d", split="s")
    assert evaluation.extras == {"J-Last": 0.0}
    assert evaluation.record.extras == {"J-Last": 0.0}
    assert evaluation.record.overall.f_mean is None
    assert evaluation.record.overall.f_recall is None
    assert evaluation.record.overall.f_decay is None
    assert evaluation.record.overall.jf_mean is None
    assert evaluation.frames["F"].isna().all()


def best_by_trying_all(
    predictions: list[LabelMap], truths: list[LabelMap], proposals: int, objects: int
) -> float:
    """Highest mean J over objects among all assignments, each frame counted."""
    means = np.zeros((proposals, objects))
    for one, two in itertools.product(range(proposals), range(objects)):
        values = []
        for prediction, truth in zip(predictions, truths, strict=True):
            valid = truth != 255
            pair = ((prediction == one + 1) & valid, (truth == two + 1) & valid)
            counts = frame_counts(*(mask.astype(np.uint8) for mask in pair), (1,))
            values.append(float(region_similarity(counts)[0]))
        means[one, two] = np.mean(values)
    return max(
        float(np.mean([means[chosen[k], k] for k in range(objects)]))
        for chosen in itertools.permutations(range(proposals), objects)
    )


def test_unsupervised_assigns_proposals_to_objects_and_leaves_void_out() -> None:
    rng = np.random.default_rng(3)
    truths, predictions = [], []
    for k in range(5):
        truth = canvas((1, 8, 8 + k, 26, 30 + k), (2, 35, 40 - k, 55, 66 - k))
        truth[:, 35:38] = 255
        prediction = np.array([0, 3, 1], np.uint8)[np.where(truth == 255, 0, truth)]
        prediction = np.roll(prediction, int(rng.integers(-2, 3)), axis=1)
        prediction[56:, :9] = 2
        prediction[:, 36] = 3
        truths.append(truth)
        predictions.append(prediction)
    score = score_arrays(predictions, truths, protocol="davis2017-unsupervised")
    assert score.object_ids == (1, 2)
    assert score.evaluated.all()
    best = best_by_trying_all(predictions, truths, 3, 2)
    assert score.figures().j_mean == pytest.approx(best, abs=1e-12)
    renamed = [np.array([0, 1, 2, 3, 4], np.uint8)[(p % 4 + 1) * (p > 0)] for p in predictions]
    again = score_arrays(renamed, truths, protocol="davis2017-unsupervised")
    assert again.figures().j_mean == pytest.approx(score.figures().j_mean)
    assert score.findings == ()


def test_unsupervised_takes_missing_proposals_as_empty() -> None:
    truths = [canvas(ONE, TWO)] * 4
    score = score_arrays([canvas(ONE)] * 4, truths, protocol="davis2017-unsupervised")
    assert sorted(f.j_mean for f in score.object_figures()) == [0.0, 1.0]
    assert score.areas[1, 0].tolist() == [0, 600]


def test_unsupervised_allows_twenty_proposals() -> None:
    truths = [canvas(ONE)] * 4
    with pytest.raises(InputError, match="allows 20 proposals"):
        score_arrays([canvas((21, 1, 1, 9, 9))] * 4, truths, protocol="davis2017-unsupervised")


def test_mosev2_as_its_tool_computes_it() -> None:
    # Two disjoint objects of 9 px score 1/19 in the tool and 0 by definition.
    truths = [canvas((1, 10, 10, 13, 13))] * 5
    predictions = [canvas((1, 30, 30, 33, 33))] * 5
    official = score_arrays(predictions, truths, protocol="mosev2-official")
    assert official.figures().j_mean == pytest.approx(1 / 19)
    assert score_arrays(predictions, truths, protocol="mosev2").figures().j_mean == 0


def test_mosev2_boundary_is_stricter_for_small_objects() -> None:
    small = np.zeros((480, 854), np.uint8)
    small[100:120, 100:120] = 1
    off = np.roll(small, 5, axis=1)
    davis = score_arrays([off] * 3, [small] * 3, protocol="davis2017").figures().f_mean
    mose = score_arrays([off] * 3, [small] * 3, protocol="mosev2").figures().f_mean
    official = score_arrays([off] * 3, [small] * 3, protocol="mosev2-official").figures().f_mean
    assert davis == 1.0  # within 8 px
    assert mose == official  # within ceil(0.1 * 20) = 2 px
    assert mose < 0.7


def test_mosev2_tool_uses_a_smaller_disk_for_large_objects() -> None:
    large = np.zeros((480, 854), np.uint8)
    large[100:300, 100:400] = 1
    off = np.roll(large, 8, axis=1)
    exact = score_arrays([off] * 3, [large] * 3, protocol="mosev2").figures().f_mean
    official = score_arrays([off] * 3, [large] * 3, protocol="mosev2-official").figures().f_mean
    assert exact == 1.0
    assert official < exact


def test_mosev2_scores_absence_and_return() -> None:
    shown, hidden = canvas(ONE), canvas()
    truths = [shown, shown, hidden, hidden, shown, shown, hidden, shown, shown]
    predictions = [shown, shown, hidden, shown, hidden, shown, hidden, shown, shown]
    score = score_arrays(predictions, truths, protocol="mosev2")
    # Clips of absence: frames 2-3 score 1 and 0, frame 6 scores 1. Returns: 4-5 score 0, 1; 7
    # scores 1.
    assert score.object_extras()[0] == {"J&F-Disappeared": 0.75, "J&F-Reappeared": 0.75}
    never = score_arrays([shown] * 5, [shown] * 5, protocol="mosev2")
    assert all(math.isnan(value) for value in never.object_extras()[0].values())
    evaluation = evaluation_of(
        [score, never], protocol=get_protocol("mosev2"), dataset="d", split="s"
    )
    assert evaluation.extras == {"J&F-Disappeared": 0.75, "J&F-Reappeared": 0.75}


def test_absence_from_the_first_counted_frame_is_no_disappearance() -> None:
    shown, hidden = canvas(ONE), canvas()
    truths = [shown, hidden, hidden, shown, shown]
    extras = score_arrays([shown] * 5, truths, protocol="mosev2").object_extras()[0]
    assert math.isnan(extras["J&F-Disappeared"])
    assert extras["J&F-Reappeared"] == 1.0


def test_vots_sorts_frames_into_found_missed_and_absent() -> None:
    shown, hidden, elsewhere = canvas(ONE), canvas(), canvas((1, 40, 40, 50, 50))
    truths = [shown] + [shown] * 8 + [hidden] * 12
    predictions = [shown] + [shown] * 4 + [hidden] * 2 + [elsewhere] * 2
    predictions += [hidden] * 9 + [elsewhere] * 3
    score = score_arrays(predictions, truths, protocol="vots")
    extras = score.object_extras()[0]
    assert extras["Robustness"] == 0.5
    assert extras["NRE"] == 0.25
    assert extras["DRE"] == 0.25
    assert extras["ADQ"] == 0.75
    assert extras["Accuracy"] == 1.0
    assert extras["Quality"] == pytest.approx(13 / 20)
    short = score_arrays([shown] * 4, [shown, shown, hidden, shown], protocol="vots")
    assert math.isnan(short.object_extras()[0]["ADQ"])


def test_vots_thresholds_are_really_applied() -> None:
    """A mask that shares one pixel with the object is found by the toolkit's rule only."""
    truth, touching = canvas((1, 10, 10, 20, 20)), canvas((1, 19, 19, 29, 29))
    third = canvas((1, 10, 15, 20, 25))  # overlap 1/3
    predictions = [truth, truth, touching, third, canvas()]
    extras = score_arrays(predictions, [truth] * 5, protocol="vots").object_extras()[0]
    assert (extras["Robustness"], extras["DRE"], extras["NRE"]) == (0.75, 0.0, 0.25)
    assert (extras["Robustness@0.1"], extras["DRE@0.1"]) == (0.5, 0.25)
    assert (extras["Robustness@0.5"], extras["DRE@0.5"]) == (0.25, 0.5)


def test_vots_averages_within_sequences_first() -> None:
    both = score_arrays([canvas(ONE, TWO)] * 3, [canvas(ONE, TWO)] * 3, protocol="vots")
    none = score_arrays([canvas()] * 3, [canvas(ONE)] * 3, protocol="vots")
    evaluation = evaluation_of([both, none], protocol=get_protocol("vots"), dataset="d", split="s")
    assert evaluation.extras["Quality"] == 0.5
    assert evaluation.record.overall.j_mean == pytest.approx(2 / 3)


def test_volumetric_sums_before_it_divides() -> None:
    truths = [canvas(ONE)] * 3 + [canvas()] * 5
    predictions = [canvas(ONE), canvas((1, 10, 10, 30, 20)), canvas(ONE)] + [canvas()] * 5
    figures = score_arrays(predictions, truths, protocol="volumetric").figures()
    assert figures.j_mean == 600 / 800
    assert math.isnan(figures.j_decay)
    assert score_arrays(predictions, truths).figures().j_mean == pytest.approx(5.5 / 6)


ALL_FRAMES = tuple(f"{k:05d}" for k in range(6))
KNOWN = (ObjectInfo(1, True, ALL_FRAMES), ObjectInfo(2, False, ALL_FRAMES))
NEVER_LONG = (ObjectInfo(1, True, ALL_FRAMES[:2]),)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_every_protocol_scores_perfect_masks_as_perfect(protocol: str) -> None:
    truths = [canvas(ONE, TWO)] * 6
    score = score_arrays(truths, truths, protocol=protocol, objects=KNOWN)
    figures = score.figures()
    assert figures.j_mean == 1.0
    assert figures.f_mean == 1.0 or math.isnan(figures.f_mean)
    rules = get_protocol(protocol)
    assert rules.name == protocol
    assert len(rules.description) > 80
    evaluation = evaluation_of([score], protocol=rules, dataset="d", split="s")
    assert evaluation.record.overall.j_mean == 1.0
    assert "identical to the ground truth" in evaluation.record.warnings[0]


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_every_protocol_refuses_sequences_without_objects(protocol: str) -> None:
    with pytest.raises(InputError, match="object"):
        score_arrays([canvas()] * 4, [canvas()] * 4, protocol=protocol, objects=NEVER_LONG)
