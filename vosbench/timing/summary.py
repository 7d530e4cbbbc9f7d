"""Every speed figure of a run, from its trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vosbench.timing.conventions import convention_rates
from vosbench.timing.faults import find_faults
from vosbench.timing.latency import (
    clip_rates,
    growth_per_100,
    latency,
    object_cost,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["method_stages", "summarise", "trace_growth"]


def summarise(table: pd.DataFrame, *, wall_seconds: float | None = None) -> dict[str, Any]:
    """Figures of a run from its trace.

    Args:
        table: rows of complete sequences, columns of `TRACE_COLUMNS`.
        wall_seconds: what these sequences took as a whole, s.

    Returns:
        `step_ms_mean`, `step_ms_p50`, `step_ms_p90`, `step_ms_p99` over all frames but the first of
        each sequence; `step_ms_p90_bound`, what the true 90th percentile stays below (early
        stopping as in MLPerf; None below 64 frames), and how many frames that set aside;
        `step_fps` = 1000 / mean; `start_ms_mean`; `fps_of_clip`, frames per second of whole clips
        by length; `method_stages`, mean ms per frame of the stages that the method marked;
        `object_cost`, a + b·n where frames have different numbers of objects; `growth_per_100`;
        `conventions`; `faults`; the total of a stage as `<stage>_ms_total`; and, where the wall
        time of the sequences is given, `overhead_share` = (wall - method) / method: all that is not
        the method, from checking inputs to the last mask on disk, as a share of the time in the
        method. Empty when nothing was measured.
    """
    if table.empty:
        return {}
    outer = table[table["inside"] == ""]
    totals = outer.groupby("stage")["ms"].sum()
    figures: dict[str, Any] = {f"{stage}_ms_total": float(ms) for stage, ms in totals.items()}
    steps = outer[outer["stage"] == "step"]
    starts = outer.loc[outer["stage"] == "start", "ms"]
    found = latency(steps["ms"])
    if found is not None:
        figures |= {
            "step_ms_mean": found.mean_ms,
            "step_ms_p50": found.p50_ms,
            "step_ms_p90": found.p90_ms,
            "step_ms_p99": found.p99_ms,
            "step_ms_p90_bound": found.p90_bound.ms,
            "step_ms_p90_bound_discarded": found.p90_bound.discarded,
            "step_fps": found.fps,
        }
    if len(starts):
        figures["start_ms_mean"] = float(starts.mean())
    if found is not None and len(starts):
        rates = clip_rates(float(starts.mean()), found.mean_ms)
        figures["fps_of_clip"] = {str(rate.frames): rate.fps for rate in rates}
    if found is not None:
        figures["method_stages"] = method_stages(table)
        cost = object_cost(steps["objects"], steps["ms"])
        if cost is not None:
            figures["object_cost"] = {
                "fixed_ms": cost.fixed_ms,
                "per_object_ms": cost.per_object_ms,
                "worst_residual": cost.worst_residual,
            }
        figures["growth_per_100"] = trace_growth(table)
        figures["conventions"] = {
            rate.convention.name: rate.fps for rate in convention_rates(table)
        }
        figures["faults"] = [fault.text for fault in find_faults(table)]
    in_method = float(totals.get("step", 0.0)) + float(totals.get("start", 0.0))
    if in_method > 0 and wall_seconds is not None:
        figures["overhead_share"] = (1000 * wall_seconds - in_method) / in_method
    return figures


def method_stages(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Mean ms per frame of each stage within `step`, on host and device; `unmarked` is the rest.

    Args:
        table: columns of `TRACE_COLUMNS`.
    """
    steps = table[(table["stage"] == "step") & (table["inside"] == "")]
    inner = table[table["inside"] == "step"]
    if steps.empty or inner.empty:
        return {}
    count = len(steps)
    order = list(dict.fromkeys(inner["stage"]))
    stages: dict[str, dict[str, float | None]] = {}
    for stage in order:
        rows = inner[inner["stage"] == stage]
        stages[str(stage)] = {
            "host_ms": float(rows["ms"].sum()) / count,
            "device_ms": _finite(float(rows["device_ms"].sum(skipna=False)) / count),
        }
    stages["unmarked"] = {
        "host_ms": float(steps["ms"].sum() - inner["ms"].sum()) / count,
        "device_ms": _finite(
            float(steps["device_ms"].sum(skipna=False) - inner["device_ms"].sum(skipna=False))
            / count
        ),
    }
    return stages


def trace_growth(table: pd.DataFrame) -> dict[str, float | None]:
    """Growth per 100 frames of latency (ms) and memory (MB): the median over the clips.

    Args:
        table: columns of `TRACE_COLUMNS`.
    """
    steps = table[(table["stage"] == "step") & (table["inside"] == "")]
    growth: dict[str, float | None] = {}
    for name, column in (
        ("step_ms", "ms"),
        ("process_mb", "process_mb"),
        ("allocated_mb", "allocated_mb"),
        ("reserved_mb", "reserved_mb"),
    ):
        found = [
            growth_per_100(rows.sort_values("index")[column].to_numpy())
            for _, rows in steps.groupby(["sequence", "round"], sort=True)
        ]
        slopes = [slope for slope in found if slope is not None]
        growth[name] = float(np.median(slopes)) if slopes else None
    return growth


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
