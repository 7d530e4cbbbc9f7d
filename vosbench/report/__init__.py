"""Reports of a run: a page, a Markdown text and a terminal table.

Importing this package is cheap; what draws figures and pages is loaded when a report is written.
"""

from __future__ import annotations

from vosbench.report.matrix import render_matrix
from vosbench.report.published import PublishedRow, published_rows
from vosbench.report.terminal import render_terminal
from vosbench.report.write import ReportPaths, write_report

__all__ = [
    "PublishedRow",
    "ReportPaths",
    "published_rows",
    "render_matrix",
    "render_terminal",
    "write_report",
]
