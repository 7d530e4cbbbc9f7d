"""`vosbench check`: look a data set, masks or a method over before anything depends on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.common import (
    DataOption,
    DatasetOption,
    DeviceOption,
    JsonOption,
    LimitOption,
    PrecisionOption,
    ProtocolOption,
    SequencesOption,
    SettingsOption,
    SplitOption,
    WeightsOption,
    print_json,
    verb,
)
from vosbench.errors import InputError, UsageError

if TYPE_CHECKING:
    from vosbench.checks import CheckReport

__all__ = ["check", "check_dataset", "check_masks", "check_method"]

check = typer.Typer(
    name="check",
    help="Look a data set, masks or a method over, and report everything that is wrong.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _show(report: CheckReport, *, json: bool) -> None:
    """Print a report.

    Raises:
        InputError: if it has errors, so that the command ends with exit code 4.
    """
    if json:
        print_json(report.as_dict())
    else:
        typer.echo("\n".join(report.lines()))
    if report.errors:
        from vosbench.data.names import counted

        raise InputError(f"{report.subject}: {counted(len(report.errors), 'error')} found")


@check.command("dataset")
@verb
def check_dataset(
    dataset: Annotated[str, typer.Argument(help="Name of a data set, or path of a card.")],
    *,
    split: SplitOption = None,
    data: DataOption = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every image and mask, not only headers.")
    ] = False,
    manifest: Annotated[
        str | None,
        typer.Option("--manifest", help="manifest_sha256 that the data must have."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check frame lists, sizes, modes and ids of a data set. Exit 4 if there are errors."""
    from vosbench.checks import check_dataset as look

    _show(look(dataset, split=split, root=data, deep=deep, manifest=manifest), json=json)


@check.command("masks")
@verb
def check_masks(
    path: Annotated[Path, typer.Argument(help="Run directory, or folder or zip of masks.")],
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    data: DataOption = None,
    protocol: ProtocolOption = None,
    sequences: SequencesOption = None,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> None:
    """Check masks against a data set without scoring them. Exit 4 if there are errors."""
    from vosbench.checks import check_masks as look
    from vosbench.checks import open_task

    opened = open_task(
        path,
        dataset=dataset,
        split=split,
        data=data,
        sequences=sequences,
        limit=limit,
        as_chosen=True,
    )
    _show(look(path, opened, protocol=protocol), json=json)


@check.command("method")
@verb
def check_method(
    method: Annotated[str, typer.Argument(help="NAME or NAME@VARIANT.")],
    *,
    set_: SettingsOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = "cpu",
    precision: PrecisionOption = "auto",
    json: JsonOption = False,
) -> None:
    """Run a method on tiny drawn clips and check its contract. Exit 4 if there are errors."""
    from vosbench.checks import check_method as look
    from vosbench.plugins import resolve_methods

    resolved = resolve_methods([method], set_ or ())
    if len(resolved) != 1:
        raise UsageError(f"{method!r} names {len(resolved)} methods; check one at a time")
    report = look(resolved[0], weights=weights, device=device, precision=precision)
    _show(report, json=json)
