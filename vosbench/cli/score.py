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
        from vosbench.store import RunPaths, read_run, refuse_nothing
        from vosbench.workflow import score_path

    for path in paths:
        refuse_nothing(path)
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
    path = paths[0]
    kept = RunPaths(path)
    before = _stamp(kept.scores)
    record = score_path(
        path,
        dataset=dataset,
        split=split,
        data=data,
        protocol=protocol,
        sequences=sequences,
        limit=limit,
        processes=processes,
        official_decay=official_decay,
    )
    run = read_run(path) if kept.run.is_file() else None
    if record.unscored and not record.objects:
        recorded = Path(run.data.root) if run is not None else None
        places = [place for place in (data, recorded) if place is not None]
        hint = _other_data(path, f"{record.dataset} {record.split}", places)
        reasons = "\n".join(_reasons(record.unscored))
        if json:
            print_json(record.model_dump(mode="json", by_alias=True))
        raise InputError(f"nothing could be scored:\n{reasons}", hint=hint)
    if json:
        for text in record.notes:
            note(f"note: {text}")
        for warning in record.warnings:
            note(f"warning: {warning}")
        print_json(record.model_dump(mode="json", by_alias=True))
    else:
        from vosbench.report import render_terminal

        typer.echo(render_terminal(record, run))
    if run is not None and before is not None and _stamp(kept.scores) == before:
        note(
            f"note: nothing was written: {kept.scores} keeps the scores of the run as it was made, "
            f"{run.data.dataset} {run.data.split} under protocol {run.data.protocol}"
        )
    if record.unscored:
        reasons = "\n".join(_reasons(record.unscored))
        raise RunIncomplete(f"some sequences were not scored:\n{reasons}")


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes whenever a file is written anew; None where there is none."""
    if not path.is_file():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _reasons(unscored: dict[str, str]) -> list[str]:
    from vosbench.evaluate import reason_lines

    return reason_lines(unscored)


def _other_data(path: Path, asked: str, roots: list[Path]) -> str:
    """Say whose sequences the masks have, where that is other data than was asked for."""
    from vosbench.data.guess import looks_like
    from vosbench.data.masks import open_masks

    try:
        return looks_like(open_masks(path).sequences(), asked, roots)
    except InputError:
        # without a single mask there is nothing to tell the data by
        return ""


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
