"""Speed figures of a run, each with what it counts: all from the one trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosbench.report.table import significant
from vosbench.report.text import value_text

if TYPE_CHECKING:
    import pandas as pd

    from vosbench.store.schema import RunRecord

__all__ = ["ClipRow", "ConventionRow", "Headline", "Speed", "StreamRow", "build_speed"]


@dataclass(frozen=True)
class Headline:
    """One figure: its name, value with unit, and what it counts."""

    name: str
    value: str
    counts: str


@dataclass(frozen=True)
class ConventionRow:
    """Frames per second as another code base counts them.

    Attributes:
        name: of the code base.
        fps: frames per second, or None.
        clock: `host` or `device`, as read.
        counts: what is counted, in words.
        untold: stages that should be left out but were not marked; the rate is too low by them.
    """

    name: str
    fps: float | None
    clock: str
    counts: str
    untold: tuple[str, ...]


@dataclass(frozen=True)
class ClipRow:
    """Frames per second of a whole clip of so many frames, its start included."""

    frames: int
    fps: float


@dataclass(frozen=True)
class StreamRow:
    """Frames that arrive at a fixed rate.

    Attributes:
        rate: frames per second at which they arrive.
        on_time: share of frames whose own mask was there when the next arrived, 0..1.
        age: mean age of the newest mask then, frames.
        processed: share of frames that were segmented at all, 0..1.
    """

    rate: float
    on_time: float
    age: float
    processed: float


@dataclass(frozen=True)
class Speed:
    """The figures of the speed section.

    Attributes:
        headlines: latency and its spread.
        further: what else was measured along the way.
        conventions: the same trace under other stopwatches.
        clips: FPS(N).
        streaming: what a user sees at fixed rates.
        conditions: name and value of what the machine was doing.
        warnings: what makes the figures doubtful.
    """

    headlines: tuple[Headline, ...]
    further: tuple[Headline, ...]
    conventions: tuple[ConventionRow, ...]
    clips: tuple[ClipRow, ...]
    streaming: tuple[StreamRow, ...]
    conditions: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def build_speed(trace: pd.DataFrame, run: RunRecord) -> Speed | None:
    """Speed figures of a trace (columns of `TRACE_COLUMNS`); None if no step was measured."""
    from vosbench.timing import clip_rates, convention_rates, find_faults, latency

    outer = trace[trace["inside"] == ""]
    found = latency(outer.loc[outer["stage"] == "step", "ms"])
    if found is None:
        return None
    starts = outer.loc[outer["stage"] == "start", "ms"]
    bound = found.p90_bound
    headlines = [
        Headline(
            "Mean latency",
            _ms(found.mean_ms),
            f"over {found.frames} frames, the first of each sequence left out; FPS is 1000 / this",
        ),
        Headline("Median", _ms(found.p50_ms), "half of the frames were faster"),
        Headline("90 % below", _ms(found.p90_ms), "90th percentile of the frames measured"),
        Headline("99 % below", _ms(found.p99_ms), "99th percentile of the frames measured"),
    ]
    if bound.ms is not None:
        headlines.append(
            Headline(
                "90th percentile, upper bound",
                _ms(bound.ms),
                f"holds with 99 % confidence; the {bound.discarded} slowest frames set aside "
                "(early stopping of MLPerf Inference)",
            )
        )
    clips: tuple[ClipRow, ...] = ()
    if len(starts):
        start = float(starts.mean())
        headlines.append(Headline("Start of a sequence", _ms(start), "its first frame, mean"))
        clips = tuple(ClipRow(one.frames, one.fps) for one in clip_rates(start, found.mean_ms))
    conditions, warnings = _conditions(run.timing.get("conditions"))
    return Speed(
        headlines=tuple(headlines),
        further=tuple(_further(run.timing)),
        conventions=tuple(
            ConventionRow(
                one.convention.name, one.fps, one.clock, one.convention.counts, one.untold
            )
            for one in convention_rates(trace)
        ),
        clips=clips,
        streaming=_streaming(outer),
        conditions=conditions,
        warnings=(*warnings, *(fault.text for fault in find_faults(trace))),
    )


def _ms(value: float) -> str:
    return f"{significant(value)} ms"


def _further(timing: Mapping[str, Any]) -> list[Headline]:
    """What the run summed from its trace and cannot be had from the trace alone."""
    found = []
    cost = timing.get("object_cost")
    if isinstance(cost, Mapping) and _known(cost.get("per_object_ms")):
        found.append(
            Headline(
                "Each further object",
                _ms(float(cost["per_object_ms"])),
                "slope of the median latency over the number of objects",
            )
        )
    growth = timing.get("growth_per_100")
    growth = growth if isinstance(growth, Mapping) else {}
    for key, name, unit in (
        ("step_ms", "Latency along a clip", "ms"),
        ("process_mb", "Memory of the process", "MB"),
        ("allocated_mb", "Memory of the device", "MB"),
    ):
        if _known(growth.get(key)):
            change = float(growth[key])
            counts = f"{'less' if change < 0 else 'more'} per 100 frames; median over the clips"
            found.append(Headline(name, f"{significant(abs(change))} {unit}", counts))
    if _known(timing.get("overhead_share")):
        share = 100 * float(timing["overhead_share"])
        counts = "reading, checking and writing beside the method, as a share of its time"
        found.append(Headline("Overhead of the harness", f"{share:.1f} %", counts))
    return found


def _known(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _streaming(outer: pd.DataFrame) -> tuple[StreamRow, ...]:
    from vosbench.timing import RATES, replay

    calls = outer[outer["stage"].isin(["start", "step"])].sort_values("index")
    clips = [rows["ms"].tolist() for _, rows in calls.groupby(["sequence", "round"], sort=True)]
    clips = [ms for ms in clips if len(ms) > 1]
    later = sum(len(ms) - 1 for ms in clips)
    rows = []
    for rate in RATES if clips else ():
        seen = [(replay(ms, rate), len(ms) - 1) for ms in clips]
        rows.append(
            StreamRow(
                rate,
                sum(one.on_time * frames for one, frames in seen) / later,
                sum(one.mean_age * frames for one, frames in seen) / later,
                sum(one.processed - 1 for one, _ in seen) / later,
            )
        )
    return tuple(rows)


def _conditions(told: Any) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    if not isinstance(told, Mapping):
        return (), ()
    rows: list[tuple[str, str]] = []
    for key, name, unit in (
        ("load", "highest load average", ""),
        ("others", "processors kept busy by others", ""),
        ("temperature", "highest temperature", " °C"),
    ):
        if _known(told.get(key)):
            rows.append((name, f"{significant(float(told[key]))}{unit}"))
    clocks = told.get("gpu_mhz")
    if isinstance(clocks, list) and len(clocks) == 2 and all(map(_known, clocks)):
        rows.append(("clock of the GPU", f"{clocks[0]:.0f} to {clocks[1]:.0f} MHz"))
    settings = told.get("settings")
    for key, value in settings.items() if isinstance(settings, Mapping) else ():
        rows.append((str(key).replace("_", " "), value_text(value)))
    warnings = told.get("warnings")
    return tuple(rows), tuple(map(str, warnings)) if isinstance(warnings, list) else ()
