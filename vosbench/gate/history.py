"""Accuracy and speed over revisions, with the steps in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field

from vosbench.errors import ComparisonError, InputError
from vosbench.gate.baseline import BaselineRecord, as_run_scores, baseline_of, read_baseline
from vosbench.gate.regime import hardware_class, standing
from vosbench.gate.steps import fit_steps
from vosbench.report.text import defined
from vosbench.store import RunPaths, find_runs
from vosbench.store.schema import Record

__all__ = [
    "HistoryPoint",
    "HistoryRecord",
    "HistorySeries",
    "HistoryStep",
    "find_history",
    "make_history",
]

_ACCURACY_FLOOR: Final = 0.02
_TIME_FLOOR: Final = 0.02
_MEGABYTE_FLOOR: Final = 0.01


class HistoryPoint(Record):
    """One run in a series."""

    run: str = Field(description="run id")
    created: str
    source: str = Field(description="path")
    value: float


class HistoryStep(Record):
    """A lasting change from one run to the next."""

    index: int = Field(description="first point after it")
    run: str
    created: str
    before: float
    after: float
    worse: bool
    differing: list[str] = Field(description="what of code and environment changed there")


class HistorySeries(Record):
    """One figure of one method on one data set."""

    method: str
    data: str
    figure: str
    unit: str
    lower_is_better: bool
    hardware: str = Field(description="of times and memory, which are only joined on one machine")
    points: list[HistoryPoint]
    levels: list[float] = Field(description="fitted level of each point")
    steps: list[HistoryStep]


class HistoryRecord(Record):
    """`vosbench history --json`."""

    schema_version: int = 1
    series: list[HistorySeries]
    notes: list[str]


@dataclass(frozen=True)
class _Entry:
    """A run or a baseline file."""

    source: str
    record: BaselineRecord


def find_history(paths: Sequence[Path]) -> tuple[list[tuple[str, BaselineRecord]], list[str]]:
    """Read run directories, baseline files, and folders of either.

    Returns:
        Source and content of each, and what was passed over, in words.

    Raises:
        InputError: for a path that is none of these, or a damaged file.
        ComparisonError: if nothing is left.
    """
    found: list[tuple[str, BaselineRecord]] = []
    notes = []
    for path in paths:
        if path.is_file() or RunPaths(path).run.is_file():
            found.append((str(path), read_baseline(path)))
            continue
        if not path.is_dir():
            raise InputError(f"{path} is neither a run, a baseline nor a folder of them")
        inside = [*find_runs(path), *sorted(path.glob("*.json"))]
        if not inside:
            raise InputError(f"{path} holds no run and no baseline")
        for one in inside:
            if one.is_dir():
                try:
                    found.append((str(one), baseline_of(one)))
                except (InputError, ComparisonError) as error:
                    # of many runs a few may be unfinished; they are named, not fatal
                    notes.append(f"left out: {error}")
            else:
                found.append((str(one), read_baseline(one)))
    if not found:
        raise ComparisonError("no run is complete and scored: there is no history to draw")
    return found, notes


def make_history(
    found: Sequence[tuple[str, BaselineRecord]], notes: Sequence[str] = ()
) -> HistoryRecord:
    """Order runs by their time of creation, join those that measure the same, and fit steps."""
    entries = sorted(
        (_Entry(source, record) for source, record in found),
        key=lambda one: (one.record.run_created, one.record.run_id, one.source),
    )
    groups: defaultdict[tuple[str, str], list[_Entry]] = defaultdict(list)
    for one in entries:
        groups[one.record.method.reference, _data(one.record)].append(one)
    series = []
    for (method, data), members in sorted(groups.items()):
        for figure, field in (("J&F", "jf_mean"), ("J", "j_mean"), ("F", "f_mean")):
            values = [_points(one.record, field) for one in members]
            series.append(_series(method, data, figure, members, values, hardware=""))
        machines: defaultdict[str, list[_Entry]] = defaultdict(list)
        for one in members:
            machines[_machine(one.record)].append(one)
        for machine, on_it in sorted(machines.items()):
            times = [_step_ms(one.record) for one in on_it]
            series.append(_series(method, data, "step", on_it, times, hardware=machine))
            peaks = [one.record.speed.memory_mb.get("process") for one in on_it]
            series.append(_series(method, data, "peak memory", on_it, peaks, hardware=machine))
    return HistoryRecord(series=[one for one in series if one.points], notes=list(notes))


def _data(record: BaselineRecord) -> str:
    digest = record.manifest_sha256[:8]
    return f"{record.dataset} {record.split}, protocol {record.protocol}, data {digest}"


def _machine(record: BaselineRecord) -> str:
    facts = hardware_class(as_run_scores(record, "").run)
    told = {name.replace("_", " "): value for name, value in facts.items() if value is not None}
    words = [name if value is True else f"{name} {value}" for name, value in told.items() if value]
    return ", ".join(words)


def _points(record: BaselineRecord, field: str) -> float | None:
    value = defined(getattr(record.overall, field))
    return None if value is None else 100 * value


def _step_ms(record: BaselineRecord) -> float | None:
    times = record.speed.stages.get("step")
    return sum(times.values()) / len(times) if times else None


_UNITS: Final = {"step": "ms", "peak memory": "MB"}


def _series(
    method: str,
    data: str,
    figure: str,
    members: Sequence[_Entry],
    values: Sequence[float | None],
    *,
    hardware: str,
) -> HistorySeries:
    known = [(one, value) for one, value in zip(members, values, strict=True) if value is not None]
    numbers = [value for _, value in known]
    lower = figure in _UNITS
    if not lower:
        floor, least = _ACCURACY_FLOOR, 1
    else:
        share = _TIME_FLOOR if figure == "step" else _MEGABYTE_FLOOR
        # a single slow run on a busy machine is no revision that became slow
        floor, least = max(share * (min(numbers) if numbers else 0.0), 1e-9), 2
    segments = fit_steps(numbers, floor=floor, least=least)
    levels = [one.level for one in segments for _ in range(one.begin, one.end)]
    steps = []
    for before, after in zip(segments, segments[1:], strict=False):
        first, last = known[after.begin][0], known[after.begin - 1][0]
        steps.append(
            HistoryStep(
                index=after.begin,
                run=first.record.run_id,
                created=first.record.run_created,
                before=before.level,
                after=after.level,
                worse=(after.level > before.level) == lower,
                differing=_differing(last.record, first.record),
            )
        )
    return HistorySeries(
        method=method,
        data=data,
        figure=figure,
        unit=_UNITS.get(figure, "points"),
        lower_is_better=lower,
        hardware=hardware,
        points=[
            HistoryPoint(
                run=one.record.run_id,
                created=one.record.run_created,
                source=one.source,
                value=value,
            )
            for one, value in known
        ],
        levels=levels,
        steps=steps,
    )


def _differing(before: BaselineRecord, after: BaselineRecord) -> list[str]:
    runs = as_run_scores(before, "").run, as_run_scores(after, "").run
    stands = standing(*runs, identical=False, expect="auto")
    return [one.name for one in (*stands.code, *stands.environment)]
