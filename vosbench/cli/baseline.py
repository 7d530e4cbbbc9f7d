"""`vosbench baseline`: the file that runs are held to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import DataOption, JsonOption, note, print_json, verb
from vosbench.errors import UsageError, VosbenchError

__all__ = ["baseline"]

baseline = typer.Typer(
    name="baseline",
    help="Set, show, list or compare baselines: the files that `vosbench gate` holds runs to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
FileArgument = Annotated[Path, typer.Argument(help="Baseline file.")]


@baseline.command("set")
@verb
def set_(
    run: Annotated[Path, typer.Argument(help="Run directory, or a folder that holds one run.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="File to write, for version control.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a file that is there already.")
    ] = False,
    diagnose: Annotated[
        bool,
        typer.Option(
            "--diagnose/--no-diagnose", help="Keep causes of loss, so that a gate can name them."
        ),
    ] = True,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Keep this machine's calibration.")
    ] = False,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Measure and keep this machine's noise floor."),
    ] = False,
    data: DataOption = None,
) -> None:
    """Make a baseline of a scored, complete run."""
    from vosbench.gate import Policy, baseline_of, write_baseline
    from vosbench.gate.calibrate import calibrate as calibrate_now
    from vosbench.gate.choose import find_run
    from vosbench.gate.difference import render_baseline
    from vosbench.gate.selftest import self_test as measure_itself
    from vosbench.store import read_run

    root = find_run(run)
    if out.exists() and not replace:
        raise UsageError(
            f"{out} is there already",
            hint="look at `vosbench baseline diff`, then say --replace",
        )
    if diagnose:
        _diagnose(root, data)
    noise = None
    if self_test:
        found = measure_itself(
            root,
            Policy(),
            progress=lambda what, done, of: note(f"measured {done} of {of} {what}"),
        )
        noise = found.noise
    calibration = calibrate_now(read_run(root)) if calibrate else None
    record = baseline_of(root, calibration=calibration, noise=noise)
    write_baseline(out, record)
    typer.echo(render_baseline(record))
    typer.echo(str(out))


def _diagnose(root: Path, data: Path | None) -> None:
    from vosbench.explain import DIAGNOSIS_JSON, diagnose_path

    if (root / DIAGNOSIS_JSON).is_file():
        return
    try:
        diagnose_path(root, data=data)
    except VosbenchError as error:
        # data asked for by name must be there; else the baseline goes without causes
        if data is not None:
            raise
        note(f"note: causes of loss are not kept: {error}")


@baseline.command("show")
@verb
def show(file: FileArgument, *, json: JsonOption = False) -> None:
    """Say what a baseline holds."""
    from vosbench.gate import read_baseline
    from vosbench.gate.difference import render_baseline

    record = read_baseline(file)
    if json:
        print_json(record.model_dump(mode="json", by_alias=True))
    else:
        typer.echo(render_baseline(record))


@baseline.command("list")
@verb
def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of baseline files.")] = Path(
        "reports/baselines"
    ),
    *,
    json: JsonOption = False,
) -> None:
    """List the baselines of a folder."""
    from vosbench.gate import read_baseline
    from vosbench.gate.choose import find_baselines
    from vosbench.report.text import plain, points

    found = [(path, read_baseline(path)) for path in find_baselines(folder)]
    if json:
        rows = [
            {
                "file": str(path),
                "method": record.method.reference,
                "dataset": record.dataset,
                "split": record.split,
                "protocol": record.protocol,
                "sequences": list(record.sequences),
                "J&F-Mean": record.overall.jf_mean,
                "created": record.created,
            }
            for path, record in found
        ]
        print_json({"baselines": rows})
        return
    for path, record in found:
        what = f"{record.method.reference} on {record.dataset} {record.split}"
        typer.echo(plain(f"{path}  {what}  J&F {points(record.overall.jf_mean)}"))


@baseline.command("diff")
@verb
def diff(
    first: FileArgument,
    second: Annotated[Path, typer.Argument(help="Baseline file or run directory.")],
    *,
    json: JsonOption = False,
) -> None:
    """Say what changed from one baseline to another, or to a run."""
    from vosbench.gate import read_baseline
    from vosbench.gate.difference import compare_baselines, render_baseline_difference

    record = compare_baselines(read_baseline(first), read_baseline(second))
    if json:
        print_json(record.model_dump(mode="json"))
    else:
        typer.echo(render_baseline_difference(record))
