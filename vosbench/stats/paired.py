"""Two runs on the same objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from vosbench.stats.clusters import Clusters, cluster
from vosbench.stats.intervals import (
    RESAMPLES,
    Interval,
    bootstrap_t_interval,
    robust_t_interval,
    standard_error,
)
from vosbench.stats.permutation import FLIPS, SignFlip, sign_flip_interval, sign_flip_test
from vosbench.stats.power import smallest_detectable_difference

__all__ = ["TIE_THRESHOLD", "Outcomes", "PairedComparison", "compare_pairs"]

TIE_THRESHOLD: Final = 0.0005
"""Sequences whose means differ by less than this (0.05 points) count as ties."""


@dataclass(frozen=True)
class Outcomes:
    """On how many sequences the candidate's mean over objects is higher, the same, or lower.

    A count says nothing of sizes: many small wins can go with a lower mean.

    Attributes:
        wins: higher by the threshold or more.
        ties: closer than the threshold.
        losses: lower by the threshold or more.
        threshold: in the unit of the scores.
    """

    wins: int
    ties: int
    losses: int
    threshold: float


@dataclass(frozen=True)
class PairedComparison:
    """Candidate against baseline on the same objects, sequences being the sampled unit.

    Attributes:
        baseline: mean over objects of the baseline, or None without pairs.
        candidate: mean over objects of the candidate, or None without pairs.
        difference: candidate minus baseline, or None without pairs.
        objects: pairs.
        sequences: with at least one pair.
        dropped: objects undefined in either run, and left out of everything here.
        bootstrap: interval of the difference; the one to quote.
        robust: the same by CR1, which is defined with fewer sequences.
        test: sign-flip permutation test.
        flipped: interval that belongs to the test, its inversion.
        outcomes: sequences won, tied and lost.
        detectable: smallest difference found with 80 % power, or None.
    """

    baseline: float | None
    candidate: float | None
    difference: float | None
    objects: int
    sequences: int
    dropped: int
    bootstrap: Interval
    robust: Interval
    test: SignFlip
    flipped: Interval
    outcomes: Outcomes
    detectable: float | None


def compare_pairs(
    baseline: ArrayLike,
    candidate: ArrayLike,
    sequences: Sequence[str],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    flips: int = FLIPS,
    tie_threshold: float = TIE_THRESHOLD,
    seed: int = 0,
) -> PairedComparison:
    """Compare two runs by the mean over objects, in pairs, with sequences as the sampled unit.

    Sources: `bootstrap_t_interval`, `robust_t_interval`, `sign_flip_test`, `sign_flip_interval`,
    `smallest_detectable_difference`. Pairing removes the difficulty that a video has for both
    runs. What is tested is whether the difference would hold on other videos of the same kind, for
    these two sets of weights; it says nothing of other trainings of the same methods. A result
    that is not significant does not show that the runs are equal.

    Args:
        baseline: N scores, one per object; NaN where undefined.
        candidate: N scores of the same objects, in the same order.
        sequences: N names, the sequence of each object.
        level: of the intervals.
        resamples: of the bootstrap.
        flips: of the permutation test, where not all are counted.
        tie_threshold: see `Outcomes`.
        seed: of bootstrap and permutation.

    Raises:
        ValueError: for unequal lengths.
    """
    before = np.asarray(baseline, np.float64)
    after = np.asarray(candidate, np.float64)
    if before.ndim != 1 or before.shape != after.shape or len(before) != len(sequences):
        raise ValueError(
            f"Pairs need equal lengths: {before.shape}, {after.shape} and {len(sequences)}."
        )
    kept = np.isfinite(before) & np.isfinite(after)
    names = [name for name, keep in zip(sequences, kept, strict=True) if keep]
    clusters = cluster(after[kept] - before[kept], names)
    return PairedComparison(
        baseline=_mean(before[kept], names),
        candidate=_mean(after[kept], names),
        difference=clusters.mean if len(clusters) else None,
        objects=int(kept.sum()),
        sequences=len(clusters),
        dropped=int((~kept).sum()),
        bootstrap=bootstrap_t_interval(clusters, level=level, resamples=resamples, seed=seed),
        robust=robust_t_interval(clusters, level=level),
        test=sign_flip_test(clusters, flips=flips, seed=seed),
        flipped=sign_flip_interval(clusters, level=level, flips=flips, seed=seed),
        outcomes=_outcomes(clusters, tie_threshold),
        detectable=smallest_detectable_difference(
            standard_error(clusters), len(clusters), alpha=1 - level
        ),
    )


def _mean(values: ArrayLike, names: Sequence[str]) -> float | None:
    return cluster(values, names).mean if names else None


def _outcomes(clusters: Clusters, threshold: float) -> Outcomes:
    means = clusters.means
    wins = int((means >= threshold).sum())
    losses = int((means <= -threshold).sum())
    return Outcomes(wins, len(means) - wins - losses, losses, threshold)
