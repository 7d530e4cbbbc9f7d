"""Box and centroid of a mask on the host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .window import Box, MaskExtent

__all__ = ["extent_of"]


def extent_of(mask: NDArray[np.bool_]) -> MaskExtent | None:
    """Box and centroid of an H×W mask, or None where it has no pixel."""
    columns, rows = mask.sum(axis=0, dtype=np.float64), mask.sum(axis=1, dtype=np.float64)
    x, y = np.flatnonzero(columns), np.flatnonzero(rows)
    if not len(x):
        return None
    area = columns.sum()
    box = Box(float(x[0]), float(y[0]), float(x[-1] + 1), float(y[-1] + 1))
    mass_x = float(columns @ np.arange(len(columns))) / area + 0.5
    mass_y = float(rows @ np.arange(len(rows))) / area + 0.5
    return MaskExtent(box, (float(mass_x), float(mass_y)))
