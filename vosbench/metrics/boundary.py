"""Boundary pixels, exactly as the DAVIS toolkits define them.

A pixel belongs to the boundary if it differs from its right, lower or lower-right neighbour. The
last row looks right only, the last column down only, and the corner never counts: the definition is
asymmetric, and the edge of the image is no boundary, so a mask that fills the image has none.
(davis2017-evaluation, `metrics.py`, `_seg2bmap`; Martin et al., PAMI 2004.)

Boundary pixels match within a disk of x² + y² ≤ r², with r = ⌈0.008 · image diagonal⌉ px.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from vosbench.metrics.bits import WORD, BitGrid, move_left

__all__ = ["BOUNDARY_TOLERANCE", "boundary_of", "boundary_radius"]

BOUNDARY_TOLERANCE: Final = 0.008
"""Matching distance as a share of the image diagonal."""


@lru_cache(maxsize=256)
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
    word, bit = divmod(columns - 1, WORD)
    if at_right:
        last = np.uint64(1 << bit)
        boundary[..., word] = boundary[..., word] & ~last | lower[..., word] & last
    # The margin has caught the first column of the row below.
    boundary[..., word] &= np.uint64((2 << bit) - 1)
    boundary[..., word + 1 :] = 0
    return boundary
