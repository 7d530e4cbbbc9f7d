"""Mean, recall and decay of a measure over frames, and their means over objects.

Sums run in NumPy's pairwise order over the same arrays as in the official toolkit, so that equal
per-frame values give equal figures to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "WRAPS_FROM",
    "Figures",
    "Statistics",
    "decay",
    "mean_figures",
    "object_figures",
    "statistics",
]

RECALL_THRESHOLD: Final = 0.5
DECAY_BINS: Final = 4
_BYTE: Final = 0xFF
WRAPS_FROM: Final = 256
"""Number of evaluated frames from which the official toolkit's decay is wrong."""


@dataclass(frozen=True)
class Statistics:
    """A measure over the frames of one object.

    Attributes:
        mean: 0..1.
        recall: share of frames with a value above 0.5.
        decay: mean of the first quarter minus mean of the last; NaN where undefined.
    """

    mean: float
    recall: float
    decay: float


@dataclass(frozen=True)
class Figures:
    """The seven figures of the DAVIS protocol, 0..1 (decay may be negative or NaN)."""

    jf_mean: float
    j_mean: float
    j_recall: float
    j_decay: float
    f_mean: float
    f_recall: float
    f_decay: float


def statistics(values: NDArray[np.float64], *, official_decay: bool = False) -> Statistics:
    """Mean, recall and decay over frames.

    (Perazzi et al., CVPR 2016, section 5; davis2017-evaluation, `utils.py`, `db_statistics`.)

    Args:
        values: (frames,) float64, at least one evaluated frame. NaN stands for a measure that the
            protocol does not define, and makes all three NaN.
        official_decay: reproduce the official toolkit's overflow, see `decay`.

    Raises:
        ValueError: no frames.
    """
    if values.size == 0:
        raise ValueError("Statistics need at least one evaluated frame.")
    values = np.ascontiguousarray(values)
    if np.isnan(values).any():
        return Statistics(float("nan"), float("nan"), float("nan"))
    return Statistics(
        mean=float(np.mean(values)),
        recall=float(np.mean(values > RECALL_THRESHOLD)),
        decay=decay(values, official=official_decay),
    )


def decay(values: NDArray[np.float64], *, official: bool = False) -> float:
    """Performance loss over time: mean of the first of four bins minus mean of the last.

    Bin edges are rounded positions 1..n, and neighbouring bins share a frame. The official toolkit
    keeps the edges in 8 bits, which wraps from 256 frames on: the bins are then empty (NaN) or lie
    elsewhere in the sequence (a wrong number). With `official` this is reproduced as NumPy 2
    computes it.

    Args:
        values: (frames,) float64.
        official: reproduce the overflow.

    Returns:
        The decay; NaN if a bin is empty, which happens with `official` only.
    """
    # Rounding half to even after adding 1e-10 is part of the definition.
    edges = np.round(np.linspace(1, values.size, DECAY_BINS + 1) + 1e-10).astype(np.int64) - 1
    first, last = edges[:2], edges[-2:]
    if official:
        first, last = first & _BYTE, last & _BYTE
    means = []
    for start, stop in (first, last):
        end = (stop + 1) & _BYTE if official else stop + 1
        members = values[start:end]
        means.append(float(np.mean(members)) if members.size else float("nan"))
    return means[0] - means[1]


def object_figures(
    region: NDArray[np.float64], boundary: NDArray[np.float64], *, official_decay: bool = False
) -> Figures:
    """The figures of one object from its J and F per evaluated frame."""
    j = statistics(region, official_decay=official_decay)
    f = statistics(boundary, official_decay=official_decay)
    return Figures((j.mean + f.mean) / 2, j.mean, j.recall, j.decay, f.mean, f.recall, f.decay)


def mean_figures(figures: Iterable[Figures]) -> Figures | None:
    """Mean over objects, every object counting the same; None if there are none.

    J&F is the mean of the two means, as in the official toolkit, not the mean of the objects' J&F.
    """
    members = list(figures)
    if not members:
        return None
    means = {
        field.name: float(np.mean([getattr(member, field.name) for member in members]))
        for field in fields(Figures)
    }
    return Figures(**{**means, "jf_mean": (means["j_mean"] + means["f_mean"]) / 2})
