"""What the frames of one sequence show together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose import (
    CONTOUR_PARTS,
    TERMS,
    Cause,
    Event,
    Failure,
    FrameLoss,
    FrameOverlap,
    IdentityEvent,
    Lag,
    Motion,
    Shape,
    Thresholds,
    find_cause,
    find_events,
    find_failures,
    find_identity_events,
    find_lag,
    frozen_frames,
    leaks,
    stack_overlaps,
)
from vosbench.evaluate import SequenceScore
from vosbench.types import Sequence as Clip

__all__ = ["ExaminedFrame", "ObjectFindings", "Placement", "SequenceFindings", "conclude"]


@dataclass(frozen=True)
class Placement:
    """Where one visible object was looked for and found on one frame; NaN where unknown.

    Attributes:
        clipped: share of the true object outside of the method's window, 0..1.
        voted_error: distance of the centre that the method voted for to the true centroid, / √A.
        mask_error: distance of the centroid of its mask to the true centroid, / √A.
    """

    clipped: float
    voted_error: float
    mask_error: float


_UNKNOWN: Final = Placement(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class ObjectFindings:
    """What was found about one object. T annotated frames.

    Attributes:
        object_id: id.
        evaluated: (T,) whether the protocol counts the frame.
        region: (T,) J, NaN where it does not count.
        terms: T×9, columns as in `TERMS`, 0 where it does not count.
        other: (T,) the other object to blame, or 0.
        contour: T×4, columns as in `CONTOUR_PARTS`, 0 where it does not count.
        areas: T×2 px, predicted and true; 0 where it does not count.
        failures: positions among annotated frames.
        lag: over all frames, or None where no frame can tell.
        lag_by_speed: the same by quartile of the truth's change from frame to frame, slow first.
        flicker: mean over frames of the mask's change from frame to frame minus that of the truth,
            or None.
        jitter: mean |ΔJ| between consecutive frames, or None.
        placement: T×3, columns as in `Placement`.
        cause: main cause of the loss.
        seen: whether it counts in the half of seen categories; None where the protocol averages
            over all objects at once.
    """

    object_id: int
    evaluated: NDArray[np.bool_]
    region: NDArray[np.float64]
    terms: NDArray[np.float64]
    other: NDArray[np.int64]
    contour: NDArray[np.float64]
    areas: NDArray[np.int64]
    failures: tuple[Failure, ...]
    lag: Lag | None
    lag_by_speed: tuple[Lag | None, ...]
    flicker: float | None
    jitter: float | None
    placement: NDArray[np.float64]
    cause: Cause
    seen: bool | None

    @property
    def frames(self) -> int:
        """How many frames count."""
        return int(self.evaluated.sum())

    @property
    def mean_terms(self) -> NDArray[np.float64]:
        """Mean over the frames that count, (9,)."""
        means: NDArray[np.float64] = self.terms[self.evaluated].mean(axis=0)
        return means

    @property
    def mean_contour(self) -> NDArray[np.float64]:
        """Mean over the frames that count, (4,)."""
        means: NDArray[np.float64] = self.contour[self.evaluated].mean(axis=0)
        return means

    @property
    def mean_region(self) -> float:
        """J-Mean of the object."""
        return float(self.region[self.evaluated].mean())


@dataclass(frozen=True, eq=False)
class SequenceFindings:
    """What was found about a sequence.

    Attributes:
        sequence: name.
        frame_names: of the T annotated frames.
        indices: positions of the annotated frames in the sequence.
        objects: those that the protocol counts.
        events: positions among annotated frames.
        identity: positions among annotated frames.
        leaks: K×K share of each true object (column) under each mask (row); NaN where never there.
    """

    sequence: str
    frame_names: tuple[str, ...]
    indices: tuple[int, ...]
    objects: tuple[ObjectFindings, ...]
    events: tuple[Event, ...]
    identity: tuple[IdentityEvent, ...]
    leaks: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExaminedFrame:
    """One annotated frame; all but the shapes where the frame counts.

    `loss` is of `overlap.ids`, `placements` of the visible ones among them.
    """

    shapes: dict[int, Shape | None]
    overlap: FrameOverlap | None = None
    loss: FrameLoss | None = None
    placements: Mapping[int, Placement] = field(default_factory=dict)


def conclude(
    clip: Clip,
    frames: Sequence[ExaminedFrame],
    motions: Mapping[int, Motion],
    score: SequenceScore,
    *,
    limits: Thresholds,
) -> SequenceFindings:
    """Find what only a whole sequence shows.

    Args:
        clip: the sequence.
        frames: its annotated frames.
        motions: by object id, each of one object.
        score: which objects and frames count.
        limits: thresholds.
    """
    annotated = [k for k, frame in enumerate(clip.frames) if frame.annotation is not None]
    ids = score.object_ids
    shapes = [tuple(frame.shapes.get(one) for one in ids) for frame in frames]
    seen = [(at, frame.overlap) for at, frame in enumerate(frames) if frame.overlap is not None]
    tables = stack_overlaps([overlap for _, overlap in seen], ids)
    places = [at for at, _ in seen]
    identity = tuple(
        IdentityEvent(e.object_id, e.other, e.kind, places[e.onset], places[e.end], e.strength)
        for e in find_identity_events(tables, ids, limits=limits)
    )
    halves = score.protocol.halves != "none"
    objects = tuple(
        _object(
            one,
            score.evaluated[k, annotated],
            score.areas[k, annotated],
            frames=frames,
            motion=motions.get(one),
            identity=[e for e in identity if one in (e.object_id, e.other)],
            seen=one in score.seen_ids if halves else None,
            limits=limits,
        )
        for k, one in enumerate(ids)
    )
    return SequenceFindings(
        sequence=clip.name,
        frame_names=tuple(clip.frames[index].name for index in annotated),
        indices=tuple(annotated),
        objects=objects,
        events=find_events(shapes, ids, (clip.height, clip.width), limits=limits),
        identity=identity,
        leaks=leaks(tables),
    )


def _object(
    object_id: int,
    evaluated: NDArray[np.bool_],
    areas: NDArray[np.int64],
    *,
    frames: Sequence[ExaminedFrame],
    motion: Motion | None,
    identity: Sequence[IdentityEvent],
    seen: bool | None,
    limits: Thresholds,
) -> ObjectFindings:
    region = np.where(evaluated, 1.0, np.nan)
    terms = np.zeros((len(frames), len(TERMS)))
    other = np.zeros(len(frames), np.int64)
    contour = np.zeros((len(frames), len(CONTOUR_PARTS)))
    for at in np.flatnonzero(evaluated).tolist():
        overlap, loss = frames[at].overlap, frames[at].loss
        if overlap is not None and loss is not None and object_id in overlap.ids:
            k = overlap.ids.index(object_id)
            region[at], terms[at], other[at] = loss.region[k], loss.terms[k], loss.other[k]
            contour[at] = loss.contour[k]
    placed = [frame.placements.get(object_id, _UNKNOWN) for frame in frames]
    placement = np.array([[p.clipped, p.voted_error, p.mask_error] for p in placed], np.float64)
    placement[~evaluated] = np.nan
    counted = np.flatnonzero(evaluated)
    failures = tuple(
        Failure(
            int(counted[f.onset]),
            None if f.recovery is None else int(counted[f.recovery]),
            f.lost,
            f.lowest,
        )
        for f in find_failures(region[evaluated], limits=limits)
    )
    frozen = np.zeros(len(frames), np.bool_)
    lag: Lag | None = None
    by_speed: tuple[Lag | None, ...] = ()
    flicker: float | None = None
    if motion is not None:
        mine, true = motion.predicted_change[0], motion.true_change[0]
        frozen = frozen_frames(mine, true, limits=limits)
        lag = find_lag(motion.past[0])
        by_speed = _lag_by_speed(motion.past[0], true)
        both = np.isfinite(mine) & np.isfinite(true) & evaluated
        flicker = float((mine - true)[both].mean()) if both.any() else None
    steps = np.abs(np.diff(region[evaluated]))
    cause = find_cause(
        terms[evaluated],
        lag=lag,
        frozen=frozen[evaluated],
        swapped=_during("swap", identity, len(frames))[evaluated],
        merged=_during("merge", identity, len(frames))[evaluated],
        contour=contour[evaluated],
        centre_error=_mean(placement[:, 2]),
        limits=limits,
    )
    return ObjectFindings(
        object_id=object_id,
        evaluated=evaluated,
        region=region,
        terms=terms,
        other=other,
        contour=contour,
        areas=areas,
        failures=failures,
        lag=lag,
        lag_by_speed=by_speed,
        flicker=flicker,
        jitter=float(steps.mean()) if steps.size else None,
        placement=placement,
        cause=cause,
        seen=seen,
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _during(kind: str, events: Sequence[IdentityEvent], frames: int) -> NDArray[np.bool_]:
    during = np.zeros(frames, np.bool_)
    for event in events:
        if event.kind == kind:
            during[event.onset : event.end + 1] = True
    return during


def _lag_by_speed(past: NDArray[np.float64], change: NDArray[np.float64]) -> tuple[Lag | None, ...]:
    """The lag within each quartile of the truth's change."""
    known = np.isfinite(change)
    if not known.any():
        return ()
    edges = np.quantile(change[known], (0.25, 0.5, 0.75))
    quartile = np.where(known, np.searchsorted(edges, np.nan_to_num(change)), -1)
    return tuple(find_lag(past, quartile == q) for q in range(4))
