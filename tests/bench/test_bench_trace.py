"""What measuring costs: a traced call with all its stages, and marks that nobody listens to.

python -m pytest tests/bench/test_bench_trace.py --benchmark-enable --benchmark-only
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vosbench.timing import METHOD_STAGES, MemoryProbe, Trace, find_faults, replay, summarise
from vosbench.types import mark_stage


def work() -> None:
    for stage in METHOD_STAGES:
        mark_stage(stage)


def test_a_traced_frame(benchmark: Any) -> None:
    trace = Trace("clip", memory=MemoryProbe("cpu"))

    def frame() -> None:
        with trace.call("00001", "step", objects=1):
            work()

    benchmark(frame)
    assert {row.stage for row in trace.rows()} == {"step", *METHOD_STAGES}


def test_marks_that_nobody_listens_to(benchmark: Any) -> None:
    benchmark(work)


def test_figures_of_a_thousand_frames(benchmark: Any) -> None:
    trace = Trace("clip")
    for index in range(1000):
        with trace.call(f"{index:05d}", "step" if index else "start", objects=1):
            work()
    table = trace.table()
    table.loc[table["stage"] == "step", "ms"] = np.random.default_rng(0).gamma(9, 2, 999)
    figures = benchmark(summarise, table)
    assert figures["step_fps"] > 0
    assert find_faults(table) is not None


def test_replay_of_a_thousand_frames(benchmark: Any) -> None:
    assert len(benchmark(replay, [40.0] * 1000, 30.0).shown) == 1000
