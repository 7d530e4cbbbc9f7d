"""`vosbench score`: score masks that are already there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import (
    DataOption,
    JsonOption,
    LimitOption,
    SequencesOption,
    SplitOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import InputError, RunIncomplete

__all__ = ["score"]


@verb
def score(
    path: Annotated[Path, typer.Argument(help="Run directory, or folder or zip of masks.")],
    *,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Name of a data set, or path of a card.")
    ] = None,
    split: SplitOption = None,
    data: DataOption = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Default: the data set's own.")
    ] = None,
    sequences: SequencesOption = None,
    limit: LimitOption = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Sequences at once.")] = 1,
    json: JsonOption = False,
) -> None:
    """Score a run, or a folder or zip of masks, under a named protocol. Needs no image files."""
    from vosbench.report import render_terminal
    from vosbench.workflow import score_path

    record = score_path(
        path,
        dataset=dataset,
        split=split,
        data=data,
        protocol=protocol,
        sequences=sequences,
        limit=limit,
        processes=processes,
    )
    if json:
        for text in record.notes:
            note(f"note: {text}")
        for warning in record.warnings:
            note(f"warning: {warning}")
        print_json(record.model_dump(mode="json", by_alias=True))
    else:
        typer.echo(render_terminal(record, None))
    if record.unscored:
        reasons = "\n".join(f"  {name}: {reason}" for name, reason in record.unscored.items())
        if not record.objects:
            raise InputError(f"nothing could be scored:\n{reasons}")
        raise RunIncomplete(f"some sequences were not scored:\n{reasons}")
