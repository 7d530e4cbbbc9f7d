"""Objects that take each other's place, from the final masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.runs import runs
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds

__all__ = ["IdentityEvent", "IdentityKind", "best_assignment", "find_identity_events", "leaks"]

IdentityKind: TypeAlias = Literal["swap", "merge", "split"]
"""- `swap`: two objects would both be better off with each other's mask; strength is the mean IoU
  that they would gain.
- `merge`: the mask of the object covers most of itself and of another; strength is the share of the
  less covered one.
- `split`: a true object lies under its own and another's mask, or under two others'; strength is
  the smaller share.
"""


@dataclass(frozen=True)
class IdentityEvent:
    """Two objects that are confused from `onset` to `end`, both included.

    Attributes:
        object_id: the first object; of a merge the one whose mask it is, of a split the true one.
        other: the second object; of a split the other mask's id.
        kind: what happens.
        onset: position among the frames given.
        end: position among the frames given.
        strength: the largest in the interval, 0..1.
    """

    object_id: int
    other: int
    kind: IdentityKind
    onset: int
    end: int
    strength: float


def leaks(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """The leak matrix: share of each true object under each mask, over all frames.

    L_ij = Σ_t |P_i ∩ G_j| / Σ_t |G_j|. The diagonal is recall.

    Args:
        tables: T×(K+1)×(K+1) px, from `stack_overlaps`.

    Returns:
        K×K float64; NaN in the column of an object that is never there.
    """
    total = tables.sum(axis=0)
    true = total.sum(axis=0)[1:].astype(np.float64)
    matrix: NDArray[np.float64] = total[1:, 1:] / np.where(true > 0, true, np.nan)
    return matrix


def _ious(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """IoU of every mask with every true object, T×K×K, predicted by true; 0 if both are empty."""
    predicted, true = tables.sum(axis=2)[:, 1:], tables.sum(axis=1)[:, 1:]
    shared = tables[:, 1:, 1:]
    union = predicted[:, :, None] + true[:, None, :] - shared
    ious: NDArray[np.float64] = shared / np.maximum(union, 1)
    return ious


def best_assignment(ious: NDArray[np.float64]) -> NDArray[np.int64]:
    """σ with σ[i] the true object that mask i is given, so that the sum of IoU is highest.

    Masks keep their own object where that costs nothing.

    Args:
        ious: K×K, predicted by true.
    """
    size = len(ious)
    own = np.arange(size)
    # the sum cannot exceed that of the row maxima, so if the diagonal reaches it, it is the best
    if ious.trace() >= ious.max(axis=1).sum():
        return own
    from scipy.optimize import linear_sum_assignment

    preferred = ious + 1e-9 * np.eye(size)
    _, columns = linear_sum_assignment(preferred, maximize=True)
    return np.asarray(columns, np.int64)


def find_identity_events(
    tables: NDArray[np.int64], ids: Sequence[int], *, limits: Thresholds = DEFAULTS
) -> tuple[IdentityEvent, ...]:
    """Find swaps, merges and splits.

    Args:
        tables: T×(K+1)×(K+1) px over frames in order, from `stack_overlaps`.
        ids: K ids.
        limits: thresholds.

    Returns:
        Events in order of onset, kind and object.
    """
    if len(ids) < 2:
        return ()
    ious = _ious(tables)
    true = np.maximum(tables.sum(axis=1)[:, 1:], 1)
    cover = tables[:, 1:, 1:] / true[:, None, :]
    assigned = np.stack([best_assignment(frame) for frame in ious])
    found: list[IdentityEvent] = []

    def add(kind: IdentityKind, one: int, two: int, strength: NDArray[np.float64]) -> None:
        swap = kind == "swap"
        gap, least = (0, limits.swap_frames) if swap else (limits.join_gap, 1)
        for run in runs(strength > 0, gap=gap, least=least):
            peak = float(strength[run.onset : run.end + 1].max())
            found.append(IdentityEvent(ids[one], ids[two], kind, run.onset, run.end, peak))

    for one, two in combinations(range(len(ids)), 2):
        gain = ious[:, one, two] + ious[:, two, one] - ious[:, one, one] - ious[:, two, two]
        mutual = (assigned[:, one] == two) & (assigned[:, two] == one)
        swapped = np.where(mutual & (gain / 2 >= limits.swap_gain), gain / 2, 0.0)
        add("swap", one, two, swapped)
        for mask, other in ((one, two), (two, one)):
            both = np.minimum(cover[:, mask, mask], cover[:, mask, other])
            add("merge", mask, other, np.where(both >= limits.merge_share, both, 0.0))
    for true_one in range(len(ids)):
        shares = np.sort(cover[:, :, true_one], axis=1)[:, -2:]
        others = cover[:, :, true_one].sum(axis=0)
        others[true_one] = -1
        split = np.where(shares[:, 0] >= limits.split_share, shares[:, 0], 0.0)
        add("split", true_one, int(others.argmax()), split)
    return tuple(sorted(found, key=lambda e: (e.onset, e.kind, e.object_id, e.other)))
