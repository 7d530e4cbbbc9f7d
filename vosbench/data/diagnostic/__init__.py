"""Diagnostic clips that vosbench draws itself, with the whole truth known.

Scores on them are diagnostic, not a ranking: cut-outs of photographs that slide over photographs.
"""

from __future__ import annotations

from vosbench.data.diagnostic.clips import SUITE_VERSION, clip_plans
from vosbench.data.diagnostic.scene import Actor, ClipPlan, Pose
from vosbench.data.diagnostic.suite import SIZES, ClipSize, diagnostic_root, write_suite
from vosbench.data.diagnostic.truth import ClipTruth, Event, read_truth

__all__ = [
    "SIZES",
    "SUITE_VERSION",
    "Actor",
    "ClipPlan",
    "ClipSize",
    "ClipTruth",
    "Event",
    "Pose",
    "clip_plans",
    "diagnostic_root",
    "read_truth",
    "write_suite",
]
