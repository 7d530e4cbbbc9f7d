"""Errors of the centre by visible share, and in one run against another."""

from __future__ import annotations

import numpy as np
import pytest

from vosbench.data import Dataset, open_dataset
from vosbench.data.diagnostic import read_truth
from vosbench.data.masks import read_labels
from vosbench.diagnose import DEFAULTS, Told, centroid
from vosbench.explain import (
    DiagnosisRecord,
    Origin,
    SequenceFindings,
    build_diagnosis,
    compare_centres,
    examine_sequence,
    render_diagnosis,
)
from vosbench.explain.centres import SeenFrame, seen_frames, visibility_records
from vosbench.explain.collect import SelfTold
from vosbench.explain.faults import source_of
from vosbench.metrics import get_protocol


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOSBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return open_dataset("diagnostic-full-tiny", sequences="occlusion-[035]")


def _followed(dataset: Dataset, *, wrong_px: float) -> list[tuple[SequenceFindings, SelfTold]]:
    """True masks, and centres that are off to the right by so many px wherever a part is hidden."""
    found = []
    for clip in dataset.sequences:
        truth = read_truth(dataset.root, clip.name)
        labels = [read_labels(f.annotation, "ids") for f in clip.frames if f.annotation]
        told: dict[str, dict[int, Told]] = {}
        last = (0.0, 0.0)
        for t, (frame, mask) in enumerate(zip(clip.frames, labels, strict=True)):
            hidden = truth.visible[t, 0] < 0.995 * truth.in_frame[t, 0]
            last = centroid(mask, 1) or last
            centre = (last[0] + wrong_px * hidden, last[1])
            told[frame.name] = {1: Told(window=(0, 0, 160, 96), centre=centre)}
        source, rules = source_of(clip, labels), get_protocol("davis2017")
        found.append((examine_sequence(source, clip, rules, told=told), told))
    return found


def _record(dataset: Dataset, pairs: list[tuple[SequenceFindings, SelfTold]]) -> DiagnosisRecord:
    seen = [row for found, told in pairs for row in seen_frames(found, told, dataset.root)]
    origin = Origin(path="p", method="m", dataset="d", split="s", protocol="davis2017")
    findings = [found for found, _ in pairs]
    return build_diagnosis(findings, origin, undiagnosed={}, limits=DEFAULTS, seen=seen).record


def test_errors_by_visible_share_are_told_where_the_truth_is_whole(dataset: Dataset) -> None:
    record = _record(dataset, _followed(dataset, wrong_px=4))
    by_share = {(one.visible_from, one.visible_to): one for one in record.visibility}
    whole = by_share[1.0, 1.0]
    assert whole.voted_error is not None
    assert whole.voted_error.mean == pytest.approx(0, abs=1e-9)
    # the control is never hidden, so three clips have whole objects and two have parts
    assert whole.sequences == 3
    part = by_share[0.25, 0.5]
    assert part.voted_error is not None
    assert part.whole_error is not None
    truth = read_truth(dataset.root, "occlusion-3")
    share = truth.visible[:, 0] / truth.in_frame[:, 0]
    side = np.sqrt(truth.visible[(share >= 0.25) & (share < 0.5), 0])
    assert part.voted_error.mean == pytest.approx((4 / side).mean(), rel=0.3)
    # the wall hides the right side, so what is seen lies left of the whole
    assert part.whole_error.mean != pytest.approx(part.voted_error.mean, abs=1e-3)
    gone = by_share[0.0, 0.0]
    assert gone.voted_error is None
    assert gone.whole_error is not None
    assert gone.object_frames == int((truth_of(dataset, "occlusion-5") == 0).sum())
    assert "Error of the centre by how much" in render_diagnosis(record)


def truth_of(dataset: Dataset, clip: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Visible px of the object on the frames that count under DAVIS' rules."""
    return read_truth(dataset.root, clip).visible[1:-1, 0]


def test_classes_do_not_overlap_and_hold_every_frame() -> None:
    shares = [0.0, 0.001, 0.249, 0.25, 0.5, 0.75, 0.994, 0.995, 1.0]
    frames = [SeenFrame("a", share, 1.0, 0.1, 0.1, 0.1) for share in shares]
    records = visibility_records(frames)
    assert [one.object_frames for one in records] == [2, 2, 1, 1, 2, 1]
    assert [one.visible_from for one in records] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    # with one sequence there is no band
    assert {one.voted_error.low for one in records if one.voted_error} == {None}


def test_one_run_against_another_on_the_same_frames(dataset: Dataset) -> None:
    good = [found for found, _ in _followed(dataset, wrong_px=0)]
    bad = [found for found, _ in _followed(dataset, wrong_px=6)]
    centres = {(one.kind, one.of): one for one in compare_centres(good, bad)}
    voted = {p.offset: p for p in centres["occlusion", "voted"].points}
    assert voted[0].baseline == pytest.approx(0, abs=1e-9)
    assert voted[0].difference == pytest.approx(voted[0].candidate) != 0
    assert voted[-5].difference == pytest.approx(0, abs=1e-9)
    assert voted[0].low is not None
    assert voted[0].low < voted[0].difference
    # the masks are the same
    assert {p.difference for p in centres["occlusion", "mask"].points} == {0.0}
    back = {p.offset: p for p in compare_centres(bad, good)[0].points}
    assert back[0].difference == -voted[0].difference


def test_without_voted_centres_those_of_the_masks_are_compared(dataset: Dataset) -> None:
    clip = dataset.sequences[1]
    labels = [read_labels(f.annotation, "ids") for f in clip.frames if f.annotation]
    found = examine_sequence(source_of(clip, labels), clip, get_protocol("davis2017"))
    assert {one.of for one in compare_centres([found], [found])} == {"mask"}
