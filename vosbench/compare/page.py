"""Writing a comparison as an offline page, with its record, its tables and its figure beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vosbench import __version__
from vosbench.compare.changes import every_sequence
from vosbench.compare.losses import LossChange, loss_changes
from vosbench.compare.plot import PlotPoint, draw_accuracy_speed
from vosbench.compare.records import ComparisonRecord
from vosbench.compare.render import render_comparison_markdown
from vosbench.compare.source import RunScores
from vosbench.compare.tables import TABLE_NAMES, comparison_tables, speed_verdict
from vosbench.errors import UsageError
from vosbench.report.formats import TABLE_SUFFIXES, write_tables
from vosbench.report.palette import palette_css
from vosbench.report.table import Table, shown
from vosbench.report.templates import asset_text, csp_hash, html_environment
from vosbench.report.text import count, defined, json_for_html
from vosbench.store import RunPaths, write_record
from vosbench.store.atomic import write_text

__all__ = ["ComparisonPaths", "tables_of", "write_comparison"]

_RECORD: Final = "comparison.json"
_FIGURE: Final = "figures/accuracy-speed.svg"
_TURNS: Final = {
    "not measured": "At least one run has no timing.",
    "other conditions": "The runs were made under other conditions, which are listed: the times "
    "are not comparable.",
    "not measured in turns": "The runs were made one after the other. In an experiment on a busy "
    "machine identical code seemed more than 10 % slower that way in a third of cases or more, so "
    "no verdict is given. vosbench gate measures in turns.",
}


@dataclass(frozen=True)
class ComparisonPaths:
    """What was written: the folder, the page, its record, and the files of its tables."""

    folder: Path
    html: Path
    record: Path
    markdown: Path
    tables: tuple[Path, ...]


def tables_of(
    record: ComparisonRecord, baseline: RunScores, candidates: Sequence[RunScores]
) -> tuple[Table, ...]:
    """Every table of a comparison, for `render_tables`; those without rows are left out."""
    tables, _ = _gather(record, baseline, candidates)
    return tuple(tables.values())


def write_comparison(
    folder: Path, record: ComparisonRecord, baseline: RunScores, candidates: Sequence[RunScores]
) -> ComparisonPaths:
    """Write `index.html`, `comparison.md`, `comparison.json`, `tables/` and `figures/`.

    The same runs give the same bytes. Files of an earlier comparison in the folder are replaced or
    taken away; nothing else in it is touched.

    Args:
        folder: is made.
        record: of `compare_runs`.
        baseline: the runs it was made from, in its order.
        candidates: likewise.

    Raises:
        UsageError: the folder is a run directory.
    """
    if RunPaths(folder).run.exists():
        raise UsageError(
            f"{folder} is a run directory; a comparison goes beside runs, not into one",
            hint="name another folder with --out",
        )
    tables, losses = _gather(record, baseline, candidates)
    points = _points(record)
    for stale in _earlier(folder):
        stale.unlink(missing_ok=True)
    if points:
        write_text(folder / _FIGURE, draw_accuracy_speed(points))
    files = write_tables(tuple(tables.values()), folder / "tables")
    write_text(folder / "comparison.md", render_comparison_markdown(record) + "\n")
    write_record(folder / _RECORD, record)
    # last, so that the page never speaks of files that are not there
    page = folder / "index.html"
    write_text(page, _page(record, tables, losses, points))
    return ComparisonPaths(folder, page, folder / _RECORD, folder / "comparison.md", files)


def _gather(
    record: ComparisonRecord, baseline: RunScores, candidates: Sequence[RunScores]
) -> tuple[Mapping[str, Table], tuple[LossChange, ...]]:
    # the record names the objects in common by their sequences and what was left out
    common = [
        key
        for key, one in baseline.scores.objects.items()
        if one.sequence in set(record.sequences)
        and all(key in candidate.scores.objects for candidate in candidates)
    ]
    sequences = [every_sequence(baseline, candidate, common) for candidate in candidates]
    losses = loss_changes(record, baseline, candidates)
    return comparison_tables(record, sequences, losses), losses


def _earlier(folder: Path) -> list[Path]:
    tables = [
        folder / "tables" / f"{name}.{suffix}" for name in TABLE_NAMES for suffix in TABLE_SUFFIXES
    ]
    return [folder / "index.html", folder / _RECORD, folder / _FIGURE, *tables]


def _points(record: ComparisonRecord) -> list[PlotPoint]:
    """Runs with both figures; J&F is over what all runs have in common."""
    first = record.candidates[0]
    told = [(first.speed.baseline_step_ms, first.tests[0].baseline, record.baseline.oracle)]
    told += [
        (one.speed.candidate_step_ms, one.tests[0].candidate, one.run.oracle)
        for one in record.candidates
    ]
    return [
        PlotPoint(number, ms, jf, oracle)
        for number, (ms, jf, oracle) in enumerate(told, start=1)
        if ms is not None and jf is not None and math.isfinite(jf)
    ]


def _page(
    record: ComparisonRecord,
    tables: Mapping[str, Table],
    losses: Sequence[LossChange],
    points: Sequence[PlotPoint],
) -> str:
    css = asset_text("style.css") + palette_css()
    script = asset_text("page.js")
    policy = (
        "default-src 'none'; img-src 'self' file:; "
        f"style-src {csp_hash(css)}; script-src {csp_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    speeds = [speed_verdict(one.speed) for one in record.candidates]
    return (
        html_environment()
        .get_template("compare.html.j2")
        .render(
            record=record,
            tables=tables,
            losses=losses,
            scope=_scope(record),
            intersection=bool(record.left_out),
            speeds=[_TURNS[word] for word in dict.fromkeys(speeds)],
            figure=_FIGURE if points else "",
            figure_alt=_alt(points),
            numbers=[point.number for point in points],
            css=css,
            script=script,
            policy=policy,
            data=json_for_html(record.model_dump(mode="json")),
            shown=shown,
            defined=defined,
            version=__version__,
        )
    )


def _scope(record: ComparisonRecord) -> str:
    """What everything on the page is over, in a sentence."""
    over = f"{count(len(record.sequences), 'sequence')} and {count(record.objects, 'object')}"
    if not record.left_out:
        return f"All runs scored the same {over}; everything is over these."
    return (
        f"The runs did not score the same data. Everything is over their intersection, {over}; "
        f"{count(len(record.left_out), 'sequence or object', 'sequences or objects')} left out, "
        "listed below. The figures are not those of the whole set."
    )


def _alt(points: Sequence[PlotPoint]) -> str:
    told = "; ".join(
        f"run {point.number}: {shown(point.step_ms, 'measured')} ms, "
        f"J&F {shown(point.jf, 'points')}"
        for point in points
    )
    return f"J&F over time of a step. {told}."
