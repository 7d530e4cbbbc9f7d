"""Which parts of a mask may move the window: those that continue what was accepted before.

A guard that the paper does not mention, hence a reconstruction: a look-alike that enters the mask
beside the object would enlarge its box, the next window would show more look-alikes, and so on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["persistent_part"]


def persistent_part(
    mask: NDArray[np.bool_], accepted: NDArray[np.bool_], overlap: float
) -> NDArray[np.bool_]:
    """The 4-connected components of a mask that continue the part accepted in the frame before.

    The component with the most pixels in `accepted` always counts, or the largest one where none
    has any. Another counts where at least `overlap` of its pixels are in `accepted`.

    Args:
        mask: H×W, what was predicted.
        accepted: H×W, this function's answer for the frame before; at first the given mask.
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
    area = np.bincount(parts.ravel(), minlength=count + 1)
    shared = np.bincount(parts[accepted[inside]], minlength=count + 1)
    area[0] = shared[0] = 0
    main = int(shared.argmax()) if shared.any() else int(area.argmax())
    counts = shared >= overlap * area
    counts[main], counts[0] = True, False
    if counts[1:].all():
        return mask
    result = np.zeros_like(mask)
    result[inside] = counts[parts]
    return result
