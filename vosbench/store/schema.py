"""What a run directory holds, version by version.

`runs/<dataset>/<method@variant>/<id>/`:

- `run.json`            a `RunRecord`: what was asked, what took effect, on what machine
- `sequences/<s>.json`  a `SequenceRecord`: status, error, digests
- `masks/<s>/<f>.png`   label maps in DAVIS layout
- `trace.parquet`       one row per sequence, round, frame and stage: see `TRACE_COLUMNS`
- `frames.parquet`      one row per sequence, object and frame: see `FRAME_COLUMNS`
- `scores.json`         a `ScoreRecord`
- `global_results-<split>.csv`, `per-sequence_results-<split>.csv`   the official toolkit's files
- `report/`             pages

Every file is written by atomic replace. Undefined numbers are NaN in tables and null in JSON.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "FRAME_COLUMNS",
    "SCHEMA_VERSION",
    "TRACE_COLUMNS",
    "TRACE_VERSION",
    "DataRecord",
    "FailureRecord",
    "MethodRecord",
    "ObjectScore",
    "Record",
    "RunRecord",
    "ScoreRecord",
    "SequenceRecord",
    "SettingsRecord",
    "Summary",
]

SCHEMA_VERSION: Final = 1

FRAME_COLUMNS: Final = (
    "sequence",  # str
    "object_id",  # int64
    "index",  # int64, position of the frame in the sequence, 0 = first
    "frame",  # str, file stem
    "evaluated",  # bool: whether the protocol counts this frame
    "J",  # float64 0..1, region similarity; NaN where not evaluated
    "F",  # float64 0..1, boundary accuracy; NaN where not evaluated
    "intersection",  # int64 px
    "union",  # int64 px
    "pred_boundary",  # int64 px
    "gt_boundary",  # int64 px
    "pred_boundary_matched",  # int64 px
    "gt_boundary_matched",  # int64 px
)
TRACE_VERSION: Final = 2
"""Of `trace.parquet` alone. Version 1 had `sequence`, `frame`, `stage` and `ms` of the host."""

TRACE_COLUMNS: Final = (
    "sequence",  # str
    "round",  # int64, 0 but where a benchmark repeats the sequence
    "index",  # int64, position of the frame in the sequence, 0 = first
    "frame",  # str, file stem
    "stage",  # str
    "inside",  # str: `start` or `step` for a stage that the method marked, else empty
    "begin_ms",  # float64, host clock from the start of the trace to the stage's first begin
    "ms",  # float64, host clock, sum over the frame
    "device_begin_ms",  # float64, the same on the device's own clock; NaN without one
    "device_ms",  # float64, between events on the device's stream; NaN without one
    "objects",  # int64, objects that the method follows on this frame; -1 where not known
    "process_mb",  # float64, resident memory of the process after the call, 2^20 bytes, else NaN
    "allocated_mb",  # float64, device memory in tensors, now and then, else NaN
    "reserved_mb",  # float64, device memory held by the allocator, now and then, else NaN
)


class Record(BaseModel):
    """Base of everything stored as JSON: frozen, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class MethodRecord(Record):
    """The method as asked for and as it took effect."""

    name: str
    variant: str | None = None
    title: str = ""
    oracle: bool = False
    asked: dict[str, Any] = Field(default_factory=dict, description="variant and --set, as given")
    parameters: dict[str, Any] = Field(default_factory=dict, description="all parameters in effect")
    weights: str | None = Field(default=None, description="file name, or null for none")
    weights_sha256: str | None = None
    weights_note: str = ""
    untrained: bool = Field(default=False, description="random weights: figures mean nothing")
    notes: list[str] = Field(default_factory=list)

    @property
    def reference(self) -> str:
        """`name` or `name@variant`."""
        return f"{self.name}@{self.variant}" if self.variant else self.name


class DataRecord(Record):
    """The data that the run saw."""

    dataset: str
    reference: str = Field(default="", description="what --dataset said: a name or a card's path")
    split: str
    title: str = ""
    protocol: str
    root: str
    sequences: list[str]
    frames: int
    manifest_sha256: str = Field(description="digest of names, sizes and first masks")
    warnings: list[str] = Field(default_factory=list, description="such as a partial copy")


class SettingsRecord(Record):
    """How the method was run."""

    device: str
    precision: str
    compile: bool = False
    seed: int = 0
    threads: int = 1


class FailureRecord(Record):
    """Why a sequence has no complete masks."""

    kind: str = Field(description="exception class, or `out-of-memory`")
    message: str
    frame: str | None = None
    traceback: str = ""


class SequenceRecord(Record):
    """One finished or failed sequence of a run."""

    schema_version: int = SCHEMA_VERSION
    sequence: str
    status: Literal["complete", "failed"]
    frames: int
    object_ids: list[int]
    height: int
    width: int
    run_key: str = Field(description="digest of all that decides the masks; reuse needs it equal")
    masks_sha256: dict[str, str] = Field(default_factory=dict, description="frame name to digest")
    seconds: float = Field(default=0.0, description="wall time of the sequence, s")
    failure: FailureRecord | None = None
    conditions: list[dict[str, Any]] = Field(
        default_factory=list, description="load, clocks and temperature before and after"
    )


class RunRecord(Record):
    """`run.json`: how the run was made and how it ended."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    status: Literal["running", "complete", "incomplete", "interrupted"]
    created: str = Field(description="ISO 8601, UTC")
    finished: str | None = None
    vosbench_version: str
    command: list[str] = Field(default_factory=list)
    code: dict[str, Any] = Field(default_factory=dict, description="source digests and revision")
    method: MethodRecord
    data: DataRecord
    settings: SettingsRecord
    hardware: dict[str, Any] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    failed: list[str] = Field(default_factory=list)
    timing: dict[str, Any] = Field(default_factory=dict, description="summed from the trace")


class Summary(Record):
    """Seven figures of the DAVIS protocol, 0..1 (decay may be negative); null where undefined."""

    jf_mean: float | None = Field(alias="J&F-Mean")
    j_mean: float | None = Field(alias="J-Mean")
    j_recall: float | None = Field(alias="J-Recall")
    j_decay: float | None = Field(alias="J-Decay")
    f_mean: float | None = Field(alias="F-Mean")
    f_recall: float | None = Field(alias="F-Recall")
    f_decay: float | None = Field(alias="F-Decay")


class ObjectScore(Summary):
    """The figures of one object."""

    sequence: str
    object_id: int
    evaluated_frames: int


class ScoreRecord(Record):
    """`scores.json`, and what `vosbench score --json` prints."""

    schema_version: int = SCHEMA_VERSION
    protocol: str
    dataset: str
    split: str
    overall: Summary = Field(alias="global")
    objects: dict[str, ObjectScore] = Field(description="keyed `sequence_id`")
    sequences: dict[str, Summary] = Field(description="mean over the sequence's objects")
    frames_evaluated: int
    unscored: dict[str, str] = Field(default_factory=dict, description="sequence to reason")
    without_truth: list[str] = Field(
        default_factory=list, description="those of `unscored` that have nothing to score against"
    )
    extras: dict[str, float | None] = Field(
        default_factory=dict, description="figures that only this protocol has, 0..1"
    )
    warnings: list[str] = Field(default_factory=list, description="may change what figures mean")
    notes: list[str] = Field(default_factory=list, description="what was normalised on reading")
