"""Masks as packed bits: 64 pixels per word, so that one operation works on 64 pixels.

A bit grid is a C-contiguous array (..., rows, words) of uint64. Bit b of word w in a row is the
pixel in column 64·w + b. Behind the last column every row keeps a margin of zero bits. A whole grid
can then be moved sideways as one long string of bits: what leaves a row ends in the margin, and as
long as nothing is moved by more than the margin in all, no pixel reaches the columns of another
row.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORD", "BitGrid", "count_bits", "move_left", "move_right", "pack_rows", "words_for"]

BitGrid: TypeAlias = NDArray[np.uint64]
WORD: Final = 64


def words_for(columns: int, margin: int) -> int:
    """Words per row for that many columns and at least `margin` zero bits behind them."""
    return -(-(columns + margin) // WORD)


def pack_rows(pixels: NDArray[np.bool_]) -> BitGrid:
    """Pack a contiguous array (..., rows, 64·words) of booleans into a grid (..., rows, words)."""
    packed = np.packbits(pixels.reshape(-1), bitorder="little")
    words = packed.view(np.dtype("<u8")).astype(np.uint64, copy=False)
    return words.reshape(*pixels.shape[:-1], pixels.shape[-1] // WORD)


def move_right(grid: BitGrid, columns: int) -> BitGrid:
    """Move every pixel by 1..63 columns to the right (towards higher columns)."""
    moved = np.left_shift(grid, np.uint64(columns))
    carried = np.right_shift(grid.reshape(-1)[:-1], np.uint64(WORD - columns))
    tail = moved.reshape(-1)[1:]
    np.bitwise_or(tail, carried, out=tail)
    return moved


def move_left(grid: BitGrid, columns: int) -> BitGrid:
    """Move every pixel by 1..63 columns to the left (towards lower columns)."""
    moved = np.right_shift(grid, np.uint64(columns))
    carried = np.left_shift(grid.reshape(-1)[1:], np.uint64(WORD - columns))
    head = moved.reshape(-1)[:-1]
    np.bitwise_or(head, carried, out=head)
    return moved


def _count_with_table(grids: BitGrid) -> NDArray[np.uint8]:
    """Set bits per 16-bit piece, for NumPy 1.x, which has no `bitwise_count`."""
    ones: NDArray[np.uint8] = _ONES_IN_16_BITS[np.ascontiguousarray(grids).view(np.uint16)]
    return ones


_ONES_IN_16_BITS: Final = np.unpackbits(
    np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1
).sum(axis=1, dtype=np.uint8)
_ones = getattr(np, "bitwise_count", _count_with_table)


def count_bits(grids: BitGrid) -> NDArray[np.int64]:
    """Number of set bits of each grid of a stack (grids, rows, words)."""
    counts: NDArray[np.int64] = _ones(grids).sum(axis=(1, 2), dtype=np.int64)
    return counts
