"""`vosbench score`: score masks that are already there."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vosbench.cli.common import (
    DataOption,
    DatasetOption,
    JsonOption,
    LimitOption,
    SequencesOption,
    SplitOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import InputError, RunIncomplete, UsageError

__all__ = ["score"]

_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_LEAN = ("OPENBLAS_NUM_THREADS", "PYDANTIC_DISABLE_PLUGINS")


@verb
def score(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Run directory, or folder, zip or JSON of masks."),
    ],
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    data: DataOption = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="Default: the data set's own; `all` compares them."),
    ] = None,
    sequences: SequencesOption = None,
    limit: LimitOption = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Sequences at once.")] = 1,
    official_decay: Annotated[
        bool,
        typer.Option(
            "--official-decay",
            help="Decay as the official toolkit has it, wrong from 256 frames on.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Score a run, or a folder or zip of masks, under a named protocol. Needs no image files."""
    _collect_rarely()
    with _started_lean():
        from vosbench.workflow import score_path

    if protocol == "all":
        _print_matrix(
            paths,
            json=json,
            dataset=dataset,
            split=split,
            data=data,
            sequences=sequences,
            limit=limit,
            processes=processes,
        )
        return
    if len(paths) > 1:
        raise UsageError("several sets of masks are scored together only by --protocol all")
    record = score_path(
        paths[0],
        dataset=dataset,
        split=split,
        data=data,
        protocol=protocol,
        sequences=sequences,
        limit=limit,
        processes=processes,
        official_decay=official_decay,
    )
    if json:
        for text in record.notes:
            note(f"note: {text}")
        for warning in record.warnings:
            note(f"warning: {warning}")
        print_json(record.model_dump(mode="json", by_alias=True))
    else:
        from vosbench.report import render_terminal

        typer.echo(render_terminal(record, None))
    if record.unscored:
        reasons = "\n".join(f"  {name}: {reason}" for name, reason in record.unscored.items())
        if not record.objects:
            raise InputError(f"nothing could be scored:\n{reasons}")
        raise RunIncomplete(f"some sequences were not scored:\n{reasons}")


def _collect_rarely() -> None:
    """Look for reference cycles seldom, and not at the end, when all memory is given back anyway.

    Scoring makes next to none, and looking for them took a fifth of the time of a short job.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)


@contextmanager
def _started_lean() -> Iterator[None]:
    """Import without what scoring does not use: threads for linear algebra, plugins of pydantic.

    Starting the former and looking for the latter take a tenth of the time of a short job. What the
    user has set stays, and nothing is left behind for other programs.
    """
    added = {name: "1" for name in _LEAN if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _print_matrix(paths: list[Path], *, json: bool, **choices: Any) -> None:
    from vosbench.report import render_matrix
    from vosbench.workflow import score_under_all

    matrices, flips = score_under_all(paths, **choices)
    if not json:
        typer.echo(render_matrix(matrices, flips))
        return
    print_json(
        {
            "sets": {
                matrix.name: {
                    name: record.model_dump(mode="json", by_alias=True)
                    for name, record in matrix.records.items()
                }
                for matrix in matrices
            },
            "flips": [asdict(flip) for flip in flips],
        }
    )
