"""Six pixel counts per object and frame, from which J and F follow without further pixels.

The kernel sees two label maps and works on packed bits inside the box that holds the masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics.bits import BitGrid, count_bits, pack_rows, words_for
from vosbench.metrics.boundary import boundary_of, boundary_radius, dilate_disk
from vosbench.types import LabelMap

__all__ = ["COUNT_COLUMNS", "frame_counts"]

COUNT_COLUMNS: Final = (
    "intersection",
    "union",
    "pred_boundary",
    "gt_boundary",
    "pred_boundary_matched",
    "gt_boundary_matched",
)


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
    if prediction.shape != truth.shape:
        raise ValueError(f"Label maps differ in size: {prediction.shape} and {truth.shape}.")
    height, width = truth.shape
    if radius is None:
        radius = boundary_radius(height, width)
    counts = np.zeros((len(object_ids), len(COUNT_COLUMNS)), np.int64)
    box = _box(prediction | truth)
    if box is None:
        return counts
    top, bottom, left, right = box
    columns = right - left
    words = words_for(columns, radius)
    pixels = np.zeros((2, bottom - top, words * 64), np.bool_)
    crops = (prediction[top:bottom, left:right], truth[top:bottom, left:right])
    for row, object_id in enumerate(object_ids):
        np.equal(crops[0], object_id, out=pixels[0, :, :columns])
        np.equal(crops[1], object_id, out=pixels[1, :, :columns])
        grid = pack_rows(pixels)
        rows = _used_rows(grid) if len(object_ids) > 1 else slice(0, grid.shape[1])
        if rows.stop > rows.start:
            counts[row] = _mask_counts(
                np.ascontiguousarray(grid[:, rows]),
                columns,
                radius,
                at_bottom=top + rows.stop == height,
                at_right=right == width,
            )
    return counts


def _mask_counts(
    grid: BitGrid, columns: int, radius: int, *, at_bottom: bool, at_right: bool
) -> NDArray[np.int64]:
    """The six counts of one object from its predicted and true mask, a grid (2, rows, words)."""
    boundary = boundary_of(grid, columns, at_bottom=at_bottom, at_right=at_right)
    stack = np.empty((6, *grid.shape[1:]), np.uint64)
    np.bitwise_and(grid[0], grid[1], out=stack[0])
    np.bitwise_or(grid[0], grid[1], out=stack[1])
    stack[2:4] = boundary
    # Each boundary is matched against the other one grown by the disk.
    np.bitwise_and(boundary, dilate_disk(boundary, radius)[::-1], out=stack[4:6])
    return count_bits(stack)


def _box(labels: LabelMap) -> tuple[int, int, int, int] | None:
    """Rows top..bottom and columns left..right (ends excluded) that hold all non-zero pixels.

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
