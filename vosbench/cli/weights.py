"""`vosbench weights`: list weight files, convert them to safetensors, tell the right ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import JsonOption, SettingsOption, note, print_json, verb
from vosbench.errors import InputError, UsageError

__all__ = ["weights", "weights_convert", "weights_list", "weights_verify"]

weights = typer.Typer(
    name="weights",
    help="List weight files, convert them to safetensors, or tell whether one is right.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@weights.command("list")
@verb
def weights_list(json: JsonOption = False) -> None:
    """List the weight files of installed methods with digest, size and licence."""
    from vosbench.weights import list_weights

    rows = list_weights()
    if json:
        print_json({"weights": [row.as_dict() for row in rows]})
        return
    if not rows:
        note("no installed method names a weight file")
        return
    from tabulate import tabulate

    shown = [
        {
            "method": row.method,
            "file": row.file,
            "state": row.state,
            "MB": "" if row.bytes is None else f"{row.bytes / 1e6:.1f}",
            "SHA-256": row.sha256 or "",
            "licence": row.licence,
        }
        for row in rows
    ]
    typer.echo(tabulate(shown, headers="keys", tablefmt="simple", disable_numparse=True))


@weights.command("convert")
@verb
def weights_convert(
    source: Annotated[Path, typer.Argument(help="File of torch.save (.pth, .pt, ...).")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Default: the same name with .safetensors.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Entry of the file that holds the tensors.")
    ] = None,
    strip_prefix: Annotated[
        str, typer.Option("--strip-prefix", help="Taken off every name, such as `module.`.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Write the tensors of a file of torch.save as safetensors. Runs nothing that the file says."""
    from vosbench.weights import convert_weights

    done = convert_weights(source, out, key=key, prefix=strip_prefix)
    for entry in done.dropped:
        note(f"left out, no tensor: {entry}")
    if json:
        print_json(done.as_dict())
        return
    typer.echo(f"{done.tensors} tensors, {done.parameters} numbers")
    typer.echo(f"SHA-256 {done.sha256}")
    typer.echo(str(done.path))


@weights.command("verify")
@verb
def weights_verify(
    method: Annotated[str, typer.Argument(help="NAME or NAME@VARIANT.")],
    path: Annotated[
        Path | None, typer.Argument(help="Weight file; default: what the method ships.")
    ] = None,
    *,
    expect: Annotated[
        str | None, typer.Option("--expect", help="SHA-256 that the file must have.")
    ] = None,
    set_: SettingsOption = None,
    json: JsonOption = False,
) -> None:
    """Check a weight file's digest, and that the method takes it. Exit 4 if it is not right."""
    from vosbench.plugins import resolve_methods
    from vosbench.weights import verify_weights

    resolved = resolve_methods([method], set_ or ())
    if len(resolved) != 1:
        raise UsageError(f"{method!r} names {len(resolved)} methods; verify one at a time")
    report = verify_weights(resolved[0], path, expected=expect)
    if json:
        print_json(report.as_dict())
    else:
        typer.echo("\n".join(report.lines()))
    if report.errors:
        from vosbench.data.names import counted

        raise InputError(f"{report.subject}: {counted(len(report.errors), 'error')} found")
