"""Objects that meet: crossings of two, and crowding of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.runs import Run, runs
from vosbench.diagnose.shapes import Shape
from vosbench.diagnose.thresholds import Thresholds

__all__ = ["Crossing", "crossings", "crowding"]

_Frames = Sequence[Sequence[Shape | None]]


@dataclass(frozen=True)
class Crossing:
    """Two objects whose boxes overlap and that change sides.

    Attributes:
        one: position of the first object in the list of shapes.
        two: position of the second.
        run: annotated frames on which the boxes overlap.
        overlap: the largest share of the smaller box, 0..1.
    """

    one: int
    two: int
    run: Run
    overlap: float


def crossings(frames: _Frames, limits: Thresholds) -> list[Crossing]:
    """Find the crossings of all pairs over T annotated frames of K shapes.

    Boxes overlap, and the order of the two centroids along the line that joins them is another
    within `window` frames after the overlap begins than within `window` frames before it ends.
    """
    found = []
    for one, two in combinations(range(len(frames[0]) if frames else 0), 2):
        overlap = np.array([_box_overlap(shapes[one], shapes[two]) for shapes in frames])
        # one of the two may be hidden entirely in the middle of a crossing
        hidden = np.array([shapes[one] is None or shapes[two] is None for shapes in frames])
        for run in runs(overlap > 0, gap=limits.join_gap + _longest(hidden)):
            start, stop = max(run.onset - limits.window, 0), run.end + limits.window + 1
            before = _apart(frames[start : run.end + 1], one, two, limits)
            after = _apart(frames[run.onset : stop], one, two, limits)
            if before and after and _opposite(before[0], after[-1]):
                peak = float(overlap[run.onset : run.end + 1].max())
                found.append(Crossing(one, two, run, peak))
    return found


def _longest(hidden: NDArray[np.bool_]) -> int:
    return max((run.length for run in runs(hidden)), default=0)


def _box_overlap(one: Shape | None, two: Shape | None) -> float:
    if one is None or two is None:
        return 0.0
    shared = _shared(one, two)
    return shared / min(one.width * one.height, two.width * two.height)


def _shared(one: Shape, two: Shape) -> int:
    width = min(one.box[2], two.box[2]) - max(one.box[0], two.box[0])
    height = min(one.box[3], two.box[3]) - max(one.box[1], two.box[1])
    return max(width, 0) * max(height, 0)


def _apart(frames: _Frames, one: int, two: int, limits: Thresholds) -> list[tuple[float, float]]:
    """Vectors from one centroid to the other, on frames where they are far enough for an order."""
    vectors = []
    for shapes in frames:
        a, b = shapes[one], shapes[two]
        if a is None or b is None:
            continue
        vector = (b.centre[0] - a.centre[0], b.centre[1] - a.centre[1])
        if math.hypot(*vector) >= limits.crossing_distance * math.sqrt(min(a.area, b.area)):
            vectors.append(vector)
    return vectors


def _opposite(one: tuple[float, float], two: tuple[float, float]) -> bool:
    return one[0] * two[0] + one[1] * two[1] < 0


def crowding(frames: _Frames) -> NDArray[np.float64]:
    """BOR of T annotated frames: |∪_{i<j} B_i ∩ B_j| / |∪_i B_i| over the boxes B (OVIS).

    It can be near 0 in heavy occlusion, when little of an object is left to have a box; contact is
    the measure by masks that goes with it.
    """
    return np.array([_box_overlap_rate([s for s in shapes if s is not None]) for shapes in frames])


def _box_overlap_rate(shapes: Sequence[Shape]) -> float:
    if len(shapes) < 2:
        return 0.0
    # between two neighbouring edges nothing changes, so the plane falls into few rectangles
    xs = sorted({x for s in shapes for x in (s.box[0], s.box[2])})
    ys = sorted({y for s in shapes for y in (s.box[1], s.box[3])})
    covered = np.zeros((len(ys) - 1, len(xs) - 1), np.int64)
    for s in shapes:
        rows = slice(ys.index(s.box[1]), ys.index(s.box[3]))
        covered[rows, xs.index(s.box[0]) : xs.index(s.box[2])] += 1
    areas = np.diff(ys)[:, None] * np.diff(xs)[None, :]
    return float((areas * (covered > 1)).sum() / (areas * (covered > 0)).sum())
