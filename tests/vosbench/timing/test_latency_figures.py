"""Latency, clip rates, cost by objects, growth, warm-up: what follows from made-up durations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vosbench.timing import clip_rates, early_stopping, growth_per_100, latency, object_cost
from vosbench.timing.warmup import cold_cost, is_settled


def literal_bound(ms: list[float], percentile: float, confidence: float) -> tuple[float, int]:
    """The rule by sums of binomial probabilities."""
    n, over = len(ms), 0
    for t in range(1, n):
        chance = sum(
            math.comb(n, k) * (1 - percentile) ** k * percentile ** (n - k) for k in range(t + 1)
        )
        if chance <= 1 - confidence:
            over = t
    return sorted(ms)[n - over], over - 1


@pytest.mark.parametrize(("percentile", "needed"), [(0.9, 64), (0.99, 662)])
def test_the_least_frames_are_those_of_mlperf(percentile: float, needed: int) -> None:
    ms = np.arange(needed, dtype=float)
    short = early_stopping(ms[1:], percentile=percentile)
    assert (short.ms, short.needed) == (None, needed)
    enough = early_stopping(ms, percentile=percentile)
    assert (enough.ms, enough.discarded) == (needed - 1, 0)


@pytest.mark.parametrize("frames", [64, 100, 333])
def test_the_bound_is_that_of_the_literal_rule(frames: int) -> None:
    ms = np.random.default_rng(frames).gamma(4, 5, frames).tolist()
    found = early_stopping(ms)
    assert (found.ms, found.discarded) == literal_bound(ms, 0.9, 0.99)
    assert found.ms is not None and found.ms >= np.percentile(ms, 90)


def test_the_bound_holds_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    truth = -math.log(0.1)
    held = [(early_stopping(random.exponential(1, 150)).ms or 0) >= truth for _ in range(400)]
    assert np.mean(held) >= 0.98


def test_latency_of_known_durations() -> None:
    found = latency([10.0] * 90 + [20.0] * 9 + [110.0])
    assert found is not None
    assert (found.frames, found.p50_ms, found.mean_ms) == (100, 10.0, 11.9)
    assert found.fps == pytest.approx(1000 / 11.9)
    # of 100 frames three may be over the bound with 99 %: two are set aside
    assert (found.p90_bound.ms, found.p90_bound.discarded) == (20.0, 2)
    assert latency([]) is None


def test_a_clip_pays_for_its_first_frame_once() -> None:
    rates = {rate.frames: rate.fps for rate in clip_rates(500.0, 20.0)}
    assert rates == {
        30: pytest.approx(30 / (0.5 + 29 * 0.02)),
        70: pytest.approx(70 / (0.5 + 69 * 0.02)),
        300: pytest.approx(300 / (0.5 + 299 * 0.02)),
    }


def test_cost_by_objects_is_the_line_through_medians() -> None:
    objects = [1] * 5 + [2] * 5 + [4] * 5 + [-1]
    ms = [30.0] * 4 + [900.0] + [40.0] * 5 + [60.0] * 5 + [5.0]
    found = object_cost(objects, ms)
    assert found is not None
    assert found.fixed_ms == pytest.approx(20.0)
    assert found.per_object_ms == pytest.approx(10.0)
    assert found.worst_residual == pytest.approx(0.0, abs=1e-9)
    assert found.medians[0] == (1, 30.0, 5)
    assert object_cost([2, 2, -1], [1.0, 2.0, 3.0]) is None


def test_a_cost_in_batches_is_no_line_and_says_so() -> None:
    found = object_cost([1, 4, 8, 9], [10.0, 10.0, 10.0, 30.0])
    assert found is not None and found.worst_residual > 0.3


def test_growth_is_per_100_frames_and_stalls_do_not_move_it() -> None:
    frames = np.arange(300)
    ms = 20 + 0.05 * frames
    ms[[3, 100, 250]] = 5000
    assert growth_per_100(ms) == pytest.approx(5.0, abs=0.02)
    held = np.where(frames % 8 == 0, 100 + 0.5 * frames, np.nan)
    assert growth_per_100(held) == pytest.approx(50.0)
    assert growth_per_100(np.full(500, 7.0)) == 0.0
    assert growth_per_100([1.0] * 19) is None


def test_warm_up_ends_when_ten_frames_are_like_the_ten_before() -> None:
    falling = [100.0 * 0.9**at for at in range(15)]
    assert not is_settled(falling)
    assert not is_settled([*falling, *[20.0] * 4])
    assert is_settled([*falling, *[20.0] * 20])
    assert is_settled([float(at) for at in range(1, 51)]), "after fifty frames it is let be"


def test_cold_cost_is_what_warm_frames_would_not_have_taken() -> None:
    warm_up = [2000.0, 300.0, *[20.0] * 20]
    found = cold_cost(
        build_ms=700.0, first_start_ms=500.0, warm_start_ms=50.0, warm_up=warm_up, warm_step_ms=20.0
    )
    assert found.extra_ms == pytest.approx(450 + 1980 + 280)
    assert (found.first_step_ms, found.frames, found.settled) == (2000.0, 22, True)
