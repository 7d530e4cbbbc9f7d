"""What `analysis-card.json` holds: how far a diagnosis can be trusted. Undefined is null."""

from __future__ import annotations

from pydantic import Field

from vosbench.explain.records import DIAGNOSIS_SCHEMA_VERSION
from vosbench.store.schema import Record

__all__ = [
    "AnalysisCard",
    "DetectorRecord",
    "FaultRecord",
    "IdentityRecord",
    "TargetRecord",
]


class DetectorRecord(Record):
    """A detector against the truth, by object-frame."""

    detector: str
    frames: int = Field(description="object-frames on which it should speak")
    precision: float | None
    recall: float | None
    missed_on: dict[str, int] = Field(description="clips with most misses, frames")
    false_on: dict[str, int] = Field(description="clips with most false alarms, frames")


class FaultRecord(Record):
    """A fault that was put into true masks, and what was named."""

    fault: str
    intended: str
    made: int = Field(description="clips it was put into")
    named: dict[str, int] = Field(description="cause to number of clips")
    most_often: str
    share: float | None = Field(description="of clips with the intended cause")
    otherwise: dict[str, str] = Field(description="clip to the cause named instead")


class IdentityRecord(Record):
    """How often an injected swap or merge is seen."""

    kind: str
    injected: int
    found: int
    share: float | None


class TargetRecord(Record):
    """What is asked of the diagnosis."""

    target: str
    least: float
    measured: float | None
    reached: bool


class AnalysisCard(Record):
    """`analysis-card.json`: how far a diagnosis can be trusted."""

    schema_version: int = DIAGNOSIS_SCHEMA_VERSION
    suite_version: int
    full_suite_version: int
    code_sha256: str = Field(
        default="", description="of the rules that were measured, `vosbench.explain.rules_digest`"
    )
    clips: int
    faulty_clips: int
    detectors: list[DetectorRecord]
    faults: list[FaultRecord]
    identity: list[IdentityRecord]
    control_clips: int
    disturbed_controls: list[str]
    control_causes: dict[str, int]
    targets: list[TargetRecord]
    thresholds: dict[str, float]
