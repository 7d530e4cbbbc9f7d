"""Event study: mean J around the onset of events, and how much likelier a failure is after one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.events import Event, EventKind
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.diagnose.tracks import Failure
from vosbench.stats import cluster, robust_t_interval

__all__ = [
    "AFTER",
    "BEFORE",
    "CENTRE_KINDS",
    "EventCurve",
    "ObjectTrack",
    "StudyPoint",
    "mean_around",
    "study",
]

BEFORE: Final = 10
AFTER: Final = 30
CENTRE_KINDS: Final[tuple[EventKind, ...]] = (
    "occlusion",
    "out-of-view",
    "reappear",
    "crossing",
    "fast-motion",
)
"""Events around which the error of the centre is told."""


@dataclass(frozen=True, eq=False)
class ObjectTrack:
    """What the study needs of one object, over the T annotated frames of its sequence.

    Attributes:
        sequence: name.
        object_id: id.
        region: (T,) J, NaN where it does not count.
        events: of the object, and those of all objects together.
        failures: from `find_failures`, positions among the T frames.
    """

    sequence: str
    object_id: int
    region: NDArray[np.float64]
    events: Sequence[Event]
    failures: Sequence[Failure]


@dataclass(frozen=True)
class StudyPoint:
    """Mean so many annotated frames after the onset; ends are None with too few sequences."""

    offset: int
    mean: float
    low: float | None
    high: float | None
    events: int


@dataclass(frozen=True)
class EventCurve:
    """How J runs around one kind of event.

    Attributes:
        kind: of event.
        events: onsets, each with the object it happens to.
        sequences: in how many sequences.
        points: offsets from -10 to 30 that any onset has.
        at_risk: onsets at which the object was still followed, so that it could fail.
        failures: those of them with a failure within 5 frames.
        lift: that share over the same share of frames without the event on which the object was
            followed; None where either is undefined or the latter is 0.
    """

    kind: EventKind
    events: int
    sequences: int
    points: tuple[StudyPoint, ...]
    at_risk: int
    failures: int
    lift: float | None


def study(
    tracks: Sequence[ObjectTrack],
    kinds: Iterable[EventKind],
    *,
    limits: Thresholds = DEFAULTS,
) -> tuple[EventCurve, ...]:
    """Curves of the kinds of events that occur.

    Bands are 95 % cluster-robust t intervals with the sequence as the sampled unit.
    """
    curves = (_curve(tracks, kind, limits) for kind in kinds)
    return tuple(curve for curve in curves if curve is not None)


def _curve(tracks: Sequence[ObjectTrack], kind: EventKind, limits: Thresholds) -> EventCurve | None:
    windows: list[NDArray[np.float64]] = []
    names: list[str] = []
    exposed = hits = quiet = quiet_hits = 0
    for track in tracks:
        padded = np.pad(track.region, (BEFORE, AFTER), constant_values=np.nan)
        events = [event for event in track.events if event.kind == kind]
        near = _before_failures(track, limits.event_reach)
        followed = _followed(track)
        calm = followed & np.isfinite(track.region)
        for event in events:
            windows.append(padded[event.onset : event.onset + BEFORE + AFTER + 1])
            names.append(track.sequence)
            exposed += bool(followed[event.onset])
            hits += bool(followed[event.onset] and near[event.onset])
            calm[event.onset : event.end + 1] = False
        quiet += int(calm.sum())
        quiet_hits += int(near[calm].sum())
    if not windows:
        return None
    points = _points(np.stack(windows), names, lowest=0.0, highest=1.0)
    lift = (hits / exposed) / (quiet_hits / quiet) if exposed and quiet_hits else None
    return EventCurve(kind, len(windows), len(set(names)), points, exposed, hits, lift)


def _before_failures(track: ObjectTrack, reach: int) -> NDArray[np.bool_]:
    """Frames after which, or on which, a failure begins within `reach` frames."""
    near = np.zeros(track.region.size, np.bool_)
    for failure in track.failures:
        near[max(failure.onset - reach, 0) : failure.onset + 1] = True
    return near


def _followed(track: ObjectTrack) -> NDArray[np.bool_]:
    """Frames on which a failure can begin: those after one and before the recovery cannot."""
    followed = np.ones(track.region.size, np.bool_)
    for failure in track.failures:
        followed[failure.onset + 1 : failure.recovery] = False
    return followed


def mean_around(
    series: Sequence[tuple[str, NDArray[np.float64], Sequence[int]]],
    *,
    lowest: float | None = 0.0,
) -> tuple[StudyPoint, ...]:
    """Mean of any series of values around onsets, as `study` does it for J.

    Args:
        series: of each object the name of its sequence, (T,) values over annotated frames with NaN
            where unknown, and the positions of the onsets.
        lowest: value that there can be, where a band ends; None where there is none.

    Returns:
        Offsets from -10 to 30 that any onset has.
    """
    windows, names = [], []
    for sequence, values, onsets in series:
        padded = np.pad(values, (BEFORE, AFTER), constant_values=np.nan)
        windows += [padded[onset : onset + BEFORE + AFTER + 1] for onset in onsets]
        names += [sequence] * len(onsets)
    return _points(np.stack(windows), names, lowest=lowest, highest=None) if windows else ()


def _points(
    windows: NDArray[np.float64],
    names: Sequence[str],
    *,
    lowest: float | None,
    highest: float | None,
) -> tuple[StudyPoint, ...]:
    points = []
    for column in range(windows.shape[1]):
        values = windows[:, column]
        known = np.isfinite(values)
        if not known.any():
            continue
        clusters = cluster(values[known], [n for n, k in zip(names, known, strict=True) if k])
        band = robust_t_interval(clusters)
        low, high = band.low, band.high
        if low is not None and lowest is not None:
            low = max(lowest, low)
        if high is not None and highest is not None:
            high = min(highest, high)
        points.append(StudyPoint(column - BEFORE, clusters.mean, low, high, int(known.sum())))
    return tuple(points)
