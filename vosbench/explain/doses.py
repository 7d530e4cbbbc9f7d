"""How J answers to the dose of a factor, on series of diagnostic clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vosbench.data.diagnostic import Dose
from vosbench.explain.records import DosePoint, DoseRecord

__all__ = ["BREAK", "breaking_dose", "dose_records"]

BREAK: Final = 0.2
"""Drop of J below the control at which a method is said to break."""


def dose_records(
    sequences: Mapping[str, float], doses: Mapping[str, tuple[str, Dose]]
) -> list[DoseRecord]:
    """A record for every factor with a level whose control was diagnosed too.

    Where a factor has several series, each with a control of its own, J and its drop are means over
    those series that have the control and all levels that any of them has.

    Args:
        sequences: mean J of each sequence over its visible objects.
        doses: factor and dose of those that are of a series.
    """
    records = []
    for factor in dict.fromkeys(name for name, _ in doses.values()):
        series: dict[str, dict[int, str]] = {}
        for name, (of, dose) in doses.items():
            if of == factor and dose.control != name and dose.control in sequences:
                series.setdefault(dose.control, {})[dose.level] = name
        levels = sorted({level for one in series.values() for level in one})
        complete = {c: one for c, one in series.items() if len(one) == len(levels)}
        if not complete:
            continue
        control = _mean([sequences[name] for name in complete])
        points, first = [], doses[next(iter(complete.values()))[levels[0]]][1]
        for level in levels:
            names = [one[level] for one in complete.values()]
            mean = _mean([sequences[name] for name in names])
            value = _mean([doses[name][1].value for name in names])
            points.append(DosePoint(level=level, dose=value, j_mean=mean, drop=control - mean))
        records.append(
            DoseRecord(
                factor=factor,
                unit=first.unit,
                series=len(complete),
                control=control,
                points=points,
                breaking_dose=breaking_dose(first.control_value, points),
            )
        )
    return records


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def breaking_dose(control_dose: float, points: Sequence[DosePoint]) -> float | None:
    """The lowest dose at which the drop reaches 0.2, or None.

    Args:
        control_dose: dose of the control, where the drop is 0.
        points: in order of level.
    """
    dose, drop = control_dose, 0.0
    for point in points:
        if point.drop >= BREAK:
            return dose + (point.dose - dose) * (BREAK - drop) / (point.drop - drop)
        dose, drop = point.dose, point.drop
    return None
