"""How many pixels each predicted object shares with each true object, on one frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.types import LabelMap

__all__ = ["FrameOverlap", "bounds", "frame_overlap", "stack_overlaps"]

_FEW: Final = 16
_ALL: Final = 256


@dataclass(frozen=True, eq=False)
class FrameOverlap:
    """Shared pixels of all pairs of labels.

    Attributes:
        ids: non-zero labels of either map, ascending.
        table: (n+1, n+1) int64 px; rows are predicted labels, columns true ones, both ordered
            background first, then `ids`. The count of background on background is left at 0.
    """

    ids: tuple[int, ...]
    table: NDArray[np.int64]

    def row(self, object_id: int) -> int:
        """Position of an object in the table, or -1 where neither map has it."""
        return self.ids.index(object_id) + 1 if object_id in self.ids else -1


def bounds(mask: NDArray[np.bool_] | LabelMap) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right (ends excluded) of what is non-zero in H×W, or None."""
    rows = np.flatnonzero(mask.max(axis=1))
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].max(axis=0))
    return top, bottom, int(columns[0]), int(columns[-1]) + 1


def frame_overlap(prediction: LabelMap, truth: LabelMap) -> FrameOverlap:
    """Count the pixels of every pair of labels.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size.

    Raises:
        ValueError: the label maps differ in size.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"Label maps differ in size: {prediction.shape} and {truth.shape}.")
    either = prediction | truth
    box = bounds(either)
    if box is None:
        return FrameOverlap((), np.zeros((1, 1), np.int64))
    top, bottom, left, right = box
    mine, true = prediction[top:bottom, left:right], truth[top:bottom, left:right]
    # the highest bit of either map bounds both, and small labels fit two into a byte
    base = _FEW if int(either.max()) < _FEW else _ALL
    codes = mine * np.uint8(base) + true if base == _FEW else mine.astype(np.intp) * base + true
    counts = np.bincount(codes.ravel(), minlength=base * base).reshape(base, base)
    counts[0, 0] = 0
    used = (counts.sum(axis=0) > 0) | (counts.sum(axis=1) > 0)
    used[0] = True
    labels = np.flatnonzero(used)
    table = counts[np.ix_(labels, labels)].astype(np.int64)
    return FrameOverlap(tuple(labels[1:].tolist()), table)


def stack_overlaps(frames: Iterable[FrameOverlap], ids: tuple[int, ...]) -> NDArray[np.int64]:
    """Tables of many frames over the same objects.

    Args:
        frames: T frames.
        ids: K objects.

    Returns:
        T×(K+1)×(K+1) int64 px, predicted by true, as in `FrameOverlap.table`; labels that are not
        among `ids` count as background.
    """
    stacked = []
    for frame in frames:
        table = np.zeros((len(ids) + 1, len(ids) + 1), np.int64)
        pairs = [(k + 1, frame.row(one)) for k, one in enumerate(ids) if one in frame.ids]
        to = [0, *(k for k, _ in pairs)]
        source = [0, *(row for _, row in pairs)]
        table[np.ix_(to, to)] = frame.table[np.ix_(source, source)]
        # what lies on or under a label that does not count is still part of the mask
        table[to, 0] += frame.table[source].sum(axis=1) - frame.table[np.ix_(source, source)].sum(1)
        table[0, to] += frame.table[:, source].sum(axis=0) - frame.table[
            np.ix_(source, source)
        ].sum(0)
        table[0, 0] = 0
        stacked.append(table)
    return np.stack(stacked) if stacked else np.zeros((0, len(ids) + 1, len(ids) + 1), np.int64)
