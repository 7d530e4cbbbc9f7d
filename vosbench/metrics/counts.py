"""Pixel counts per object and frame, from which J and F follow without further pixels.

The kernel sees two label maps and works on packed bits inside the box that holds the masks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics.bits import WORD, BitGrid, count_bits, pack_rows, words_for
from vosbench.metrics.boundary import BOUNDARY_TOLERANCE, boundary_of, boundary_radius
from vosbench.metrics.disks import Disk, dilate, round_disk, skimage_disk
from vosbench.types import LabelMap

__all__ = ["COUNT_COLUMNS", "FrameCounts", "Tolerance", "count_frame", "frame_counts"]

COUNT_COLUMNS: Final = (
    "intersection",
    "union",
    "pred_boundary",
    "gt_boundary",
    "pred_boundary_matched",
    "gt_boundary_matched",
)
AREA_SHARE: Final = 0.1
"""Matching distance as a share of the square root of the object's area (MOSEv2)."""

Tolerance: TypeAlias = Literal["davis", "mosev2", "mosev2-official"]
"""How far apart boundary pixels may match: `davis` within ⌈0.008 · diagonal⌉ px; `mosev2` within
that or ⌈0.1 · √area⌉ px, whichever is less; `mosev2-official` as its tool does, which leaves 0.008
· diagonal unrounded where that is less."""


@dataclass(frozen=True, eq=False)
class FrameCounts:
    """What is kept of one frame.

    Attributes:
        counts: objects×6 int64, columns as in `COUNT_COLUMNS`, px.
        areas: objects×2 int64, px of the predicted and of the true mask.
    """

    counts: NDArray[np.int64]
    areas: NDArray[np.int64]


def frame_counts(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    *,
    radius: int | None = None,
) -> NDArray[np.int64]:
    """Count the pixels that region similarity and boundary accuracy need.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size.
        object_ids: ids to count, 1..255.
        radius: matching distance of boundary pixels in px; None takes the DAVIS tolerance.

    Returns:
        objects×6 int64, columns as in `COUNT_COLUMNS`, px.

    Raises:
        ValueError: the label maps differ in size.
    """
    return count_frame(prediction, truth, object_ids, radius=radius).counts


def count_frame(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    *,
    tolerance: Tolerance = "davis",
    radius: int | None = None,
) -> FrameCounts:
    """Do what `frame_counts` does, and count the areas of the masks.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size.
        object_ids: ids to count, 1..255.
        tolerance: how far apart boundary pixels may match.
        radius: a fixed matching distance in px instead of `tolerance`.

    Raises:
        ValueError: the label maps differ in size.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"Label maps differ in size: {prediction.shape} and {truth.shape}.")
    height, width = truth.shape
    counts = np.zeros((len(object_ids), len(COUNT_COLUMNS) + 1), np.int64)
    box = _box(prediction | truth)
    if box is not None:
        top, bottom, left, right = box
        columns = right - left
        fixed = radius if radius is not None else boundary_radius(height, width)
        disk = round_disk(fixed)
        # No tolerance reaches farther than the DAVIS one, but for the pixel that rounding can add.
        pixels = np.zeros((2, bottom - top, words_for(columns, fixed + 1) * WORD), np.bool_)
        crops = (prediction[top:bottom, left:right], truth[top:bottom, left:right])
        for index, object_id in enumerate(object_ids):
            np.equal(crops[0], object_id, out=pixels[0, :, :columns])
            np.equal(crops[1], object_id, out=pixels[1, :, :columns])
            grid = pack_rows(pixels)
            rows = _used_rows(grid) if len(object_ids) > 1 else slice(0, grid.shape[1])
            if rows.stop == rows.start:
                continue
            grid = np.ascontiguousarray(grid[:, rows])
            if tolerance != "davis" and radius is None:
                disk = _adaptive_disk(tolerance, int(count_bits(grid[1:])[0]), height, width)
            at_bottom, at_right = top + rows.stop == height, right == width
            boundary = boundary_of(grid, columns, at_bottom=at_bottom, at_right=at_right)
            counts[index] = _count(grid, boundary, disk)
    predicted = counts[:, 6]
    # |P| + |G| = |P and G| + |P or G|
    areas = np.stack((predicted, counts[:, 0] + counts[:, 1] - predicted), axis=1)
    return FrameCounts(counts[:, :6], areas)


def _count(grid: BitGrid, boundary: BitGrid, disk: Disk) -> NDArray[np.int64]:
    """The six counts and the predicted area, from the predicted and true mask (2, rows, words)."""
    stack = np.empty((7, *grid.shape[1:]), np.uint64)
    np.bitwise_and(grid[0], grid[1], out=stack[0])
    np.bitwise_or(grid[0], grid[1], out=stack[1])
    stack[2:4] = boundary
    # Each boundary is matched against the other one grown by the disk.
    np.bitwise_and(boundary, dilate(boundary, disk)[::-1], out=stack[4:6])
    stack[6] = grid[0]
    return count_bits(stack)


def _adaptive_disk(tolerance: Tolerance, area: int, height: int, width: int) -> Disk:
    """The disk for an object of that many true pixels (MOSEv2; its tool `metricsv2.py`)."""
    limit = BOUNDARY_TOLERANCE * float(np.linalg.norm((height, width)))
    radius = math.ceil(AREA_SHARE * math.sqrt(area)) if area else math.ceil(limit)
    if radius < limit:
        return round_disk(radius)
    return skimage_disk(limit) if tolerance == "mosev2-official" else round_disk(math.ceil(limit))


def _box(labels: LabelMap) -> tuple[int, int, int, int] | None:
    """Rows top..bottom, columns left..right (ends excluded) that hold all non-zero pixels.

    One row above and one column to the left are added where the image has them, as boundaries lie
    there.
    """
    rows = np.flatnonzero(labels.max(axis=1))
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(labels[top:bottom].max(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    return max(top - 1, 0), bottom, max(left - 1, 0), right


def _used_rows(grid: BitGrid) -> slice:
    """Rows that hold a mask of the stack, and one row above."""
    used = np.flatnonzero(grid.any(axis=(0, 2)))
    if used.size == 0:
        return slice(0, 0)
    return slice(max(int(used[0]) - 1, 0), int(used[-1]) + 1)
