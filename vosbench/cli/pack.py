"""`vosbench pack`: write the zip that a leaderboard takes, or verify one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.common import (
    DataOption,
    DatasetOption,
    JsonOption,
    SplitOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import InputError, UsageError

if TYPE_CHECKING:
    from vosbench.checks import CheckReport

__all__ = ["pack"]


@verb
def pack(
    path: Annotated[
        Path | None, typer.Argument(help="Run directory, or folder or zip of masks.")
    ] = None,
    *,
    target: Annotated[
        str, typer.Option("--target", help="Leaderboard; an unknown name lists them.")
    ],
    dataset: DatasetOption = None,
    split: SplitOption = None,
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Zip file to write.")] = None,
    verify: Annotated[
        Path | None, typer.Option("--verify", help="Only verify this zip, and write nothing.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a zip that is there already.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Pack masks for a leaderboard and verify the zip offline. Its path is the last line."""
    from vosbench.checks import open_task
    from vosbench.data.masks import open_masks
    from vosbench.pack import (
        get_target,
        pack_masks,
        plan_pack,
        refuse_other_data,
        verify_archive,
    )

    wanted = get_target(target)
    if verify is not None and (path is not None or out is not None or replace):
        raise UsageError(
            "--verify takes neither masks nor --out nor --replace: it only reads the zip it names"
        )
    if verify is not None and dataset is None:
        raise UsageError("--verify needs --dataset: the zip does not say what it is of")
    masks = path if verify is None else verify
    if masks is None or (verify is None and out is None):
        raise UsageError("name the masks and --out FILE.zip, or --verify FILE.zip")
    if out is not None and out.suffix.lower() != ".zip":
        raise UsageError(f"--out {out}: leaderboards take a file that ends in .zip")
    if out is not None and out.exists() and not replace:
        raise UsageError(f"{out} is there already", hint="say --replace, or name another file")
    if dataset is not None and dataset == wanted.dataset:
        split = split or wanted.split
    opened = open_task(masks, dataset=dataset, split=split, data=data, images_for_frames=True)
    refuse_other_data(wanted, opened)
    plan = plan_pack(wanted, opened)
    if out is None:
        _show(verify_archive(masks, plan), masks, json=json)
    else:
        _show(pack_masks(open_masks(masks), plan, out), out, json=json)


def _show(report: CheckReport, written: Path, *, json: bool) -> None:
    """Print a report; the last line on stdout is the path of the zip.

    Raises:
        InputError: if it has errors, so that the command ends with exit code 4.
    """
    if json:
        print_json({"zip": str(written), **report.as_dict()})
    else:
        for line in report.lines():
            note(line)
        typer.echo(str(written))
    if report.errors:
        from vosbench.data.names import counted

        raise InputError(f"{written}: {counted(len(report.errors), 'error')} found")
