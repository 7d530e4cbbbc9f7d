"""Progress of a run on stderr: a live line on a terminal, a plain one per sequence elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.cli.common import note

if TYPE_CHECKING:
    from vosbench.store.schema import RunRecord, SequenceRecord
    from vosbench.types import Sequence

__all__ = ["ProgressLines", "duration"]

REFRESH_SECONDS = 0.2
HEARTBEAT_SECONDS = 30.0


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s` or `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class ProgressLines:
    """A `Listener` that writes lines with rate and time left.

    On a terminal the sequence in work is shown on a line that the next one overwrites; elsewhere a
    long one gets a line now and then.

    Args:
        quiet: write nothing.
        rates: tell frames per second; not where masks are made outside, for that would be the time
            to start a program or to read files.
    """

    def __init__(self, *, quiet: bool = False, rates: bool = True) -> None:
        self._quiet, self._rates = quiet, rates
        self._live = sys.stderr.isatty() and not quiet
        self._total = self._done = self._reused = self._frames = 0
        self._begin = self._sequence_begin = self._shown = 0.0
        self._sequence = ""

    def run_started(self, root: Path, record: RunRecord, reused: int) -> None:
        """Say what runs, on what, and how much is already there."""
        self._total = len(record.data.sequences)
        self._done = self._reused = reused
        self._begin = time.perf_counter()
        if self._quiet:
            return
        from vosbench.report.text import count

        settings = record.settings
        note(
            f"{record.method.reference} on {record.data.dataset} {record.data.split}: "
            f"{count(self._total, 'sequence')}, {count(record.data.frames, 'frame')}; "
            f"{settings.device}, {settings.precision}, {count(settings.threads, 'thread')}"
        )
        if record.method.oracle:
            note("this variant is shown the ground truth: its figures are bounds, not results")
        if record.method.weights_note:
            note(record.method.weights_note)
        for text in record.method.notes:
            note(text)
        if reused:
            note(f"{reused} of {self._total} sequences are complete and match; they are kept")
        note(f"run directory: {root}")

    def sequence_started(self, sequence: Sequence) -> None:
        """Name the sequence in work."""
        self._sequence, self._frames = sequence.name, len(sequence.frames)
        self._sequence_begin = time.perf_counter()
        self._shown = 0.0 if self._live else self._sequence_begin
        self.frame_done(0)

    def frame_done(self, count: int) -> None:
        """Renew the live line a few times a second, or write a line every half minute, at most."""
        now = time.perf_counter()
        pause = REFRESH_SECONDS if self._live else HEARTBEAT_SECONDS
        if self._quiet or now - self._shown < pause:
            return
        self._shown = now
        rate = count / (now - self._sequence_begin) if count else 0.0
        left = f", {duration((self._frames - count) / rate)} left in it" if rate else ""
        head = f"  [{self._done + 1}/{self._total}] {self._sequence}: "
        line = f"{head}{count}/{self._frames} frames{left}"
        if not self._live:
            note(line)
            return
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()

    def sequence_ended(self, record: SequenceRecord) -> None:
        """One line: frames, rate, time left, or the error."""
        self._done += 1
        if self._quiet:
            return
        from vosbench.report.text import count

        if self._live:
            sys.stderr.write("\r\x1b[2K")
        head = f"  [{self._done}/{self._total}] {record.sequence}: "
        if record.failure is not None:
            where = f" at frame {record.failure.frame}" if record.failure.frame else ""
            note(f"{head}FAILED{where}: {record.failure.kind}: {record.failure.message}")
            return
        rate = record.frames / record.seconds if record.seconds else float("inf")
        speed = f"{rate:.1f} frames/s" if self._rates else f"{record.seconds:.1f} s"
        left = self._total - self._done
        elapsed = time.perf_counter() - self._begin
        each = elapsed / max(1, self._done - self._reused)
        rest = f", about {duration(each * left)} left" if left else ""
        note(f"{head}{count(record.frames, 'frame')}, {speed}{rest}")
