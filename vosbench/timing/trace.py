"""The trace of a sequence: how long each stage of each frame took, by the host's monotonic clock.

A method answers with a label map in host memory, so by the time `step` returns its device has
finished: the host clock around `step` needs no device synchronisation of its own.

Stages:
- `decode`   reading and decoding the frame, on a worker thread
- `wait`     how long the loop stood still for a frame that was not decoded yet
- `start`    the method takes the first frame and its masks
- `step`     the method segments one frame: RGB in host memory to label map in host memory
- `collect`  checking the prediction and handing it to the writer, back-pressure included
- `write`    PNG encoding and writing, on a worker thread
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from vosbench.store.schema import TRACE_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Stage", "Trace", "TraceRow", "summarise"]

Stage: TypeAlias = Literal["decode", "wait", "start", "step", "collect", "write"]


class TraceRow(NamedTuple):
    """One stage of one frame."""

    sequence: str
    frame: str
    stage: Stage
    ms: float


class Trace:
    """Collects rows. `list.append` is atomic, so worker threads may record too."""

    def __init__(self, sequence: str) -> None:
        self._sequence = sequence
        self._rows: list[TraceRow] = []

    @contextmanager
    def measure(self, frame: str, stage: Stage) -> Iterator[None]:
        """Time the body; a body that raises leaves no row."""
        begin = time.perf_counter_ns()
        yield
        self._rows.append(
            TraceRow(self._sequence, frame, stage, (time.perf_counter_ns() - begin) / 1e6)
        )

    def rows(self) -> list[TraceRow]:
        """Rows in the order of frame and stage, whatever thread was first."""
        return sorted(self._rows, key=lambda row: (row.frame, row.stage))

    def table(self) -> pd.DataFrame:
        """Rows as a table with the columns of `TRACE_COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(TRACE_COLUMNS))


def summarise(table: pd.DataFrame, *, wall_seconds: float | None = None) -> dict[str, float]:
    """Figures of a run from its trace.

    Args:
        table: rows of complete sequences.
        wall_seconds: what these sequences took as a whole, s.

    Returns:
        `step_ms_mean`, `step_ms_p50`, `step_ms_p90` over all frames but the first of each sequence;
        `step_fps` = 1000 / mean; `start_ms_mean`; the total of a stage as `<stage>_ms_total`; and,
        where the wall time of the sequences is given, `overhead_share` = (wall - method) / method:
        all that is not the method, from checking inputs to the last mask on disk, as a share of
        the time in the method. Empty when nothing was measured.
    """
    if table.empty:
        return {}
    totals = table.groupby("stage")["ms"].sum()
    figures = {f"{stage}_ms_total": float(ms) for stage, ms in totals.items()}
    steps = table.loc[table["stage"] == "step", "ms"].to_numpy()
    starts = table.loc[table["stage"] == "start", "ms"]
    if len(steps):
        import numpy as np

        figures["step_ms_mean"] = float(np.mean(steps))
        figures["step_ms_p50"] = float(np.percentile(steps, 50))
        figures["step_ms_p90"] = float(np.percentile(steps, 90))
        figures["step_fps"] = 1000.0 / figures["step_ms_mean"]
    if len(starts):
        figures["start_ms_mean"] = float(starts.mean())
    in_method = float(totals.get("step", 0.0)) + float(totals.get("start", 0.0))
    if in_method > 0 and wall_seconds is not None:
        figures["overhead_share"] = (1000 * wall_seconds - in_method) / in_method
    return figures
