"""False alarms and coverage on made-up data in the shape of DAVIS-2017 val.

30 sequences with 61 objects, differences with heavy tails (Student's t, 3 degrees of freedom), half
of the variance shared within a sequence, standard deviation 3 points. The bands are wide enough for
any seed (3.5 standard errors or more around the expected 3.5 to 5.5 %), and narrow enough that an
analysis by objects, which alarms in over 10 % of cases, would fall out of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from vosbench.stats import bootstrap_t_interval, cluster, robust_t_interval, sign_flip_test

TRIALS = 2_000
SIZES = (1,) * 14 + (2,) * 8 + (3,) * 3 + (4,) * 3 + (5,) * 2
NAMES = [f"s{at:02d}" for at, size in enumerate(SIZES) for _ in range(size)]
CODES = np.repeat(np.arange(30), SIZES)


@pytest.fixture(scope="module")
def differences() -> NDArray[np.float64]:
    """Trials×61 differences without a true effect, 0..1."""
    random = np.random.default_rng(20_171)
    shared = random.standard_t(3, (TRIALS, 30))[:, CODES]
    own = random.standard_t(3, (TRIALS, 61))
    return np.asarray(0.03 * (shared + own) / np.sqrt(2 * 3), np.float64)


def test_the_shape_is_that_of_davis() -> None:
    assert (len(SIZES), sum(SIZES)) == (30, 61)


def test_sign_flips_alarm_as_often_as_they_say(differences: NDArray[np.float64]) -> None:
    p = [sign_flip_test(cluster(d, NAMES), flips=999, seed=i).p for i, d in enumerate(differences)]
    assert 0.03 < np.mean([value is not None and value <= 0.05 for value in p]) < 0.07


def test_intervals_hold_the_truth_as_often_as_they_say(differences: NDArray[np.float64]) -> None:
    effect = 0.01
    missed = {"bootstrap-t": 0, "cluster-robust t": 0}
    for trial, values in enumerate(differences):
        clusters = cluster(values + effect, NAMES)
        both = (
            bootstrap_t_interval(clusters, resamples=999, seed=trial),
            robust_t_interval(clusters),
        )
        for interval in both:
            assert interval.low is not None
            assert interval.high is not None
            missed[interval.method] += not interval.low <= effect <= interval.high
    assert 0.02 < missed["bootstrap-t"] / TRIALS < 0.055
    assert 0.03 < missed["cluster-robust t"] / TRIALS < 0.08


def test_objects_taken_as_independent_would_alarm_too_often(
    differences: NDArray[np.float64],
) -> None:
    p = scipy_stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert np.mean(p <= 0.05) > 0.10
