"""What a method told of itself on a frame, held against the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vosbench.diagnose.overlap import bounds
from vosbench.types import LabelMap

__all__ = ["Told", "centroid", "clipped_share", "offset_error"]


@dataclass(frozen=True)
class Told:
    """What a method told of one object on one frame; None where it told nothing.

    Attributes:
        window: left, top, right, bottom of what it looked at, px; may lie beyond the frame.
        centre: x and y of the centre it voted for, px.
    """

    window: tuple[float, float, float, float] | None
    centre: tuple[float, float] | None


def clipped_share(
    truth: LabelMap, object_id: int, window: tuple[float, float, float, float]
) -> float:
    """Share of the true object outside of the window, 0..1; NaN where the object has no pixel.

    A pixel is inside if its centre is. What the window cuts off no network behind it can find, so
    it tells failures of the crop from failures of the network.
    """
    mask = truth == object_id
    total = np.count_nonzero(mask)
    if not total:
        return math.nan
    # pixel x covers [x, x + 1), so its centre is inside from ceil(left - 0.5) on
    left, top, right, bottom = (math.ceil(value - 0.5) for value in window)
    inside = mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    return 1.0 - np.count_nonzero(inside) / total


def centroid(labels: LabelMap, object_id: int) -> tuple[float, float] | None:
    """X and y of a mask's centroid in px, the centre of the first pixel being 0; None if empty."""
    mask = labels == object_id
    box = bounds(mask)
    if box is None:
        return None
    top, bottom, left, right = box
    crop = mask[top:bottom, left:right]
    rows, columns = np.count_nonzero(crop, axis=1), np.count_nonzero(crop, axis=0)
    area = int(rows.sum())
    x, y = np.arange(columns.size), np.arange(rows.size)
    return left + float(columns @ x) / area, top + float(rows @ y) / area


def offset_error(centre: tuple[float, float], true: tuple[float, float], area: int) -> float:
    """‖centre − true centroid‖ / √A, in sides of a square of the object's area."""
    return math.hypot(centre[0] - true[0], centre[1] - true[1]) / math.sqrt(area)
