"""From traces and blocks to the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from vosbench.bench.passes import Passes
from vosbench.bench.record import MethodSpeed, PairRecord, SpeedVerdict
from vosbench.bench.runner import WARM_UP, Runner
from vosbench.report.text import count
from vosbench.stats import RatioEstimate, ratio_of_medians
from vosbench.timing import (
    Conditions,
    convention_rates,
    fault_lines,
    find_faults,
    object_cost,
    summarise,
    trace_growth,
)
from vosbench.timing.calibration import Calibration
from vosbench.timing.warmup import cold_cost

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Blocks",
    "doubts",
    "finding_lines",
    "method_speed",
    "pair_records",
    "speed_verdict",
]

Blocks: TypeAlias = Mapping[str, list[float]]
"""Ms per frame of each block, in the order of measurement, by method."""

_MARGIN: Final = 1.05
_MADE_UP: Final = " made-up objects"
_LONG: Final = " back and forth"


def method_speed(
    runner: Runner,
    table: pd.DataFrame,
    *,
    file: str,
    warm_up: Sequence[float],
    warm_graphs: int | None,
    blocks: Blocks,
    calibration: Calibration | None,
) -> MethodSpeed:
    """Every figure of one method from its trace."""
    objects = table["sequence"].str.endswith(_MADE_UP)
    long = table["sequence"].str.endswith(_LONG)
    cold = table["round"] == WARM_UP
    warm = table[~(objects | long) & (table["round"] >= 0)]
    starts = _calls(warm, "start")["ms"].to_numpy()
    steps = _calls(warm, "step")["ms"].to_numpy()
    first_start = _calls(table[cold], "start")["ms"].to_numpy()
    costs = cold_cost(
        build_ms=runner.build_ms,
        first_start_ms=float(first_start[0]),
        warm_start_ms=float(np.median(starts)),
        warm_up=warm_up,
        warm_step_ms=float(np.median(steps)),
    )
    swept = _calls(table[objects], "step")
    # the first step of each number of objects may meet new shapes
    swept = swept[swept["index"] > 1]
    line = object_cost(swept["objects"], swept["ms"])
    graphs = runner.graphs()
    weights = getattr(runner.built, "weights_path", None)
    faults = find_faults(warm)
    summary = summarise(warm) | {"faults": fault_lines(faults, float(np.median(steps)))}
    conventions = [
        {
            "name": rate.convention.name,
            "fps": rate.fps,
            "frames": rate.frames,
            "clock": rate.clock,
            "counts": rate.convention.counts,
            "not_left_out": list(rate.untold),
        }
        for rate in convention_rates(warm)
    ]
    own = blocks[runner.reference]
    return MethodSpeed(
        method=runner.reference,
        label="CPU" if runner.device == "cpu" else "GPU",
        precision=runner.precision,
        compile=runner.request.compile,
        cuda_graphs=runner.request.compile and runner.device != "cpu",
        weights=weights.name if weights else None,
        untrained=bool(getattr(runner.built, "untrained", False)),
        parameters=dict(sorted(runner.request.method.parameters.items())),
        trace=file,
        summary=summary,
        start_ms_p50=float(np.median(starts)),
        cold=asdict(costs),
        graphs_compiled=graphs,
        recompiled=None if graphs is None or warm_graphs is None else graphs - warm_graphs,
        objects=None if line is None else asdict(line),
        growth=trace_growth(table[long]) if long.any() else {},
        long_frames=int((_calls(table[long], "step")["index"]).max() + 1) if long.any() else 0,
        peak_mb=_peak(runner, table),
        multiples={} if calibration is None else calibration.multiples(float(np.median(steps))),
        conventions=conventions,
        unsynchronised=any(fault.kind == "unsynchronised" for fault in faults),
        noise=asdict(_ratio(own[:-1:2], own[1::2])),
    )


def _calls(table: pd.DataFrame, stage: str) -> pd.DataFrame:
    found: pd.DataFrame = table[(table["stage"] == stage) & (table["inside"] == "")]
    return found


def _peak(runner: Runner, table: pd.DataFrame) -> dict[str, float | None]:
    """Of the process its own highest mark; of the device what was read after the method's calls."""
    process = runner.meters.memory.peak().process
    found: dict[str, float | None] = {"process": process if np.isfinite(process) else None}
    for name in ("allocated", "reserved"):
        values = table[f"{name}_mb"].to_numpy()
        found[name] = float(np.nanmax(values)) if np.isfinite(values).any() else None
    return found


def _ratio(baseline: Sequence[float], candidate: Sequence[float]) -> RatioEstimate:
    return ratio_of_medians(baseline, candidate)


def speed_verdict(estimate: RatioEstimate, margin: float = _MARGIN) -> tuple[SpeedVerdict, str]:
    """Same, faster, slower or ambiguous, from the whole interval against a margin of 5 %."""
    if estimate.low is None or estimate.high is None:
        return "ambiguous", estimate.reason
    ends = f"[{estimate.low:.3f}, {estimate.high:.3f}]"
    if estimate.low > margin:
        return "slower", f"the interval {ends} lies above {margin:.2f}"
    if estimate.high < 1 / margin:
        return "faster", f"the interval {ends} lies below {1 / margin:.2f}"
    if estimate.low >= 1 / margin and estimate.high <= margin:
        return "same", f"the interval {ends} lies within 5 % of 1"
    return "ambiguous", f"the interval {ends} reaches over 5 % on one side and not beyond"


def doubts(methods: Sequence[MethodSpeed], doubtful: int) -> dict[str, str]:
    """Methods whose times decide nothing, and why.

    Args:
        methods: figures.
        doubtful: passes that were throttled however often they were gone through.
    """
    throttled = f"{count(doubtful, 'pass', 'passes')} throttled every time" if doubtful else ""
    found = {}
    for one in methods:
        said = [throttled] if throttled else []
        if one.unsynchronised:
            said.append(f"{one.method} returned before its device was done")
        if said:
            found[one.method] = "; ".join(said)
    return found


def pair_records(blocks: Blocks, doubtful: Mapping[str, str] | None = None) -> list[PairRecord]:
    """Each further method against the first, block by block.

    Args:
        blocks: by method.
        doubtful: methods whose times decide nothing, and why.
    """
    names = list(blocks)
    records = []
    for name in names[1:]:
        estimate = _ratio(blocks[names[0]], blocks[name])
        verdict, reason = speed_verdict(estimate)
        against = [said for one in (names[0], name) if (said := (doubtful or {}).get(one))]
        if against:
            verdict, reason = "ambiguous", "; ".join(dict.fromkeys(against))
        records.append(
            PairRecord(
                baseline=names[0],
                candidate=name,
                ratio=estimate.ratio,
                low=estimate.low,
                high=estimate.high,
                pairs=estimate.pairs,
                verdict=verdict,
                reason=reason,
            )
        )
    return records


def finding_lines(
    methods: Sequence[MethodSpeed],
    conditions: Conditions,
    calibration: Calibration | None,
    passes: Passes,
) -> list[str]:
    """What makes figures doubtful, in words."""
    lines = list(conditions.warnings)
    if passes.discarded:
        told = count(passes.discarded, "pass", "passes")
        lines.append(f"{told} through a clip throttled: discarded and gone through again")
    if passes.doubtful:
        told = count(passes.doubtful, "pass", "passes")
        lines.append(f"{told} throttled every time, and counted: no pair is decided")
    if calibration is not None and (slow := calibration.slow_rounds()):
        rounds = min(len(values) for values in calibration.ms.values())
        lines.append(
            f"all four kernels took over 4/3 of their median in {len(slow)} of {rounds} rounds: "
            "throttled, or used by others"
        )
    for one in methods:
        faults: list[Any] = one.summary.get("faults", [])
        lines += [f"{one.method}: {text}" for text in faults]
        if one.recompiled:
            lines.append(f"{one.method}: {one.recompiled} graphs were compiled after warm-up")
        if not one.cold["settled"]:
            lines.append(f"{one.method}: times did not settle within 2 % in the warm-up")
        if one.summary.get("step_ms_p90_bound") is None:
            lines.append(f"{one.method}: under 64 frames, too few to bound the 90th percentile")
    return lines
