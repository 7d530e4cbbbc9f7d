"""The neighbourhoods within which boundary pixels match, and growing masks by them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics.bits import WORD, BitGrid, move_left, move_right

__all__ = ["Disk", "dilate", "pack_plan", "round_disk", "skimage_disk"]


@dataclass(frozen=True)
class Disk:
    """A neighbourhood of a pixel.

    Attributes:
        rows: (row offset, first column offset, last column offset) in px, one entry per row.
    """

    rows: tuple[tuple[int, int, int], ...]

    @property
    def reach(self) -> int:
        """Largest column offset to either side, px."""
        return max(max(-first, last) for _, first, last in self.rows)


@lru_cache(maxsize=256)
def round_disk(radius: int) -> Disk:
    """All pixels with x² + y² ≤ radius²."""
    widths = {y: math.isqrt(radius * radius - y * y) for y in range(-radius, radius + 1)}
    return Disk(tuple((y, -width, width) for y, width in widths.items()))


@lru_cache(maxsize=256)
def skimage_disk(radius: float) -> Disk:
    """The pixels that `cv2.dilate` reaches with `skimage.morphology.disk` of a fractional radius.

    The footprint is sampled at -radius, -radius + 1, ..., so its centre lies off the anchor and it
    holds fewer pixels than a disk of that radius: 191 instead of 197 px at 854x480.
    """
    samples = np.arange(-radius, radius + 1)
    footprint = samples[:, None] ** 2 + samples[None, :] ** 2 <= radius**2
    anchor = len(samples) // 2
    rows = []
    for index, row in enumerate(footprint):
        inside = np.flatnonzero(row)
        if inside.size:
            # A dilation looks from a pixel to its source, so pixels grow the opposite way.
            rows.append((anchor - index, anchor - int(inside[-1]), anchor - int(inside[0])))
    return Disk(tuple(sorted(rows)))


def dilate(grid: BitGrid, disk: Disk) -> BitGrid:
    """Grow each mask of a stack (masks, rows, words) by a disk.

    The margin must be `disk.reach` or more. Pixels that would grow beyond the grid are lost, and
    the margin holds rubbish afterwards.
    """
    plan = _plan(disk)
    if any(level.shift for level in plan):
        # What leaves the very first row to the left has no margin to wait in; give it a row.
        return _grow(np.pad(grid, ((0, 0), (1, 0), (0, 0))), plan)[:, 1:]
    return _grow(grid, plan)


def pack_plan(disk: Disk) -> NDArray[np.int16]:
    """How to grow by a disk, as the compiled kernel reads it.

    Level after level: number of steps, each step (columns, with the pattern itself), whether the
    rows have an even number of columns, shift to the right, number of rows, their offsets.
    """
    numbers: list[int] = []
    for level in _plan(disk):
        numbers.append(len(level.steps))
        for by, three in level.steps:
            numbers += (by, int(three))
        numbers += (int(level.even), level.shift, len(level.offsets), *level.offsets)
    return np.array(numbers, np.int16)


def _grow(grid: BitGrid, plan: tuple[_Level, ...]) -> BitGrid:
    """Lay the row patterns of a plan over all rows."""
    grown = np.zeros_like(grid)
    row = grid
    height = grid.shape[1]
    for level in plan:
        for by, three in level.steps:
            sideways = move_left(row, by)
            sideways |= move_right(row, by)
            if three:
                sideways |= row
            row = sideways
        pattern = row | move_right(row, 1) if level.even else row
        if level.shift:
            move = move_right if level.shift > 0 else move_left
            pattern = move(pattern, abs(level.shift))
        for offset in level.offsets:
            if offset == 0:
                grown |= pattern
            elif 0 < offset < height:
                grown[:, offset:] |= pattern[:, :-offset]
            elif -height < offset < 0:
                grown[:, :offset] |= pattern[:, -offset:]
    return grown


@dataclass(frozen=True)
class _Level:
    """Rows of the disk that have the same columns.

    Attributes:
        steps: how to widen the row pattern of the level before: shift both ways by so many columns,
            and whether the unshifted pattern is needed to close the gap between the two.
        even: the row has an even number of columns, one more to the right than the pattern.
        shift: columns to move the pattern to the right.
        offsets: row offsets of these rows.
    """

    steps: tuple[tuple[int, bool], ...]
    even: bool
    shift: int
    offsets: tuple[int, ...]


@lru_cache(maxsize=256)
def _plan(disk: Disk) -> tuple[_Level, ...]:
    """Order the rows by width, so that each pattern grows out of the one before."""
    by_columns: dict[tuple[int, int], list[int]] = {}
    for offset, first, last in disk.rows:
        by_columns.setdefault((first, last), []).append(offset)
    levels = []
    reached = 0
    for (first, last), offsets in sorted(by_columns.items(), key=lambda item: _span(*item[0])):
        half, even = divmod(last - first, 2)
        steps = []
        while reached < half:
            # Two copies of a run of 2v+1 pixels, moved by d to either side, touch if d <= v; with
            # the run itself between them they do up to d = 2v+1. In the very first row, though, the
            # left part of a run may have been cut off for good. The copies of the right part, v+1
            # pixels, must do alone: 2d <= v+1, or d <= v+1 with the run itself. A move must stay
            # below one word.
            by = min(half - reached, reached + 1, WORD - 1)
            steps.append((by, 2 * by > reached + 1))
            reached += by
        levels.append(_Level(tuple(steps), bool(even), first + half, tuple(offsets)))
    return tuple(levels)


def _span(first: int, last: int) -> int:
    return last - first
