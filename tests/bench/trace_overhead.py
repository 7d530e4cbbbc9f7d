"""What the trace costs a method: one session with and one without a listening trace, in turns.

    python tests/bench/trace_overhead.py --threads 2 [--frames N] [--method NAME]

Both sessions are of the same built method and step on the same frames, first one and then the other
first. With one thread the clock is that thread's processor time, which other work on the machine
hardly touches; with more it is wall time, which wants a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
from skimage import data as photos

from vosbench.plugins import resolve_methods
from vosbench.stats import ratio_of_medians
from vosbench.timing import MemoryProbe, Trace
from vosbench.types import BuildOptions, ClipInfo

_LIMIT = 1.01
_WARM_UP = 4


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--method", default="dmvos")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", default="480x854")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="bf16")
    arguments = parser.parse_args(words)
    torch.set_num_threads(arguments.threads)
    clock = time.thread_time_ns if arguments.threads == 1 else time.perf_counter_ns
    height, width = (int(part) for part in arguments.size.split("x"))
    photo = np.tile(photos.astronaut(), (2, 4, 1))
    labels = np.zeros((height, width), np.uint8)
    labels[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 1
    (resolved,) = resolve_methods([arguments.method])
    options = BuildOptions(parameters=resolved.parameters, precision=arguments.precision)
    built = resolved.found.plugin.build(options)
    info, first = ClipInfo("clip", height, width, (1,)), photo[:height, :width]
    sessions = [built.start(info, first.copy(), labels.copy()) for _ in range(2)]
    trace = Trace("clip", memory=MemoryProbe("cpu"))
    taken: list[list[float]] = [[], []]
    for index in range(arguments.frames + _WARM_UP):
        at = index % 100
        frame = np.ascontiguousarray(photo[at : at + height, 2 * at : 2 * at + width])
        for listening in (0, 1) if index % 2 else (1, 0):
            given = frame.copy()
            begin = clock()
            if listening:
                with trace.call(f"{index:05d}", "step", objects=1):
                    sessions[1].step(given)
            else:
                sessions[0].step(given)
            if index >= _WARM_UP:
                taken[listening].append((clock() - begin) / 1e6)
    found = ratio_of_medians(*taken)
    assert found.ratio is not None and found.low is not None and found.high is not None
    kind = "processor" if arguments.threads == 1 else "wall"
    word = "below 1 %" if found.high < _LIMIT else "not shown to be below 1 %"
    without, with_trace = (float(np.median(one)) for one in taken)
    sys.stdout.write(
        f"{arguments.method}, {arguments.threads} thread(s), {kind} time, {arguments.frames} "
        f"frames in turns, load {os.getloadavg()[0]:.1f}: {without:.2f} ms without a trace, "
        f"{with_trace:.2f} with; ratio {found.ratio:.4f} [{found.low:.4f}, {found.high:.4f}]: "
        f"the trace costs {word}\n"
    )


if __name__ == "__main__":
    main()
