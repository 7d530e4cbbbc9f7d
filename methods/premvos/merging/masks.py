"""Geometry of hard masks: tight boxes, overlap, and moving a mask along a flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "Flow", "Mask", "MaskWarp", "overlaps", "tight_box"]

Mask: TypeAlias = NDArray[np.bool_]
"""H×W bool."""

Flow: TypeAlias = NDArray[np.float32]
"""H×W×2 float32, motion to the next frame in px: x (to the right), then y (down)."""


class Box(NamedTuple):
    """Left, top, width and height in px; all zero for an empty mask."""

    x: float
    y: float
    width: float
    height: float


def tight_box(mask: Mask) -> Box:
    """The smallest box that holds all pixels of a mask (H×W)."""
    rows, columns = _window(mask)
    return Box(
        float(columns.start),
        float(rows.start),
        float(columns.stop - columns.start),
        float(rows.stop - rows.start),
    )


def overlaps(ours: Sequence[Mask], theirs: Sequence[Mask]) -> NDArray[np.float64]:
    """Intersection over union of every pair; two empty masks have 0.

    Args:
        ours: A masks, H×W each.
        theirs: B masks of the same size.

    Returns:
        A×B float64 in 0..1.
    """
    areas = np.array([np.count_nonzero(mask) for mask in theirs], np.int64)
    result = np.zeros((len(ours), len(theirs)))
    for i, mask in enumerate(ours):
        window = _window(mask)
        cropped = mask[window]
        shared = np.array([np.count_nonzero(cropped & other[window]) for other in theirs], np.int64)
        union = np.count_nonzero(cropped) + areas - shared
        result[i] = shared / np.maximum(union, 1)
    return result


_STEPS: Final = 32
"""Sub-pixel positions per pixel."""
_FAR: Final = float(1 << 24)
"""px: beyond any image, and far from overflow."""


class MaskWarp:
    """Moves masks of one frame to the next.

    A pixel (x, y) of the next frame looks the mask up at (x, y) - flow(x, y). The position is
    rounded to 1/32 px, half to even; the pixel is set if the bilinear weights of the set ones among
    its four neighbours add up to one half or more. Outside the image nothing is set. That is what
    the fixed-point remapping of OpenCV 3 and 4 gives for a mask of zeros and ones.

    Args:
        flow: H×W×2 of the frame that the masks are of.
    """

    def __init__(self, flow: Flow) -> None:
        height, width = flow.shape[:2]
        # The sum is formed in double precision and rounded once; positions that are then a half
        # step apart fall on the same side as in the original.
        x = (np.arange(width) - flow[..., 0].astype(np.float64)).astype(np.float32)
        y = (np.arange(height)[:, None] - flow[..., 1].astype(np.float64)).astype(np.float32)
        left, self._right_share = _whole_and_part(x)
        top, self._lower_share = _whole_and_part(y)
        # Masks get a border of one empty pixel, into which everything outside is clipped.
        left, right = (np.clip(column, -1, width) + 1 for column in (left, left + 1))
        top, bottom = (
            (np.clip(row, -1, height) + 1) * np.int64(width + 2) for row in (top, top + 1)
        )
        self._corners = (top + left, top + right, bottom + left, bottom + right)

    def __call__(self, mask: Mask) -> Mask:
        """The mask (H×W) in the next frame."""
        padded = np.pad(mask, 1).ravel().view(np.uint8)
        upper_left, upper_right, lower_left, lower_right = (
            padded[corner].astype(np.int16) for corner in self._corners
        )
        share = self._right_share
        upper = _STEPS * upper_left + share * (upper_right - upper_left)
        lower = _STEPS * lower_left + share * (lower_right - lower_left)
        weight = _STEPS * upper + self._lower_share * (lower - upper)
        warped: Mask = weight >= _STEPS * _STEPS // 2
        return warped


def _whole_and_part(position: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Pixel index, and the distance from it in 32nds."""
    bounded = np.clip(position, -_FAR, _FAR)
    steps = np.rint(bounded * np.float32(_STEPS)).astype(np.int64)
    return steps >> 5, (steps & 31).astype(np.int16)


def _window(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the tight box."""
    rows: NDArray[np.bool_] = np.any(mask, axis=1)
    columns: NDArray[np.bool_] = np.any(mask, axis=0)
    return _span(rows), _span(columns)


def _span(occupied: NDArray[np.bool_]) -> slice:
    """From the first to behind the last true value; an empty slice at 0 if there is none."""
    places = np.flatnonzero(occupied)
    return slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0, 0)
