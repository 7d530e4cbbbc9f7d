"""Speed of interleaved pairs."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from vosbench.stats import not_slower, ratio_of_medians


def busy_machine(pairs: int, slower: float, seed: int) -> tuple[list[float], list[float]]:
    """Pairs on a machine whose load drifts; each pair sees nearly the same load."""
    random = np.random.default_rng(seed)
    load = 10 * np.exp(np.cumsum(random.normal(0, 0.05, pairs)))
    before = load * np.exp(random.normal(0, 0.02, pairs))
    after = load * slower * np.exp(random.normal(0, 0.02, pairs))
    return before.tolist(), after.tolist()


def test_ratio_and_interval_are_their_definition() -> None:
    before, after = busy_machine(15, 1.1, seed=0)
    found = ratio_of_medians(before, after, resamples=199, seed=3)
    assert found.ratio == pytest.approx(statistics.median(after) / statistics.median(before))
    rows = np.random.default_rng(3).integers(0, 15, (199, 15)).tolist()
    ratios = sorted(
        statistics.median(after[i] for i in row) / statistics.median(before[i] for i in row)
        for row in rows
    )
    assert found.low == pytest.approx(ratios[4])
    assert found.high == pytest.approx(ratios[-5])


def test_equal_code_rarely_alarms_and_a_clear_slowdown_does() -> None:
    same = [not_slower(ratio_of_medians(*busy_machine(40, 1.0, s))).verdict for s in range(40)]
    slow = [not_slower(ratio_of_medians(*busy_machine(40, 1.3, s))).verdict for s in range(40)]
    assert same.count("fail") <= 2
    assert slow.count("fail") >= 30
    assert slow.count("pass") == 0


def test_a_clear_speed_up_passes_and_little_data_is_inconclusive() -> None:
    steady = [10.0, 10.1, 9.9, 10.0, 10.05, 9.95, 10.0]
    assert not_slower(ratio_of_medians(steady, [v * 0.7 for v in steady])).verdict == "pass"
    few = ratio_of_medians(steady[:5], [v * 2 for v in steady[:5]])
    assert few.ratio == pytest.approx(2)
    assert few.low is None
    assert "5 pairs" in few.reason
    assert not_slower(few).verdict == "inconclusive"
    assert ratio_of_medians([], []).ratio is None
    wide = ratio_of_medians([8, 10, 12, 9, 11, 10], [9, 12, 10, 11, 10, 9])
    assert not_slower(wide).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ([1.0], [1.0, 2.0], "equal lengths"),
        ([1.0, 0.0], [1.0, 1.0], "above 0"),
        ([1.0, math.nan], [1.0, 1.0], "finite"),
    ],
)
def test_impossible_durations_are_refused(
    before: list[float], after: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ratio_of_medians(before, after)
    with pytest.raises(ValueError, match="margin"):
        not_slower(ratio_of_medians([1.0] * 6, [1.0] * 6), margin=0)
