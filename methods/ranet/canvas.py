"""Geometry between a frame, the canvas it is fitted into, and the crop around the objects.

All of it follows the released code, with its odd choices: nearest sampling of image and mask, even
sizes, halves rounded to even, 32-bit arithmetic. A frame that needs no resizing (854×480 on the
canvas of 864×480) is only padded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_SIDE", "Box", "Fit", "box_around", "fit_frame"]

Index = NDArray[np.intp]
T = TypeVar("T", bound=np.generic)

LEAST_SIDE: Final = 32


class Box(NamedTuple):
    """Rows top..bottom-1 and columns left..right-1 of the canvas, px."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Fit:
    """How frames of one size lie on the canvas.

    Attributes:
        frame: height and width of the frame, px.
        canvas: height and width of the canvas, px.
        resized: height and width of the frame on the canvas, px.
        top: first canvas row, counted from the resized frame's first row; negative where padded.
        left: first canvas column, likewise.
    """

    frame: tuple[int, int]
    canvas: tuple[int, int]
    resized: tuple[int, int]
    top: int
    left: int

    def onto(self, frame: NDArray[T]) -> NDArray[T]:
        """Fit H×W(×C) onto the canvas; zeros outside the frame."""
        canvas = np.zeros((*self.canvas, *frame.shape[2:]), frame.dtype)
        (to_rows, from_rows), (to_columns, from_columns) = self._onto
        canvas[to_rows, to_columns] = frame[from_rows][:, from_columns]
        return canvas

    @cached_property
    def back(self) -> tuple[Index, Index]:
        """Canvas row of every frame row, and canvas column of every frame column."""
        rows, columns = (
            _back(frame, canvas, resized)
            for frame, canvas, resized in zip(self.frame, self.canvas, self.resized, strict=True)
        )
        return rows, columns

    def from_canvas(self, values: NDArray[T]) -> NDArray[T]:
        """Values (...×canvas height×canvas width) at the frame's own size."""
        rows, columns = self.back
        return values[..., _slice(rows), :][..., _slice(columns)]

    def to_frame(self, box: Box) -> tuple[float, float, float, float]:
        """A canvas box as x0, y0, x1, y1 in frame px, possibly beyond the frame."""
        row_scale, column_scale = (
            frame / resized for frame, resized in zip(self.frame, self.resized, strict=True)
        )
        return (
            (box.left + self.left) * column_scale,
            (box.top + self.top) * row_scale,
            (box.right + self.left) * column_scale,
            (box.bottom + self.top) * row_scale,
        )

    @cached_property
    def _onto(self) -> tuple[tuple[slice, slice | Index], tuple[slice, slice | Index]]:
        pairs = []
        for axis, start in enumerate((self.top, self.left)):
            nearest = _nearest(self.frame[axis], self.resized[axis])
            first, last = max(start, 0), min(start + self.canvas[axis], self.resized[axis])
            pairs.append((slice(first - start, last - start), _slice(nearest[first:last])))
        return pairs[0], pairs[1]


def fit_frame(frame: tuple[int, int], canvas: tuple[int, int]) -> Fit:
    """Fit frames (height, width) into the canvas (height, width), enlarging small ones.

    Both resized sides are brought to even numbers, and odd margins are halved by rounding to even.
    """
    aspect = canvas[0] / canvas[1]
    width, height = frame[1], frame[0] / aspect
    scale = canvas[1] / max(width, height)
    columns, rows = math.floor(scale * width), math.floor(scale * height)
    # a frame of extreme aspect would vanish in one direction
    resized = (
        max(1, math.trunc(aspect * rows + rows % 2)),
        max(1, columns + columns % 2),
    )
    top, left = (round((inside - whole) / 2) for inside, whole in zip(resized, canvas, strict=True))
    return Fit(frame, canvas, resized, top, left)


def box_around(
    mask: NDArray[np.bool_], *, context: float = 1.5, least_side: int = LEAST_SIDE
) -> Box:
    """Crop around the marked pixels, with the canvas's aspect and clipped to it.

    Args:
        mask: canvas height×width.
        context: crop size over the size of the mask's box.
        least_side: px; the whole canvas is taken where the clipped crop has a smaller side.

    Returns:
        The crop, or the whole canvas where nothing is marked.
    """
    height, width = mask.shape
    whole = Box(0, 0, height, width)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return whole
    top, bottom, left, right = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    single = np.float32
    aspect = single(height) / single(width)
    half = max(
        single(context) * single(bottom - top) / single(2),
        aspect * single(context) * single(right - left) / single(2),
    )
    half_height, half_width = int(half), int(half / aspect)
    row, column = (top + bottom) // 2, (left + right) // 2
    box = Box(
        max(row - half_height, 0),
        max(column - half_width, 0),
        min(row + half_height, height),
        min(column + half_width, width),
    )
    if box.bottom - box.top < least_side or box.right - box.left < least_side:
        return whole
    return box


def _nearest(inputs: int, outputs: int) -> Index:
    """Input index of every output index, as Pillow's nearest filter finds it.

    Pillow adds up the step in double precision, so the sum is taken in the same order here.
    """
    step = inputs / outputs
    places = np.full(outputs, step)
    places[0] = step * 0.5
    return np.minimum(np.add.accumulate(places).astype(np.intp), inputs - 1)


def _back(frame: int, canvas: int, resized: int) -> Index:
    """Canvas index of every frame index: the canvas is resized back, then cropped at its centre."""
    whole = max(frame, round(canvas * frame / resized))
    start = (whole - frame) // 2
    return _nearest(canvas, whole)[start : start + frame]


def _slice(index: Index) -> slice | Index:
    """A slice where the index is a run, for slices need no copy."""
    if len(index) and np.array_equal(index, np.arange(index[0], index[0] + len(index))):
        return slice(int(index[0]), int(index[0]) + len(index))
    return index
