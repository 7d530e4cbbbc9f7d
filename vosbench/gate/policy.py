"""What a gate tolerates: a TOML file, every value with a default.

Figures are in points (100 times 0..1), shares are 0..1. See `docs/gating.md`.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field, ValidationError, field_validator, model_validator

from vosbench.errors import InputError
from vosbench.key_problems import key_problems
from vosbench.store.schema import Record

__all__ = [
    "METRIC_FIELDS",
    "POLICY_SCHEMA_VERSION",
    "AccuracyPolicy",
    "ChangedPolicy",
    "DataPolicy",
    "Level",
    "MasksPolicy",
    "MemoryPolicy",
    "MetricPolicy",
    "Policy",
    "SpeedPolicy",
    "Tolerance",
    "read_policy",
]

POLICY_SCHEMA_VERSION: Final = 1

METRIC_FIELDS: Final = {
    "J&F": "jf_mean",
    "J": "j_mean",
    "F": "f_mean",
    "J recall": "j_recall",
    "J decay": "j_decay",
    "F recall": "f_recall",
    "F decay": "f_decay",
}

Level: TypeAlias = Literal["blocking", "advisory", "off"]
"""`blocking` decides the exit code, `advisory` is shown, `off` is not looked at."""


class DataPolicy(Record):
    """Which data and rules a run must have been made with; empty for whatever the baseline has."""

    dataset: str = ""
    split: str = ""
    protocol: str = ""
    allow_partial: bool = Field(
        default=False, description="a run on fewer sequences than the baseline may pass"
    )


class Tolerance(Record):
    """How far a figure may fall below the baseline's, in points.

    A fall is tolerated up to the larger of the absolute bound and `relative` times the baseline's
    figure.
    """

    overall: float = Field(gt=0)
    sequence: float = Field(gt=0)
    object: float = Field(gt=0)
    relative: float = Field(default=0.0, ge=0, lt=1)


_SAME: Final = Tolerance(overall=0.1, sequence=0.2, object=0.25)
_NUMERICS: Final = Tolerance(overall=0.3, sequence=1.0, object=2.0)


class ChangedPolicy(Record):
    """For changed methods or weights: a paired interval by sequence against a margin."""

    margin: float = Field(default=1.0, gt=0, description="points")
    level: float = Field(default=0.95, gt=0.5, lt=1)
    worst_sequence: float = Field(
        default=10.0, gt=0, description="points that a single sequence may lose"
    )


class MetricPolicy(Record):
    """What holds for one figure; what is left out is as for the others."""

    status: Level = "blocking"
    same: Tolerance | None = None
    numerics: Tolerance | None = None
    margin: float | None = Field(default=None, gt=0)


def _metrics() -> dict[str, MetricPolicy]:
    plain = {name: MetricPolicy() for name in ("J&F", "J", "F")}
    return plain | {
        name: MetricPolicy(status="advisory") for name in METRIC_FIELDS if name not in plain
    }


def _over(defaults: dict[str, Any], given: Any) -> Any:
    """A table on top of its defaults; anything but a table is left for validation to refuse."""
    return {**defaults, **given} if isinstance(given, dict) else given


class AccuracyPolicy(Record):
    """Rules for figures of accuracy."""

    expect: Literal["auto", "same", "changed"] = Field(
        default="auto",
        description="`same`: changed code is meant to give the same masks; `changed`: always an "
        "interval; `auto`: by the digests of code, parameters and weights",
    )
    same: Tolerance = _SAME
    numerics: Tolerance = _NUMERICS
    changed: ChangedPolicy = ChangedPolicy()
    metrics: dict[str, MetricPolicy] = Field(default_factory=_metrics)
    floors: dict[str, float] = Field(
        default_factory=dict, description="sequence, or `overall`, to its lowest J&F in points"
    )

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        """A tolerance left out is the default's, and for one figure that of all figures."""
        if not isinstance(given, dict):
            return given
        filled = dict(given)
        for name, default in (("same", _SAME), ("numerics", _NUMERICS)):
            filled[name] = _over(default.model_dump(), given.get(name, {}))
            metrics = filled.get("metrics")
            if isinstance(metrics, dict) and isinstance(filled[name], dict):
                filled["metrics"] = {
                    metric: _over(rules, {name: _over(filled[name], rules[name])})
                    if isinstance(rules, dict) and name in rules
                    else rules
                    for metric, rules in metrics.items()
                }
        return filled

    @field_validator("metrics")
    @classmethod
    def _known(cls, given: dict[str, MetricPolicy]) -> dict[str, MetricPolicy]:
        unknown = sorted(set(given) - set(METRIC_FIELDS))
        if unknown:
            close = difflib.get_close_matches(unknown[0], METRIC_FIELDS, n=1)
            meant = f" (did you mean {close[0]!r}?)" if close else ""
            raise ValueError(
                f"unknown {', '.join(unknown)}{meant}; known: {', '.join(METRIC_FIELDS)}"
            )
        return _metrics() | given

    @field_validator("floors")
    @classmethod
    def _within(cls, given: dict[str, float]) -> dict[str, float]:
        for name, floor in given.items():
            if not 0 <= floor <= 100:
                raise ValueError(f"{name}: a floor lies in 0..100 points, not {floor}")
        return given


class MasksPolicy(Record):
    """Rules for the mask files."""

    complete: Level = "blocking"
    determinism: Level = Field(
        default="advisory", description="other masks from the same code, weights and environment"
    )


class SpeedPolicy(Record):
    """Rules for time per stage."""

    interleaved: Level = Field(default="blocking", description="measured in turns")
    normalised: Level = Field(
        default="advisory", description="against stored times, carried over by calibration"
    )
    inconclusive: Level = Field(
        default="blocking",
        description="what becomes of a stage that blocks and cannot be decided; `advisory` lets a "
        "busy machine pass with a warning",
    )
    margin: float = Field(default=0.05, gt=0, description="share that a stage may be slower")
    margins: dict[str, float] = Field(default_factory=dict, description="stage to its own margin")
    stages: list[str] = Field(
        default=["decode", "start", "step", "collect", "write"],
        description="stages that block; others are advisory",
    )
    level: float = Field(default=0.95, gt=0.5, lt=1)
    rounds: int = Field(default=12, ge=6, le=1000)
    repeat: bool = Field(default=True, description="measure again before red")
    least_ms: float = Field(default=0.05, ge=0, description="shorter stages are not judged")
    least_share: float = Field(
        default=0.02, ge=0, lt=1, description="of all stages' time; smaller ones are not judged"
    )
    least_noise: float = Field(
        default=0.03, gt=0, description="sd of log time between sessions, at least"
    )

    @field_validator("margins")
    @classmethod
    def _above(cls, given: dict[str, float]) -> dict[str, float]:
        for name, margin in given.items():
            if not margin > 0:
                raise ValueError(f"{name}: a margin is above 0, not {margin}")
        return given


class MemoryPolicy(Record):
    """Rules for peak memory; both bounds must be passed for a fail."""

    status: Level = "blocking"
    relative: float = Field(default=0.25, gt=0)
    absolute_mb: float = Field(default=64.0, ge=0, description="2^20 bytes")


class Policy(Record):
    """The whole file."""

    schema_version: int = POLICY_SCHEMA_VERSION
    data: DataPolicy = DataPolicy()
    accuracy: AccuracyPolicy = AccuracyPolicy()
    masks: MasksPolicy = MasksPolicy()
    speed: SpeedPolicy = SpeedPolicy()
    memory: MemoryPolicy = MemoryPolicy()


def read_policy(path: Path | None) -> Policy:
    """Read a policy, or take the defaults.

    Raises:
        InputError: if the file is missing, no TOML, empty, of another version, or has a value that
            is unknown, of the wrong kind, not finite or out of its range.
    """
    if path is None:
        return Policy()
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"the policy {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InputError(f"the policy {path} cannot be read: {error}") from error
    if not content:
        raise InputError(
            f"the policy {path} is empty",
            hint="leave --policy out for the defaults, or start it with schema_version = 1",
        )
    version = content.get("schema_version")
    if type(version) is not int or version != POLICY_SCHEMA_VERSION:
        raise InputError(
            f"the policy {path} has schema version {version!r}; this vosbench reads "
            f"{POLICY_SCHEMA_VERSION}",
            hint=f"write schema_version = {POLICY_SCHEMA_VERSION} after checking docs/gating.md",
        )
    _refuse_not_finite(content, path, "")
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(key_problems(error, Policy))
        raise InputError(
            f"the policy {path} is wrong: {problems}",
            hint="docs/gating.md has every key with its default",
        ) from error


def _refuse_not_finite(content: Any, path: Path, where: str) -> None:
    if isinstance(content, dict):
        for name, value in content.items():
            _refuse_not_finite(value, path, f"{where}.{name}" if where else name)
    elif isinstance(content, float) and not math.isfinite(content):
        raise InputError(f"the policy {path}: {where} is {content}; it must be a finite number")
