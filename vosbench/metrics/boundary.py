"""Boundary pixels and the disk around them, exactly as the DAVIS toolkits define them.

A pixel belongs to the boundary if it differs from its right, lower or lower-right neighbour. The
last row looks right only, the last column down only, and the corner never counts: the definition is
asymmetric, and the edge of the image is no boundary, so a mask that fills the image has none.
(davis2017-evaluation, `metrics.py`, `_seg2bmap`; Martin et al., PAMI 2004.)

Boundary pixels match within a disk of x² + y² ≤ r², with r = ⌈0.008 · image diagonal⌉ px.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from vosbench.metrics.bits import WORD, BitGrid, move_left, move_right

__all__ = ["BOUNDARY_TOLERANCE", "boundary_of", "boundary_radius", "dilate_disk"]

BOUNDARY_TOLERANCE: Final = 0.008
"""Matching distance as a share of the image diagonal."""


def boundary_radius(height: int, width: int) -> int:
    """Matching distance in px: 8 at 854x480, 12 at 720p, 18 at 1080p."""
    return int(np.ceil(BOUNDARY_TOLERANCE * np.linalg.norm((height, width))))


def boundary_of(grid: BitGrid, columns: int, *, at_bottom: bool, at_right: bool) -> BitGrid:
    """Boundary pixels of each mask of a stack.

    Args:
        grid: masks (masks, rows, words), a crop of the image that holds each mask and one row and
            column more above and to the left of it, unless the image ends there.
        columns: number of pixel columns of the crop.
        at_bottom: the last row of the crop is the last row of the image.
        at_right: the last column of the crop is the last column of the image.
    """
    right = move_left(grid, 1)
    lower = np.zeros_like(grid)
    lower[:, :-1] = grid[:, 1:]
    boundary = grid ^ right
    lower_right = np.zeros_like(grid)
    lower_right[:, :-1] = right[:, 1:]
    if at_bottom:
        lower[:, -1] = grid[:, -1]
        lower_right[:, -1] = right[:, -1]
    lower ^= grid
    lower_right ^= grid
    # In the bottom row `lower_right` now repeats the right neighbour, which `boundary` has already.
    boundary |= lower
    boundary |= lower_right
    inside = _inside(columns, grid.shape[-1])
    if at_right:
        word, bit = divmod(columns - 1, WORD)
        last = np.uint64(1 << bit)
        boundary[..., word] = boundary[..., word] & ~last | lower[..., word] & last
    boundary &= inside
    return boundary


def dilate_disk(grid: BitGrid, radius: int) -> BitGrid:
    """Grow each mask of a stack (masks, rows, words) by a disk.

    The margin must be `radius` or more. Pixels that would grow beyond the grid are lost, and the
    margin holds rubbish afterwards.
    """
    plan = _disk_plan(radius)
    grown = np.zeros_like(grid)
    row = grid
    for level in plan:
        for by, three in level.steps:
            sideways = move_left(row, by)
            sideways |= move_right(row, by)
            if three:
                sideways |= row
            row = sideways
        for offset in level.offsets:
            if offset == 0:
                grown |= row
            elif offset < grid.shape[1]:
                grown[:, offset:] |= row[:, :-offset]
                grown[:, :-offset] |= row[:, offset:]
    return grown


@lru_cache(maxsize=64)
def _inside(columns: int, words: int) -> BitGrid:
    """Words (words,) with the bits of real columns set."""
    bits = np.arange(words * WORD) < columns
    return np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)


@dataclass(frozen=True)
class _Level:
    """One half-width of the disk.

    Attributes:
        steps: how to widen the row pattern of the level before: shift both ways by so many columns,
            and whether the unshifted pattern is needed to close the gap between the two.
        offsets: row offsets (absolute) at which the disk has this half-width.
    """

    steps: tuple[tuple[int, bool], ...]
    offsets: tuple[int, ...]


@lru_cache(maxsize=64)
def _disk_plan(radius: int) -> tuple[_Level, ...]:
    by_width: dict[int, list[int]] = {}
    for offset in range(radius + 1):
        by_width.setdefault(math.isqrt(radius * radius - offset * offset), []).append(offset)
    levels = []
    reached = 0
    for width, offsets in sorted(by_width.items()):
        steps = []
        while reached < width:
            # Two copies of a run of 2v+1 pixels, moved by d to either side, touch if d <= v; with
            # the run itself between them they do up to d = 2v+1. A move must stay below one word.
            by = min(width - reached, 2 * reached + 1, WORD - 1)
            steps.append((by, by > reached))
            reached += by
        levels.append(_Level(tuple(steps), tuple(offsets)))
    return tuple(levels)
