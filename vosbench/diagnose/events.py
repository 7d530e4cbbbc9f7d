"""What happens to the objects of a clip, from the true masks alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.pairs import crossings, crowding
from vosbench.diagnose.runs import Run, runs
from vosbench.diagnose.shapes import Shape, change_of_shape
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds

__all__ = ["EVENT_KINDS", "Event", "EventKind", "find_events", "occluded_frames"]

EventKind: TypeAlias = Literal[
    "absent",
    "disappear",
    "reappear",
    "occlusion",
    "out-of-view",
    "contact",
    "crossing",
    "crowding",
    "fast-motion",
    "scale-change",
    "deformation",
]
"""- `absent`: no pixels, after its first appearance; strength 1.
- `disappear`, `reappear`: the frames on which that begins and ends; strength 1.
- `occlusion`: a quarter or more is hidden inside the frame; strength is the share lost.
- `out-of-view`: a quarter or more is beyond the frame edge; strength is the share lost.
- `contact`: it touches another object; strength is the share of the boundary.
- `crossing`: its box overlaps another's and the two change sides; strength is the overlap of boxes.
- `crowding`: boxes overlap (all objects of the frame together, object 0); strength is BOR.
- `fast-motion`: strength is the step as a share of the diagonal.
- `scale-change`: against its first frame; strength is |log2| of the ratio of box areas.
- `deformation`: from frame to frame; strength is 1 - IoU of the aligned masks.
"""
EVENT_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)


@dataclass(frozen=True)
class Event:
    """Something that happens to one object from `onset` to `end`, both included.

    Attributes:
        object_id: whom it happens to; 0 for all together.
        kind: what happens.
        onset: position among the annotated frames.
        end: position among the annotated frames.
        strength: the largest value in the interval; its unit is that of the kind.
        other: the second object, or 0.
    """

    object_id: int
    kind: EventKind
    onset: int
    end: int
    strength: float
    other: int = 0


@dataclass(frozen=True, eq=False)
class _Series:
    """One object over T annotated frames; NaN where it has no pixels."""

    visible: NDArray[np.bool_]
    shapes: Sequence[Shape | None]
    area: NDArray[np.float64]
    height: NDArray[np.float64]
    width: NDArray[np.float64]
    border: NDArray[np.float64]
    contact: NDArray[np.float64]


def find_events(
    frames: Sequence[Sequence[Shape | None]],
    object_ids: Sequence[int],
    size: tuple[int, int],
    *,
    limits: Thresholds = DEFAULTS,
) -> tuple[Event, ...]:
    """Find all events of a clip.

    Args:
        frames: T annotated frames of K shapes, from `measure_shapes`.
        object_ids: K ids.
        size: height and width of the frames, px.
        limits: thresholds.

    Returns:
        Events in order of object, onset and kind.
    """
    found: list[Event] = []
    for k, object_id in enumerate(object_ids):
        series = _series([shapes[k] for shapes in frames])
        if series.visible.any():
            found += _events_of(object_id, series, math.hypot(*size), limits)
    for crossing in crossings(frames, limits):
        one, two = object_ids[crossing.one], object_ids[crossing.two]
        for mine, other in ((one, two), (two, one)):
            run = crossing.run
            found.append(Event(mine, "crossing", run.onset, run.end, crossing.overlap, other))
    crowd = crowding(frames)
    for run in runs(crowd >= limits.crowding, gap=limits.join_gap):
        found.append(Event(0, "crowding", run.onset, run.end, _peak(crowd, run)))
    return tuple(sorted(found, key=lambda e: (e.object_id, e.onset, e.kind, e.other)))


def occluded_frames(
    shapes: Sequence[Shape | None], *, limits: Thresholds = DEFAULTS
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """On which of T annotated frames an object is occluded, and on which it is out of view."""
    series = _series(shapes)
    occluded, outside, _ = _hidden(series, limits)
    return occluded, outside


def _series(shapes: Sequence[Shape | None]) -> _Series:
    def column(name: str) -> NDArray[np.float64]:
        return np.array([math.nan if s is None else getattr(s, name) for s in shapes], np.float64)

    return _Series(
        visible=np.array([s is not None for s in shapes], np.bool_),
        shapes=shapes,
        area=column("area"),
        height=column("height"),
        width=column("width"),
        border=column("border"),
        contact=column("contact"),
    )


def _largest(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Largest value within `window` frames to either side, NaN counting as 0."""
    filled = np.nan_to_num(values)
    padded = np.pad(filled, window)
    views = np.lib.stride_tricks.sliding_window_view(padded, 2 * window + 1)
    return np.asarray(views.max(axis=1), np.float64)


def _hidden(
    series: _Series, limits: Thresholds
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Occluded, out of view, and the share lost against the largest area nearby (1 if absent)."""
    visible = series.visible
    ratio = np.where(visible, series.area, 0) / np.maximum(_largest(series.area, limits.window), 1)
    with np.errstate(invalid="ignore"):
        tall = np.log(series.height / np.maximum(_largest(series.height, limits.window), 1))
        wide = np.log(series.width / np.maximum(_largest(series.width, limits.window), 1))
        cut = np.abs(tall - wide) > limits.anisotropy
        at_border = series.border >= limits.border_share
        touching = series.contact > limits.contact_share
    shrunk = visible & (ratio < limits.area_ratio)
    occluded = shrunk & ~at_border & (cut | touching)
    outside = shrunk & at_border
    for gap in _gaps(visible):
        after = gap.end + 1
        by_border = at_border[gap.onset - 1] or (after < visible.size and at_border[after])
        (outside if by_border else occluded)[gap.onset : after] = True
    return occluded, outside, np.where(visible, 1 - ratio, 1.0)


def _gaps(visible: NDArray[np.bool_]) -> list[Run]:
    """Absences after the first appearance."""
    return [run for run in runs(~visible) if visible[: run.onset].any()]


def _peak(values: NDArray[np.float64], run: Run) -> float:
    return float(np.nanmax(values[run.onset : run.end + 1]))


def _events_of(
    object_id: int, series: _Series, diagonal: float, limits: Thresholds
) -> Iterable[Event]:
    found: list[Event] = []
    for gap in _gaps(series.visible):
        found.append(Event(object_id, "absent", gap.onset, gap.end, 1.0))
        found.append(Event(object_id, "disappear", gap.onset, gap.onset, 1.0))
        if gap.end + 1 < series.visible.size:
            found.append(Event(object_id, "reappear", gap.end + 1, gap.end + 1, 1.0))
    occluded, outside, lost = _hidden(series, limits)
    whole = series.visible & ~occluded & ~outside
    with np.errstate(invalid="ignore"):
        touching = series.contact > limits.contact_share
    steps = _steps(series.shapes) / diagonal
    scale = _scale(series, whole)
    change = _changes(series.shapes, whole, limits)
    low = abs(math.log2(limits.scale_ratio))
    kinds: tuple[tuple[EventKind, NDArray[np.bool_], NDArray[np.float64]], ...] = (
        ("occlusion", occluded, lost),
        ("out-of-view", outside, lost),
        ("contact", touching, series.contact),
        ("fast-motion", steps > limits.fast_step, steps),
        ("scale-change", scale > low, scale),
        ("deformation", change > limits.deformation, change),
    )
    for kind, happens, strength in kinds:
        for run in runs(happens, gap=limits.join_gap):
            found.append(Event(object_id, kind, run.onset, run.end, _peak(strength, run)))
    return found


def _steps(shapes: Sequence[Shape | None]) -> NDArray[np.float64]:
    """Distance that the centroid moved since the frame before, px; 0 where it is not known."""
    steps = np.zeros(len(shapes))
    for t in range(1, len(shapes)):
        one, two = shapes[t - 1], shapes[t]
        if one is not None and two is not None:
            steps[t] = math.dist(one.centre, two.centre)
    return steps


def _scale(series: _Series, whole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """|log2| of the box area against that of the first whole frame; 0 where it is not whole.

    Whole frames only, because an occlusion would pass for a change of scale.
    """
    boxes = np.nan_to_num(series.height * series.width)
    first = np.flatnonzero(whole)[:1]
    if not first.size:
        return np.zeros(boxes.size)
    return np.where(whole, np.abs(np.log2(np.maximum(boxes, 1) / boxes[first[0]])), 0.0)


def _changes(
    shapes: Sequence[Shape | None], whole: NDArray[np.bool_], limits: Thresholds
) -> NDArray[np.float64]:
    """Change of shape since the frame before; 0 where either is not whole or too small."""
    change = np.zeros(len(shapes))
    for t in range(1, len(shapes)):
        one, two = shapes[t - 1], shapes[t]
        if one is None or two is None or not (whole[t - 1] and whole[t]):
            continue
        if min(one.area, two.area) >= limits.deformation_area:
            change[t] = change_of_shape(one, two)
    return change
