"""Checks that look a data set, masks or a method over and report everything they find.

Unlike opening and scoring, a check does not stop at the first thing that is wrong. This package is
the topmost part of `vosbench.data`: it uses scoring and the engine, and nothing in
`vosbench.data` uses it.
"""

from __future__ import annotations

from vosbench.checks.dataset import check_dataset
from vosbench.checks.findings import CheckReport, Finding, FindingGroup, Severity, grouped
from vosbench.checks.masks import check_masks
from vosbench.checks.method import check_method
from vosbench.checks.phantoms import thin_along_contours
from vosbench.checks.task import open_task

__all__ = [
    "CheckReport",
    "Finding",
    "FindingGroup",
    "Severity",
    "check_dataset",
    "check_masks",
    "check_method",
    "grouped",
    "open_task",
    "thin_along_contours",
]
