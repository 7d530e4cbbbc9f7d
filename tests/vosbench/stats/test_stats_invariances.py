"""What must not matter, and what must follow, for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosbench.stats import (
    Interval,
    PairedComparison,
    compare_pairs,
    holm,
    non_inferiority,
    sign_flip_test,
)
from vosbench.stats.clusters import cluster

SCORES = st.floats(0, 1).map(lambda value: round(value, 4))
ROWS = st.lists(st.tuples(SCORES, SCORES, st.sampled_from("abcdefg")), min_size=1, max_size=25)


def compared(rows: list[tuple[float, float, str]]) -> PairedComparison:
    before, after, names = zip(*rows, strict=True)
    return compare_pairs(before, after, names, resamples=199, flips=99)


def swapped(rows: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    return [(after, before, name) for before, after, name in rows]


@settings(max_examples=60, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_objects_does_not_matter(rows: list[tuple[float, float, str]], random) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    mixed = list(rows)
    random.shuffle(mixed)
    assert compared(mixed) == compared(rows)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_swapping_the_runs_mirrors_everything(rows: list[tuple[float, float, str]]) -> None:
    ahead, back = compared(rows), compared(swapped(rows))
    assert ahead.difference == pytest.approx(-_known(back.difference), abs=1e-12)
    assert ahead.test.p == back.test.p
    assert ahead.outcomes.wins == back.outcomes.losses
    assert ahead.outcomes.ties == back.outcomes.ties
    for one, other in ((ahead.bootstrap, back.bootstrap), (ahead.robust, back.robust)):
        if one.low is None:
            assert other.low is None
        else:
            assert one.low == pytest.approx(-_known(other.high), abs=1e-9)
            assert one.high == pytest.approx(-_known(other.low), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.floats(0.01, 0.5))
def test_a_constant_moves_difference_and_interval(
    rows: list[tuple[float, float, str]], by: float
) -> None:
    plain = compared(rows)
    moved = compared([(before, after + by, name) for before, after, name in rows])
    assert _known(moved.difference) == pytest.approx(_known(plain.difference) + by)
    if plain.robust.low is not None and moved.robust.low is not None:
        assert moved.robust.low == pytest.approx(plain.robust.low + by, abs=1e-9)
        assert moved.robust.high == pytest.approx(_known(plain.robust.high) + by, abs=1e-9)
        assert moved.detectable == pytest.approx(plain.detectable, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_parts_agree_with_each_other(rows: list[tuple[float, float, str]]) -> None:
    result = compared(rows)
    assert sum((result.outcomes.wins, result.outcomes.ties, result.outcomes.losses)) == (
        result.sequences
    )
    difference = _known(result.difference)
    assert difference == pytest.approx(_known(result.candidate) - _known(result.baseline))
    if result.sequences == 1:
        assert result.test.p is result.robust.low is result.bootstrap.low is None
    else:
        assert result.test.smallest is not None
        assert result.test.smallest <= _known(result.test.p) <= 1
    if result.robust.low is not None:
        assert result.robust.low < difference < _known(result.robust.high)
        assert _known(result.detectable) > 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_and_keeps_order(p: list[float]) -> None:
    adjusted = [_known(value) for value in holm(p)]
    assert all(after >= before for before, after in zip(p, adjusted, strict=True))
    # Bonferroni's adjustment is never smaller
    bonferroni = [min(1.0, len(p) * max(q for q in p if q <= value)) for value in p]
    assert all(after <= bound + 1e-12 for after, bound in zip(adjusted, bonferroni, strict=True))
    order = sorted(range(len(p)), key=lambda at: p[at])
    assert [adjusted[at] for at in order] == sorted(adjusted)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1).map(lambda v: round(v, 3)), min_size=2, max_size=12))
def test_scale_does_not_change_p(values: list[float]) -> None:
    names = [f"s{at}" for at in range(len(values))]
    plain = sign_flip_test(cluster(values, names))
    scaled = sign_flip_test(cluster(np.array(values) * 100, names))
    assert plain.p == scaled.p


def test_seed_decides_and_repeats() -> None:
    random = np.random.default_rng(0)
    before, after = random.random(40), random.random(40)
    names = [f"s{at}" for at in range(40)]
    first = compare_pairs(before, after, names, seed=1)
    assert compare_pairs(before, after, names, seed=1) == first
    other = compare_pairs(before, after, names, seed=2)
    assert other.bootstrap != first.bootstrap
    assert other.bootstrap.low == pytest.approx(first.bootstrap.low, abs=0.01)
    assert other.robust == first.robust


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.004, 0.02, "pass"),
        (0.001, 0.02, "pass"),
        (-0.005, 0.02, "inconclusive"),
        (-0.02, 0.001, "inconclusive"),
        (-0.02, -0.005, "fail"),
        (-0.02, -0.01, "fail"),
        (-0.004, -0.001, "pass"),
    ],
)
def test_non_inferiority_has_three_verdicts(low: float, high: float, verdict: str) -> None:
    interval = Interval(low, high, 0.95, "bootstrap-t")
    assert non_inferiority(interval, 0.005).verdict == verdict


def test_without_an_interval_nothing_passes() -> None:
    interval = Interval(None, None, 0.95, "bootstrap-t", "one sequence")
    answer = non_inferiority(interval, 0.005)
    assert answer.verdict == "inconclusive"
    assert "one sequence" in answer.reason
    with pytest.raises(ValueError, match="above 0"):
        non_inferiority(interval, 0.0)
    with pytest.raises(ValueError, match="above 0"):
        non_inferiority(interval, math.nan)


def _known(value: float | None) -> float:
    assert value is not None
    return value
