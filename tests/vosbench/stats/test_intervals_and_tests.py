"""Intervals and tests against literal versions of their definitions, and against scipy."""

from __future__ import annotations

import itertools
import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from vosbench.stats import (
    Clusters,
    bootstrap_t_interval,
    cluster,
    compare_pairs,
    holm,
    mean_estimate,
    robust_t_interval,
    sign_flip_interval,
    sign_flip_test,
    smallest_detectable_difference,
    standard_error,
)


def groups(seed: int, sizes: tuple[int, ...], shift: float = 0.0) -> dict[str, list[float]]:
    random = np.random.default_rng(seed)
    return {f"s{at}": (shift + random.normal(size=size)).tolist() for at, size in enumerate(sizes)}


def clustered(by_name: dict[str, list[float]]) -> Clusters:
    values = [value for members in by_name.values() for value in members]
    return cluster(values, [name for name, members in by_name.items() for _ in members])


def literal_error(members: list[list[float]]) -> float:
    everything = [value for group in members for value in group]
    mean = statistics.fmean(everything)
    squares = sum(sum(value - mean for value in group) ** 2 for group in members)
    size = len(members)
    return math.sqrt(size / (size - 1) * squares) / len(everything)


UNBALANCED = (1, 3, 2, 5, 1, 1, 2)


def test_standard_error_is_the_sandwich_formula() -> None:
    by_name = groups(0, UNBALANCED)
    assert standard_error(clustered(by_name)) == pytest.approx(literal_error([*by_name.values()]))


def test_one_object_per_sequence_gives_the_paired_t_test() -> None:
    random = np.random.default_rng(1)
    before, after = random.random(14), random.random(14)
    names = [f"s{at}" for at in range(14)]
    interval = compare_pairs(before, after, names).robust
    expected = scipy_stats.ttest_rel(after, before).confidence_interval(0.95)
    assert interval.low == pytest.approx(expected.low)
    assert interval.high == pytest.approx(expected.high)


def test_bootstrap_t_is_its_definition() -> None:
    by_name = groups(2, UNBALANCED, shift=0.3)
    clusters = clustered(by_name)
    interval = bootstrap_t_interval(clusters, resamples=199, seed=5)
    members = [by_name[name] for name in clusters.names]
    mean = statistics.fmean(value for group in members for value in group)
    drawn = np.random.default_rng(5).integers(0, len(members), (199, len(members)))
    pivots = []
    for row in drawn.tolist():
        resample = [members[at] for at in row]
        center = statistics.fmean(value for group in resample for value in group)
        error = literal_error(resample)
        pivots.append(abs(center - mean) / error if error > 1e-9 else math.inf)
    pivots.sort()
    # 200 * 0.05 = 10: the tenth from the far end
    reach = pivots[-10] * literal_error(members)
    assert interval.low == pytest.approx(mean - reach)
    assert interval.high == pytest.approx(mean + reach)


def test_exact_sign_flips_are_enumerated() -> None:
    by_name = groups(3, UNBALANCED, shift=0.4)
    sums = [math.fsum(members) for members in by_name.values()]
    observed = abs(math.fsum(sums))
    flips = itertools.product((-1, 1), repeat=len(sums))
    totals = [abs(math.fsum(s * x for s, x in zip(signs, sums, strict=True))) for signs in flips]
    expected = sum(total >= observed - 1e-12 for total in totals) / len(totals)
    test = sign_flip_test(clustered(by_name))
    assert test.exact
    assert test.p == expected
    assert test.smallest == 2 / len(totals)


def test_sign_flips_agree_with_scipy() -> None:
    differences = np.random.default_rng(4).normal(0.4, 1, 11)
    test = sign_flip_test(cluster(differences, [f"s{at}" for at in range(11)]))
    expected = scipy_stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert test.p == pytest.approx(expected.pvalue)


def test_sampled_sign_flips_are_near_the_exact_p_and_never_zero() -> None:
    random = np.random.default_rng(5)
    names = [f"s{at:02d}" for at in range(21)]
    values = random.normal(0.35, 1, 21)
    sampled = sign_flip_test(cluster(values, names))
    assert not sampled.exact
    # doubling rows until the sum of all signs: 2^20 totals
    totals = values[:1]
    for one in values[1:]:
        totals = np.concatenate([totals + one, totals - one])
    exact = float(np.mean(np.abs(totals) >= abs(values.sum()) - 1e-12))
    assert sampled.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9_999))
    strong = sign_flip_test(cluster(np.full(40, 5.0), [f"s{at}" for at in range(40)]))
    assert strong.p == 1 / 10_000 == strong.smallest


def test_sequences_without_a_difference_do_not_change_p() -> None:
    values = [0.3, -0.1, 0.2, 0.25, 0.4]
    names = ["a", "b", "c", "d", "e"]
    alone = sign_flip_test(cluster(values, names))
    zeros = [f"z{at}" for at in range(30)]
    among = sign_flip_test(cluster([*values, *[0.0] * 30], [*names, *zeros]))
    assert among.exact
    assert among.p == alone.p


def test_flips_are_of_whole_sequences() -> None:
    # eight objects that agree, in two sequences: two coins were thrown, not eight
    test = sign_flip_test(cluster([1.0] * 8, ["a"] * 4 + ["b"] * 4))
    assert test.p == 0.5


@given(
    st.lists(st.lists(st.integers(-40, 40), min_size=1, max_size=3), min_size=2, max_size=8),
    st.sampled_from([0.5, 0.8, 0.95]),
)
@settings(max_examples=60, deadline=None)
def test_flip_interval_holds_the_means_that_the_test_does_not_reject(
    members: list[list[int]], level: float
) -> None:
    """Against the definition, mean by mean in exact fractions: flip what is left of each."""
    sums, counts = [sum(m) for m in members], [len(m) for m in members]
    flips = [(1, *signs) for signs in itertools.product((1, -1), repeat=len(members) - 1)]

    def literal_p(mean: Fraction) -> float:
        left = [s - mean * n for s, n in zip(sums, counts, strict=True)]
        totals = [abs(sum(sign * x for sign, x in zip(f, left, strict=True))) for f in flips]
        return sum(total >= abs(sum(left)) for total in totals) / len(totals)

    by_name = {f"s{at}": [float(value) for value in m] for at, m in enumerate(members)}
    found = sign_flip_interval(clustered(by_name), level=level)
    if found.low is None or found.high is None:
        assert found.reason
        rejects = any(literal_p(Fraction(mean)) <= 1 - level + 1e-9 for mean in (-(10**6), 10**6))
        alike = len({Fraction(s, n) for s, n in zip(sums, counts, strict=True)}) == 1
        assert alike or not rejects
        return
    for mean in [Fraction(step, 6) for step in range(-300, 301, 7)]:
        if min(abs(float(mean) - found.low), abs(float(mean) - found.high)) > 1e-9:
            inside = found.low < mean < found.high
            assert inside == (literal_p(mean) > 1 - level + 1e-9), mean


@pytest.mark.parametrize("seed", range(6))
def test_flip_interval_agrees_with_its_test_on_0(seed: int) -> None:
    clusters = clustered(groups(seed, (1, 2, 1, 3, 1, 2, 1, 1, 2, 1), shift=0.2 * seed))
    interval, test = sign_flip_interval(clusters), sign_flip_test(clusters)
    assert interval.low is not None
    assert interval.high is not None
    assert test.p is not None
    assert (interval.low <= 0 <= interval.high) == (test.p > 0.05)
    assert interval.low < clusters.mean < interval.high


def test_sampled_flip_interval_is_near_the_t_interval_of_normal_differences() -> None:
    clusters = clustered(groups(11, (1,) * 40, shift=0.5))
    flipped, robust = sign_flip_interval(clusters, seed=3), robust_t_interval(clusters)
    assert flipped.low == pytest.approx(robust.low, abs=0.04)
    assert flipped.high == pytest.approx(robust.high, abs=0.04)
    assert sign_flip_interval(clusters, seed=3) == flipped


def test_flip_interval_of_too_few_sequences_says_so() -> None:
    five = sign_flip_interval(cluster([0.1, 0.2, 0.3, 0.4, 0.5], list("abcde")))
    assert five.low is None
    assert "too few" in five.reason
    six = sign_flip_interval(cluster([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], list("abcdef")))
    assert (six.low, six.high) == (pytest.approx(0.1), pytest.approx(0.6))
    assert "one sequence" in sign_flip_interval(cluster([0.5], ["a"])).reason
    assert "no spread" in sign_flip_interval(cluster([0.5] * 8, list("abcdefgh"))).reason


def test_holm_by_hand_with_missing_values() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == (0.03, None, 0.06, 0.06)
    assert holm([0.6, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()
    with pytest.raises(ValueError, match=r"0\.\.1"):
        holm([1.2])


@pytest.mark.parametrize(("sequences", "power"), [(2, 0.8), (5, 0.8), (30, 0.8), (30, 0.5)])
def test_detectable_difference_has_its_power(sequences: int, power: float) -> None:
    found = smallest_detectable_difference(0.7, sequences, power=power)
    assert found is not None
    freedom = sequences - 1
    critical = scipy_stats.t.ppf(0.975, freedom)
    reached = scipy_stats.nct.sf(critical, freedom, found / 0.7)
    assert reached == pytest.approx(power, abs=1e-6)


def test_one_sequence_gives_reasons_and_no_numbers() -> None:
    result = compare_pairs([0.5, 0.6], [0.7, 0.9], ["a", "a"])
    assert result.difference == pytest.approx(0.25)
    for interval in (result.bootstrap, result.robust):
        assert (interval.low, interval.high) == (None, None)
        assert "one sequence" in interval.reason
    assert result.test.p is None
    assert "one sequence" in result.test.reason
    assert result.detectable is None


def test_two_sequences_have_a_wide_t_interval_and_no_bootstrap() -> None:
    result = compare_pairs([0.5, 0.5], [0.6, 0.8], ["a", "b"])
    assert result.bootstrap.low is None
    assert "too few" in result.bootstrap.reason
    assert result.robust.low is not None
    assert result.robust.low == pytest.approx(0.2 - 12.706 * 0.1, abs=1e-3)
    assert result.test.p == 0.5 == result.test.smallest


def test_no_pairs_at_all() -> None:
    result = compare_pairs([math.nan], [0.5], ["a"])
    assert (result.baseline, result.candidate, result.difference) == (None, None, None)
    assert (result.objects, result.dropped) == (0, 1)
    assert result.test.p is None
    assert (result.outcomes.wins, result.outcomes.ties, result.outcomes.losses) == (0, 0, 0)


def test_identical_runs_claim_nothing() -> None:
    scores = [0.5, 0.6, 0.7, 0.8]
    result = compare_pairs(scores, scores, ["a", "b", "c", "c"])
    assert result.difference == 0
    assert result.test.p == 1
    assert result.bootstrap.low is result.robust.low is None
    assert "no spread" in result.robust.reason
    assert result.detectable is None
    assert result.outcomes.ties == 3


def test_equal_differences_have_no_interval_in_spite_of_rounding() -> None:
    before = np.linspace(0.1, 0.8, 12)
    result = compare_pairs(before, before + 0.1, [f"s{at // 2}" for at in range(12)])
    assert result.robust.low is None
    assert result.bootstrap.low is None
    assert result.test.p == 2 / 64, "the direction is still shown by all six sequences"
    assert result.outcomes.wins == 6


def test_undefined_scores_are_left_out_in_pairs() -> None:
    before = [0.5, math.nan, 0.7, 0.6]
    after = [0.6, 0.9, math.nan, 0.5]
    names = ["a", "a", "b", "c"]
    result = compare_pairs(before, after, names)
    assert result.dropped == 2
    assert (result.objects, result.sequences) == (2, 2)
    assert result.baseline == pytest.approx(0.55)
    assert result.candidate == pytest.approx(0.55)
    expected = compare_pairs([0.5, 0.6], [0.6, 0.5], ["a", "c"])
    assert result.robust == expected.robust


def test_mean_is_over_objects_and_wins_are_over_sequences() -> None:
    # one sequence of four objects loses what three sequences of one object gain
    before = [0.5] * 7
    after = [0.4] * 4 + [0.6] * 3
    result = compare_pairs(before, after, ["big"] * 4 + ["x", "y", "z"])
    assert result.difference == pytest.approx(-0.1 / 7)
    assert (result.outcomes.wins, result.outcomes.losses) == (3, 1)


def test_ties_are_closer_than_the_threshold() -> None:
    result = compare_pairs([0.5] * 3, [0.5004, 0.5006, 0.4994], ["a", "b", "c"])
    assert (result.outcomes.wins, result.outcomes.ties, result.outcomes.losses) == (1, 1, 1)
    assert result.outcomes.threshold == 0.0005


def test_interval_of_one_run_stays_within_scores() -> None:
    values = [1.0, 1.0, 0.99, 1.0, 0.2, 1.0, math.nan]
    names = ["a", "b", "c", "d", "e", "f", "g"]
    estimate = mean_estimate(values, names)
    assert estimate.mean == pytest.approx(np.mean(values[:-1]))
    assert (estimate.objects, estimate.sequences, estimate.dropped) == (6, 6, 1)
    assert estimate.robust.high == 1.0
    assert robust_t_interval(cluster(values[:-1], names[:-1])).high != 1.0
    alone = mean_estimate([0.5], ["a"])
    assert alone.mean == 0.5
    assert alone.robust.low is None
    assert "one sequence" in alone.robust.reason


def test_lengths_and_values_are_checked() -> None:
    with pytest.raises(ValueError, match="equal lengths"):
        compare_pairs([0.1], [0.1, 0.2], ["a"])
    with pytest.raises(ValueError, match="finite"):
        cluster([math.nan], ["a"])
    with pytest.raises(ValueError, match="names of sequences"):
        cluster([0.1], ["a", "b"])
    with pytest.raises(ValueError, match="too few for level"):
        bootstrap_t_interval(cluster([0.1, 0.2], ["a", "b"]), resamples=9)


def test_stats_touch_no_heavy_package_on_import() -> None:
    import subprocess
    import sys

    code = (
        "import sys, vosbench.stats;"
        "print([m for m in ('torch', 'pandas', 'pyarrow', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
