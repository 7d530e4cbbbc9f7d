"""Writing a comparison as an offline page, with its record, tables and pictures beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vosbench import __version__
from vosbench.compare.changes import every_sequence
from vosbench.compare.content import unclear
from vosbench.compare.disagreement import sides_css
from vosbench.compare.losses import LossChange, loss_changes
from vosbench.compare.pictures import PICTURES_FOLDER, ChangePicture, draw_changes
from vosbench.compare.plot import PlotPoint, draw_accuracy_speed
from vosbench.compare.records import ComparisonRecord
from vosbench.compare.render import render_comparison_markdown
from vosbench.compare.source import RunScores
from vosbench.compare.tables import TABLE_NAMES, comparison_tables, speed_verdict
from vosbench.errors import UsageError
from vosbench.report.formats import TABLE_SUFFIXES, write_tables
from vosbench.report.palette import palette_css
from vosbench.report.table import Table
from vosbench.report.table import shown as figure_text
from vosbench.report.templates import asset_text, csp_hash, html_environment
from vosbench.report.text import count, defined, json_for_html
from vosbench.store import RunPaths, write_record
from vosbench.store.atomic import write_text
from vosbench.types import Sequence as Clip

__all__ = ["ComparisonPaths", "tables_of", "write_comparison"]

_RECORD: Final = "comparison.json"
_FIGURE: Final = "figures/accuracy-speed.svg"
_LEAST_DRAWN: Final = 2
"""One run alone is no trade of accuracy for speed."""
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
    folder: Path,
    record: ComparisonRecord,
    baseline: RunScores,
    candidates: Sequence[RunScores],
    *,
    clips: Mapping[str, Clip] | None = None,
    no_clips: str = "",
) -> ComparisonPaths:
    """Write `index.html`, `comparison.md`, `comparison.json`, `tables/`, `figures/`, `changed/`.

    The same runs give the same bytes. Files of an earlier comparison in the folder are replaced or
    taken away; nothing else in it is touched.

    Args:
        folder: is made.
        record: of `compare_runs`.
        baseline: the runs it was made from, in its order.
        candidates: likewise.
        clips: of the data set, by name, for pictures of the frames that changed; or None.
        no_clips: why there are none, in words.

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
    if len(points) < _LEAST_DRAWN:
        points = []
    for stale in _earlier(folder):
        stale.unlink(missing_ok=True)
    if points:
        write_text(folder / _FIGURE, draw_accuracy_speed(points))
    pictures = draw_changes(folder, record, baseline, candidates, clips) if clips else ()
    files = write_tables(tuple(tables.values()), folder / "tables")
    write_text(folder / "comparison.md", render_comparison_markdown(record) + "\n")
    write_record(folder / _RECORD, record)
    # last, so that the page never speaks of files that are not there
    page = folder / "index.html"
    shown = _Shown(tables, losses, points, pictures, no_clips)
    write_text(page, _page(record, shown))
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
    pictures = (folder / PICTURES_FOLDER).glob("run-*.webp")
    return [folder / "index.html", folder / _RECORD, folder / _FIGURE, *tables, *pictures]


def _points(record: ComparisonRecord) -> list[PlotPoint]:
    """Runs with both figures; J&F is over what all runs have in common."""
    told = [(record.candidates[0].speed.baseline_step_ms, record.baseline)]
    told += [(one.speed.candidate_step_ms, one.run) for one in record.candidates]
    found = []
    for number, (ms, run) in enumerate(told, start=1):
        if ms is not None and run.jf is not None and math.isfinite(run.jf):
            low, high = (
                (run.jf_interval.low, run.jf_interval.high) if run.jf_interval else (None,) * 2
            )
            found.append(PlotPoint(number, ms, run.jf, run.oracle, low, high))
    return found


@dataclass(frozen=True)
class _Shown:
    """What the page shows besides the record.

    Attributes:
        tables: by name.
        losses: for each candidate.
        points: of the figure.
        pictures: of changed frames.
        no_pictures: why there are none, or empty.
    """

    tables: Mapping[str, Table]
    losses: Sequence[LossChange]
    points: Sequence[PlotPoint]
    pictures: Sequence[ChangePicture]
    no_pictures: str


def _page(record: ComparisonRecord, shown: _Shown) -> str:
    css = (
        asset_text("shared/style.css")
        + palette_css()
        + sides_css()
        + asset_text("compare/page.css")
    )
    script = asset_text("shared/page.js")
    policy = (
        "default-src 'none'; img-src 'self' file:; "
        f"style-src {csp_hash(css)}; script-src {csp_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    speeds = [speed_verdict(one.speed) for one in record.candidates]
    return (
        html_environment()
        .get_template("compare/page.html.j2")
        .render(
            record=record,
            tables=shown.tables,
            losses=shown.losses,
            pictures=shown.pictures,
            no_pictures=shown.no_pictures,
            scope=_scope(record),
            intersection=bool(record.left_out),
            speeds=[_TURNS[word] for word in dict.fromkeys(speeds)],
            speed_tag=_speed_tag(speeds),
            figure=_FIGURE if shown.points else "",
            unclear=list(unclear(record, "J&F", "J", "F")),
            starred=_starred(record),
            figure_alt=_alt(shown.points),
            undrawn=_undrawn(record, shown.points),
            css=css,
            script=script,
            policy=policy,
            data=json_for_html(record.model_dump(mode="json")),
            shown=figure_text,
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


def _speed_tag(speeds: Sequence[str]) -> str:
    """The verdict in the heading: there is none, and whether the machine at least was the same."""
    if any(word == "not measured" for word in speeds):
        return "not measured" if set(speeds) == {"not measured"} else "partly measured: no verdict"
    if any(word == "other conditions" for word in speeds):
        return "not comparable: no verdict"
    return "same conditions, not in turns: no verdict"


def _starred(record: ComparisonRecord) -> bool:
    """Whether any interval shown is not by bootstrap-t."""
    shown = [test.shown_interval for one in record.candidates for test in one.tests]
    return any(one is not None and one.method != "bootstrap-t" for one in shown)


def _undrawn(record: ComparisonRecord, points: Sequence[PlotPoint]) -> list[str]:
    """Runs that the figure lacks."""
    drawn = {point.number for point in points}
    runs = [record.baseline, *(one.run for one in record.candidates)]
    return [run.label for number, run in enumerate(runs, start=1) if number not in drawn]


def _alt(points: Sequence[PlotPoint]) -> str:
    told = "; ".join(
        f"run {point.number}: {figure_text(point.step_ms, 'measured')} ms, "
        f"J&F {figure_text(point.jf, 'points')}"
        + (
            f", 95 % interval {figure_text(point.low, 'points')} to "
            f"{figure_text(point.high, 'points')}"
            if point.low is not None and point.high is not None
            else ""
        )
        for point in points
    )
    return f"J&F over time of a step. {told}."
