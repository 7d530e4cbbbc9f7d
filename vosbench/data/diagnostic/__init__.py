"""Diagnostic clips that vosbench draws itself, with the whole truth known.

Scores on them are diagnostic, not a ranking: cut-outs of photographs that slide over photographs.
"""

from __future__ import annotations

from vosbench.data.diagnostic.clips import SUITE_VERSION, clip_plans
from vosbench.data.diagnostic.factors import FACTORS, FULL_VERSION, Factor, factor_plans
from vosbench.data.diagnostic.full import (
    FULL_SIZES,
    FullSize,
    clip_digest,
    drawn_root,
    full_plans,
    write_full_suite,
)
from vosbench.data.diagnostic.scene import Actor, ClipPlan, Dose, Pose
from vosbench.data.diagnostic.semireal import SEMI_REAL_FACTORS, write_semi_real
from vosbench.data.diagnostic.suite import SIZES, ClipSize, diagnostic_root, write_suite
from vosbench.data.diagnostic.truth import ClipTruth, Event, read_dose, read_truth

__all__ = [
    "FACTORS",
    "FULL_SIZES",
    "FULL_VERSION",
    "SEMI_REAL_FACTORS",
    "SIZES",
    "SUITE_VERSION",
    "Actor",
    "ClipPlan",
    "ClipSize",
    "ClipTruth",
    "Dose",
    "Event",
    "Factor",
    "FullSize",
    "Pose",
    "clip_digest",
    "clip_plans",
    "diagnostic_root",
    "drawn_root",
    "factor_plans",
    "full_plans",
    "read_dose",
    "read_truth",
    "write_full_suite",
    "write_semi_real",
    "write_suite",
]
