"""Wrong pixels that lie next to the true contour, and what they are part of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

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
        thin: of `missed`, on parts of the object that are no wider than the band on both sides:
            what an opening of the true mask by w takes away. They have no interior to be missed.
        miss_rim: of `missed`, within w of missed interior: the rim of a part that is missed.
        extra_rim: of `extra`, within w of `bg_fp`: the rim of a region that is too much.
        detached: wrong pixels on background, near or far, in pieces of the mask that do not touch
            the object.
    """

    extra: int
    missed: int
    thin: int = 0
    miss_rim: int = 0
    extra_rim: int = 0
    detached: int = 0


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
    near = dilate(np.ascontiguousarray(grids[:2]), disk)
    band, core = near & grids[2:], grids[2:] & ~near
    # seeds of the two rims, and of the opening: what is left of the object without its own band
    seeds = np.concatenate((core, grids[:1] & ~near[1:]))
    grown = dilate(seeds, disk)
    extra, missed = count_bits(band).tolist()
    extra_rim, miss_rim = count_bits(grown[:2] & band).tolist()
    thin = int(count_bits(band[1:] & ~grown[2:])[0])
    far = bool(core[0].any())
    return NearContour(
        extra,
        missed,
        thin,
        miss_rim,
        extra_rim,
        _detached(mine, true, pixels[2, :, :width]) if far else 0,
    )


def _detached(mine: NDArray[np.bool_], true: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> int:
    """Wrong pixels in 8-connected pieces of the mask that hold no pixel of the object."""
    from scipy import ndimage

    pieces, count = ndimage.label(mine, structure=np.ones((3, 3), np.bool_))
    if count < 2 and (mine & true).any():
        return 0
    touching = np.zeros(count + 1, np.bool_)
    touching[pieces[mine & true]] = True
    return int(np.count_nonzero(wrong & ~touching[pieces]))
