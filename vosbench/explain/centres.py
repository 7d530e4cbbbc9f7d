"""How far off the centre is: by how much of the object can be seen, and in one run against another.

The first needs the whole truth of a diagnostic clip; the second only two runs on the same data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic import ClipTruth, read_truth
from vosbench.diagnose import CENTRE_KINDS, mean_around, offset_error
from vosbench.explain.collect import SelfTold
from vosbench.explain.findings import ObjectFindings, SequenceFindings
from vosbench.explain.records import (
    CentreDifference,
    CentreDifferencePoint,
    MeanRecord,
    VisibilityRecord,
)
from vosbench.stats import cluster, robust_t_interval

__all__ = ["SeenFrame", "compare_centres", "seen_frames", "visibility_records"]

_CLASSES: Final = ((0.0, 0.0), (0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0), (1.0, 1.0))
"""Classes of visible share: hidden altogether, four quarters, and nothing hidden."""
_WHOLE: Final = 0.995
"""Visible share from which nothing counts as hidden; below it lie edge pixels."""


@dataclass(frozen=True)
class SeenFrame:
    """An object on a frame of a diagnostic clip; NaN where unknown.

    Attributes:
        sequence: name.
        visible: visible share of what of the object is inside the frame, 0..1.
        region: J.
        voted_error: from the voted centre to the centroid of what can be seen, / √(visible area).
        whole_error: from the voted centre to the centroid of the whole object inside the frame, as
            if nothing hid it, / √(that area).
        mask_error: from the centroid of the mask to that of what can be seen, / √(visible area).
    """

    sequence: str
    visible: float
    region: float
    voted_error: float
    whole_error: float
    mask_error: float


def seen_frames(found: SequenceFindings, told: SelfTold | None, root: Path) -> list[SeenFrame]:
    """Hold the centres of one clip of a diagnostic data set against its whole truth.

    Args:
        found: the findings about the clip.
        told: what the method told of itself.
        root: of the data set.

    Returns:
        Object-frames that count, but for those on which the object is out of the frame.

    Raises:
        InputError: the truth of the clip cannot be read.
    """
    truth = read_truth(root, found.sequence)
    rows = []
    for one in found.objects:
        k = one.object_id - 1
        for at in np.flatnonzero(one.evaluated).tolist():
            t = found.indices[at]
            if not truth.in_frame[t, k]:
                continue
            _, voted, mask = one.placement[at].tolist()
            rows.append(
                SeenFrame(
                    found.sequence,
                    float(truth.visible[t, k] / truth.in_frame[t, k]),
                    float(one.region[at]),
                    voted,
                    _whole_error(truth, t, k, (told or {}).get(found.frame_names[at], {})),
                    mask,
                )
            )
    return rows


def _whole_error(truth: ClipTruth, t: int, k: int, told: Mapping[int, object]) -> float:
    centre = getattr(told.get(k + 1), "centre", None)
    if centre is None:
        return math.nan
    rows, columns = np.nonzero(truth.amodal[t, k])
    whole = float(columns.mean()), float(rows.mean())
    return offset_error(centre, whole, rows.size)


def _class_of(visible: float) -> int:
    if visible <= 0:
        return 0
    return 5 if visible >= _WHOLE else 1 + min(int(4 * visible), 3)


def visibility_records(frames: Sequence[SeenFrame]) -> list[VisibilityRecord]:
    """Means by class of visible share, with 95 % bands by sequence; no record for an empty class.

    Args:
        frames: of all clips.
    """
    records = []
    for number in reversed(range(len(_CLASSES))):
        chosen = [f for f in frames if _class_of(f.visible) == number]
        if not chosen:
            continue
        lower, upper = _CLASSES[number]
        records.append(
            VisibilityRecord(
                visible_from=lower,
                visible_to=upper,
                object_frames=len(chosen),
                sequences=len({f.sequence for f in chosen}),
                j_mean=float(np.mean([f.region for f in chosen])),
                voted_error=_mean(chosen, lambda f: f.voted_error),
                whole_error=_mean(chosen, lambda f: f.whole_error),
                mask_error=_mean(chosen, lambda f: f.mask_error),
            )
        )
    return records


def _mean(frames: Sequence[SeenFrame], value: Callable[[SeenFrame], float]) -> MeanRecord | None:
    known = [(value(f), f.sequence) for f in frames if math.isfinite(value(f))]
    if not known:
        return None
    clusters = cluster(np.array([v for v, _ in known]), [name for _, name in known])
    band = robust_t_interval(clusters)
    low = None if band.low is None else max(band.low, 0.0)
    return MeanRecord(mean=clusters.mean, low=low, high=band.high, frames=len(known))


def compare_centres(
    baseline: Sequence[SequenceFindings], candidate: Sequence[SequenceFindings]
) -> list[CentreDifference]:
    """Errors of the centre around onsets, in two runs on the same data, and their difference.

    Only frames on which both are known count, so that the difference is of the same frames; its
    95 % band is by sequence.
    """
    pairs = [
        (found, one, two)
        for found, one, two in _pairs(baseline, candidate)
        if one.placement.shape == two.placement.shape
    ]
    records = []
    for kind in CENTRE_KINDS:
        for of, column in (("voted", 1), ("mask", 2)):
            first, second, change = [], [], []
            for found, one, two in pairs:
                onsets = [
                    e.onset for e in found.events if e.kind == kind and e.object_id == one.object_id
                ]
                a, b = one.placement[:, column], two.placement[:, column]
                known = np.where(np.isfinite(a) & np.isfinite(b), 1.0, np.nan)
                first.append((found.sequence, a * known, onsets))
                second.append((found.sequence, b * known, onsets))
                change.append((found.sequence, b - a, onsets))
            points = _points(first, second, change)
            if points:
                records.append(CentreDifference(kind=kind, of=of, points=points))
    return records


def _pairs(
    one: Sequence[SequenceFindings], two: Sequence[SequenceFindings]
) -> list[tuple[SequenceFindings, ObjectFindings, ObjectFindings]]:
    others = {(f.sequence, o.object_id): o for f in two for o in f.objects}
    return [
        (found, mine, others[found.sequence, mine.object_id])
        for found in one
        for mine in found.objects
        if (found.sequence, mine.object_id) in others
    ]


_Series = Sequence[tuple[str, NDArray[np.float64], Sequence[int]]]


def _points(first: _Series, second: _Series, change: _Series) -> list[CentreDifferencePoint]:
    return [
        CentreDifferencePoint(
            offset=c.offset,
            baseline=a.mean,
            candidate=b.mean,
            difference=c.mean,
            low=c.low,
            high=c.high,
            events=c.events,
        )
        for a, b, c in zip(
            mean_around(first),
            mean_around(second),
            mean_around(change, lowest=None),
            strict=True,
        )
    ]
