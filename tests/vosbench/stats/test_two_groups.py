from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t, ttest_ind

from vosbench.stats.groups import jackknife_reach, welch_reach


def test_welch_is_that_of_scipy() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0, 1, 7), random.normal(1, 4, 4)
    interval = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert welch_reach(first.tolist(), second.tolist()) == pytest.approx(
        (interval.high - interval.low) / 2
    )
    assert welch_reach([1.0], [1.0, 2.0]) is None
    assert welch_reach([1.0, 1.0], [2.0, 2.0]) is None


def test_the_jackknife_leaves_out_one_cluster_at_a_time() -> None:
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(5), 8)
    values, side = random.normal(size=40), random.random(40) < 0.5

    def difference(kept: np.ndarray) -> float:
        return float(values[side & kept].mean() - values[~side & kept].mean())

    whole = difference(np.ones(40, bool))
    others = np.array([difference(clusters != one) for one in range(5)])
    error = np.sqrt(4 / 5 * ((others - whole) ** 2).sum())
    found = jackknife_reach(
        np.where(side, values, np.nan), np.where(side, np.nan, values), clusters
    )
    assert found == pytest.approx(t.ppf(0.975, 4) * error)
    one = np.where(clusters == 0, values, np.nan)
    assert jackknife_reach(one, values, clusters) is None
