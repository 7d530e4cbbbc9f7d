"""Latency, frames per second and their growth, from the durations of single frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ClipRate",
    "EarlyStopping",
    "Latency",
    "ObjectCost",
    "clip_rates",
    "early_stopping",
    "growth_per_100",
    "latency",
    "object_cost",
]

CLIP_LENGTHS: Final = (30, 70, 300)
"""Frames of a short clip, of DAVIS' mean sequence, and of a long one."""
_LEAST_FOR_GROWTH: Final = 20
_MOST_FOR_GROWTH: Final = 400


@dataclass(frozen=True)
class EarlyStopping:
    """An upper estimate of a percentile that a short measurement supports.

    Attributes:
        ms: the estimate, or None where there are too few frames for any.
        discarded: how many of the slowest frames were set aside.
        needed: frames that the least estimate needs.
    """

    ms: float | None
    discarded: int
    needed: int


def early_stopping(
    durations: ArrayLike, *, percentile: float = 0.9, confidence: float = 0.99
) -> EarlyStopping:
    """The early-stopping estimate of MLPerf Inference's scenario SingleStream.

    With n frames take the largest t >= 1 for which P(X <= t) <= 1 - confidence, X binomial with n
    draws of probability 1 - percentile; discard the t - 1 slowest frames and report the slowest of
    the rest (MLPerf Inference rules, appendix on early stopping, tolerance 0). The true percentile
    lies below it with at least that confidence, if frames are independent, which those of a video
    are in part only. The 90th percentile needs 64 frames, the 99th 662.

    Args:
        durations: ms of each frame.
        percentile: 0..1.
        confidence: 0..1.
    """
    from scipy.special import bdtr

    ms = np.sort(np.asarray(durations, np.float64))
    needed = 2
    while bdtr(1, needed, 1 - percentile) > 1 - confidence:
        needed += 1
    if len(ms) < needed:
        return EarlyStopping(None, 0, needed)
    counts = np.arange(1, len(ms))
    fitting = counts[bdtr(counts, len(ms), 1 - percentile) <= 1 - confidence]
    over = int(fitting[-1])
    return EarlyStopping(float(ms[len(ms) - over]), over - 1, needed)


@dataclass(frozen=True)
class Latency:
    """Times of single frames.

    Attributes:
        frames: how many.
        mean_ms: arithmetic mean.
        p50_ms: median.
        p90_ms: 90th percentile of these frames, interpolated.
        p99_ms: 99th percentile of these frames, interpolated.
        p90_bound: what a longer measurement's 90th percentile stays below.
        fps: 1000 / mean.
    """

    frames: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p90_bound: EarlyStopping
    fps: float


def latency(durations: ArrayLike) -> Latency | None:
    """Figures of frames that were measured one at a time, ms; None where there are none."""
    ms = np.asarray(durations, np.float64)
    if not len(ms):
        return None
    p50, p90, p99 = (float(value) for value in np.percentile(ms, [50, 90, 99]))
    mean = float(ms.mean())
    return Latency(
        frames=len(ms),
        mean_ms=mean,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p90_bound=early_stopping(ms),
        fps=1000.0 / max(mean, 1e-6),
    )


@dataclass(frozen=True)
class ClipRate:
    """Frames per second over a whole clip, the template's cost included.

    Attributes:
        frames: length N of the clip, its first frame counted.
        fps: N / (start + (N - 1) steps).
    """

    frames: int
    fps: float


def clip_rates(
    start_ms: float, step_ms: float, lengths: Sequence[int] = CLIP_LENGTHS
) -> tuple[ClipRate, ...]:
    """What a user sees of clips of several lengths.

    Args:
        start_ms: mean cost of the first frame.
        step_ms: mean cost of any other.
        lengths: frames N.
    """
    return tuple(
        ClipRate(frames, 1000.0 * frames / (start_ms + (frames - 1) * step_ms))
        for frames in lengths
    )


@dataclass(frozen=True)
class ObjectCost:
    """Cost of a frame as a line over the number of objects: a + b·n.

    Attributes:
        fixed_ms: a, what a frame costs before its first object.
        per_object_ms: b.
        medians: (objects, median ms, frames) that the line was fitted to.
        worst_residual: largest distance of a median from the line, as a share of that median. A
            large one says that the cost is no line, as with passes over batches of objects.
    """

    fixed_ms: float
    per_object_ms: float
    medians: tuple[tuple[int, float, int], ...]
    worst_residual: float


def object_cost(objects: ArrayLike, durations: ArrayLike) -> ObjectCost | None:
    """Least-squares line through the median at each number of objects; None below two numbers.

    Args:
        objects: how many the method followed, by frame; negative where unknown.
        durations: ms by frame.
    """
    count, ms = np.asarray(objects, np.int64), np.asarray(durations, np.float64)
    found = np.unique(count[count >= 0])
    if len(found) < 2:
        return None
    medians = tuple(
        (int(n), float(np.median(ms[count == n])), int((count == n).sum())) for n in found
    )
    x = np.array([n for n, _, _ in medians], np.float64)
    y = np.array([value for _, value, _ in medians])
    slope, fixed = np.polyfit(x, y, 1)
    residual = np.abs(y - (fixed + slope * x)) / np.where(y > 0, y, np.nan)
    return ObjectCost(float(fixed), float(slope), medians, float(np.nanmax(residual)))


def growth_per_100(values: ArrayLike) -> float | None:
    """Growth of a quantity along a clip, in its unit per 100 frames.

    The median of the slopes between all pairs of frames (Theil 1950, Sen 1968), which a few stalls
    do not move. Long clips are thinned to 400 frames first. None below 20 frames.

    Args:
        values: by frame in order; NaN where it was not read.
    """
    given: NDArray[np.float64] = np.asarray(values, np.float64)
    at = np.flatnonzero(np.isfinite(given)).astype(np.float64)
    if len(at) < _LEAST_FOR_GROWTH:
        return None
    if len(at) > _MOST_FOR_GROWTH:
        at = at[np.linspace(0, len(at) - 1, _MOST_FOR_GROWTH).astype(int)]
    value = given[at.astype(int)]
    first, second = np.triu_indices(len(at), 1)
    return float(np.median((value[second] - value[first]) / (at[second] - at[first])) * 100)
