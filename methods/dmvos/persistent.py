"""Which parts of a mask may move the window: those that lie where the object was before.

A guard that the paper does not mention, hence a reconstruction: a look-alike that enters the mask
beside the object would enlarge its box, the next window would show more look-alikes, and so on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .window import Box

__all__ = ["persistent_part"]


def persistent_part(mask: NDArray[np.bool_], before: Box, overlap: float) -> NDArray[np.bool_]:
    """The 4-connected components of a mask that lie where the object was.

    The component with the most pixels in the box of the frame before always counts, or the largest
    one where none has any. Another counts where at least `overlap` of its pixels are in that box or
    in the box of the first: so the pieces of an object behind a pole stay together.

    Args:
        mask: H×W, what was predicted.
        before: box of what this function answered for the frame before; at first of the given mask.
        overlap: 0..1; 0 accepts every component.

    Returns:
        H×W bool, a subset of `mask`; `mask` itself where nothing is rejected.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return mask
    inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    parts, count = ndimage.label(mask[inside])
    if count == 1:
        return mask
    region = np.zeros(mask.shape, dtype=bool)
    region[int(before.y0) : int(before.y1), int(before.x0) : int(before.x1)] = True
    area = np.bincount(parts.ravel(), minlength=count + 1)
    shared = _shared(parts, region[inside], count)
    main = int(shared.argmax()) if shared.any() else int(area[1:].argmax()) + 1
    region[inside][ndimage.find_objects(parts, count)[main - 1]] = True
    counts = _shared(parts, region[inside], count) >= overlap * area
    counts[main] = True
    if counts[1:].all():
        return mask
    counts[0] = False
    result = np.zeros_like(mask)
    result[inside] = counts[parts]
    return result


def _shared(parts: NDArray[np.int32], region: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    """Pixels of each part (index 0 is none, and 0) in a region."""
    shared = np.bincount(parts[region], minlength=count + 1)
    shared[0] = 0
    return shared
