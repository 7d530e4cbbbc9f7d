"""Ids that nobody meant: the seams that resizing or anti-aliasing leaves between two labels.

Interpolating a label map between object 5 and the background gives 4, 3, 2 and 1 on the way. Such
pixels lie in a thin seam along the contours of real objects.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.types import LabelMap

__all__ = ["PHANTOM_SHARE", "thin_along_contours"]

PHANTOM_SHARE: Final = 0.01
"""Share of the image's area below which an unknown id is taken for a seam. A share of the object's
own area would not do: the contour of a small object is a large part of it."""
_REACH: Final = 2
"""px within which a seam must have a real label's contour, and more than which it cannot be thick
on either side of its middle."""


def thin_along_contours(labels: LabelMap, suspects: tuple[int, ...]) -> bool:
    """Whether the suspect ids lie only in thin seams at other objects.

    Args:
        labels: H×W uint8.
        suspects: ids that may be seams.

    Returns:
        True if there are suspect pixels, none of them is the middle of a 5x5 px block of suspect
        pixels, and each has a pixel of another object within 2 px (in rows and columns).
    """
    seam = np.isin(labels, suspects)
    if not seam.any():
        return False
    objects = (labels != 0) & ~seam
    thick = ~_grown(~seam)
    return not thick.any() and not (seam & ~_grown(objects)).any()


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask dilated by a square of 2·reach+1 px."""
    grown = mask.copy()
    for axis in (0, 1):
        source = grown.copy()
        for step in range(1, _REACH + 1):
            if step >= source.shape[axis]:
                break
            later, earlier = slice(step, None), slice(None, -step)
            if axis == 0:
                grown[later] |= source[earlier]
                grown[earlier] |= source[later]
            else:
                grown[:, later] |= source[:, earlier]
                grown[:, earlier] |= source[:, later]
    return grown
