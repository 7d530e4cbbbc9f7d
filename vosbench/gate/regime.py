"""Whether a run should have the baseline's masks: same code and machine, or something changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from vosbench.gate.records import Difference, Regime
from vosbench.report.text import value_text
from vosbench.store.schema import RunRecord

__all__ = ["Standing", "hardware_class", "hardware_differences", "standing"]

_PACKAGES: Final = ("python", "torch", "numpy", "pillow", "zlib-ng")
_HARDWARE: Final = ("processor", "processors_usable", "gpu", "cuda", "cudnn")


@dataclass(frozen=True)
class Standing:
    """How a run stands to its baseline.

    Attributes:
        regime: which rules hold.
        reason: in words.
        code: what of method, parameters, weights and code differs.
        environment: what of machine, packages and settings differs.
    """

    regime: Regime
    reason: str
    code: tuple[Difference, ...]
    environment: tuple[Difference, ...]


def standing(
    baseline: RunRecord,
    candidate: RunRecord,
    *,
    identical: bool,
    expect: Literal["auto", "same", "changed"],
) -> Standing:
    """Find the rules for a run.

    Equal masks are equal whatever made them. Otherwise other code, parameters or weights may
    change figures on purpose; the same ones in another environment change them by arithmetic; and
    the same ones in the same environment should not change them at all.

    Args:
        baseline: as `as_run_scores` gives it.
        candidate: `run.json`.
        identical: every mask file has the baseline's digest.
        expect: of the policy.
    """
    code = _differences(_code(baseline), _code(candidate))
    environment = _differences(_environment(baseline), _environment(candidate))
    regime, reason = _regime(code, environment, identical=identical, expect=expect)
    return Standing(regime, reason, code, environment)


def _regime(
    code: tuple[Difference, ...],
    environment: tuple[Difference, ...],
    *,
    identical: bool,
    expect: str,
) -> tuple[Regime, str]:
    named = ", ".join(one.name for one in (*code, *environment))
    if identical:
        also = f"; what differs ({named}) changed no mask" if named else ""
        return "identical", f"every mask file is the baseline's, byte by byte{also}"
    if expect == "changed":
        return "changed", "masks differ, and the policy expects changes"
    names = ", ".join(one.name for one in code)
    if code and expect == "auto":
        return "changed", f"masks differ, as do {names}: an interval by sequence decides"
    though = f" although {names} differ (the policy expects the same masks)" if code else ""
    if environment:
        names = ", ".join(one.name for one in environment)
        return "numerics", f"masks differ{though}; other arithmetic ({names}): tolerances decide"
    return "same", f"masks differ{though}, in the same environment: tight tolerances decide"


def _code(run: RunRecord) -> dict[str, Any]:
    digests = {
        name.removesuffix("_sha256") + " code": str(value)[:12]
        for name, value in sorted(run.code.items())
        if name.endswith("_sha256")
    }
    return {
        "method": run.method.name,
        **{f"parameter {name}": value for name, value in sorted(run.method.parameters.items())},
        "oracle": run.method.oracle,
        "weights": (run.method.weights_sha256 or "")[:12] or None,
        **digests,
    }


def _environment(run: RunRecord) -> dict[str, Any]:
    return {
        **{name: value for name, value in run.settings.model_dump().items()},
        **{name: run.hardware.get(name) for name in _HARDWARE if name != "processors_usable"},
        **{name: run.packages.get(name) for name in _PACKAGES},
    }


def hardware_class(run: RunRecord) -> dict[str, Any]:
    """What must be equal for times of two runs to be held against each other."""
    settings = run.settings
    return {
        **{name: run.hardware.get(name) for name in _HARDWARE[:3]},
        "device": settings.device,
        "precision": settings.precision,
        "compile": settings.compile,
        "threads": settings.threads,
    }


def hardware_differences(baseline: RunRecord, candidate: RunRecord) -> tuple[Difference, ...]:
    """What of the hardware class differs."""
    return _differences(hardware_class(baseline), hardware_class(candidate))


def _differences(
    baseline: Mapping[str, Any], candidate: Mapping[str, Any]
) -> tuple[Difference, ...]:
    names = [*baseline, *(name for name in candidate if name not in baseline)]
    return tuple(
        Difference(
            name=name,
            baseline=_text(baseline.get(name)),
            candidate=_text(candidate.get(name)),
        )
        for name in names
        if baseline.get(name) != candidate.get(name)
    )


def _text(value: Any) -> str:
    return "none" if value is None else value_text(value)
