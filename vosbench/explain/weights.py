"""How much each object counts in the mean over a set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["object_weights"]


def object_weights(seen: Sequence[bool | None]) -> NDArray[np.float64]:
    """Weights of N objects, which sum to 1, so that weighted means are those of the scores.

    Args:
        seen: of each object; None where all objects count the same. Otherwise the objects of seen
            categories and the others count half each, or those that there are count whole.
    """
    flags = np.array([one is not False for one in seen])
    sizes = (int(flags.sum()), int((~flags).sum()))
    halves = sum(size > 0 for size in sizes)
    return np.array([1 / (halves * (sizes[0] if flag else sizes[1])) for flag in flags])
