"""One word for what mainly costs an object its J, from the terms and from time."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.motion import Lag
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.diagnose.waterfall import GROUPS, TERMS, grouped

__all__ = ["Cause", "dominant_group", "find_cause"]

Cause: TypeAlias = Literal[
    "none",
    "lag",
    "frozen",
    "swap",
    "merge",
    "displaced",
    "boundary",
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
- `displaced`: background and interior together cost most, and as much on either side: the mask has
  about the right size in the wrong place.
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
    limits: Thresholds = DEFAULTS,
) -> Cause:
    """Name the main cause of the loss of one object.

    Args:
        terms: T×9 float64 of the frames that count.
        lag: of the object.
        frozen: (T,) from `frozen_frames`.
        swapped: (T,) whether the object is part of a swap.
        merged: (T,) whether it is part of a merge.
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
    return _spatial(means, limits)


def _spatial(means: NDArray[np.float64], limits: Thresholds) -> Cause:
    groups = grouped(means)
    outside, inside = (float(means[TERMS.index(term)]) for term in ("bg_fp", "interior_miss"))
    rest = max(value for group, value in groups.items() if group not in ("background", "interior"))
    if outside + inside > rest and min(outside, inside) >= limits.main_share * max(outside, inside):
        return "displaced"
    causes: dict[str, Cause] = {
        "boundary": "boundary",
        "identity": "identity",
        "wrong object": "wrong object",
        "drift": "drift",
        "missed": "missed",
        "hallucinated": "hallucinated",
        "background": "background",
        "interior": "interior",
    }
    return causes[dominant_group(means)]
