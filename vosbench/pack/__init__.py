"""Packing masks for leaderboards, and verifying packed files offline."""

from __future__ import annotations

from vosbench.pack.archive import pack_masks
from vosbench.pack.plan import PackPlan, PlannedSequence, plan_pack, refuse_other_data
from vosbench.pack.targets import TARGETS, Target, get_target
from vosbench.pack.verify import verify_archive

__all__ = [
    "TARGETS",
    "PackPlan",
    "PlannedSequence",
    "Target",
    "get_target",
    "pack_masks",
    "plan_pack",
    "refuse_other_data",
    "verify_archive",
]
