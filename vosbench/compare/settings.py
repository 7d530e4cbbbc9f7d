"""What was set differently in two runs, and their speed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from vosbench.compare.records import SettingDifference, SpeedComparison
from vosbench.report.text import value_text
from vosbench.store.schema import RunRecord

__all__ = ["compare_speed", "method_changes"]

NOT_INTERLEAVED: Final = (
    "the runs were not measured in turns, so a difference may be the machine's: no verdict"
)
NO_TIMING: Final = "at least one run has no timing"
_PACKAGES: Final = ("python", "torch", "numpy")


def compare_speed(baseline: RunRecord, candidate: RunRecord) -> SpeedComparison:
    """Mean time of a step of both runs, and everything recorded that differs and decides it."""
    before, after = _step_ms(baseline), _step_ms(candidate)
    differing = _differences(_speed_facts(baseline), _speed_facts(candidate))
    return SpeedComparison(
        baseline_step_ms=before,
        candidate_step_ms=after,
        ratio=after / before if before and after else None,
        differing=differing,
        note=NO_TIMING if before is None or after is None else NOT_INTERLEAVED,
    )


def method_changes(baseline: RunRecord, candidate: RunRecord) -> list[SettingDifference]:
    """Method, parameters, weights, code and settings that differ: what decides the masks."""
    return _differences(_mask_facts(baseline), _mask_facts(candidate))


def _step_ms(run: RunRecord) -> float | None:
    value = run.timing.get("step_ms_mean")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None


def _mask_facts(run: RunRecord) -> dict[str, Any]:
    method = run.method
    return {
        "method": method.name,
        **{f"parameter {name}": value for name, value in sorted(method.parameters.items())},
        "weights": method.weights,
        # a digest tells files apart that have one name; its first characters are enough to see it
        "weights SHA-256": (method.weights_sha256 or "")[:12] or None,
        "untrained": method.untrained,
        "oracle": method.oracle,
        "method code": str(run.code.get("method_sha256") or "")[:12] or None,
        "harness code": str(run.code.get("engine_sha256") or "")[:12] or None,
        "vosbench": run.vosbench_version,
        **{name: value for name, value in run.settings.model_dump().items()},
        "torch": run.packages.get("torch"),
    }


def _speed_facts(run: RunRecord) -> dict[str, Any]:
    settings = run.settings
    return {
        "device": settings.device,
        "precision": settings.precision,
        "compile": settings.compile,
        "threads": settings.threads,
        **{f"hardware {name}": value for name, value in sorted(run.hardware.items())},
        **{name: run.packages.get(name) for name in _PACKAGES},
        "sequences timed": len(run.data.sequences) - len(run.failed),
        "frames": run.data.frames,
    }


def _differences(
    baseline: Mapping[str, Any], candidate: Mapping[str, Any]
) -> list[SettingDifference]:
    names = [*baseline, *(name for name in candidate if name not in baseline)]
    return [
        SettingDifference(
            name=name, baseline=_text(baseline, name), candidate=_text(candidate, name)
        )
        for name in names
        if baseline.get(name) != candidate.get(name)
    ]


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    return "none" if value is None else value_text(value)
