"""Everything that is promised of the speed of scoring, in one run.

    python tests/bench/scoring_figures.py --shared FOLDER --work FOLDER [--repeats N] [--copies N …]

FOLDER of `--shared` holds `data/` and `reference/golden/scoring/`; that of `--work` is filled with
the masks to score, once. Prints, for a multi-object set and for DAVIS-2016, the table of
`side_by_side.py` with one process and with two; the start; and one process against two on larger
sets, in which the multi-object set is there six times and twelve times (`--copies`). Each goal
stands beside what was measured.

vos-benchmark is measured where it can be imported (see `side_by_side.py`). Wall times mean
something on a quiet machine only; the times of the processor, and what follows from them, also on a
busy one.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from side_by_side import (
    CARD,
    FLOOR,
    OURS,
    THEIRS,
    Measurement,
    common,
    compared,
    frames_of,
    heading,
    surroundings,
    table,
)

COPIES = (6, 12)
_SPLIT = """
import atexit, resource, sys
def end():
    own, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    spent = (use.ru_utime + use.ru_stime for use in (own, others))
    sys.stderr.write(chr(10) + " ".join(map(str, spent)))
atexit.register(end)
from vosbench.cli import main
main()
"""


@dataclass(frozen=True)
class Shared:
    """Processor time of one start.

    Attributes:
        wall: s.
        parent: s, of the process that was started.
        workers: s, of those that it started.
    """

    wall: float
    parent: float
    workers: float


def prepare(shared: Path, work: Path) -> None:
    """Unpack and write the masks, unless they are there."""
    from vosbench.data.masks import encode_labels, read_labels

    if (work / "complete").exists():
        return
    results = shared / "data" / "results"
    zipfile.ZipFile(results / "davis2017" / "osvos.zip").extractall(work / "unpacked")
    zipfile.ZipFile(results / "davis2016" / "ranet.zip").extractall(work / "single" / "masks")
    recipe = shared / "reference" / "golden" / "scoring" / "perturb.py"
    spec = importlib.util.spec_from_file_location("recipe", recipe)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{recipe} cannot be read")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for folder in sorted((work / "unpacked" / "osvos").iterdir()):
        files = sorted(folder.glob("*.png"))
        for number, file in enumerate(files):
            moved = module.perturb(read_labels(file, "ids"), folder.name, number, len(files))
            for kind, data in (("truth", file.read_bytes()), ("masks", encode_labels(moved))):
                path = work / "multi" / kind / folder.name / file.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    (work / "complete").touch()


def larger(work: Path, copies: int) -> Path:
    """The multi-object set so many times, in a folder of its own."""
    large = work / f"large-{copies}"
    if not (large / "complete").exists():
        for kind in ("truth", "masks"):
            for folder in sorted((work / "multi" / kind).iterdir()):
                for copy in range(copies):
                    target = large / kind / f"{folder.name}-{copy}"
                    shutil.copytree(folder, target, dirs_exist_ok=True)
        (large / "complete").touch()
    return large


def medians(runs: list[Measurement]) -> Measurement:
    return Measurement(
        statistics.median(run.wall for run in runs),
        statistics.median(run.cpu for run in runs),
        max(run.peak for run in runs),
        runs[0].score,
    )


def verdict(words: str, value: float, goal: float, *, most: bool = False, unit: str = "") -> str:
    met = value <= goal if most else value >= goal
    limit = f"{'at most' if most else 'at least'} {goal:g}{unit}"
    return f"  {words}: {value:.2f}{unit} ({limit}: {'met' if met else 'MISSED'})\n"


def one_set(
    title: str, truth: Path, masks: Path, *, protocol: str, processes: int, repeats: int
) -> None:
    arguments = argparse.Namespace(
        truth=truth, masks=masks, protocol=protocol, processes=processes, repeats=repeats
    )
    names = common(truth, masks)
    runs = compared(arguments, names)
    text = f"{title}: {heading(arguments, names)}\n{table(runs, frames_of(arguments, names))}\n"
    ours, floor = medians(runs[OURS]), medians(runs[FLOOR])
    if THEIRS in runs:
        theirs = medians(runs[THEIRS])
        goal = 12 if processes == 1 else 0
        text += verdict("times the speed of vos-benchmark, wall", theirs.wall / ours.wall, goal)
        text += verdict("times the speed of vos-benchmark, CPU", theirs.cpu / ours.cpu, goal)
    text += verdict("times the floor, wall", ours.wall / floor.wall, 3, most=True)
    text += verdict("times the floor, CPU", ours.cpu / floor.cpu, 3, most=True)
    text += verdict("peak memory", ours.peak, 300, most=True, unit=" MB")
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def start_up(work: Path, repeats: int) -> float:
    """Wall time of scoring three frames, from the start of Python to its end; s."""
    small = work / "start"
    sequence = next((work / "multi" / "truth").iterdir())
    for kind in ("truth", "masks"):
        target = small / kind / sequence.name
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted((work / "multi" / kind / sequence.name).iterdir())[:3]:
            shutil.copy(file, target)
    runs = [scored(small, 1) for _ in range(repeats + 1)][1:]
    wall = statistics.median(run.wall for run in runs)
    cpu = statistics.median(run.parent for run in runs)
    look = "import sys, vosbench.cli.app, vosbench.workflow; print('torch' in sys.modules)"
    with_torch = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True
    )
    text = verdict("start, scoring one frame, wall", wall, 0.5, most=True, unit=" s")
    text += verdict("start, scoring one frame, CPU", cpu, 0.5, most=True, unit=" s")
    sys.stdout.write(f"Start\n{text}  torch imported: {with_torch.stdout.strip()}\n\n")
    return cpu


def scored(folder: Path, processes: int) -> Shared:
    """Score a set; its truth and masks lie in the folder."""
    with tempfile.TemporaryDirectory() as inner:
        card = Path(inner) / "side-by-side.toml"
        card.write_text(CARD.format(truth="truth"))
        words = ["score", str(folder / "masks"), "--json", "--dataset", str(card)]
        words += ["--data", str(folder), "--processes", str(processes)]
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _SPLIT, *words],
            capture_output=True,
            text=True,
            check=False,
            env=surroundings(),
        )
        wall = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(done.stderr)
    parent, workers = map(float, done.stderr.splitlines()[-1].split())
    json.loads(done.stdout)
    return Shared(wall, parent, workers)


def two_processes(large: Path, repeats: int, start: float) -> None:
    one, two = [], []
    for turn in range(repeats + 1):
        pair = scored(large, 1), scored(large, 2)
        if turn:
            one.append(pair[0])
            two.append(pair[1])
    alone = statistics.median(run.wall for run in one), statistics.median(r.parent for r in one)
    wall = statistics.median(run.wall for run in two)
    parent = statistics.median(run.parent for run in two)
    workers = statistics.median(run.workers for run in two)
    ideal = parent + workers / 2
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    frames = sum(1 for _ in (large / "truth").rglob("*.png"))
    sys.stdout.write(
        f"Two processes, {frames} frames, median of {repeats}, taking turns; load {load}\n"
        f"  one: wall {alone[0]:.2f} s, CPU {alone[1]:.2f} s\n"
        f"  two: wall {wall:.2f} s, CPU of the parent {parent:.2f} s, of the workers "
        f"{workers:.2f} s\n"
        f"  serial share: {parent / (parent + workers):.3f}, of it the start {start:.2f} s\n"
        + verdict("times as fast, wall", alone[0] / wall, 1.7)
        + verdict("times as fast by CPU time, if two CPUs were idle", alone[1] / ideal, 1.7)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--copies", type=int, nargs="+", default=COPIES, help="sizes of the sets")
    arguments = parser.parse_args()
    shared, work = arguments.shared.resolve(), arguments.work.resolve()
    prepare(shared, work)
    single = shared / "data" / "DAVIS2016" / "Annotations" / "480p"
    multi = work / "multi"
    for processes in (1, 2):
        one_set(
            "Multi-object",
            multi / "truth",
            multi / "masks",
            protocol="vos-benchmark",
            processes=processes,
            repeats=arguments.repeats,
        )
        one_set(
            "DAVIS-2016",
            single,
            work / "single" / "masks",
            protocol="davis2016",
            processes=processes,
            repeats=arguments.repeats,
        )
    start = start_up(work, arguments.repeats)
    for copies in arguments.copies:
        two_processes(larger(work, copies), arguments.repeats, start)


if __name__ == "__main__":
    main()
