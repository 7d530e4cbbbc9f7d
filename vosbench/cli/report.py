"""`vosbench report`: draw the report of a scored run again, or take tables and figures from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.common import DataOption, JsonOption, note, print_json, verb
from vosbench.errors import UsageError

if TYPE_CHECKING:
    from vosbench.report import Table, TableFormat

__all__ = ["FormatOption", "TableOption", "chosen_format", "print_tables", "report"]

FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="Print the tables as latex, csv, markdown or json."),
]
TableOption = Annotated[
    str | None, typer.Option("--table", help="With --format: only the table of this name.")
]


@verb
def report(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    data: DataOption = None,
    *,
    format_: FormatOption = None,
    table: TableOption = None,
    paper: Annotated[
        Path | None,
        typer.Option("--paper", help="Folder that takes all tables and the curves, SVG and PDF."),
    ] = None,
    frames: Annotated[
        str,
        typer.Option(
            "--frames",
            help="Sequences to step through frame by frame, about 30 kB a frame: auto (lowest J, "
            "up to 250 frames), all, none, a number, or GLOBs with commas between.",
        ),
    ] = "auto",
    json: JsonOption = False,
) -> None:
    """Draw the pages of a scored run; nothing is computed twice."""
    form = chosen_format(format_, table)
    if form is not None:
        if json or paper is not None or data is not None:
            raise UsageError("--format prints tables only: leave out --json, --paper and --data")
        from vosbench.report import report_tables
        from vosbench.workflow import published_beside

        print_tables(report_tables(run, published=published_beside(run)), form, table)
        return
    if paper is not None:
        if data is not None:
            raise UsageError("--paper needs no images: leave out --data")
        from vosbench.report import write_paper
        from vosbench.workflow import published_beside

        written = write_paper(run, paper, published=published_beside(run))
        if json:
            files = [str(path) for path in (*written.tables, *written.figures)]
            print_json({"run": str(run), "paper": str(paper), "files": files})
        else:
            typer.echo(str(paper))
        return
    from vosbench.workflow import draw_report

    page, missing = draw_report(run, data=data, frames=frames)
    if missing:
        note(missing)
    if json:
        print_json({"run": str(run), "report": str(page)})
    else:
        typer.echo(str(page))


def chosen_format(form: str | None, only: str | None) -> TableFormat | None:
    """The format asked for, or None.

    Raises:
        UsageError: for a format that there is not, or a table without a format.
    """
    if form is None and only is None:
        return None
    from vosbench.report import TABLE_FORMATS

    known = next((one for one in TABLE_FORMATS if one == form), None)
    if known is None:
        raise UsageError(
            f"--format {form}: there is no such format" if form else "--table goes with --format",
            hint=f"formats: {', '.join(TABLE_FORMATS)}",
        )
    return known


def print_tables(tables: tuple[Table, ...], form: TableFormat, only: str | None) -> None:
    """Print tables, or only the one of a name, on stdout.

    Raises:
        UsageError: for a table that there is not.
    """
    from vosbench.report import render_tables

    chosen = [one for one in tables if only in (None, one.name)]
    if not chosen:
        raise UsageError(
            f"--table {only}: there is no such table",
            hint=f"tables: {', '.join(one.name for one in tables)}",
        )
    typer.echo(render_tables(chosen, form))
