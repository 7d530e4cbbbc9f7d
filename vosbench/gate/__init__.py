"""Holding a run to a baseline: policy, verdict, and what continuous integration reads of it."""

from __future__ import annotations

from vosbench.gate.baseline import (
    BASELINE_SCHEMA_VERSION,
    BaselineRecord,
    CalibrationRecord,
    NoiseRecord,
    baseline_of,
    read_baseline,
    write_baseline,
)
from vosbench.gate.ci import github_annotations, junit_xml, write_step_summary
from vosbench.gate.interleave import Interleaved, Side, measure_rounds
from vosbench.gate.judge import Measured, gate_run, measure, overall_verdict
from vosbench.gate.policy import Policy, read_policy
from vosbench.gate.records import EXIT_CODES, CheckRecord, GateRecord
from vosbench.gate.render import render_gate_markdown, render_gate_terminal
from vosbench.gate.speed import Round, check_interleaved, check_memory, noise_floor
from vosbench.gate.stages import FrameOf, StageTimes

__all__ = [
    "BASELINE_SCHEMA_VERSION",
    "EXIT_CODES",
    "BaselineRecord",
    "CalibrationRecord",
    "CheckRecord",
    "FrameOf",
    "GateRecord",
    "Interleaved",
    "Measured",
    "NoiseRecord",
    "Policy",
    "Round",
    "Side",
    "StageTimes",
    "baseline_of",
    "check_interleaved",
    "check_memory",
    "gate_run",
    "github_annotations",
    "junit_xml",
    "measure",
    "measure_rounds",
    "noise_floor",
    "overall_verdict",
    "read_baseline",
    "read_policy",
    "render_gate_markdown",
    "render_gate_terminal",
    "write_baseline",
    "write_step_summary",
]
