"""`vosbench report`: draw the report of a scored run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import DataOption, JsonOption, note, print_json, verb

__all__ = ["report"]


@verb
def report(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Draw the pages of a scored run; nothing is computed twice."""
    from vosbench.workflow import draw_report

    page, missing = draw_report(run, data=data)
    if missing:
        note(missing)
    if json:
        print_json({"run": str(run), "report": str(page)})
    else:
        typer.echo(str(page))
