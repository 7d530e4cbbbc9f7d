"""Which frames are worth looking at: the worst, but not six neighbours of one failure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vosbench.report.source import ObjectCurve

__all__ = ["APART", "PER_SEQUENCE", "Picture", "WorstFrame", "WorstView", "choose_worst"]

PER_SEQUENCE: Final = 2
APART: Final = 10


@dataclass(frozen=True)
class WorstFrame:
    """One object on one evaluated frame.

    Attributes:
        sequence: sequence name.
        object_id: id in the label maps.
        index: position of the frame in the sequence.
        frame: file stem of the frame.
        j: region similarity 0..1.
        f: boundary accuracy 0..1, NaN where undefined.
    """

    sequence: str
    object_id: int
    index: int
    frame: str
    j: float
    f: float


@dataclass(frozen=True)
class Picture:
    """An overlay on disk.

    Attributes:
        file: path relative to the report.
        width: px.
        height: px.
        shows: what it shows, for the text alternative.
    """

    file: str
    width: int
    height: int
    shows: str


@dataclass(frozen=True)
class WorstView:
    """A chosen frame with its overlays; `note` says what is missing and why."""

    worst: WorstFrame
    pictures: tuple[Picture, ...] = ()
    note: str = ""


def choose_worst(
    curves: Iterable[ObjectCurve],
    *,
    most: int = 6,
    per_sequence: int = PER_SEQUENCE,
    apart: int = APART,
) -> tuple[WorstFrame, ...]:
    """The object-frames with the lowest J, worst first.

    Ties go to the lower F, then to the earlier sequence name, frame and object: of a long loss at
    J = 0 the first frame is shown, which is where it begins. Object-frames without error (J = 1)
    or without a defined J are never chosen.

    Args:
        curves: evaluated frames of all objects.
        most: how many to choose at most.
        per_sequence: how many to choose at most from one sequence.
        apart: least distance in frames between two choices of one sequence.
    """
    candidates = sorted(
        (
            WorstFrame(curve.sequence, curve.object_id, int(index), frame, float(j), float(f))
            for curve in curves
            for index, frame, j, f in zip(curve.index, curve.frames, curve.j, curve.f, strict=True)
            if j < 1.0  # false for NaN too
        ),
        key=lambda one: (
            one.j,
            one.f if math.isfinite(one.f) else math.inf,
            one.sequence,
            one.index,
            one.object_id,
        ),
    )
    chosen: list[WorstFrame] = []
    taken: dict[str, list[int]] = {}
    for candidate in candidates:
        if len(chosen) >= most:
            break
        indices = taken.setdefault(candidate.sequence, [])
        if len(indices) < per_sequence and all(
            abs(candidate.index - index) >= apart for index in indices
        ):
            indices.append(candidate.index)
            chosen.append(candidate)
    return tuple(chosen)
