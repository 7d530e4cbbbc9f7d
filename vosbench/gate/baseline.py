"""The baseline file: what a run is held to, small enough to review in a pull request.

JSON with a line per object, per eight frames and per stage. It names no path of a machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError

from vosbench.compare import RunScores, load_run_scores
from vosbench.errors import ComparisonError, InputError
from vosbench.gate.stages import StageTimes, read_memory, read_stages
from vosbench.key_problems import key_problems
from vosbench.store import read_record
from vosbench.store.atomic import write_text
from vosbench.store.schema import (
    DataRecord,
    MethodRecord,
    Record,
    RunRecord,
    ScoreRecord,
    SequenceRecord,
    SettingsRecord,
    Summary,
)

__all__ = [
    "BASELINE_SCHEMA_VERSION",
    "BaselineObject",
    "BaselineRecord",
    "BaselineSequence",
    "BaselineSpeed",
    "CalibrationRecord",
    "NoiseRecord",
    "as_run_scores",
    "baseline_of",
    "frame_digests",
    "object_terms",
    "read_baseline",
    "short_digest",
    "write_baseline",
]

BASELINE_SCHEMA_VERSION: Final = 1
_DIGEST_LENGTH: Final = 12
_PER_LINE: Final = 6
_ROUND: Final = 4


class BaselineObject(Summary):
    """Figures of one object, and what its J lost by cause where the run was diagnosed."""

    sequence: str
    object_id: int
    evaluated_frames: int
    seen: bool | None = None
    terms: dict[str, float] | None = Field(default=None, description="sum to 1 - J")


class BaselineSequence(Record):
    """One sequence."""

    frames: int
    height: int
    width: int
    object_ids: list[int]
    masks: list[str] = Field(description="`frame=digest`, several in a string")


class CalibrationRecord(Record):
    """Median ms of the calibration kernels (`vosbench.timing.calibration`)."""

    device: str
    architecture: str
    precision: str
    threads: int
    ms: dict[str, float]
    sizes: dict[str, str]


class NoiseRecord(Record):
    """How far two measurements of the same code lie apart: the noise floor of an A/A run."""

    rounds: int
    paired_sd: float = Field(description="sd of the log ratio of a pair measured in turns")
    session_sd: float = Field(description="sd of the log time of single runs")
    low: float = Field(description="interval of the A/A ratio")
    high: float
    detectable: float = Field(description="slowdown that so many rounds find, as a share")
    load: float | None = Field(default=None, description="load of the machine meanwhile")


class BaselineSpeed(Record):
    """Times and memory."""

    stages: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="stage to sequence to median ms"
    )
    totals_ms: dict[str, float] = Field(default_factory=dict, description="sum of a stage")
    memory_mb: dict[str, float] = Field(default_factory=dict, description="peaks, 2^20 bytes")
    calibration: CalibrationRecord | None = None
    noise: NoiseRecord | None = None


class BaselineRecord(Record):
    """The whole file."""

    schema_version: int = BASELINE_SCHEMA_VERSION
    created: str
    run_id: str
    run_created: str
    vosbench_version: str
    method: MethodRecord
    code: dict[str, str]
    dataset: str
    reference: str
    split: str
    protocol: str
    manifest_sha256: str
    settings: SettingsRecord
    hardware: dict[str, Any]
    packages: dict[str, str]
    overall: Summary
    objects: dict[str, BaselineObject] = Field(description="keyed `sequence_id`")
    sequences: dict[str, BaselineSequence]
    unscored: dict[str, str] = Field(default_factory=dict)
    without_truth: list[str] = Field(default_factory=list)
    speed: BaselineSpeed = BaselineSpeed()


def short_digest(digest: str) -> str:
    """The part of a SHA-256 that a baseline keeps."""
    return digest[:_DIGEST_LENGTH]


def frame_digests(sequence: BaselineSequence) -> dict[str, str]:
    """Frame name to shortened digest of its mask file."""
    pairs = (part.rpartition("=") for line in sequence.masks for part in line.split())
    return {name: digest for name, _, digest in pairs}


def _lines(masks: Mapping[str, str]) -> list[str]:
    parts = [f"{name}={short_digest(digest)}" for name, digest in sorted(masks.items())]
    return [" ".join(parts[at : at + _PER_LINE]) for at in range(0, len(parts), _PER_LINE)]


def object_terms(root: Path) -> dict[str, dict[str, float]]:
    """What each object's J lost by cause, keyed `sequence_id`; empty if never diagnosed."""
    from vosbench.explain import DIAGNOSIS_JSON, DiagnosisRecord

    path = root / DIAGNOSIS_JSON
    if not path.is_file():
        return {}
    record = read_record(path, DiagnosisRecord)
    return {f"{one.sequence}_{one.object_id}": dict(one.terms) for one in record.objects}


def baseline_of(
    root: Path, *, calibration: CalibrationRecord | None = None, noise: NoiseRecord | None = None
) -> BaselineRecord:
    """Make the baseline of a scored run directory.

    Args:
        root: the run.
        calibration: measured on the same machine beside it, if at all.
        noise: the machine's noise floor, if it was measured.

    Raises:
        InputError: for a run that is damaged, not scored or not complete: what failed is no
            standard to hold others to.
        ComparisonError: for a run without a scored object.
    """
    source = load_run_scores(root)
    run, scores = source.run, source.scores
    if run.status != "complete" or run.failed:
        raise InputError(
            f"{root} is {run.status}: a baseline needs a complete run",
            hint="run the same command again, then set the baseline",
        )
    if not scores.objects:
        raise ComparisonError(f"{root} has no scored object: nothing could be held to it")
    terms = object_terms(root)
    stages = read_stages(root, source.sequences)
    return BaselineRecord(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=run.run_id,
        run_created=run.created,
        vosbench_version=run.vosbench_version,
        # what was asked may hold paths
        method=run.method.model_copy(update={"asked": {}, "notes": []}),
        code={name: str(value) for name, value in run.code.items() if name.endswith("sha256")},
        dataset=run.data.dataset,
        reference=_portable(run.data.reference),
        split=run.data.split,
        protocol=scores.protocol,
        manifest_sha256=run.data.manifest_sha256,
        settings=run.settings,
        hardware=run.hardware,
        packages=run.packages,
        overall=Summary(**scores.overall.model_dump()),
        objects={
            key: BaselineObject(
                **Summary.model_validate(
                    {name: getattr(one, name) for name in Summary.model_fields}
                ).model_dump(),
                sequence=one.sequence,
                object_id=one.object_id,
                evaluated_frames=one.evaluated_frames,
                seen=getattr(one, "seen", None),
                terms=terms.get(key),
            )
            for key, one in scores.objects.items()
        },
        sequences={
            name: BaselineSequence(
                frames=record.frames,
                height=record.height,
                width=record.width,
                object_ids=record.object_ids,
                masks=_lines(record.masks_sha256),
            )
            for name in run.data.sequences
            if (record := source.sequences.get(name)) is not None
        },
        unscored=scores.unscored,
        without_truth=scores.without_truth,
        speed=_speed(stages, read_memory(root), calibration, noise),
    )


def _portable(reference: str) -> str:
    return Path(reference).name if "/" in reference or "\\" in reference else reference


def _speed(
    stages: StageTimes,
    memory: Mapping[str, float],
    calibration: CalibrationRecord | None,
    noise: NoiseRecord | None,
) -> BaselineSpeed:
    return BaselineSpeed(
        stages={
            stage: {name: round(ms, _ROUND) or ms for name, ms in sorted(of.items())}
            for stage, of in sorted(stages.medians().items())
        },
        totals_ms={stage: round(ms, _ROUND) for stage, ms in sorted(stages.totals().items())},
        memory_mb={name: round(mb, 1) for name, mb in memory.items()},
        calibration=calibration,
        noise=noise,
    )


def write_baseline(path: Path, record: BaselineRecord) -> None:
    """Write the file atomically. NaN is refused."""
    content = record.model_dump(mode="json", by_alias=True)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_baseline(path: Path) -> BaselineRecord:
    """Read a baseline file, or take a run directory for one.

    Raises:
        InputError: if it is missing, empty, damaged, of another schema version, has a figure that
            is not finite or outside its range, or no object or mask to hold a run to.
    """
    if path.is_dir():
        return baseline_of(path)
    content = _json(path)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int:
        raise InputError(
            f"{path} is no baseline: it has no schema_version",
            hint="make one with: vosbench baseline set RUN --out FILE",
        )
    if version > BASELINE_SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {version}; this vosbench reads up to "
            f"{BASELINE_SCHEMA_VERSION}",
            hint="update vosbench",
        )
    if version < BASELINE_SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {version}, which is no longer read; this vosbench reads "
            f"{BASELINE_SCHEMA_VERSION}",
            hint="set it again from a run that is known to be good: vosbench baseline set RUN",
        )
    try:
        record = BaselineRecord.model_validate(content)
    except ValidationError as error:
        first = key_problems(error, BaselineRecord)[0]
        raise InputError(f"{path} is no baseline: {first}") from error
    _refuse_unusable(path, record)
    return record


def _json(path: Path) -> Any:
    def refuse(constant: str) -> float:
        raise InputError(
            f"the baseline {path} holds {constant}: undefined figures are null in it",
            hint="set it again: vosbench baseline set RUN",
        )

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(
            f"the baseline {path} does not exist",
            hint="make one with: vosbench baseline set RUN --out FILE",
        ) from error
    except OSError as error:
        raise InputError(f"the baseline {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no baseline: it is no text, and a baseline is a JSON file",
            hint="make one with: vosbench baseline set RUN --out FILE",
        ) from error
    if not text.strip():
        raise InputError(f"the baseline {path} is empty", hint="vosbench baseline set RUN")
    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise InputError(f"the baseline {path} is no JSON: {error}") from error


def _refuse_unusable(path: Path, record: BaselineRecord) -> None:
    if not record.objects:
        raise InputError(f"the baseline {path} holds no object: nothing can be compared with it")
    for key, one in record.objects.items():
        if one.sequence not in record.sequences:
            raise InputError(f"the baseline {path}: object {key} is of an unknown sequence")
        for name in ("jf_mean", "j_mean", "f_mean", "j_recall", "f_recall"):
            value = getattr(one, name)
            if value is not None and not -1e-9 <= value <= 1 + 1e-9:
                raise InputError(f"the baseline {path}: {key} {name} is {value}, not within 0..1")
    if all(one.jf_mean is None for one in record.objects.values()):
        raise InputError(f"the baseline {path}: every figure is undefined")
    for stage, times in record.speed.stages.items():
        for name, ms in times.items():
            if not (math.isfinite(ms) and ms > 0):
                raise InputError(f"the baseline {path}: {stage} of {name} takes {ms} ms")
    for kind, megabytes in record.speed.memory_mb.items():
        if not (math.isfinite(megabytes) and megabytes > 0):
            raise InputError(f"the baseline {path}: memory {kind} is {megabytes} MB")


def as_run_scores(record: BaselineRecord, path: str) -> RunScores:
    """The baseline as a comparison sees a run; digests are the shortened ones."""
    objects = {
        key: one.model_dump(exclude={"terms", "seen"}, by_alias=True)
        for key, one in record.objects.items()
    }
    return RunScores(
        path=path,
        run=RunRecord(
            run_id=record.run_id,
            status="complete",
            created=record.run_created,
            vosbench_version=record.vosbench_version,
            code=dict(record.code),
            method=record.method,
            data=DataRecord(
                dataset=record.dataset,
                reference=record.reference,
                split=record.split,
                protocol=record.protocol,
                root="",
                sequences=list(record.sequences),
                frames=sum(one.frames for one in record.sequences.values()),
                manifest_sha256=record.manifest_sha256,
            ),
            settings=record.settings,
            hardware=record.hardware,
            packages=record.packages,
        ),
        scores=ScoreRecord.model_validate(
            {
                "protocol": record.protocol,
                "dataset": record.dataset,
                "split": record.split,
                "global": record.overall.model_dump(by_alias=True),
                "objects": objects,
                "sequences": {
                    name: _sequence_summary(record, name)
                    for name in record.sequences
                    if any(one.sequence == name for one in record.objects.values())
                },
                "frames_evaluated": sum(o.evaluated_frames for o in record.objects.values()),
                "unscored": record.unscored,
                "without_truth": record.without_truth,
            }
        ),
        sequences={
            name: SequenceRecord(
                sequence=name,
                status="complete",
                frames=one.frames,
                object_ids=one.object_ids,
                height=one.height,
                width=one.width,
                run_key="",
                masks_sha256=frame_digests(one),
            )
            for name, one in record.sequences.items()
        },
    )


def _sequence_summary(record: BaselineRecord, name: str) -> dict[str, float | None]:
    members = [one for one in record.objects.values() if one.sequence == name]
    summary: dict[str, float | None] = {}
    for field, info in Summary.model_fields.items():
        known = [value for one in members if (value := getattr(one, field)) is not None]
        complete = bool(known) and len(known) == len(members)
        summary[info.alias or field] = math.fsum(known) / len(known) if complete else None
    return summary
