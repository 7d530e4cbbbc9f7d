"""From the findings about sequences to the record and the table of a whole set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic import Dose
from vosbench.diagnose import (
    CENTRE_KINDS,
    CONTOUR_PARTS,
    EVENT_KINDS,
    TERMS,
    Event,
    Failure,
    IdentityEvent,
    Lag,
    ObjectTrack,
    Thresholds,
    dominant_group,
    lifetime,
    mean_around,
    study,
    survival,
)
from vosbench.explain.attribute_frames import ATTRIBUTE_COLUMNS, UNDEFINED, attribute_cells
from vosbench.explain.attributes import ExaminedAttributes
from vosbench.explain.centres import SeenFrame, visibility_records
from vosbench.explain.doses import dose_records
from vosbench.explain.event_losses import event_losses
from vosbench.explain.findings import ObjectFindings, SequenceFindings
from vosbench.explain.records import (
    DIAGNOSIS_COLUMNS,
    CentreCurveRecord,
    ContourRecord,
    CurveRecord,
    DiagnosisRecord,
    EventRecord,
    FailureSpan,
    LagRecord,
    LossRecord,
    ObjectRecord,
    OverlapRecord,
    PlacementRecord,
    PointRecord,
    SurvivalRecord,
)
from vosbench.explain.weights import object_weights

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Diagnosis", "Origin", "build_diagnosis"]

_CLIPPED: Final = 0.1
_PLACEMENT_COLUMNS: Final = ("clipped", "voted_error", "mask_error")


@dataclass(frozen=True)
class Origin:
    """Where the masks are from: path, method reference, and the data and rules they are held to."""

    path: str
    method: str
    dataset: str
    split: str
    protocol: str


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A diagnosis of a set.

    Attributes:
        record: what is stored as `diagnosis.json`.
        findings: all that is known of each sequence.
        written: files that it was left in.
        attributes: of the objects, by sequence; None where they were not asked for.
    """

    record: DiagnosisRecord
    findings: tuple[SequenceFindings, ...]
    written: tuple[Path, ...] = ()
    attributes: Mapping[str, ExaminedAttributes] | None = None

    @cached_property
    def frames(self) -> pd.DataFrame:
        """One row per object-frame that counts, columns `DIAGNOSIS_COLUMNS`.

        `ATTRIBUTE_COLUMNS` follow where attributes were asked for.
        """
        import pandas as pd

        rows = [row for found in self.findings for row in _rows(found)]
        table = pd.DataFrame(rows, columns=list(DIAGNOSIS_COLUMNS))
        texts = dict.fromkeys(("sequence", "frame", "events"), "str")
        floats = dict.fromkeys(("J", *TERMS, *_PLACEMENT_COLUMNS, *CONTOUR_PARTS), "float64")
        rest = set(DIAGNOSIS_COLUMNS) - set(texts) - set(floats)
        table = table.astype({**texts, **floats, **dict.fromkeys(rest, "int64")})
        if self.attributes is None:
            return table
        cells = pd.DataFrame(
            [
                attribute_cells(self.attributes[found.sequence].frames[one.object_id], at)
                for found in self.findings
                for one in found.objects
                for at in np.flatnonzero(one.evaluated).tolist()
            ],
            columns=list(ATTRIBUTE_COLUMNS),
        ).astype(dict.fromkeys(ATTRIBUTE_COLUMNS, "boolean") | {UNDEFINED: "str"})
        return table.join(cells)


def build_diagnosis(
    findings: Sequence[SequenceFindings],
    origin: Origin,
    *,
    undiagnosed: Mapping[str, str],
    limits: Thresholds,
    overlap: OverlapRecord | None = None,
    doses: Mapping[str, tuple[str, Dose]] | None = None,
    seen: Sequence[SeenFrame] = (),
    notes: Sequence[str] = (),
) -> Diagnosis:
    """Put sequences together.

    The set's loss is averaged as J-Mean is, over frames and then over objects (or over halves of
    objects, where the protocol says so), so the terms sum to 1 - J-Mean.
    `notes` say what is not in the diagnosis and how to get it.
    """
    objects = [_object_record(found, one) for found in findings for one in found.objects]
    means = [one.mean_terms for found in findings for one in found.objects]
    regions = [one.mean_region for found in findings for one in found.objects]
    contours = [one.mean_contour for found in findings for one in found.objects]
    sequences = {found.sequence: _sequence_loss(found) for found in findings}
    record = DiagnosisRecord(
        **_fields(_loss(regions, means, contours, object_weights([o.seen for o in objects]))),
        **asdict(origin),
        sequences=sequences,
        objects=objects,
        events=[_event_record(found, event) for found in findings for event in found.events],
        identity=[_event_record(found, event) for found in findings for event in found.identity],
        survival=[
            SurvivalRecord(**asdict(step))
            for step in survival(
                [
                    lifetime(_in_counted(one), one.frames)
                    for found in findings
                    for one in found.objects
                ]
            )
        ],
        curves=_curves(findings, limits),
        event_losses=event_losses(findings),
        placement=_placement([one.placement for f in findings for one in f.objects]),
        visibility=visibility_records(seen),
        centre_curves=_centre_curves(findings),
        overlap=overlap,
        restarts=None,
        attributes=None,
        doses=dose_records(
            {found.sequence: _seen_region(found) for found in findings}, doses or {}
        ),
        undiagnosed=dict(undiagnosed),
        limits=list(notes),
        thresholds={name: float(value) for name, value in asdict(limits).items()},
    )
    return Diagnosis(record, tuple(findings))


def _loss(
    regions: Sequence[float],
    means: Sequence[NDArray[np.float64]],
    contours: Sequence[NDArray[np.float64]],
    weights: NDArray[np.float64],
) -> LossRecord:
    terms = weights @ np.stack(means)
    parts = dict(zip(CONTOUR_PARTS, (weights @ np.stack(contours)).tolist(), strict=True))
    rims = parts["thin"] + parts["miss_rim"] + parts["extra_rim"]
    region = float(weights @ np.asarray(regions))
    return LossRecord(
        j_mean=region,
        loss=1.0 - region,
        terms=dict(zip(TERMS, terms.tolist(), strict=True)),
        dominant=dominant_group(terms),
        contour=ContourRecord(along=max(float(terms[TERMS.index("boundary")]) - rims, 0), **parts),
    )


def _fields(record: LossRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in LossRecord.model_fields}


def _sequence_loss(found: SequenceFindings) -> LossRecord:
    return _loss(
        [one.mean_region for one in found.objects],
        [one.mean_terms for one in found.objects],
        [one.mean_contour for one in found.objects],
        # a sequence's own figures are over all of its objects
        object_weights([None] * len(found.objects)),
    )


def _seen_region(found: SequenceFindings) -> float:
    """J over frames on which an object can be seen: an empty mask of what is hidden is no feat."""
    means = []
    for one in found.objects:
        seen = one.evaluated & (one.areas[:, 1] > 0)
        if seen.any():
            means.append(float(one.region[seen].mean()))
    return float(np.mean(means)) if means else 1.0


def _object_record(found: SequenceFindings, one: ObjectFindings) -> ObjectRecord:
    life = lifetime(_in_counted(one), one.frames)
    ids = [member.object_id for member in found.objects]
    shares = found.leaks[ids.index(one.object_id)]
    return ObjectRecord(
        **_fields(
            _loss([one.mean_region], [one.mean_terms], [one.mean_contour], object_weights([None]))
        ),
        sequence=found.sequence,
        object_id=one.object_id,
        seen=one.seen,
        evaluated_frames=one.frames,
        cause=one.cause,
        failures=[
            FailureSpan(
                onset=found.frame_names[f.onset],
                onset_index=found.indices[f.onset],
                recovery=None if f.recovery is None else found.frame_names[f.recovery],
                frames_to_recover=None if f.recovery is None else f.recovery - f.onset,
                lost=f.lost,
                lowest=f.lowest,
            )
            for f in one.failures
        ],
        followed=life.frames,
        failed=life.failed,
        lag=_lag_record(one.lag),
        lag_by_speed=[_lag_record(lag) for lag in one.lag_by_speed],
        jitter=one.jitter,
        flicker=one.flicker,
        placement=_placement([one.placement]),
        leaks_to={
            str(other): float(share)
            for other, share in zip(ids, shares.tolist(), strict=True)
            if other != one.object_id and share > 0
        },
    )


def _in_counted(one: ObjectFindings) -> list[Failure]:
    """Failures with positions among the frames that count."""
    place = np.cumsum(one.evaluated) - 1
    return [Failure(int(place[f.onset]), None, f.lost, f.lowest) for f in one.failures]


def _lag_record(lag: Lag | None) -> LagRecord | None:
    return None if lag is None else LagRecord(**asdict(lag))


def _event_record(found: SequenceFindings, event: Event | IdentityEvent) -> EventRecord:
    return EventRecord(
        sequence=found.sequence,
        object_id=event.object_id,
        other=event.other,
        kind=event.kind,
        onset=found.frame_names[event.onset],
        onset_index=found.indices[event.onset],
        end=found.frame_names[event.end],
        end_index=found.indices[event.end],
        strength=event.strength,
    )


def _curves(findings: Sequence[SequenceFindings], limits: Thresholds) -> list[CurveRecord]:
    tracks = [
        ObjectTrack(
            found.sequence,
            one.object_id,
            one.region,
            [e for e in found.events if e.object_id in (0, one.object_id)],
            one.failures,
        )
        for found in findings
        for one in found.objects
    ]
    return [
        CurveRecord(
            kind=curve.kind,
            events=curve.events,
            sequences=curve.sequences,
            at_risk=curve.at_risk,
            failures=curve.failures,
            lift=curve.lift,
            points=[PointRecord(**asdict(point)) for point in curve.points],
        )
        for curve in study(tracks, EVENT_KINDS, limits=limits)
    ]


def _placement(parts: Sequence[NDArray[np.float64]]) -> PlacementRecord:
    clipped, voted, mask = (column[np.isfinite(column)] for column in np.concatenate(parts).T)

    def mean(values: NDArray[np.floating] | NDArray[np.bool_]) -> float | None:
        return float(values.mean()) if values.size else None

    return PlacementRecord(
        clipped=mean(clipped),
        clipped_frames=mean(clipped >= _CLIPPED),
        voted_error=mean(voted),
        mask_error=mean(mask),
    )


def _centre_curves(findings: Sequence[SequenceFindings]) -> list[CentreCurveRecord]:
    curves = []
    for kind in CENTRE_KINDS:
        for of, column in (("voted", 1), ("mask", 2)):
            series = [
                (
                    found.sequence,
                    one.placement[:, column],
                    [
                        e.onset
                        for e in found.events
                        if e.kind == kind and e.object_id == one.object_id
                    ],
                )
                for found in findings
                for one in found.objects
            ]
            points = [PointRecord(**asdict(point)) for point in mean_around(series)]
            if points:
                curves.append(CentreCurveRecord(kind=kind, of=of, points=points))
    return curves


def _rows(found: SequenceFindings) -> Iterable[tuple[object, ...]]:
    for one in found.objects:
        kinds: list[set[str]] = [set() for _ in found.frame_names]
        for event in found.events:
            if event.object_id in (0, one.object_id):
                for at in range(event.onset, event.end + 1):
                    kinds[at].add(event.kind)
        for at in np.flatnonzero(one.evaluated).tolist():
            yield (
                found.sequence,
                one.object_id,
                found.indices[at],
                found.frame_names[at],
                one.region[at],
                *one.terms[at].tolist(),
                one.other[at],
                *one.areas[at].tolist(),
                *one.placement[at].tolist(),
                " ".join(sorted(kinds[at])),
                *one.contour[at].tolist(),
            )
