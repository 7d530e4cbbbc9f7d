"""`vosbench history`: accuracy and speed over revisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import JsonOption, print_json, verb

__all__ = ["history"]


@verb
def history(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run directories, baseline files, or folders of either."),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", help="Page to write.")] = Path("history.html"),
    json: JsonOption = False,
) -> None:
    """Draw accuracy, speed and memory over runs, and mark where they changed for good."""
    from vosbench.gate.history import find_history, make_history
    from vosbench.gate.history_page import render_history_page, render_history_terminal
    from vosbench.store.atomic import write_text

    record = make_history(*find_history(runs))
    write_text(out, render_history_page(record))
    if json:
        print_json(record.model_dump(mode="json"))
        return
    typer.echo(render_history_terminal(record))
    typer.echo(str(out))
