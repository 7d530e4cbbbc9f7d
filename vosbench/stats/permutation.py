"""Sign-flip permutation test with whole sequences as the flipped unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.stats.clusters import Clusters
from vosbench.stats.intervals import NO_SPREAD, ONE_SEQUENCE, Interval

__all__ = ["SignFlip", "sign_flip_interval", "sign_flip_test"]

FLIPS: Final = 9_999
EXACT_UP_TO: Final = 20
_CHUNK_CELLS: Final = 2_000_000

TOO_FEW_FLIPS: Final = "too few sequences: no combination of signs is rare enough"


@dataclass(frozen=True)
class SignFlip:
    """Result of a sign-flip test.

    Attributes:
        p: two-sided, or None where there is no test.
        exact: all flips were counted; otherwise `p` is from a sample of flips.
        smallest: the smallest p that so many sequences can give; above 0.05 no result could count.
        reason: why `p` is None, or empty.
    """

    p: float | None
    exact: bool
    smallest: float | None
    reason: str = ""


def sign_flip_test(clusters: Clusters, *, flips: int = FLIPS, seed: int = 0) -> SignFlip:
    """Two-sided test that the mean over objects is 0, by flipping signs of whole sequences.

    If two methods are alike, either could have got either score on a sequence, so all signs of the
    sequences' summed differences are equally likely (Fisher, The Design of Experiments, 1935,
    section 21; Good, Permutation, Parametric and Bootstrap Tests, 2005, section 3.2). With at most
    20 sequences that differ all flips are counted; otherwise `(1 + hits) / (1 + flips)` over
    sampled flips (Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 2010), which is never 0.

    A large p does not say that the methods are equal; it says that chance explains the difference
    as well. Few sequences always give a large p.

    Args:
        clusters: differences, candidate minus baseline, of S sequences.
        flips: how many to sample.
        seed: of the sampling; same seed and data, same p.
    """
    size = len(clusters)
    if size < 2:
        few = "no sequence" if size == 0 else "one sequence"
        return SignFlip(None, True, None, f"{few}: nothing can be permuted")
    # sequences without a difference are the same under either sign
    sums = clusters.sums[np.abs(clusters.sums) > clusters.tolerance]
    if len(sums) <= EXACT_UP_TO:
        return SignFlip(_exact(sums), True, min(1.0, 2.0 ** (1 - size)))
    return SignFlip(_sampled(sums, flips, np.random.default_rng(seed)), False, 1 / (1 + flips))


def _exact(sums: NDArray[np.float64]) -> float:
    if not len(sums):
        return 1.0
    # the first sign stays: flipping all signs at once does not change the absolute value
    totals = sums[:1]
    for one in sums[1:]:
        totals = np.concatenate([totals + one, totals - one])
    return float(np.mean(np.abs(totals) >= _threshold(sums)))


def _sampled(sums: NDArray[np.float64], flips: int, random: np.random.Generator) -> float:
    hits = 0
    rows = max(1, _CHUNK_CELLS // len(sums))
    for begin in range(0, flips, rows):
        shape = (min(rows, flips - begin), len(sums))
        flipped = random.integers(0, 2, shape, dtype=np.int8).astype(np.float64)
        # sum of s_i * x_i with s = 2b - 1
        totals = 2 * (flipped @ sums) - sums.sum()
        hits += int(np.count_nonzero(np.abs(totals) >= _threshold(sums)))
    return (1 + hits) / (1 + flips)


def _threshold(sums: NDArray[np.float64]) -> float:
    """What counts as at least as far: equal sums may differ by rounding."""
    return float(np.abs(sums.sum()) - 1e-12 * np.abs(sums).sum())


def sign_flip_interval(
    clusters: Clusters, *, level: float = 0.95, flips: int = FLIPS, seed: int = 0
) -> Interval:
    """All means over objects that `sign_flip_test` would not reject at 1 - level.

    The test inverted (Good, Permutation, Parametric and Bootstrap Tests, 2005, section 3.3): for
    a supposed mean m it flips `sums - m * counts`. Each flip reaches at least as far as the data
    for the m between two points that follow from its sums, so the ends are order statistics of
    these points and no search is needed. With at most 20 sequences all flips are counted.

    It belongs to the test: 0 lies outside exactly where p is at most 1 - level (but for the
    sampling, where flips are sampled). It takes the differences for symmetric about their mean,
    which the test of no difference itself need not; one sequence far from the others breaks that,
    and `bootstrap_t_interval` then is much wider. That the two disagree is worth saying.

    Args:
        clusters: differences, candidate minus baseline, of S sequences.
        level: between 0 and 1.
        flips: how many to sample.
        seed: of the sampling.

    Returns:
        The interval; without ends, and with the reason, where so few flips cannot reject anything.
    """
    size = len(clusters)
    if size < 2:
        return Interval(None, None, level, "sign-flip", ONE_SEQUENCE)
    if np.ptp(clusters.means) <= clusters.tolerance:
        return Interval(None, None, level, "sign-flip", NO_SPREAD)
    below, above = _reaches(clusters, flips, np.random.default_rng(seed))
    rank = int(len(below) * (1 - level) + 1e-9)
    low = np.partition(below, rank)[rank]
    high = np.partition(above, len(above) - 1 - rank)[len(above) - 1 - rank]
    if not (np.isfinite(low) and np.isfinite(high)):
        return Interval(None, None, level, "sign-flip", TOO_FEW_FLIPS)
    return Interval(float(low), float(high), level, "sign-flip")


def _reaches(
    clusters: Clusters, flips: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each flip the lowest and highest mean at which it reaches as far as the data."""
    sums, counts = clusters.sums, clusters.counts
    if len(clusters) <= EXACT_UP_TO:
        totals, sizes = sums[:1], counts[:1]
        for one, number in zip(sums[1:], counts[1:], strict=True):
            totals = np.concatenate([totals + one, totals - one])
            sizes = np.concatenate([sizes + number, sizes - number])
    else:
        both = np.stack([sums, counts], axis=1)
        parts = [both.sum(axis=0, keepdims=True)]
        rows = max(1, _CHUNK_CELLS // len(clusters))
        for begin in range(0, flips, rows):
            shape = (min(rows, flips - begin), len(clusters))
            parts.append((2.0 * random.integers(0, 2, shape, dtype=np.int8) - 1) @ both)
        totals, sizes = np.concatenate(parts).T
    # |total - m * size| >= |sum - m * count| holds between the roots of the two equations
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack(
            [
                (sums.sum() - totals) / (counts.sum() - sizes),
                (sums.sum() + totals) / (counts.sum() + sizes),
            ]
        )
    # all signs alike: as far as the data at every mean
    everywhere = np.abs(sizes) == counts.sum()
    below = np.where(everywhere, -np.inf, roots.min(axis=0))
    above = np.where(everywhere, np.inf, roots.max(axis=0))
    return below, above
