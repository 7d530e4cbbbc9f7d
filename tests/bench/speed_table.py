"""The table of `docs/speed.md`: a method by number of objects, precision and compilation, in turns.

    python tests/bench/speed_table.py --device cuda                       # the whole table
    python tests/bench/speed_table.py --threads 2 --objects 1 --precisions bf16 --modes eager

Every variant steps on a frame before the next frame comes, forwards and then backwards, so that a
machine that gets busier slows all of them. Times run from RGB in host memory to the label map in
host memory. The arithmetic floor is the method's multiplications over the rate at which this device
multiplies matrices in that precision, measured between the frames. Prints Markdown.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from skimage import data as photos

from vosbench.bench.clips import BenchClip, with_objects
from vosbench.engine.adapt import adapt
from vosbench.plugins import resolve_methods
from vosbench.stats import ratio_of_medians
from vosbench.timing import ConditionWatch, Meters, Trace, find_faults, summarise_conditions
from vosbench.timing.calibration import Calibrator
from vosbench.timing.machine import processor_name
from vosbench.types import RGB, BuildOptions, ClipInfo, Session

_KERNEL_GMACS = {"cpu": 1024**3 / 1e9, "cuda": 4096**3 / 1e9}
"""Multiplications of the calibration's matrix product, 1e9."""
_WARM_UP = 6
_ASKED = {"cpu": 1000 / 350, "cuda": 150.0}
"""Frames per second with one object that this project set itself."""


@dataclass
class Cell:
    """One precision, mode and number of objects."""

    precision: str
    mode: str
    objects: int
    session: Session
    trace: Trace
    ms: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.ms)


def frames_of(size: tuple[int, int], count: int) -> list[RGB]:
    """A photograph that moves."""
    height, width = size
    down, right = -(-(height + count) // 512), -(-(width + 2 * count) // 512)
    photo = np.tile(photos.astronaut(), (down, right, 1))
    return [
        np.ascontiguousarray(photo[i : i + height, 2 * i : 2 * i + width]) for i in range(count)
    ]


def cells_of(arguments: argparse.Namespace, frames: Sequence[RGB]) -> Iterator[Cell]:
    """Build every variant once, and start a session for each number of objects."""
    (resolved,) = resolve_methods([arguments.method])
    height, width = frames[0].shape[:2]
    blank = np.zeros((height, width), np.uint8)
    clip = BenchClip(ClipInfo("moving photograph", height, width, (1,)), tuple(frames), blank)
    meters = Meters(arguments.device)
    for precision in arguments.precisions:
        for mode in arguments.modes:
            options = BuildOptions(
                parameters=resolved.parameters,
                device=arguments.device,
                precision=precision,
                compile=mode == "compiled",
            )
            card = resolved.found.card
            built = adapt(resolved.found.plugin.build(options), card.capabilities)
            for count in arguments.objects:
                made = with_objects(clip, count)
                trace = Trace(made.info.name, device=meters.device)
                with trace.call("00000", "start", objects=count):
                    session = built.start(made.info, frames[0].copy(), made.labels.copy())
                yield Cell(precision, mode, count, session, trace)


def measure(cells: Sequence[Cell], frames: Sequence[RGB], between: Sequence[Calibrator]) -> None:
    """Step all cells through the frames in turns; `ms` has the frames after the warm-up."""
    for index, frame in enumerate(frames[1:], 1):
        for cell in cells if index % 2 else reversed(cells):
            given = frame.copy()
            with cell.trace.call(f"{index:05d}", "step", objects=cell.objects):
                cell.session.step(given)
        if index % 4 == 0:
            for calibrator in between:
                calibrator.measure()
    for cell in cells:
        table = cell.trace.table()
        steps = table[(table["stage"] == "step") & (table["inside"] == "")]
        cell.ms = steps.sort_values("index")["ms"].tolist()[_WARM_UP:]


def rows(cells: Sequence[Cell], gmacs: float, rates: dict[str, float]) -> list[str]:
    """Lines of the table. Ratios are to eager fp32 with as many objects."""
    lines = [
        "| objects | precision | mode | ms p50 | p90 | FPS | times the floor | to eager fp32 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    first = {c.objects: c for c in cells if (c.precision, c.mode) == ("fp32", "eager")}
    for cell in sorted(cells, key=lambda one: one.objects):
        floor = gmacs * cell.objects / rates[cell.precision]
        p90 = float(np.percentile(cell.ms, 90))
        fps = 1000 / statistics.fmean(cell.ms)
        gain = "-"
        reference = first.get(cell.objects)
        if reference is not None and reference is not cell:
            found = ratio_of_medians(cell.ms, reference.ms)
            ends = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
            gain = f"{found.ratio:.2f} times as fast{ends}"
        lines.append(
            f"| {cell.objects} | {cell.precision} | {cell.mode} | {cell.median:.1f} | {p90:.1f} | "
            f"{fps:.1f} | {cell.median / floor:.1f} | {gain} |"
        )
    return lines


def verdicts(cells: Sequence[Cell], kind: str) -> list[str]:
    """What this project set itself, for one object; only of what was measured."""
    lines = []
    alone = [cell for cell in cells if cell.objects == 1]
    if alone:
        best = min(alone, key=lambda cell: statistics.fmean(cell.ms))
        fps = 1000 / statistics.fmean(best.ms)
        word = "reached" if fps >= _ASKED[kind] else "missed"
        lines.append(
            f"- one object: {fps:.1f} FPS, {1000 / fps:.0f} ms a frame, with {best.precision} "
            f"{best.mode}; {_ASKED[kind]:.1f} FPS {word}"
        )
        for cell in alone:
            if kind == "cuda" and (cell.precision, cell.mode) == ("fp32", "eager"):
                gain = cell.median / best.median
                word = "reached" if gain >= 4 else "missed"
                lines.append(f"- over eager fp32: {gain:.1f} times; 4 times {word}")
    return lines


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    cuda = torch.cuda.is_available()

    def listed(text: str) -> list[str]:
        return text.split(",")

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser.add_argument("--method", default="dmvos")
    parser.add_argument("--device", default="cuda:0" if cuda else "cpu")
    parser.add_argument("--frames", type=int, default=200 if cuda else 24, help="timed, of each")
    parser.add_argument("--size", default="480x854")
    parser.add_argument("--objects", type=numbers, default=[1, 2, 4, 8] if cuda else [1, 2])
    parser.add_argument("--precisions", type=listed, default=["fp32", "bf16"])
    parser.add_argument(
        "--modes", type=listed, default=["eager", "compiled"] if cuda else ["eager"]
    )
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--gmacs", type=float, default=63.0, help="of a frame with one object, 1e9")
    arguments = parser.parse_args(words)
    arguments.device = "cuda:0" if arguments.device == "cuda" else arguments.device
    if arguments.device != "cpu" and not cuda:
        raise SystemExit(f"{arguments.device} is not here; --device cpu measures a CPU")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    kind = "cpu" if arguments.device == "cpu" else "cuda"
    height, width = (int(part) for part in arguments.size.split("x"))
    frames = frames_of((height, width), arguments.frames + _WARM_UP + 1)
    watch = ConditionWatch(arguments.device)
    calibrators = {one: Calibrator(arguments.device, one) for one in arguments.precisions}
    cells = list(cells_of(arguments, frames))
    snapshots = [watch.snapshot()]
    measure(cells, frames, list(calibrators.values()))
    snapshots.append(watch.snapshot())
    results = {name: one.result() for name, one in calibrators.items()}
    rates = {
        name: _KERNEL_GMACS[kind] / one.medians["matrix-product"] for name, one in results.items()
    }
    conditions = summarise_conditions(watch.settings(), snapshots)
    name = processor_name() if kind == "cpu" else next(iter(results.values())).device
    threads = f", {torch.get_num_threads()} threads" if kind == "cpu" else ""
    measured = ", ".join(f"{one} {1000 * rate:.0f} GMACs/s" for one, rate in rates.items())
    lines = [
        f"{conditions.label}: {name}{threads}, torch {torch.__version__}; {arguments.method} at "
        f"{arguments.size}, {arguments.frames} frames of each in turns; matrix product {measured}; "
        f"{arguments.gmacs:.0f} GMACs a frame and object",
        "",
        *rows(cells, arguments.gmacs, rates),
        "",
        *verdicts(cells, kind),
        *(f"- {warning}" for warning in conditions.warnings),
    ]
    for cell in cells:
        faults = [one.text for one in find_faults(cell.trace.table()) if one.kind != "stall"]
        lines += [f"- {cell.precision} {cell.mode}, {cell.objects}: {text}" for text in faults]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
