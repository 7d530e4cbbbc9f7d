"""Two groups of unlike size: sequences that have something against sequences that lack it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["jackknife_reach", "welch_reach"]


def welch_reach(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Half of the 95 % interval of a difference of two means of unlike spread (Biometrika 1947).

    Args:
        first: one value for each sampled unit.
        second: the same of the other group.

    Returns:
        None where a side has fewer than two values, or neither side has any spread.
    """
    if min(len(first), len(second)) < 2:
        return None
    parts = []
    for side in (first, second):
        mean = sum(side) / len(side)
        variance = sum((value - mean) ** 2 for value in side) / (len(side) - 1)
        parts.append((variance / len(side), len(side) - 1))
    error = sum(part for part, _ in parts)
    freedom = sum(part**2 / degrees for part, degrees in parts)
    if error <= 0 or freedom <= 0:
        return None
    from scipy.special import stdtrit

    return float(stdtrit(error**2 / freedom, 0.975)) * math.sqrt(error)


def jackknife_reach(
    first: NDArray[np.float64], second: NDArray[np.float64], clusters: NDArray[np.intp]
) -> float | None:
    """Half of the 95 % interval of a difference of two means over rows of the same clusters.

    Delete-one jackknife over clusters (Efron and Stein, Ann. Stat. 1981) around it, with one
    degree of freedom less than the smaller side has clusters: what three clusters have is known
    from three, however many lack it.

    Args:
        first: (rows,) values, NaN on rows that are not of the first side.
        second: (rows,) the same of the second side.
        clusters: (rows,) number 0..n-1 of each row's cluster.

    Returns:
        None where a side has but one cluster, or nothing differs.
    """
    names = int(clusters.max()) + 1
    sides = []
    for values in (first, second):
        chosen = ~np.isnan(values)
        sums = np.bincount(clusters[chosen], values[chosen], minlength=names)
        sides.append((sums, np.bincount(clusters[chosen], minlength=names).astype(np.float64)))
    (sum_first, n_first), (sum_second, n_second) = sides
    difference = float(sum_first.sum() / n_first.sum() - sum_second.sum() / n_second.sum())
    fewest = min(np.count_nonzero(n_first), np.count_nonzero(n_second))
    if fewest < 2:
        return None
    left_out = (sum_first.sum() - sum_first) / (n_first.sum() - n_first)
    left_out -= (sum_second.sum() - sum_second) / (n_second.sum() - n_second)
    variance = (names - 1) / names * float(((left_out - difference) ** 2).sum())
    # rounding leaves something of no spread at all
    if variance < 1e-24:
        return None
    from scipy.special import stdtrit

    return float(stdtrit(fewest - 1, 0.975)) * math.sqrt(variance)
