"""Times `vosbench score` beside vos-benchmark from PyPI, on the same masks in one run.

    python tests/bench/side_by_side.py --truth DIR --masks DIR [--processes N] [--repeats N]

Both folders hold one folder of PNG files per sequence; sequences in both are scored. Every tool is
started anew for each measurement, as a user starts it, and the tools take turns. Beside them
stands the floor: a process that only reads the files that count and inflates their image data. Each
is started once before, uncounted, with PYTHONDONTWRITEBYTECODE unset, so that compiled Python code
and the files are at hand.

vos-benchmark (with opencv-python-headless and tqdm) is measured where it can be imported; it may
lie in a folder of its own, named by PYTHONPATH. OpenCV gets one thread per process.

Masks are scored under the protocol `vos-benchmark`, so both scores must be the same. It takes 255
for an object; for truth with values 0 and 255 say `--protocol davis2016`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

OURS, THEIRS, FLOOR = "vosbench score", "vos-benchmark", "read and inflate"
CARD = """
name = "side-by-side"
title = "Side by side"
protocol = "vos-benchmark"
label_kind = "auto"
default_split = "all"
[layout]
images = ["images/{{sequence}}"]
annotations = ["{truth}/{{sequence}}"]
[splits.all]
"""


@dataclass(frozen=True)
class Measurement:
    """One start of one tool.

    Attributes:
        wall: s.
        cpu: s, of the process and those it started.
        peak: MB, of the largest of these processes.
        score: J&F, 0..1; None for the floor.
    """

    wall: float
    cpu: float
    peak: float
    score: float | None


def surroundings() -> dict[str, str]:
    """The environment of all measured processes: compiled Python code is kept, OpenCV is single.

    With PYTHONDONTWRITEBYTECODE every start would compile all of vosbench again.
    """
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    kept.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "vosbench-bytecode"))
    return {**kept, "OPENCV_FOR_THREADS_NUM": "1", "OMP_NUM_THREADS": "1"}


def measured(command: Sequence[str]) -> Measurement:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=surroundings())
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        answer = output.read()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    score = json.loads(answer)["global"]["J&F-Mean"] if answer.strip() else None
    cpu = usage.ru_utime + usage.ru_stime
    return Measurement(wall, cpu, usage.ru_maxrss / unit, score)


def inflate(folders: tuple[Path, Path]) -> None:
    """Read the frames of a sequence that count, from both folders, and inflate their image data."""
    from zlib_ng import zlib_ng

    from vosbench.data.masks.png import _idat, read_header

    truth, masks = folders
    for path in sorted(truth.glob("*.png"))[1:-1]:
        for file in (path, masks / path.name):
            data = file.read_bytes()
            head = read_header(data, str(file))
            zlib_ng.decompress(_idat(data, str(file)), bufsize=head.height * (head.width + 1) + 64)


def run_floor(pairs: Iterable[tuple[Path, Path]], processes: int) -> None:
    if processes == 1:
        for pair in pairs:
            inflate(pair)
        return
    from multiprocessing import Pool

    with Pool(processes) as pool:
        pool.map(inflate, list(pairs), chunksize=1)


def run_theirs(truth: Path, masks: Path, names: Sequence[str], processes: int) -> None:
    from vos_benchmark.benchmark import benchmark

    # It writes results.csv beside the masks, so it is given folders of links.
    with tempfile.TemporaryDirectory() as folder:
        for kind, source in (("truth", truth), ("masks", masks)):
            (Path(folder) / kind).mkdir()
            for name in names:
                (Path(folder) / kind / name).symlink_to(source / name)
        found = benchmark(
            [f"{folder}/truth"], [f"{folder}/masks"], num_processes=processes, verbose=False
        )
    sys.stdout.write(json.dumps({"global": {"J&F-Mean": float(found[0][0]) / 100}}))


def commands(
    arguments: argparse.Namespace, names: Sequence[str], card: Path
) -> dict[str, list[str]]:
    again = [sys.executable, __file__, "--truth", str(arguments.truth)]
    again += ["--masks", str(arguments.masks), "--processes", str(arguments.processes)]
    ours = [sys.executable, "-m", "vosbench", "score", str(arguments.masks), "--json"]
    ours += ["--dataset", str(card), "--data", str(arguments.truth.parent)]
    ours += ["--protocol", arguments.protocol, "--processes", str(arguments.processes)]
    tools = {OURS: [*ours, "--sequences", ",".join(names)]}
    if importlib.util.find_spec("vos_benchmark") is None:
        sys.stderr.write(
            "vos-benchmark cannot be imported and is left out: pip install --target FOLDER "
            "vos-benchmark==0.1.0 opencv-python-headless tqdm --no-deps, and set PYTHONPATH\n"
        )
    else:
        tools[THEIRS] = [*again, "--inner", THEIRS]
    return {**tools, FLOOR: [*again, "--inner", FLOOR]}


def common(truth: Path, masks: Path) -> list[str]:
    """Sequences that are in both folders."""
    both = {p.name for p in truth.iterdir() if p.is_dir()}
    names = sorted(both & {p.name for p in masks.iterdir() if p.is_dir()})
    if not names:
        raise SystemExit(f"{truth} and {masks} have no sequence in common")
    return names


def frames_of(arguments: argparse.Namespace, names: Sequence[str]) -> int:
    """Frames that count: all but the first and the last of each sequence."""
    return sum(max(0, len(list((arguments.truth / name).glob("*.png"))) - 2) for name in names)


def compared(arguments: argparse.Namespace, names: Sequence[str]) -> dict[str, list[Measurement]]:
    """Start all tools in turns; the first turn does not count."""
    runs: dict[str, list[Measurement]] = {}
    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder) / "side-by-side.toml"
        card.write_text(CARD.format(truth=arguments.truth.name))
        tools = commands(arguments, names, card)
        for turn in range(arguments.repeats + 1):
            for name, command in tools.items():
                found = measured(command)
                if turn:
                    runs.setdefault(name, []).append(found)
    return runs


def heading(arguments: argparse.Namespace, names: Sequence[str]) -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{len(names)} sequences, {frames_of(arguments, names)} frames, {arguments.protocol}; "
        f"{arguments.processes} process(es), median of {arguments.repeats}, taking turns; "
        f"{len(os.sched_getaffinity(0))} CPU(s), load {load}; Python {platform.python_version()}"
    )


def table(runs: dict[str, list[Measurement]], frames: int) -> str:
    ours = statistics.median(run.wall for run in runs[OURS])
    ours_cpu = statistics.median(run.cpu for run in runs[OURS])
    lines = [
        f"{'':18}{'wall s':>8}{'frames/s':>10}{'x ours':>8}{'CPU s':>8}{'x ours':>8}"
        f"{'peak MB':>9}{'J&F':>10}"
    ]
    for name, found in runs.items():
        wall = statistics.median(run.wall for run in found)
        cpu = statistics.median(run.cpu for run in found)
        score = "" if found[0].score is None else f"{found[0].score:.6f}"
        lines.append(
            f"{name:18}{wall:8.2f}{frames / wall:10.0f}{wall / ours:8.2f}{cpu:8.2f}"
            f"{cpu / ours_cpu:8.2f}{max(run.peak for run in found):9.0f}{score:>10}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--protocol", default="vos-benchmark")
    parser.add_argument("--inner", choices=(THEIRS, FLOOR), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.truth, arguments.masks = arguments.truth.resolve(), arguments.masks.resolve()
    names = common(arguments.truth, arguments.masks)
    pairs = [(arguments.truth / name, arguments.masks / name) for name in names]
    if arguments.inner == FLOOR:
        run_floor(pairs, arguments.processes)
        return
    if arguments.inner == THEIRS:
        run_theirs(arguments.truth, arguments.masks, names, arguments.processes)
        return
    runs = compared(arguments, names)
    sys.stdout.write(f"{heading(arguments, names)}\n{table(runs, frames_of(arguments, names))}\n")


if __name__ == "__main__":
    main()
