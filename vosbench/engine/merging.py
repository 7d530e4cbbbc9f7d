"""Putting objects that were segmented apart into one label map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vosbench.types import LabelMap, SoftMasks

__all__ = ["merge_argmax"]


def merge_argmax(soft: SoftMasks, object_ids: Sequence[int], *, threshold: float = 0.5) -> LabelMap:
    """Each pixel goes to the most probable object, or to the background below the threshold.

    Args:
        soft: K×H×W in 0..1, one map per object.
        object_ids: K ids, in the order of `soft`; a tie goes to the first.
        threshold: an object must reach it (`>=`) to win a pixel.

    Returns:
        H×W uint8.
    """
    best = soft.argmax(axis=0)
    ids = np.asarray(object_ids, dtype=np.uint8)
    labels: LabelMap = np.where(soft.max(axis=0) >= threshold, ids[best], np.uint8(0))
    return labels
