"""What each change to DMVOS' path on a CPU gains: variants of one network, frame by frame in turns.

    python tests/bench/dmvos_steps.py [--frames N] [--threads N]

With one thread the clock is that thread's processor time, which other work on the machine hardly
touches; with more it is wall time. All variants must give the same bits.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from skimage import data as photos
from vosbench_methods.dmvos import method as dmvos
from vosbench_methods.nn import can_pack, elementwise

from vosbench.plugins import resolve_methods
from vosbench.stats import ratio_of_medians
from vosbench.timing import MemoryProbe, Trace, method_stages
from vosbench.types import RGB, BuildOptions, ClipInfo

SIZE = (480, 854)
_ASKED_MS = 350.0
VARIANTS = ("as it was", "not in place", "and packed", "and traced")
"""ReLU and sums in place, then not in place, then convolutions packed with their ReLU, then with a
listening trace, whose share is the cost of measuring."""


class ThreadClock:
    """Processor time of the calling thread."""

    now_ns = staticmethod(time.thread_time_ns)


class WallClock:
    """Wall time."""

    now_ns = staticmethod(time.perf_counter_ns)


def frames_of(count: int) -> list[RGB]:
    """A photograph that moves."""
    photo = np.tile(photos.astronaut(), (2, 3, 1))
    return [
        np.ascontiguousarray(photo[i : i + SIZE[0], 2 * i : 2 * i + SIZE[1]]) for i in range(count)
    ]


def sessions(first: RGB, precision: str) -> list[Any]:
    """One session per variant, from the same weights."""
    labels = np.zeros(SIZE, np.uint8)
    labels[150:330, 300:520] = 1
    resolved = resolve_methods(["dmvos"])[0]
    options = BuildOptions(parameters=resolved.parameters, precision=precision)  # type: ignore[arg-type]
    made = []
    for variant in VARIANTS:
        pack = can_pack if "and" in variant else lambda dtype: False
        with patch.object(dmvos, "can_pack", pack):
            built = dmvos.build(options)
        made.append(built.start(ClipInfo("clip", *SIZE, (1,)), first, labels))
    return made


def in_place(variant: str) -> Any:
    """Bring back arithmetic in place for the first variant."""
    if variant != VARIANTS[0]:
        return nullcontext()
    return patch.object(elementwise, "_slow_in_place", lambda x: False)


def measure(frames: Sequence[RGB], precision: str, clock: Callable[[], int], trace: Trace) -> Any:
    """Nanoseconds per frame by variant; every variant steps on a frame before the next comes."""
    running = sessions(frames[0], precision)
    taken: list[list[int]] = [[] for _ in VARIANTS]
    warm_up = 3
    for index, frame in enumerate(frames[1:]):
        order = range(len(VARIANTS)) if index % 2 else reversed(range(len(VARIANTS)))
        answers: dict[int, Any] = {}
        for at in order:
            traced = at == len(VARIANTS) - 1 and index >= warm_up
            with in_place(VARIANTS[at]):
                begin = clock()
                with trace.call(f"{index:05d}", "step", objects=1) if traced else nullcontext():
                    answers[at] = running[at].step(frame)
                if index >= warm_up:
                    taken[at].append(clock() - begin)
        for at in range(1, len(VARIANTS)):
            if not np.array_equal(answers[0].soft, answers[at].soft):
                raise SystemExit(f"{VARIANTS[at]} gives other masks than {VARIANTS[0]}")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="bf16")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = ThreadClock() if arguments.threads == 1 else WallClock()
    trace = Trace("clip", clock=clock, memory=MemoryProbe("cpu"))
    taken = measure(frames_of(arguments.frames + 4), arguments.precision, clock.now_ns, trace)
    kind = "processor" if arguments.threads == 1 else "wall"
    out = sys.stdout.write
    out(f"{arguments.threads} thread(s), {kind} ms a frame, {len(taken[0])} frames in turns\n")
    for at, variant in enumerate(VARIANTS):
        line = f"{variant:14} {np.median(taken[at]) / 1e6:8.1f}"
        if at:
            found = ratio_of_medians(taken[at - 1], taken[at])
            ends = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
            line += f"   x {found.ratio:.3f}{ends} of the line above"
        out(line + "\n")
    # what ships is packed and traced: RGB in host memory to label map, one object
    whole = np.asarray(taken[-1]) / 1e6
    verdict = f"{_ASKED_MS:.0f} ms are asked for on two free cores (--threads 2)"
    if arguments.threads == 2:
        word = "within" if np.median(whole) <= _ASKED_MS else "over"
        verdict = f"{word} the {_ASKED_MS:.0f} ms asked for on two free cores"
    out(
        f"end to end at {SIZE[0]}x{SIZE[1]}, one object, {arguments.precision}: p50 "
        f"{np.median(whole):.0f} ms, p90 {np.percentile(whole, 90):.0f} ms; {verdict}; load "
        f"{os.getloadavg()[0]:.1f}\n"
    )
    stages = method_stages(trace.table())
    out(", ".join(f"{name} {ms['host_ms']:.1f}" for name, ms in stages.items()) + "\n")


if __name__ == "__main__":
    main()
