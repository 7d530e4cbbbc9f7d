"""Measuring the speed of methods: warm, in turns, under recorded conditions."""

from __future__ import annotations

from vosbench.bench.against import AgainstStored, compare_with_stored
from vosbench.bench.measure import BenchRequest, measure
from vosbench.bench.record import BENCH_VERSION, BenchRecord, read_bench
from vosbench.bench.render import render_bench_markdown, render_bench_terminal
from vosbench.bench.streaming import StreamingScore, render_streaming, streaming_scores

__all__ = [
    "BENCH_VERSION",
    "AgainstStored",
    "BenchRecord",
    "BenchRequest",
    "StreamingScore",
    "compare_with_stored",
    "measure",
    "read_bench",
    "render_bench_markdown",
    "render_bench_terminal",
    "render_streaming",
    "streaming_scores",
]
