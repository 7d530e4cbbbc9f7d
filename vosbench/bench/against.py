"""A measurement held against a stored one, perhaps from another machine."""

from __future__ import annotations

from dataclasses import dataclass

from vosbench.bench.record import BenchRecord, CalibrationRecord
from vosbench.timing.calibration import Calibration, Comparability, comparability

__all__ = ["AgainstStored", "compare_with_stored"]


@dataclass(frozen=True)
class AgainstStored:
    """One method now and in a stored measurement.

    Attributes:
        method: reference.
        stored_ms: median step then.
        expected_ms: the same carried to this machine by the kernels, or None.
        now_ms: median step now.
        ratio: now over expected, or None where the machines cannot be compared.
        comparability: of the two machines.
    """

    method: str
    stored_ms: float
    expected_ms: float | None
    now_ms: float
    ratio: float | None
    comparability: Comparability


def compare_with_stored(stored: BenchRecord, now: BenchRecord) -> list[AgainstStored]:
    """Every method that is in both. The ratio is a figure without interval: no verdict."""
    machines = _machines(stored, now)
    before = {one.method: one for one in stored.methods}
    result = []
    for one in now.methods:
        if one.method not in before:
            continue
        then = float(before[one.method].summary["step_ms_p50"])
        median = float(one.summary["step_ms_p50"])
        usable = machines.verdict == "comparable" and machines.scale is not None
        expected = then * float(machines.scale or 0.0) if usable else None
        ratio = median / expected if expected else None
        result.append(AgainstStored(one.method, then, expected, median, ratio, machines))
    return result


def _machines(stored: BenchRecord, now: BenchRecord) -> Comparability:
    if stored.calibration is None or now.calibration is None:
        reason = "one measurement has no calibration kernels"
        return Comparability("ambiguous", None, {}, reason)
    return comparability(_calibration(stored.calibration), _calibration(now.calibration))


def _calibration(record: CalibrationRecord) -> Calibration:
    return Calibration(
        device=record.device,
        architecture=record.architecture,
        precision=record.precision,
        threads=record.threads,
        ms={name: tuple(values) for name, values in record.ms.items()},
        sizes=record.sizes,
    )
