"""The `vosbench` command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.models import TyperInfo

import vosbench
from vosbench.cli import (
    baseline,
    bench,
    check,
    compare,
    diagnose,
    doctor,
    export,
    gate,
    history,
    listing,
    pack,
    report,
    run,
    score,
    train,
    video,
    weights,
)

__all__ = ["app", "main"]

app = typer.Typer(
    name="vosbench",
    help="Run, score and explain video object segmentation methods.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"vosbench {vosbench.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run, score and explain video object segmentation methods."""


app.command("run")(run.run)
app.command("score")(score.score)
app.command("report")(report.report)
app.command("bench")(bench.bench)
app.command("compare")(compare.compare)
app.command("diagnose")(diagnose.diagnose)
app.command("list")(listing.list_)
app.command("train")(train.train)
app.command("pack")(pack.pack)
app.command("doctor")(doctor.doctor)
app.add_typer(check.check)
app.add_typer(weights.weights)
app.command("gate")(gate.gate)
app.add_typer(baseline.baseline)
app.command("history")(history.history)
app.command("video")(video.video)
app.command("export")(export.export)


def main() -> None:
    """Entry point of the `vosbench` script."""
    _keep_only(sys.argv[1] if len(sys.argv) > 1 else "")
    app()


def _keep_only(verb: str) -> None:
    """Leave the other verbs out: reading the signatures of all takes longer than many a job.

    Where that is no verb, all stay, for the help and for the question what was meant.
    """
    commands = [command for command in app.registered_commands if command.name == verb]
    groups = [group for group in app.registered_groups if _name_of(group) == verb]
    if commands or groups:
        app.registered_commands, app.registered_groups = commands, groups


def _name_of(group: TyperInfo) -> str | None:
    inner = group.typer_instance
    return None if inner is None else inner.info.name
