"""Reports of a run: a page, a Markdown text and a terminal table.

Importing this package is cheap; what draws figures and pages is loaded when a report is written.
"""

from __future__ import annotations

from vosbench.report.formats import TABLE_FORMATS, TableFormat, render_tables, write_tables
from vosbench.report.loaded import COLUMNS, Column, LoadedRun, load_run
from vosbench.report.matrix import render_matrix
from vosbench.report.paper import PaperPaths, report_tables, write_paper
from vosbench.report.published import PublishedRow, published_rows
from vosbench.report.rundir import check_run_directory
from vosbench.report.table import Field, Table
from vosbench.report.terminal import render_terminal
from vosbench.report.write import ReportPaths, write_report

__all__ = [
    "COLUMNS",
    "TABLE_FORMATS",
    "Column",
    "Field",
    "LoadedRun",
    "PaperPaths",
    "PublishedRow",
    "ReportPaths",
    "Table",
    "TableFormat",
    "check_run_directory",
    "load_run",
    "published_rows",
    "render_matrix",
    "render_tables",
    "render_terminal",
    "report_tables",
    "write_paper",
    "write_report",
    "write_tables",
]
