"""Figures of one object frame by frame, and the one figure of a sequence that they make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.thresholds import DEFAULTS

__all__ = ["FRAME_STEP", "REASONS", "SUMMARIES", "FrameFigures", "join_figures", "summarise"]

FRAME_STEP: Final = 4
"""Figures of a sequence that need pictures are of every so many frames."""

REASONS: Final[Mapping[str, str]] = {
    "absent": "the object has no pixels on the frame",
    "earlier": "no frame lies so far before: one for FM, ten for DEF, four for CS and DB, for AC "
    "the frame that colours are held against, for OV and OCC one on which the object was seen",
    "gap": "the object has no pixels on the frame before that it would be held against",
    "small": f"under {DEFAULTS.deformation_area} px for DEF, under 3 px high or wide otherwise",
    "round": "the mask is not elongated enough to have an axis",
    "no-contour": "no contour of the object lies inside of the picture",
    "no-picture": "the data hold no picture of the frame",
    "no-ground": "nothing of the background is left to compare",
}
"""Why an attribute is undefined on a frame."""

SUMMARIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("LR", "FM", "DEF", "AC", "BC", "DB", "EA", "HO", "MB"), "mean"),
    "SV": "minimum",
    **dict.fromkeys(("OV", "OCC"), "share of all frames"),
    "SC": "median",
    "ROT": "maximum",
    "CS": "root mean square",
}
"""How the figure of a sequence is made of those of its frames, by attribute."""


@dataclass(frozen=True, eq=False)
class FrameFigures:
    """One object on T annotated frames.

    Attributes:
        values: (T,) of each attribute; NaN where it is undefined.
        reasons: T keys of `REASONS` of each attribute; empty where it is defined.
    """

    values: Mapping[str, NDArray[np.float64]]
    reasons: Mapping[str, tuple[str, ...]]


def join_figures(one: FrameFigures, two: FrameFigures) -> FrameFigures:
    """Both, of different attributes on the same frames."""
    return FrameFigures({**one.values, **two.values}, {**one.reasons, **two.reasons})


def summarise(attribute: str, values: Sequence[float] | NDArray[np.float64]) -> float:
    """The figure of a sequence by the rule in `SUMMARIES`; NaN where no frame defines it.

    Args:
        attribute: key of `SUMMARIES`.
        values: of the frames; those of them that are NaN do not count, but for shares, which are
            of all frames.
    """
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    if not known.size:
        return math.nan
    how = SUMMARIES[attribute]
    if how == "mean":
        return float(known.mean())
    if how == "share of all frames":
        return float(known.sum() / array.size)
    if how == "median":
        return float(np.median(known))
    if how == "root mean square":
        return math.sqrt(float((known**2).mean()))
    return float(known.min() if how == "minimum" else known.max())
