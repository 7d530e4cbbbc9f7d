"""`vosbench gate`: a run against a baseline, for continuous integration."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vosbench.cli.common import DataOption, JsonOption, note, print_json, verb
from vosbench.errors import UsageError

if TYPE_CHECKING:
    from vosbench.gate import BaselineRecord, CalibrationRecord, GateRecord, Measured, Policy

__all__ = ["gate"]


@verb
def gate(
    run: Annotated[Path, typer.Argument(help="Run directory, or a folder that holds one run.")],
    *,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="Baseline file (or run directory) to hold it to."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="TOML file of what is tolerated.")
    ] = None,
    baseline_python: Annotated[
        Path | None,
        typer.Option(
            "--baseline-python",
            help="Python that has the baseline's code: the run's command is measured in turns.",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option("--rounds", min=6, help="Pairs to measure; default: the policy's."),
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option("--repeat", help="Second run of the same code, for stored times."),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Calibrate this machine, where the run was made."),
    ] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Measure the run's code in turns with itself.")
    ] = False,
    trials: Annotated[
        int,
        typer.Option(
            "--trials",
            min=0,
            help="With --self-test: also measure N whole gates on real kernels, of equal code and "
            "with one stage slowed by 10 %.",
        ),
    ] = 0,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write Markdown, for a comment.")
    ] = None,
    annotations: Annotated[
        Literal["auto", "github", "none"],
        typer.Option("--annotations", help="GitHub annotations and step summary."),
    ] = "auto",
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Fail if accuracy or speed fell below a baseline: exit 0 pass, 1 fail, 5 inconclusive."""
    from vosbench.gate import gate_run, read_baseline, read_policy
    from vosbench.gate.choose import find_run

    rules = read_policy(policy)
    if rounds is not None:
        speed = rules.speed.model_copy(update={"rounds": rounds})
        rules = rules.model_copy(update={"speed": speed})
    if self_test:
        if baseline is not None or baseline_python is not None or repeat is not None:
            raise UsageError("--self-test compares a run with itself: name no baseline")
        _self_test(find_run(run), rules, trials=trials, json=json)
    if trials:
        raise UsageError("--trials belongs to --self-test")
    if baseline is None:
        raise UsageError("say what to hold the run to: --baseline FILE", hint="or --self-test")
    if baseline_python is not None and (repeat is not None or calibrate):
        raise UsageError("times taken in turns need neither --repeat nor --calibrate")
    held_to = read_baseline(baseline)
    root = find_run(run)
    record = gate_run(
        root,
        held_to,
        baseline_name=str(baseline),
        policy=rules,
        repeat=None if repeat is None else find_run(repeat),
        measured=_measured(root, baseline_python, rules),
        calibration=_calibration(root, held_to) if calibrate else None,
        data=data,
    )
    _write(record, junit=junit, markdown=markdown, json=json)
    _annotate(record, annotations, json=json)
    raise typer.Exit(record.exit_code)


def _self_test(root: Path, rules: Policy, *, trials: int, json: bool) -> None:
    from vosbench.gate.selftest import render_self_test, self_test

    def tell(what: str, done: int, of: int) -> None:
        if what == "rounds" or done % 10 == 0 or done == of:
            note(f"measured {done} of {of} {what}")

    found = self_test(root, rules, trials=trials, progress=tell)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        typer.echo(render_self_test(found))
    raise typer.Exit(found.exit_code)


def _progress(done: int, of: int) -> None:
    note(f"measured {done} of {of} rounds")


def _measured(root: Path, python: Path | None, rules: Policy) -> Measured | None:
    from vosbench.gate import Side, measure

    if python is None:
        return None
    sides = Side(python, isolated=True), Side(Path(sys.executable))
    return measure(root, *sides, policy=rules, progress=_progress)


def _calibration(root: Path, held_to: BaselineRecord) -> CalibrationRecord | None:
    from vosbench.gate.calibrate import calibrate
    from vosbench.store import read_run

    if held_to.speed.calibration is None:
        note("note: the baseline was set without calibration; this machine's is not used")
        return None
    return calibrate(read_run(root))


def _write(record: GateRecord, *, junit: Path | None, markdown: Path | None, json: bool) -> None:
    from vosbench.gate import junit_xml, render_gate_markdown, render_gate_terminal
    from vosbench.store.atomic import write_text

    if junit is not None:
        write_text(junit, junit_xml(record))
    if markdown is not None:
        write_text(markdown, render_gate_markdown(record) + "\n")
    if json:
        print_json(record.model_dump(mode="json"))
        return
    typer.echo(render_gate_terminal(record))
    for path in (junit, markdown):
        if path is not None:
            typer.echo(str(path))


def _annotate(record: GateRecord, wanted: str, *, json: bool) -> None:
    from vosbench.gate import github_annotations, render_gate_markdown, write_step_summary

    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    if wanted == "none" or (wanted == "auto" and not on_github):
        return
    # GitHub reads commands from either stream; stdout belongs to the JSON object
    for line in github_annotations(record):
        typer.echo(line, err=json)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        write_step_summary(Path(summary), render_gate_markdown(record))
