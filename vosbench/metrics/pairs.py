"""Pixel counts of every predicted object against every true object.

For protocols that look for the best assignment. Each mask's boundary is found and grown once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics.bits import WORD, count_bits, pack_rows, words_for
from vosbench.metrics.boundary import boundary_of, boundary_radius
from vosbench.metrics.counts import COUNT_COLUMNS
from vosbench.metrics.disks import dilate, round_disk
from vosbench.types import LabelMap

__all__ = ["pair_counts"]


def pair_counts(
    prediction: LabelMap, truth: LabelMap, predicted: int, true: int
) -> NDArray[np.int64]:
    """Count pixels for all pairs of a predicted and a true object.

    Args:
        prediction: H×W uint8, ids 1..predicted.
        truth: H×W uint8 of the same size, ids 1..true.
        predicted: number of predicted objects.
        true: number of true objects.

    Returns:
        predicted×true×6 int64, columns as in `COUNT_COLUMNS`, px.
    """
    height, width = truth.shape
    radius = boundary_radius(height, width)
    pixels = np.zeros((predicted + true, height, words_for(width, radius) * WORD), np.bool_)
    pixels[:predicted, :, :width] = prediction == np.arange(1, predicted + 1)[:, None, None]
    pixels[predicted:, :, :width] = truth == np.arange(1, true + 1)[:, None, None]
    masks = pack_rows(pixels)
    boundaries = boundary_of(masks, width, at_bottom=True, at_right=True)
    grown = dilate(boundaries, round_disk(radius))
    counts = np.zeros((predicted, true, len(COUNT_COLUMNS)), np.int64)
    sizes = count_bits(boundaries)
    counts[..., 2] = sizes[:predicted, None]
    counts[..., 3] = sizes[None, predicted:]
    for one in range(predicted):
        others = slice(predicted, None)
        counts[one, :, 0] = count_bits(masks[one] & masks[others])
        counts[one, :, 1] = count_bits(masks[one] | masks[others])
        counts[one, :, 4] = count_bits(boundaries[one] & grown[others])
        counts[one, :, 5] = count_bits(boundaries[others] & grown[one])
    return counts
