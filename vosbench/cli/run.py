"""`vosbench run`: segment a data set with a method, score the masks, draw the report."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli.common import (
    CompileOption,
    DataOption,
    DeviceOption,
    JsonOption,
    LimitOption,
    PrecisionOption,
    SequencesOption,
    SettingsOption,
    SplitOption,
    WeightsOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import InterruptedRun, RunIncomplete, UsageError

if TYPE_CHECKING:
    from vosbench.engine import RunRequest

__all__ = ["run"]


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@verb
def run(
    *,
    method: Annotated[
        list[str],
        typer.Option(
            "--method",
            help="NAME, NAME@VARIANT, 'NAME@*' for all its variants, a pattern of names such as "
            "'baseline-*', external:NAME or CARD.toml for a program, or precomputed for masks that "
            "are there already. May be repeated.",
        ),
    ],
    dataset: Annotated[
        str, typer.Option("--dataset", help="Name of a data set, or path of a card.")
    ] = "diagnostic",
    split: SplitOption = None,
    data: DataOption = None,
    sequences: SequencesOption = None,
    limit: LimitOption = None,
    masks: Annotated[
        Path | None,
        typer.Option("--masks", help="With --method precomputed: folder or archive of the masks."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="With --masks: what to call them in the run.")
    ] = None,
    set_: SettingsOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    compile_: CompileOption = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 0,
    out: Annotated[
        Path, typer.Option("--out", help="Folder that takes <dataset>/<method>/<id>.")
    ] = Path("runs"),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Segment again even what is complete.")
    ] = False,
    store_soft: Annotated[
        bool | None,
        typer.Option(
            "--store-soft/--no-store-soft",
            help="Keep soft masks for `diagnose`. Default: where a sequence has several objects.",
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option("--report/--no-report", help="Draw the report; `vosbench report` can later."),
    ] = True,
    json: JsonOption = False,
) -> None:
    """Run a method over a data set, score it, and draw the report.

    The same command again resumes: sequences that are complete and match are kept.
    """
    from vosbench.data import open_dataset
    from vosbench.engine import RunRequest, check
    from vosbench.plugins import resolve_methods

    resolved = resolve_methods(_named(method, masks, name), set_ or ())
    opened = open_dataset(
        dataset,
        split=split,
        root=data,
        sequences=sequences,
        limit=limit,
        need_images=masks is None,
    )
    for warning in opened.warnings:
        note(f"warning: {warning}")
    requests = [
        RunRequest(
            method=one,
            dataset=opened,
            out=out,
            device=device,
            precision=precision,
            compile=compile_,
            seed=seed,
            weights=weights,
            masks=masks,
            fresh=fresh,
            store_soft=store_soft,
            command=("vosbench", *sys.argv[1:]),
            reference=str(Path(dataset).resolve()) if dataset.endswith(".toml") else dataset,
        )
        for one in resolved
    ]
    if len(requests) > 1:
        for request in requests:
            check(request)
    previous = signal.signal(signal.SIGTERM, _interrupt)
    results = []
    try:
        for request in requests:
            results.append(_run_one(request, report=report, json=json))  # noqa: PERF401 - kept if one fails
    except KeyboardInterrupt as error:
        raise InterruptedRun(
            "stopped; finished sequences are kept", hint="the same command goes on from there"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, previous)
    if json:
        print_json(results[0] if len(results) == 1 else {"runs": results})
    failed = {r["method"]: r["failed"] for r in results if r["failed"]}
    if failed:
        listed = "; ".join(f"{name}: {', '.join(which)}" for name, which in failed.items())
        raise RunIncomplete(
            f"some sequences have no result: {listed}",
            hint="the reasons are above and in sequences/*.json; "
            + (
                "the same command tries them again"
                if masks is None
                else "masks that are mended are other masks: the same command makes a new run of "
                "them, and this one can be removed"
            ),
        )


def _named(methods: list[str], masks: Path | None, name: str | None) -> list[str]:
    """The methods asked for; masks that are there already are a method under a name of their own.

    Raises:
        UsageError: if masks come with another method, or a name without masks.
    """
    if masks is None:
        if name is not None:
            raise UsageError("--name says what masks are called: name them with --masks")
        return methods
    if methods != ["precomputed"]:
        raise UsageError(
            f"--masks goes with --method precomputed, not with {', '.join(methods)}",
            hint="a method makes masks of its own; --weights names what it makes them with",
        )
    return [f"precomputed:{masks.stem if name is None else name}"]


def _run_one(request: RunRequest, *, report: bool, json: bool) -> dict[str, Any]:
    from vosbench.cli.progress import ProgressLines
    from vosbench.engine import execute
    from vosbench.report import render_terminal
    from vosbench.report.text import count
    from vosbench.workflow import draw_report, score_run

    outside = request.masks is not None or bool(request.method.found.card.program)
    root, record = execute(request, ProgressLines(rates=not outside))
    scores = score_run(root, record, request.dataset)
    page = draw_report(root, dataset=request.dataset)[0] if report else None
    if not json:
        typer.echo(render_terminal(scores, record))
        typer.echo(str(page or root))
    if scores.without_truth:
        bare = count(len(scores.without_truth), "sequence")
        note(
            f"no ground truth beyond the first frame: {bare}, whose masks are written and cannot "
            "be scored here"
        )
    lost = set(scores.unscored) - set(scores.without_truth)
    return {
        "method": record.method.reference,
        "run": str(root),
        "report": str(page) if page else None,
        "status": record.status,
        "failed": [name for name in record.data.sequences if name in lost],
        **scores.model_dump(mode="json", by_alias=True),
        "timing": record.timing,
    }
