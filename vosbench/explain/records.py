"""What `diagnosis.json` holds and `vosbench diagnose --json` prints.

J, losses and terms are 0..1; undefined numbers are null. Frames are named by their file stems, and
`index` counts all frames of the sequence from 0. Durations count annotated frames.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from vosbench.store.schema import Record

__all__ = [
    "DIAGNOSIS_COLUMNS",
    "DIAGNOSIS_SCHEMA_VERSION",
    "CurveRecord",
    "DiagnosisRecord",
    "DifferenceRecord",
    "EventRecord",
    "FailureSpan",
    "LagRecord",
    "LossRecord",
    "ObjectDifference",
    "ObjectRecord",
    "PointRecord",
    "SurvivalRecord",
    "TermDifference",
]

DIAGNOSIS_SCHEMA_VERSION: Final = 1

DIAGNOSIS_COLUMNS: Final = (
    "sequence",  # str
    "object_id",  # int64
    "index",  # int64, position of the frame in the sequence
    "frame",  # str
    "J",  # float64
    "boundary",  # float64; these nine sum to 1 - J
    "leak",
    "stolen",
    "bg_fp",
    "interior_miss",
    "missed",
    "hallucinated",
    "wrong_id",
    "drift",
    "other",  # int64, the other object to blame, or 0
    "predicted_area",  # int64 px
    "true_area",  # int64 px
    "events",  # str, kinds of events on this frame, by spaces
)
"""Columns of `diagnosis.parquet`: one row per object-frame that counts."""


class LossRecord(Record):
    """The loss of an object, a sequence or the set."""

    j_mean: float
    loss: float = Field(description="1 - J")
    terms: dict[str, float] = Field(description="sum to the loss")
    dominant: str = Field(description="group of terms that costs most; empty for no loss")


class FailureSpan(Record):
    """An object that was followed and then was not."""

    onset: str
    onset_index: int
    recovery: str | None
    frames_to_recover: int | None
    lost: bool = Field(description="J below 0.1 for 5 frames in a row")
    lowest: float


class LagRecord(Record):
    """The shift of the truth in time that fits the masks best."""

    frames: int
    gain: float = Field(description="mean IoU that the shift gains")
    compared: int


class ObjectRecord(LossRecord):
    """One object."""

    sequence: str
    object_id: int
    seen: bool | None = Field(description="of a seen category; null where that does not matter")
    evaluated_frames: int
    cause: str
    failures: list[FailureSpan]
    followed: int = Field(description="frames until the first failure or the end")
    failed: bool = Field(description="false: `followed` is censored")
    lag: LagRecord | None
    lag_by_speed: list[LagRecord | None] = Field(description="by quartile of speed, slow first")
    jitter: float | None = Field(description="mean |change of J| between frames")
    flicker: float | None = Field(description="change of the mask minus change of the truth")
    leaks_to: dict[str, float] = Field(description="other true object to the share under this mask")


class EventRecord(Record):
    """Something that happens from one frame to another, both included."""

    sequence: str
    object_id: int = Field(description="0 for all together")
    other: int
    kind: str
    onset: str
    onset_index: int
    end: str
    end_index: int
    strength: float


class SurvivalRecord(Record):
    """A step of the Kaplan-Meier curve."""

    frames: int
    at_risk: int
    failures: int
    survival: float


class PointRecord(Record):
    """Mean J at an offset from the onset, with its 95 % band by sequence."""

    offset: int
    mean: float
    low: float | None
    high: float | None
    events: int


class CurveRecord(Record):
    """J around the onsets of one kind of event."""

    kind: str
    events: int
    sequences: int
    at_risk: int = Field(description="onsets at which the object was still followed")
    failures: int = Field(description="those of them with a failure within 5 frames")
    lift: float | None = Field(description="how much likelier a failure is than without the event")
    points: list[PointRecord]


class DiagnosisRecord(LossRecord):
    """`diagnosis.json`."""

    schema_version: int = DIAGNOSIS_SCHEMA_VERSION
    path: str
    method: str
    dataset: str
    split: str
    protocol: str
    sequences: dict[str, LossRecord]
    objects: list[ObjectRecord]
    events: list[EventRecord] = Field(description="from the true masks")
    identity: list[EventRecord] = Field(description="swaps, merges and splits")
    survival: list[SurvivalRecord]
    curves: list[CurveRecord]
    undiagnosed: dict[str, str] = Field(description="sequence to reason")
    limits: list[str] = Field(description="what these masks cannot tell, and why")
    thresholds: dict[str, float]


class TermDifference(Record):
    """How much more of the loss a group of terms makes in the second run."""

    group: str
    baseline: float
    candidate: float
    difference: float = Field(description="positive: the candidate loses more")
    low: float | None = Field(description="95 % interval by sequence")
    high: float | None


class ObjectDifference(Record):
    """An object in both runs."""

    sequence: str
    object_id: int
    baseline: float = Field(description="J")
    candidate: float
    difference: float = Field(description="of J; negative: the candidate loses")
    dominant: str = Field(description="group whose loss changed most")


class DifferenceRecord(Record):
    """Two diagnoses; differences are candidate minus baseline."""

    schema_version: int = DIAGNOSIS_SCHEMA_VERSION
    baseline: str
    candidate: str
    j_baseline: float
    j_candidate: float
    loss: TermDifference
    groups: list[TermDifference] = Field(description="sum to `loss`; largest change first")
    objects: list[ObjectDifference] = Field(description="largest change first")
    left_out: list[str] = Field(description="objects that only one of the two has")
    summary: str
