"""Measuring time: two clocks, one trace, from which every speed figure derives."""

from __future__ import annotations

from vosbench.timing.clocks import Clock, DeviceClock, HostClock, device_clock
from vosbench.timing.conditions import (
    Conditions,
    ConditionWatch,
    Snapshot,
    summarise_conditions,
)
from vosbench.timing.conventions import CONVENTIONS, Convention, ConventionRate, convention_rates
from vosbench.timing.faults import Fault, fault_lines, find_faults
from vosbench.timing.latency import (
    ClipRate,
    EarlyStopping,
    Latency,
    ObjectCost,
    clip_rates,
    early_stopping,
    growth_per_100,
    latency,
    object_cost,
)
from vosbench.timing.lock import alone_on, working_on
from vosbench.timing.memory import MemoryProbe, PeakMemory
from vosbench.timing.meters import Meters
from vosbench.timing.streaming import RATES, Replay, replay
from vosbench.timing.summary import method_stages, summarise, trace_growth
from vosbench.timing.table import read_trace, write_trace
from vosbench.timing.trace import METHOD_STAGES, CallStage, Stage, Trace

__all__ = [
    "CONVENTIONS",
    "METHOD_STAGES",
    "RATES",
    "CallStage",
    "ClipRate",
    "Clock",
    "ConditionWatch",
    "Conditions",
    "Convention",
    "ConventionRate",
    "DeviceClock",
    "EarlyStopping",
    "Fault",
    "HostClock",
    "Latency",
    "MemoryProbe",
    "Meters",
    "ObjectCost",
    "PeakMemory",
    "Replay",
    "Snapshot",
    "Stage",
    "Trace",
    "alone_on",
    "clip_rates",
    "convention_rates",
    "device_clock",
    "early_stopping",
    "fault_lines",
    "find_faults",
    "growth_per_100",
    "latency",
    "method_stages",
    "object_cost",
    "read_trace",
    "replay",
    "summarise",
    "summarise_conditions",
    "trace_growth",
    "working_on",
    "write_trace",
]
