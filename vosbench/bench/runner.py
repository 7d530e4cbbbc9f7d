"""One method under the stopwatch."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vosbench.bench.clips import BenchClip
from vosbench.engine import RunRequest, build_method
from vosbench.engine.adapt import adapt
from vosbench.errors import UsageError
from vosbench.timing import Meters, Trace
from vosbench.timing.warmup import is_settled
from vosbench.types import ClipMethod, Method, Session

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DISCARDED", "WARM_UP", "Runner", "Turn"]

WARM_UP = -1
"""Round of the warm-up in a trace; later rounds count from 0."""
DISCARDED = -2
"""Round of what was measured while the machine was throttled, and then measured again."""


@dataclass
class Turn:
    """A clip in the hands of one method, to be stepped a block at a time."""

    runner: Runner
    clip: BenchClip
    trace: Trace
    session: Session
    done: int = 1
    times: list[float] = field(default_factory=list)

    def step(self, frames: int) -> float:
        """Step through the next frames; ms per frame."""
        begin = time.perf_counter_ns()
        count = len(self.clip.info.object_ids)
        for _ in range(frames):
            # a method may work in place, and the frame is used again
            frame = self.clip.frame(self.done).copy()
            with self.trace.call(f"{self.done:05d}", "step", objects=count):
                self.session.step(frame)
            self.done += 1
        return (time.perf_counter_ns() - begin) / 1e6 / frames


class Runner:
    """A built method with its traces.

    Attributes:
        reference: `name` or `name@variant`.
        device: resolved.
        precision: resolved.
        build_ms: what building took.
        method: the built method, adapted to many objects.
        built: the method as built.

    Raises:
        UsageError: if the method cannot be stepped frame by frame.
    """

    def __init__(self, request: RunRequest) -> None:
        self.request = request
        self.reference = request.method.reference
        if request.method.oracle:
            raise UsageError(f"{self.reference} is shown the truth: its speed is no method's speed")
        begin = time.perf_counter_ns()
        self.built, self.device, self.precision = build_method(request)
        self.build_ms = (time.perf_counter_ns() - begin) / 1e6
        if isinstance(self.built, ClipMethod):
            raise UsageError(
                f"{self.reference} does whole clips at once; frames of it cannot be timed",
                hint="`vosbench run` records what whole clips take",
            )
        method: Method = adapt(self.built, request.method.found.card.capabilities)
        self.method = method
        self.meters = Meters(self.device)
        self._tables: list[pd.DataFrame] = []

    def begin(self, clip: BenchClip, repetition: int) -> Turn:
        """Start a clip."""
        trace = Trace(
            clip.info.name,
            device=self.meters.device,
            memory=self.meters.memory,
            repetition=repetition,
        )
        frame, labels = clip.frames[0].copy(), clip.labels.copy()
        with trace.call("00000", "start", objects=len(clip.info.object_ids)):
            session = self.method.start(clip.info, frame, labels)
        return Turn(self, clip, trace, session)

    def end(self, turn: Turn) -> None:
        """Keep the turn's trace."""
        self._tables.append(turn.trace.table())

    def keep(self, repetition: int) -> None:
        """Name the round of what was kept last; `DISCARDED` takes it out of all figures."""
        self._tables[-1] = self._tables[-1].assign(round=repetition)

    def warm_up(self, clip: BenchClip) -> list[float]:
        """Step until the times settle; ms of each step, the first one cold."""
        turn = self.begin(clip, WARM_UP)
        times: list[float] = []
        while not is_settled(times):
            times.append(turn.step(1))
        self.end(turn)
        return times

    def table(self) -> pd.DataFrame:
        """All rows so far."""
        import pandas as pd

        return pd.concat(self._tables, ignore_index=True)

    def graphs(self) -> int | None:
        """Graphs that `torch.compile` has made in this process; None where nothing compiles."""
        counters = getattr(sys.modules.get("torch._dynamo.utils"), "counters", None)
        if not self.request.compile or counters is None:
            return None
        return int(counters["stats"]["unique_graphs"])
