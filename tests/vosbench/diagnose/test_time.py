from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vosbench.diagnose import (
    Event,
    Failure,
    Lifetime,
    MotionMeter,
    ObjectTrack,
    find_failures,
    find_lag,
    frozen_frames,
    lifetime,
    study,
    survival,
)

Labels = NDArray[np.uint8]


def _square(left: int) -> Labels:
    labels = np.zeros((30, 90), np.uint8)
    labels[10:20, left : left + 12] = 1
    return labels


def test_failure_recovery_and_lost() -> None:
    region = np.array([0.9] * 4 + [0.3] * 6 + [0.8] * 5 + [0.05] * 5)
    first, second = find_failures(region)
    assert (first.onset, first.recovery, first.lost, first.lowest) == (4, 10, False, 0.3)
    assert (second.onset, second.recovery, second.lost) == (15, None, True)
    assert lifetime((first, second), region.size) == Lifetime(4, True)


def test_four_bad_frames_are_no_failure_and_the_time_is_censored() -> None:
    region = np.array([0.9] * 4 + [0.3] * 4 + [0.8] * 5 + [0.1] * 4)
    assert find_failures(region) == ()
    assert lifetime((), region.size) == Lifetime(17, False)


def test_a_short_rise_is_no_recovery() -> None:
    region = np.array([0.9] * 3 + [0.2] * 6 + [0.7] * 3 + [0.2] * 6)
    assert [(f.onset, f.recovery) for f in find_failures(region)] == [(3, None)]


def test_bad_from_the_first_frame_fails_at_once() -> None:
    assert find_failures(np.full(6, 0.1))[0].onset == 0


def test_survival_agrees_with_a_worked_example() -> None:
    lives = [Lifetime(3, True), Lifetime(5, False), Lifetime(5, True), Lifetime(9, False)]
    steps = survival(lives)
    assert [(s.frames, s.at_risk, s.failures) for s in steps] == [(3, 4, 1), (5, 3, 1)]
    assert [s.survival for s in steps] == pytest.approx([0.75, 0.5])
    assert survival([Lifetime(5, False)]) == ()


@pytest.mark.parametrize("late", [0, 1, 4])
def test_lag_is_found(late: int) -> None:
    meter = MotionMeter((1,))
    truths = [_square(3 * t) for t in range(24)]
    for t, truth in enumerate(truths):
        meter.add(truths[max(t - late, 0)] if t else None, truth)
    lag = find_lag(meter.finish().past[0])
    assert lag is not None
    assert lag.frames == late
    assert (lag.gain > 0.3) == (late > 0)


def test_lag_of_an_object_that_stands_still_is_nought() -> None:
    meter = MotionMeter((1,))
    for _ in range(24):
        meter.add(_square(10), _square(10))
    lag = find_lag(meter.finish().past[0])
    assert lag is not None
    assert (lag.frames, lag.gain) == (0, 0)


def test_one_frame_cannot_tell_a_lag() -> None:
    meter = MotionMeter((1,))
    meter.add(_square(3), _square(3))
    assert find_lag(meter.finish().past[0]) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_past_and_changes_agree_with_a_literal_count(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = (int(n) for n in random.integers(2, 20, 2))
    frames = [random.integers(0, 3, (2, height, width)).astype(np.uint8) for _ in range(5)]
    frames[2][1][frames[2][1] == 2] = 0
    meter = MotionMeter((1, 2))
    for mask, truth in frames:
        meter.add(mask, truth)
    motion = meter.finish()

    def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
        return float((a & b).sum() / (a | b).sum()) if a.any() and b.any() else float("nan")

    for k, one in enumerate((1, 2)):
        for t in range(5):
            for back in range(t + 1):
                expected = iou(frames[t][0] == one, frames[t - back][1] == one)
                assert motion.past[k, t, back] == pytest.approx(expected, nan_ok=True)
        for which, changes in enumerate((motion.predicted_change, motion.true_change)):
            assert np.isnan(changes[k, 0])
            for t in range(1, 5):
                a, b = (frames[s][which] == one for s in (t - 1, t))
                union = (a | b).sum()
                expected = 1 - (a & b).sum() / union if union else float("nan")
                assert changes[k, t] == pytest.approx(expected, nan_ok=True)


def test_a_mask_that_stands_still_is_frozen_only_while_the_truth_moves() -> None:
    true = np.array([np.nan, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.0, 0.0])
    mine = np.array([np.nan, 0.2, 0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0])
    assert frozen_frames(mine, true).tolist() == [False, False, *[True] * 5, False, False]
    # an empty mask does not stand still
    assert not frozen_frames(np.full(9, np.nan), true).any()


def test_event_study_averages_by_offset_and_finds_the_lift() -> None:
    tracks = []
    for name in ("a", "b", "c"):
        region = np.full(40, 0.9)
        region[20:] = {"a": 0.1, "b": 0.2, "c": 0.3}[name]
        region[0] = np.nan
        events = [Event(1, "occlusion", 18, 22, 0.5)]
        tracks.append(ObjectTrack(name, 1, region, events, [Failure(20, None, True, 0.1)]))
    (curve,) = study(tracks, ("occlusion", "absent"))
    at = {point.offset: point for point in curve.points}
    assert (curve.events, curve.sequences, curve.failures) == (3, 3, 3)
    assert min(at) == -10
    assert max(at) == 21
    assert at[-1].mean == pytest.approx(0.9)
    assert at[2].mean == pytest.approx(0.2)
    assert at[2].low is not None
    assert at[2].low < 0.2 < (at[2].high or 0)
    # All three onsets precede the failure. Of the 17 frames 1..17, which count, are calm, and are
    # followed, the last three do.
    assert curve.lift == pytest.approx(1 / (3 / 17))
    assert curve.at_risk == 3


def test_an_object_that_is_already_lost_cannot_fail_by_an_event() -> None:
    region = np.full(30, 0.9)
    region[5:20] = 0.1
    events = [Event(1, "contact", at, at, 0.5) for at in (8, 22)]
    track = ObjectTrack("a", 1, region, events, find_failures(region))
    (curve,) = study([track], ("contact",))
    assert (curve.events, curve.at_risk, curve.failures, curve.lift) == (2, 1, 0, 0.0)
    assert all(point.low is None for point in curve.points)
