"""Pixel counts with NumPy, on packed bits inside the box that holds the masks.

This is the definition of the compiled `_kernel`, and what is used where that could not be built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics.bits import WORD, BitGrid, count_bits, pack_rows, words_for
from vosbench.metrics.boundary import boundary_of
from vosbench.metrics.disks import Disk, dilate
from vosbench.types import LabelMap

__all__ = ["GRID_COUNTS", "count_on_grids"]

GRID_COUNTS: Final = 8
"""The six counts of `COUNT_COLUMNS`, and the areas of the predicted and of the true mask."""


def count_on_grids(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    *,
    disk_for: Callable[[int], Disk],
    reach: int,
) -> NDArray[np.int64]:
    """Count the pixels of each object.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size.
        object_ids: ids to count.
        disk_for: within which boundary pixels match, by the area of the true mask in px.
        reach: no disk reaches farther sideways, px.

    Returns:
        objects×8 int64: columns as in `COUNT_COLUMNS`, then both areas, px.
    """
    counts = np.zeros((len(object_ids), GRID_COUNTS), np.int64)
    box = _box(prediction | truth)
    if box is None:
        return counts
    top, bottom, left, right = box
    height, width = truth.shape
    columns = right - left
    pixels = np.zeros((2, bottom - top, words_for(columns, reach) * WORD), np.bool_)
    crops = (prediction[top:bottom, left:right], truth[top:bottom, left:right])
    for index, object_id in enumerate(object_ids):
        np.equal(crops[0], object_id, out=pixels[0, :, :columns])
        np.equal(crops[1], object_id, out=pixels[1, :, :columns])
        grid = pack_rows(pixels)
        rows = _used_rows(grid) if len(object_ids) > 1 else slice(0, grid.shape[1])
        if rows.stop == rows.start:
            continue
        grid = np.ascontiguousarray(grid[:, rows])
        at_bottom, at_right = top + rows.stop == height, right == width
        boundary = boundary_of(grid, columns, at_bottom=at_bottom, at_right=at_right)
        counts[index] = _count(grid, boundary, disk_for(int(count_bits(grid[1:])[0])))
    return counts


def _count(grid: BitGrid, boundary: BitGrid, disk: Disk) -> NDArray[np.int64]:
    """The six counts and both areas, from the predicted and true mask (2, rows, words)."""
    stack = np.empty((GRID_COUNTS, *grid.shape[1:]), np.uint64)
    np.bitwise_and(grid[0], grid[1], out=stack[0])
    np.bitwise_or(grid[0], grid[1], out=stack[1])
    stack[2:4] = boundary
    # Each boundary is matched against the other one grown by the disk.
    np.bitwise_and(boundary, dilate(boundary, disk)[::-1], out=stack[4:6])
    stack[6:] = grid
    return count_bits(stack)


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
