"""Who claims a pixel before the objects compete for it, and who is to blame for the wrong winner.

An object claims the pixels on which its own probability is 0.5 or more. A pixel is contested where
two or more claim it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.overlap import bounds
from vosbench.types import LabelMap, SoftMasks

__all__ = ["CLAIM", "SWEEP", "ClaimCounts", "count_claims", "sum_claims"]

CLAIM: Final = 0.5
SWEEP: Final = (0.3, 0.5, 0.7, 0.9)
"""Thresholds at which the contest rate is told; all else is at 0.5."""


@dataclass(frozen=True, eq=False)
class ClaimCounts:
    """Pixel counts of one frame, or of several together. K objects.

    Attributes:
        claimed: (4,) px that anyone claims, by threshold of `SWEEP`.
        contested: (4,) px that two or more claim.
        shared: K×K px that both claim; on the diagonal all that one claims.
        on_truth: K×K px of each true object (column) that each object (row) claims.
        true: (K,) px of each true object.
        unclaimed: px of true objects that nobody claims.
        disputed: contested px on true objects.
        by_rule: of those, px that went to a wrong object or to none though the right one claimed
            them: the merging rule's fault.
        by_network: of those, px that went wrong and that the right one did not claim: no merging
            rule could have known.
    """

    claimed: NDArray[np.int64]
    contested: NDArray[np.int64]
    shared: NDArray[np.int64]
    on_truth: NDArray[np.int64]
    true: NDArray[np.int64]
    unclaimed: int
    disputed: int
    by_rule: int
    by_network: int

    @property
    def contest_rates(self) -> NDArray[np.float64]:
        """Contested share of what is claimed, by threshold of `SWEEP`; NaN where nothing is."""
        return _ratio(self.contested, self.claimed)

    @property
    def contest_rate(self) -> float:
        """κ = |{x: two or more claims}| / |{x: one or more}| at 0.5; NaN without a claim."""
        return float(self.contest_rates[SWEEP.index(CLAIM)])

    @property
    def contest_matrix(self) -> NDArray[np.float64]:
        """K_ij = |C_i ∩ C_j| / min(|C_i|, |C_j|), K×K; NaN where either claims nothing."""
        sizes = np.diag(self.shared)
        return _ratio(self.shared, np.minimum(sizes[:, None], sizes[None, :]))

    @property
    def leak_matrix(self) -> NDArray[np.float64]:
        """|C_i ∩ G_j| / |G_j|, K×K; the diagonal is recall. NaN where an object is never there."""
        return _ratio(self.on_truth, self.true[None, :])

    @property
    def arbitration_error(self) -> float:
        """Share of the disputed pixels that went wrong; NaN where none is disputed."""
        return (self.by_rule + self.by_network) / self.disputed if self.disputed else math.nan

    @property
    def unclaimed_share(self) -> float:
        """Share of the true objects that nobody claims; NaN without a true object."""
        total = int(self.true.sum())
        return self.unclaimed / total if total else math.nan


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = part / np.where(whole > 0, whole, np.nan)
    return ratio


def count_claims(
    soft: SoftMasks, object_ids: Sequence[int], labels: LabelMap, truth: LabelMap
) -> ClaimCounts:
    """Count the claims of one frame.

    Args:
        soft: K×H×W in 0..1.
        object_ids: K ids in the same order.
        labels: H×W uint8, what the merging rule made of them.
        truth: H×W uint8 without void; ids that are not among the K count as background.
    """
    size = len(object_ids)
    known = np.zeros(256, np.bool_)
    known[list(object_ids)] = True
    objects = known[truth]
    box = bounds((soft >= min(SWEEP)).any(axis=0) | objects) if size else None
    if box is None:
        pairs, none = np.zeros((size, size), np.int64), np.zeros(len(SWEEP), np.int64)
        return ClaimCounts(none, none, pairs, pairs, np.zeros(size, np.int64), 0, 0, 0, 0)
    top, bottom, left, right = box
    soft = soft[:, top:bottom, left:right]
    labels, truth = labels[top:bottom, left:right], truth[top:bottom, left:right]
    objects = objects[top:bottom, left:right]
    many = [(soft >= threshold).sum(axis=0, dtype=np.uint8) for threshold in SWEEP]
    claims = soft >= CLAIM
    masks = np.stack([truth == one for one in object_ids])
    flat, true = claims.reshape(size, -1), masks.reshape(size, -1)
    number = many[SWEEP.index(CLAIM)]
    disputed = (number > 1) & objects
    wrong = disputed & (labels != truth)
    by_rule = wrong & (claims & masks).any(axis=0)
    return ClaimCounts(
        claimed=np.array([np.count_nonzero(one) for one in many], np.int64),
        contested=np.array([np.count_nonzero(one > 1) for one in many], np.int64),
        shared=_products(flat, flat),
        on_truth=_products(flat, true),
        true=np.count_nonzero(true, axis=1).astype(np.int64),
        unclaimed=int(np.count_nonzero(objects & (number == 0))),
        disputed=int(np.count_nonzero(disputed)),
        by_rule=int(np.count_nonzero(by_rule)),
        by_network=int(np.count_nonzero(wrong & ~by_rule)),
    )


def _products(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> NDArray[np.int64]:
    # counts of up to 2^24 px are exact in float32, which multiplies some fifty times faster
    if one.shape[1] > 1 << 24:
        return np.array([[np.count_nonzero(a & b) for b in two] for a in one], np.int64)
    product: NDArray[np.int64] = (one.astype(np.float32) @ two.astype(np.float32).T).astype(
        np.int64
    )
    return product


def sum_claims(frames: Sequence[ClaimCounts]) -> ClaimCounts:
    """Frames of the same objects together; there must be at least one."""
    return reduce(_plus, frames)


def _plus(one: ClaimCounts, two: ClaimCounts) -> ClaimCounts:
    return ClaimCounts(
        one.claimed + two.claimed,
        one.contested + two.contested,
        one.shared + two.shared,
        one.on_truth + two.on_truth,
        one.true + two.true,
        one.unclaimed + two.unclaimed,
        one.disputed + two.disputed,
        one.by_rule + two.by_rule,
        one.by_network + two.by_network,
    )
