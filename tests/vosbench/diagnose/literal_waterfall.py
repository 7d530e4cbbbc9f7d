"""The waterfall once more, pixel by pixel and obviously right."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def _within(pixel: tuple[int, int], mask: Mask, width: float) -> bool:
    """Whether a pixel of the mask is at most `width` px away."""
    ys, xs = np.nonzero(mask)
    return any(
        (y - pixel[0]) ** 2 + (x - pixel[1]) ** 2 <= width**2 + 1e-9
        for y, x in zip(ys.tolist(), xs.tolist(), strict=True)
    )


def literal_loss(
    prediction: NDArray[np.uint8], truth: NDArray[np.uint8], one: int
) -> tuple[float, dict[str, float]]:
    """J and the terms that are not 0."""
    mine, true = prediction == one, truth == one
    union = int((mine | true).sum())
    if union == 0:
        return 1.0, {}
    j = int((mine & true).sum()) / union
    others = [k for k in range(1, 256) if k != one]
    on = max(int((mine & (truth == k)).sum()) for k in others)
    under = max(int((true & (prediction == k)).sum()) for k in others)
    if not true.any():
        return j, {"hallucinated": 1.0}
    if not mine.any():
        return j, {"stolen" if under >= true.sum() / 2 else "missed": 1.0}
    if j < 0.1:
        return j, {"wrong_id" if on >= mine.sum() / 2 else "drift": 1 - j}
    diagonal = math.hypot(*truth.shape)
    width = max(1.0, min(math.ceil(0.008 * diagonal), 0.1 * math.sqrt(true.sum())))
    terms: dict[str, float] = {}
    for y, x in np.argwhere(mine != true).tolist():
        if mine[y, x]:
            near = _within((y, x), true, width)
            name = "leak" if truth[y, x] else "boundary" if near else "bg_fp"
        else:
            near = _within((y, x), ~true, width)
            name = "stolen" if prediction[y, x] else "boundary" if near else "interior_miss"
        terms[name] = terms.get(name, 0.0) + 1 / union
    return j, terms
