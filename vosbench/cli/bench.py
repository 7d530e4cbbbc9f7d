"""`vosbench bench`: how fast, under which conditions, and what a stream would show."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import (
    CompileOption,
    DataOption,
    DeviceOption,
    JsonOption,
    PrecisionOption,
    SequencesOption,
    SettingsOption,
    SplitOption,
    WeightsOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import UsageError

__all__ = ["bench"]


@verb
def bench(
    *,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="NAME or NAME@VARIANT; several are measured in turns."),
    ] = None,
    dataset: Annotated[
        str, typer.Option("--dataset", help="Name of a data set, or path of a card.")
    ] = "diagnostic",
    split: SplitOption = None,
    data: DataOption = None,
    sequences: SequencesOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Only the first N sequences.")] = 2,
    set_: SettingsOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    compile_: CompileOption = False,
    frames: Annotated[int, typer.Option("--frames", min=2, help="Frames of each sequence.")] = 32,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Times through each.")] = 3,
    block: Annotated[int, typer.Option("--block", min=1, help="Frames of one turn.")] = 5,
    objects: Annotated[
        str, typer.Option("--objects", help="Numbers of made-up objects, or `none`.")
    ] = "1,2,4",
    long: Annotated[
        int, typer.Option("--long", min=0, help="Frames of a long clip for growth; 0: none.")
    ] = 0,
    calibrate: Annotated[
        bool, typer.Option("--calibrate/--no-calibrate", help="Run the four kernels in between.")
    ] = True,
    against: Annotated[
        Path | None, typer.Option("--against", help="Stored measurement, of any machine.")
    ] = None,
    streaming: Annotated[
        Path | None, typer.Option("--streaming", help="Replay this run at fixed frame rates.")
    ] = None,
    rates: Annotated[
        str, typer.Option("--rates", help="With --streaming: frames per second.")
    ] = "15,24,30",
    every: Annotated[
        bool, typer.Option("--every-frame", help="With --streaming: skip none, fall behind.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the order of sequences.")] = 0,
    out: Annotated[
        Path, typer.Option("--out", help="Folder that takes a folder per measurement.")
    ] = Path("benches"),
    json: JsonOption = False,
) -> None:
    """Measure methods warm and in turns, or replay a run with --streaming.

    Refuses to measure beside another vosbench process on the same device.
    """
    if streaming is not None:
        if method or against:
            raise UsageError("--streaming replays a run: it takes no --method and no --against")
        _stream(streaming, rates, every=every, data=data, json=json)
        return
    if not method:
        raise UsageError("say which method with --method, or which run with --streaming")
    from vosbench.bench import (
        BenchRequest,
        compare_with_stored,
        measure,
        read_bench,
        render_bench_terminal,
    )
    from vosbench.data import open_dataset
    from vosbench.engine import RunRequest
    from vosbench.plugins import resolve_methods
    from vosbench.store.atomic import write_text

    stored = read_bench(against) if against is not None else None
    opened = open_dataset(dataset, split=split, root=data, sequences=sequences, limit=limit)
    folder = out / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    requests = tuple(
        RunRequest(
            method=one,
            dataset=opened,
            out=folder,
            device=device,
            precision=precision,
            compile=compile_,
            weights=weights,
        )
        for one in resolve_methods(method, set_ or ())
    )
    record = measure(
        BenchRequest(
            methods=requests,
            dataset=opened,
            out=folder,
            frames=frames,
            rounds=rounds,
            block=block,
            objects=_numbers(objects, "--objects"),
            long=long,
            calibrate=calibrate,
            seed=seed,
            command=("vosbench", *sys.argv[1:]),
            tell=note,
        )
    )
    text = render_bench_terminal(record)
    write_text(folder / "speed.md", text)
    compared = compare_with_stored(stored, record) if stored is not None else []
    if json:
        content = {"folder": str(folder), **record.model_dump(mode="json")}
        print_json({**content, "against": [asdict(one) for one in compared]})
        return
    typer.echo(text)
    for one in compared:
        machines = one.comparability
        told = "no ratio" if one.ratio is None else f"{one.ratio:.2f} times what is expected here"
        typer.echo(f"{one.method} against the stored measurement: {told} ({machines.reason})")
    typer.echo(str(folder / "speed.md"))


def _stream(root: Path, rates: str, *, every: bool, data: Path | None, json: bool) -> None:
    from vosbench.bench import render_streaming, streaming_scores
    from vosbench.store import read_run
    from vosbench.timing.streaming import Policy

    asked = tuple(_rate(part) for part in rates.split(","))
    label = "CPU" if read_run(root).settings.device == "cpu" else "GPU"
    policy: Policy = "every" if every else "newest"
    scores = streaming_scores(root, rates=asked, policy=policy, data=data)
    if json:
        shown = [asdict(one) for one in scores]
        print_json({"run": str(root), "label": label, "policy": policy, "scores": shown})
    else:
        typer.echo(render_streaming(scores, label=label))


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"--rates: {text!r} is no number") from error
    if not 0 < value < 1e4:
        raise UsageError(f"--rates: {text} is no frame rate above 0")
    return value


def _numbers(text: str, option: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: expected numbers with commas, or none") from error
    if min(values) < 1 or max(values) > 254:
        raise UsageError(f"{option} {text!r}: expected numbers from 1 to 254")
    return values
