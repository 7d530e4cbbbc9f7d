"""Compare runs: what differs, by how much, and whether it is more than chance."""

from __future__ import annotations

from vosbench.compare.ablation import AblationRuns, find_ablation, is_ablation
from vosbench.compare.compare import compare_runs
from vosbench.compare.load import LooseMasks, clips_for, load_all
from vosbench.compare.masks import score_loose_masks
from vosbench.compare.page import ComparisonPaths, tables_of, write_comparison
from vosbench.compare.records import (
    COMPARISON_SCHEMA_VERSION,
    CandidateComparison,
    ComparisonRecord,
    TestedDifference,
)
from vosbench.compare.render import render_comparison_markdown, render_comparison_terminal
from vosbench.compare.source import FrameScores, RunScores, load_run_scores

__all__ = [
    "COMPARISON_SCHEMA_VERSION",
    "AblationRuns",
    "CandidateComparison",
    "ComparisonPaths",
    "ComparisonRecord",
    "FrameScores",
    "LooseMasks",
    "RunScores",
    "TestedDifference",
    "clips_for",
    "compare_runs",
    "find_ablation",
    "is_ablation",
    "load_all",
    "load_run_scores",
    "render_comparison_markdown",
    "render_comparison_terminal",
    "score_loose_masks",
    "tables_of",
    "write_comparison",
]
