"""The trace of a sequence: when each stage of each frame began and how long it took.

Two clocks run beside each other. The host's monotonic clock times every stage. On a CUDA device,
events on the method's stream time the stages of `start` and `step` as well; they are resolved once,
after the sequence, so nothing waits for the device inside a frame. Both clocks are set to zero at
one synchronised moment before the first frame, so that a step whose device work ends after the host
believes it done is seen (`vosbench.timing.find_faults`).

Stages of the harness:
- `decode`   reading and decoding the frame, on a worker thread
- `wait`     how long the loop stood still for a frame that was not decoded yet
- `start`    the method takes the first frame and its masks
- `step`     the method segments one frame: RGB in host memory to label map in host memory
- `collect`  checking the prediction and handing it to the writer, back-pressure included
- `write`    PNG encoding and writing, on a worker thread

Within `start` and `step` a method may mark stages of its own (`vosbench.types.mark_stage`); what it
leaves unmarked is the difference to the whole.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from vosbench.store.schema import TRACE_COLUMNS
from vosbench.timing.clocks import Clock, DeviceClock, HostClock
from vosbench.timing.memory import UNKNOWN, MemoryProbe, MemoryReading
from vosbench.types import STOPWATCH, Stopwatch

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METHOD_STAGES", "CallStage", "Stage", "Trace", "TraceRow"]

Stage: TypeAlias = Literal["decode", "wait", "collect", "write"]
CallStage: TypeAlias = Literal["start", "step"]

METHOD_STAGES: Final = (
    "upload",
    "crop",
    "encode",
    "match",
    "decode-mask",
    "paste-back",
    "merge",
    "download",
    "update",
)
"""Names of a method's own stages that conventions know, in the order of a frame."""


class TraceRow(NamedTuple):
    """One stage of one frame; fields are `TRACE_COLUMNS`, `position` being `index`."""

    sequence: str
    round: int
    position: int
    frame: str
    stage: str
    inside: str
    begin_ms: float
    ms: float
    device_begin_ms: float
    device_ms: float
    objects: int
    process_mb: float
    allocated_mb: float
    reserved_mb: float


class _Piece(NamedTuple):
    """A stretch of one stage, as recorded: nanoseconds, and places in the list of events."""

    frame: str
    stage: str
    inside: str
    begin: int
    end: int
    first_event: int
    last_event: int
    objects: int
    memory: MemoryReading


class _Finished(NamedTuple):
    """A call that returned. The first mark has no name: it is the begin."""

    frame: str
    stage: str
    objects: int
    marks: list[tuple[str, int, int]]
    end: int
    last_event: int


class _Measurement:
    """Times a body on the host; a body that raises leaves no row."""

    __slots__ = ("_begin", "_frame", "_now", "_pieces", "_stage")

    def __init__(self, now: Any, pieces: list[_Piece], frame: str, stage: str) -> None:
        self._now, self._pieces = now, pieces
        self._frame, self._stage = frame, stage

    def __enter__(self) -> None:
        self._begin = self._now()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            end = self._now()
            piece = _Piece(self._frame, self._stage, "", self._begin, end, -1, -1, -1, UNKNOWN)
            self._pieces.append(piece)


class _Call:
    """Times a call of the method and the stages it marks; see `Trace.call`."""

    __slots__ = ("_marks", "_named", "_token", "_trace")

    def __init__(self, trace: Trace, frame: str, stage: CallStage, objects: int) -> None:
        self._trace = trace
        self._named = frame, stage, objects
        self._marks: list[tuple[str, int, int]] = []
        self._token: Token[Stopwatch | None]

    def mark(self, stage: str) -> None:
        self._marks.append((stage, self._trace.now(), self._trace.event()))

    def __enter__(self) -> None:
        self._token = STOPWATCH.set(self)
        # the event goes first: what the call puts on the device comes after it
        event = self._trace.event()
        self._marks.append(("", self._trace.now(), event))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._named[1] == "start":
            # a start gives no answer that would make it wait for the device
            self._trace.settle()
        # the host's clock goes first: the call is over when it returned, whatever the device does
        end = self._trace.now()
        STOPWATCH.reset(self._token)
        if kind is None:
            last = self._trace.event()
            self._trace.add(_Finished(*self._named, self._marks, end, last))


class Trace:
    """Collects what happened to the frames of one sequence.

    `list.append` is atomic, so worker threads may `measure` too; `call` is for the loop's thread.

    Args:
        sequence: name.
        frames: names of the frames in order; without them the order of names is taken.
        device: clock of the device that the method uses, or None.
        memory: reads memory after each call, or None.
        clock: the host's.
        repetition: of the sequence in a benchmark.
    """

    def __init__(
        self,
        sequence: str,
        *,
        frames: Sequence[str] = (),
        device: DeviceClock | None = None,
        memory: MemoryProbe | None = None,
        clock: Clock | None = None,
        repetition: int = 0,
    ) -> None:
        self._sequence, self._frames, self._round = sequence, tuple(frames), repetition
        self._device, self._memory = device, memory
        self._pieces: list[_Piece] = []
        self._events: list[Any] = []
        self._passed: list[float] | None = None
        self.now = (clock or HostClock()).now_ns
        if device is not None:
            # the one wait: from here both clocks count from zero
            device.synchronise()
            self._events.append(device.record())
        self._zero = self.now()

    def measure(self, frame: str, stage: Stage) -> _Measurement:
        """Time the body on the host; a body that raises leaves no row."""
        return _Measurement(self.now, self._pieces, frame, stage)

    def call(self, frame: str, stage: CallStage, *, objects: int = -1) -> _Call:
        """Time a call of the method, on host and device, with the stages that it marks.

        Args:
            frame: name.
            stage: which of the method's functions.
            objects: how many the method follows on this frame; -1 if that is not known.
        """
        return _Call(self, frame, stage, objects)

    def settle(self) -> None:
        """Wait for the device, between frames."""
        if self._device is not None:
            self._device.synchronise()

    def event(self) -> int:
        """Record an event on the device, if there is one; its place in the list, or -1."""
        if self._device is None:
            return -1
        self._events.append(self._device.record())
        return len(self._events) - 1

    def add(self, call: _Finished) -> None:
        """Keep a finished call with the stages it marked."""
        memory = self._memory.read() if self._memory is not None else UNKNOWN
        frame, stage, objects, marks, end, last = call
        _, begin, first = marks[0]
        add = self._pieces.append
        add(_Piece(frame, stage, "", begin, end, first, last, objects, memory))
        ends = [*marks[1:], ("", end, last)]
        for (name, at, event), (_, until, until_event) in itertools.pairwise(ends):
            add(_Piece(frame, name, stage, at, until, event, until_event, objects, UNKNOWN))

    def rows(self) -> list[TraceRow]:
        """Rows in the order of frames and of time. Waits for the device's last event, once."""
        if self._passed is None and self._device is not None:
            self._passed = self._device.resolve(self._events)
        names = self._frames or tuple(sorted({piece.frame for piece in self._pieces}))
        places = {name: at for at, name in enumerate(names)}
        joined: dict[tuple[str, str, str], TraceRow] = {}
        for piece in sorted(self._pieces, key=lambda piece: piece.begin):
            key = (piece.frame, piece.inside, piece.stage)
            row = self._row(piece, places.get(piece.frame, -1))
            before = joined.get(key)
            if before is not None:
                both = before.device_ms + row.device_ms
                row = before._replace(ms=before.ms + row.ms, device_ms=both)
            joined[key] = row
        # a stage begins no earlier than the call it is inside of
        return sorted(joined.values(), key=lambda row: (row.position, row.begin_ms, row.inside))

    def _row(self, piece: _Piece, position: int) -> TraceRow:
        device_begin = device_ms = math.nan
        if self._passed is not None and piece.first_event >= 0:
            device_begin = self._passed[piece.first_event]
            device_ms = self._passed[piece.last_event] - device_begin
        return TraceRow(
            sequence=self._sequence,
            round=self._round,
            position=position,
            frame=piece.frame,
            stage=piece.stage,
            inside=piece.inside,
            begin_ms=(piece.begin - self._zero) / 1e6,
            ms=(piece.end - piece.begin) / 1e6,
            device_begin_ms=device_begin,
            device_ms=device_ms,
            objects=piece.objects,
            process_mb=piece.memory.process,
            allocated_mb=piece.memory.allocated,
            reserved_mb=piece.memory.reserved,
        )

    def table(self) -> pd.DataFrame:
        """Rows as a table with the columns of `TRACE_COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(TRACE_COLUMNS))
