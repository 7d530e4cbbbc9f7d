"""The pixel counts written out literally, slow and obviously right."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that differ from the right, lower or lower-right neighbour, with the edge rules."""
    height, width = mask.shape
    result = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            bottom, right = y == height - 1, x == width - 1
            if bottom and right:
                continue
            if bottom:
                result[y, x] = mask[y, x] != mask[y, x + 1]
            elif right:
                result[y, x] = mask[y, x] != mask[y + 1, x]
            else:
                result[y, x] = (
                    mask[y, x] != mask[y, x + 1]
                    or mask[y, x] != mask[y + 1, x]
                    or mask[y, x] != mask[y + 1, x + 1]
                )
    return result


def matched(points: NDArray[np.bool_], others: NDArray[np.bool_], radius: float) -> int:
    """Number of points with another one within the radius."""
    targets = np.argwhere(others)
    if not len(targets):
        return 0
    return sum(
        bool((((targets - point) ** 2).sum(axis=1) <= radius**2).any())
        for point in np.argwhere(points)
    )


def counts(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], radius: int | None = None
) -> list[int]:
    """The six counts of one object on one frame."""
    if radius is None:
        radius = math.ceil(0.008 * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2))
    pred_boundary, true_boundary = boundary(prediction), boundary(truth)
    return [
        int((prediction & truth).sum()),
        int((prediction | truth).sum()),
        int(pred_boundary.sum()),
        int(true_boundary.sum()),
        matched(pred_boundary, true_boundary, radius),
        matched(true_boundary, pred_boundary, radius),
    ]
