"""Region similarity J and boundary accuracy F from pixel counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["boundary_accuracy", "region_similarity"]


def region_similarity(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union; 1 where both masks are empty.

    (Perazzi et al., CVPR 2016, section 5; davis2017-evaluation, `metrics.py`, `db_eval_iou`.)

    Args:
        counts: (..., 6) int64, columns as in `COUNT_COLUMNS`.

    Returns:
        (...) float64, 0..1.
    """
    intersection, union = counts[..., 0], counts[..., 1]
    return np.where(union == 0, 1.0, intersection / np.maximum(union, 1))


def boundary_accuracy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Harmonic mean of boundary precision and recall; 1 where neither mask has a boundary.

    A mask without boundary pixels gives precision or recall 0 against one that has some. The order
    of operations is that of the official toolkit, so results are equal to the last bit. (Perazzi et
    al., CVPR 2016, section 5; davis2017-evaluation, `metrics.py`, `f_measure`.)

    Args:
        counts: (..., 6) int64, columns as in `COUNT_COLUMNS`.

    Returns:
        (...) float64, 0..1.
    """
    pred, truth, pred_matched, truth_matched = (counts[..., column] for column in range(2, 6))
    precision = pred_matched / np.maximum(pred, 1)
    recall = truth_matched / np.maximum(truth, 1)
    total = precision + recall
    harmonic = 2 * precision * recall / np.where(total == 0, 1.0, total)
    return np.where((pred == 0) & (truth == 0), 1.0, harmonic)
