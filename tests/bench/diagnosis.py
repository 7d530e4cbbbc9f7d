"""How fast runs are diagnosed, and whether the terms of the loss sum to 1 - J on every frame.

    python tests/bench/diagnosis.py MASKS... --dataset NAME [--split NAME] [--data ROOT]
        [--processes N]

MASKS are run directories, folders or zips. With two processes the sequences are shared out, as two
terminals would. Prints object-frames and frames, the largest difference of any object-frame's terms
from 1 - J, and frames per second of wall and of processor time. Both files of each frame, mask and
annotation, are read from disk. Ends with 1 if a difference exceeds 1e-12.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from vosbench.data import open_dataset
from vosbench.data.masks import open_masks
from vosbench.explain import examine_sequence
from vosbench.metrics import get_protocol

WORST = 1e-12


@dataclass(frozen=True)
class Task:
    """Sequences of one source of masks."""

    masks: Path
    dataset: str
    split: str | None
    data: Path | None
    sequences: str


@dataclass(frozen=True)
class Result:
    """What was examined."""

    frames: int
    object_frames: int
    worst: float
    processor_s: float


def examine(task: Task) -> Result:
    """Examine the sequences of a task one after the other."""
    opened = open_dataset(
        task.dataset,
        split=task.split,
        root=task.data,
        sequences=task.sequences or None,
        need_images=False,
    )
    source, rules = open_masks(task.masks), get_protocol(opened.protocol)
    frames = object_frames = 0
    worst = 0.0
    begin = time.process_time()
    for clip in opened.sequences:
        found = examine_sequence(source, clip, rules)
        frames += int(np.any([one.evaluated for one in found.objects], axis=0).sum())
        for one in found.objects:
            terms, region = one.terms[one.evaluated], one.region[one.evaluated]
            object_frames += region.size
            worst = max(worst, float(np.abs(terms.sum(axis=1) - (1 - region)).max()))
    return Result(frames, object_frames, worst, time.process_time() - begin)


def main(words: Sequence[str] | None = None) -> int:
    """Examine all and print a line for each source of masks, and one for all together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("masks", nargs="+", type=Path)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sequences", help="name patterns; default: all that have masks")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args(words)
    everything: list[Result] = []
    begin_all = time.perf_counter()
    for masks in asked.masks:
        opened = open_dataset(
            asked.dataset,
            split=asked.split,
            root=asked.data,
            sequences=asked.sequences,
            need_images=False,
        )
        there = set(open_masks(masks).sequences())
        names = [clip.name for clip in opened.sequences if clip.name in there]
        if not names:
            sys.exit(f"{masks} has no sequence of {asked.dataset}")
        shares = [names[k :: asked.processes] for k in range(asked.processes)]
        tasks = [
            Task(masks, asked.dataset, asked.split, asked.data, ",".join(share))
            for share in shares
            if share
        ]
        begin = time.perf_counter()
        if asked.processes == 1:
            results = [examine(tasks[0])]
        else:
            with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
                results = list(pool.map(examine, tasks))
        tell(str(masks), results, time.perf_counter() - begin)
        everything += results
    if len(asked.masks) > 1:
        tell("all", everything, time.perf_counter() - begin_all)
    return int(max(one.worst for one in everything) > WORST)


def tell(name: str, results: Sequence[Result], wall_s: float) -> None:
    """Print one line."""
    frames = sum(one.frames for one in results)
    processor = sum(one.processor_s for one in results)
    sys.stdout.write(
        f"{name}: {sum(one.object_frames for one in results)} object-frames, "
        f"{frames} frames; terms - (1 - J) at most {max(one.worst for one in results):.1e}; "
        f"{frames / wall_s:.0f} frames/s of wall time, "
        f"{frames / processor:.0f} of processor time\n"
    )


if __name__ == "__main__":
    sys.exit(main())
