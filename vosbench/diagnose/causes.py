"""One word for what mainly costs an object its J, from the terms and from time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.motion import Lag
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.diagnose.waterfall import CONTOUR_PARTS, GROUPS, TERMS, grouped

__all__ = ["Cause", "dominant_group", "find_cause"]

Cause: TypeAlias = Literal[
    "none",
    "lag",
    "frozen",
    "swap",
    "merge",
    "displaced",
    "boundary",
    "thin parts",
    "identity",
    "wrong object",
    "drift",
    "missed",
    "hallucinated",
    "background",
    "interior",
]
"""A group of terms, or what several terms together come from:

- `none`: less than half a point is lost.
- `lag`: an earlier truth fits the mask so much better that half of the loss goes.
- `frozen`: half of the loss or more is on frames where the truth moves and the mask stands still.
- `swap`, `merge`: half of the loss or more is on frames of that identity event.
- `displaced`: background and interior together cost most, and as much on either side, pieces that
  do not touch the object left out, and the centroid is off: the mask has about the right size in
  the wrong place.
- `thin parts`: what costs most is the boundary, and half of that or more is missed parts that are
  no wider than the boundary band on both sides.

Here the boundary is what lies along the contour: the rim of a part that is missed, or of a region
that is too much, counts with what it is the rim of. The terms count every pixel near the contour as
boundary, which makes much of a missed limb look like a matter of precision.
"""


def dominant_group(terms: NDArray[np.float64]) -> str:
    """The group of terms that costs most, or an empty text where nothing is lost.

    Args:
        terms: (9,) float64.
    """
    groups = grouped(terms)
    best = max(GROUPS, key=lambda group: groups[group])
    return best if groups[best] > 0 else ""


def find_cause(
    terms: NDArray[np.float64],
    *,
    lag: Lag | None,
    frozen: NDArray[np.bool_],
    swapped: NDArray[np.bool_],
    merged: NDArray[np.bool_],
    contour: NDArray[np.float64] | None = None,
    centre_error: float | None = None,
    limits: Thresholds = DEFAULTS,
) -> Cause:
    """Name the main cause of the loss of one object.

    Args:
        terms: T×9 float64 of the frames that count.
        lag: of the object.
        frozen: (T,) from `frozen_frames`.
        swapped: (T,) whether the object is part of a swap.
        merged: (T,) whether it is part of a merge.
        contour: T×4, columns as in `CONTOUR_PARTS`; None counts as 0.
        centre_error: mean distance of the mask's centroid from the true one, / √A; None where it is
            not known.
        limits: thresholds.
    """
    means = terms.mean(axis=0)
    per_frame = terms.sum(axis=1)
    loss, total = float(means.sum()), float(per_frame.sum())
    if loss < limits.small_loss:
        return "none"
    # identity first: a swapped or merged mask also moves otherwise than its own truth
    moments: tuple[tuple[Cause, NDArray[np.bool_]], ...] = (
        ("swap", swapped),
        ("merge", merged),
        ("frozen", frozen),
    )
    for cause, frames in moments:
        if per_frame[frames].sum() >= limits.main_share * total:
            return cause
    if (
        lag is not None
        and lag.frames
        and lag.gain >= max(limits.lag_gain, limits.main_share * loss)
    ):
        return "lag"
    parts = np.zeros(len(CONTOUR_PARTS)) if contour is None else contour.mean(axis=0)
    away = centre_error is None or centre_error >= limits.displaced
    return _spatial(means, dict(zip(CONTOUR_PARTS, parts.tolist(), strict=True)), away, limits)


def _spatial(
    means: NDArray[np.float64], parts: Mapping[str, float], away: bool, limits: Thresholds
) -> Cause:
    means = means.copy()
    means[TERMS.index("boundary")] -= parts["miss_rim"] + parts["extra_rim"]
    means[TERMS.index("interior_miss")] += parts["miss_rim"]
    means[TERMS.index("bg_fp")] += parts["extra_rim"]
    groups = grouped(means)
    outside, inside = groups["background"], groups["interior"]
    rest = max(value for group, value in groups.items() if group not in ("background", "interior"))
    beside = outside - parts["detached"]
    even = min(beside, inside) >= limits.main_share * max(beside, inside)
    if away and even and beside + inside > rest:
        return "displaced"
    thin = parts["thin"] >= limits.main_share * groups["boundary"]
    causes: dict[str, Cause] = {
        "boundary": "thin parts" if thin else "boundary",
        "identity": "identity",
        "wrong object": "wrong object",
        "drift": "drift",
        "missed": "missed",
        "hallucinated": "hallucinated",
        "background": "background",
        "interior": "interior",
    }
    return causes[dominant_group(means)]
