"""Passes through the clips: methods in turns, and a pass that was throttled gone through again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from vosbench.bench.clips import BenchClip
from vosbench.bench.runner import DISCARDED, Runner
from vosbench.timing import ConditionWatch, Snapshot
from vosbench.timing.calibration import Calibrator

__all__ = ["Between", "Passes", "run_passes"]

_RETRIES: Final = 2
_RECOVERY: Final = 0.05
"""Seconds of rest before a pass is gone through again, as in nvbench."""


class Between:
    """What happens between blocks: kernels, and a look at the machine.

    Args:
        watch: takes the snapshots.
        calibrator: runs the kernels, or None.
    """

    def __init__(self, watch: ConditionWatch, calibrator: Calibrator | None) -> None:
        self.watch, self.calibrator = watch, calibrator
        self.snapshots: list[Snapshot] = []

    def __call__(self) -> bool:
        """Whether the machine says that it is throttled, or all kernels were slow just now."""
        slow = False
        if self.calibrator is not None:
            self.calibrator.measure()
            slow = self.calibrator.slow_now()
        self.snapshots.append(self.watch.snapshot())
        return slow or bool(self.snapshots[-1].throttled)


@dataclass
class Passes:
    """What the passes gave.

    Attributes:
        blocks: ms per frame of each block by method, in the order of measurement.
        discarded: passes that were throttled and gone through again.
        doubtful: passes that were throttled every time; the last one counts.
    """

    blocks: dict[str, list[float]] = field(default_factory=dict)
    discarded: int = 0
    doubtful: int = 0


def run_passes(
    runners: Sequence[Runner],
    clips: Sequence[BenchClip],
    between: Callable[[], bool],
    *,
    rounds: int,
    block: int,
    seed: int,
    tell: Callable[[str], None],
) -> Passes:
    """Take every method through every clip, in turns of a block.

    A pass during which the machine was throttled is discarded and gone through again, twice at
    most: its rows stay in the trace, under a round of their own, and are in no figure.

    Args:
        runners: warm methods.
        clips: in memory.
        between: called after every block; true where it was throttled.
        rounds: how often each clip is gone through.
        block: frames after which it is another method's turn.
        seed: of the order of clips.
        tell: is told what is going on.
    """
    found = Passes({runner.reference: [] for runner in runners})
    shuffle = random.Random(seed)  # noqa: S311 - an order, not a secret
    order = list(runners)
    for repetition in range(rounds):
        tell(f"round {repetition + 1} of {rounds}")
        for clip in shuffle.sample(list(clips), len(clips)):
            order.reverse()
            for attempt in range(1 + _RETRIES):
                blocks, throttled = _through(order, clip, repetition, between, block)
                last = attempt == _RETRIES
                for runner in order:
                    runner.keep(repetition if last or not throttled else DISCARDED)
                if throttled and not last:
                    tell(f"{clip.info.name}: throttled, once more")
                    found.discarded += 1
                    time.sleep(_RECOVERY)
                    continue
                found.doubtful += throttled
                for name, taken in blocks.items():
                    found.blocks[name] += taken
                break
    return found


def _through(
    order: Sequence[Runner],
    clip: BenchClip,
    repetition: int,
    between: Callable[[], bool],
    block: int,
) -> tuple[dict[str, list[float]], bool]:
    """One pass: blocks by method, and whether it was throttled at any time."""
    blocks: dict[str, list[float]] = {runner.reference: [] for runner in order}
    turns = [runner.begin(clip, repetition) for runner in order]
    throttled = False
    # a clip shorter than asked for is gone through once, not back and forth
    remaining = len(clip.frames) - 1
    while remaining > 0:
        frames = min(block, remaining)
        for turn in turns:
            blocks[turn.runner.reference].append(turn.step(frames))
        turns.reverse()
        remaining -= frames
        throttled |= between()
    for turn in turns:
        turn.runner.end(turn)
    return blocks, throttled
