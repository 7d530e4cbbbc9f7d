"""`vosbench export`: a run for another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import JsonOption, print_json, verb

__all__ = ["export"]


@verb
def export(
    run: Annotated[Path, typer.Argument(help="Run directory, scored.")],
    *,
    to: Annotated[str, typer.Option("--to", help="tensorboard, wandb or jsonl.")],
    out: Annotated[Path, typer.Option("--out", help="Folder that takes the files.")],
    json: JsonOption = False,
) -> None:
    """Write settings, scores and worst frames for another tool; nothing is sent anywhere."""
    from vosbench.export import export_run

    files = export_run(run, to, out)
    if json:
        print_json({"run": str(run), "to": to, "files": [str(path) for path in files]})
    else:
        typer.echo("\n".join(str(path) for path in files))
