"""Wrong pixels that lie next to the true contour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vosbench.diagnose.overlap import bounds
from vosbench.diagnose.thresholds import Thresholds
from vosbench.metrics.bits import WORD, count_bits, pack_rows, words_for
from vosbench.metrics.disks import Disk, dilate
from vosbench.types import LabelMap

__all__ = ["NearContour", "band_squared", "near_contour"]


@dataclass(frozen=True)
class NearContour:
    """Wrong pixels in the boundary band, px; those on or of other objects are not counted.

    Attributes:
        extra: predicted but not true, not on another true object.
        missed: true but not predicted, not given to another object.
    """

    extra: int
    missed: int


def band_squared(height: int, width: int, area: int, limits: Thresholds) -> int:
    """Squared width of the boundary band, px².

    The width is w = max(1, min(⌈0.008·D⌉, 0.1·√A)) with D the diagonal and A the true area. The
    squares of distances between pixels are whole, so the square of w may be rounded down.
    """
    widest = math.ceil(limits.band_share * math.hypot(height, width))
    return max(1, min(widest * widest, math.floor(area * limits.band_area)))


@lru_cache(maxsize=256)
def _disk(squared: int) -> Disk:
    reach = math.isqrt(squared)
    widths = {y: math.isqrt(squared - y * y) for y in range(-reach, reach + 1)}
    return Disk(tuple((y, -width, width) for y, width in widths.items()))


def near_contour(
    prediction: LabelMap, truth: LabelMap, object_id: int, squared: int
) -> NearContour:
    """Count the wrong pixels of one object whose distance to the other side is at most w.

    The contour is the line between the object and the rest: a pixel outside is near when a pixel of
    the object is within w, a pixel inside when one of the rest is. The frame's edge is no contour.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size.
        object_id: whose.
        squared: w², from `band_squared`.
    """
    mine, true = prediction == object_id, truth == object_id
    box = bounds(mine | true)
    if box is None:
        return NearContour(0, 0)
    # One pixel around the object is enough: whatever lies beyond is farther from it.
    rows = slice(max(box[0] - 1, 0), box[1] + 1)
    columns = slice(max(box[2] - 1, 0), box[3] + 1)
    mine, true = mine[rows, columns], true[rows, columns]
    height, width = true.shape
    disk = _disk(squared)
    pixels = np.zeros((4, height, words_for(width, disk.reach) * WORD), np.bool_)
    pixels[0, :, :width] = true
    pixels[1, :, :width] = ~true
    pixels[2, :, :width] = mine & (truth[rows, columns] == 0)
    pixels[3, :, :width] = true & (prediction[rows, columns] == 0)
    grids = pack_rows(pixels)
    near = count_bits(dilate(np.ascontiguousarray(grids[:2]), disk) & grids[2:])
    return NearContour(int(near[0]), int(near[1]))
