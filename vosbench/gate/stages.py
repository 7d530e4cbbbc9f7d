"""Times per stage and frame of a run, as the gate compares them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from vosbench.store import RunPaths
from vosbench.store.schema import SequenceRecord
from vosbench.timing import find_faults, read_trace

__all__ = ["WALL", "FrameOf", "StageTimes", "read_memory", "read_stages"]

WALL: Final = "wall"
"""Not of the trace: the wall time of a whole sequence."""

_MEMORY: Final = {
    "process_mb": "process",
    "allocated_mb": "device allocated",
    "reserved_mb": "device reserved",
}


class FrameOf(NamedTuple):
    """A frame of a sequence; the empty name stands for the whole sequence."""

    sequence: str
    frame: str


@dataclass(frozen=True)
class StageTimes:
    """How long each stage took.

    Attributes:
        ms: stage to frame to ms above 0. A stage that a method marked within another is named
            `outer.inner`.
        doubt: why the method's times decide nothing, in words; empty if they can be believed.
    """

    ms: Mapping[str, Mapping[FrameOf, float]]
    doubt: str = ""

    def medians(self) -> dict[str, dict[str, float]]:
        """Stage to sequence to median ms."""
        table: dict[str, dict[str, float]] = {}
        for stage, values in self.ms.items():
            by_sequence: dict[str, list[float]] = {}
            for key, ms in values.items():
                by_sequence.setdefault(key.sequence, []).append(ms)
            table[stage] = {name: statistics.median(of) for name, of in by_sequence.items()}
        return table

    def totals(self) -> dict[str, float]:
        """Stage to the sum over all frames, ms."""
        return {stage: math.fsum(values.values()) for stage, values in self.ms.items()}


def read_stages(root: Path, records: Mapping[str, SequenceRecord]) -> StageTimes:
    """Times of a run directory; empty without a trace. Repetitions of a frame are averaged."""
    path = RunPaths(root).trace
    sums: dict[str, dict[FrameOf, list[float]]] = {}
    doubt = ""
    if path.is_file():
        table = read_trace(path)
        faults = [one.text for one in find_faults(table) if one.kind == "unsynchronised"]
        doubt = faults[0] if faults else ""
        columns = ("sequence", "frame", "stage", "inside", "ms")
        for sequence, frame, stage, inside, ms in zip(
            *(table[name].tolist() for name in columns), strict=True
        ):
            if math.isfinite(ms) and ms > 0:
                name = f"{inside}.{stage}" if inside else str(stage)
                key = FrameOf(str(sequence), str(frame))
                sums.setdefault(name, {}).setdefault(key, []).append(float(ms))
        for record in records.values():
            if record.status == "complete" and record.seconds > 0:
                wall = sums.setdefault(WALL, {})
                wall[FrameOf(record.sequence, "")] = [1000 * record.seconds]
    return StageTimes(
        {
            stage: {key: statistics.fmean(values) for key, values in frames.items()}
            for stage, frames in sums.items()
        },
        doubt,
    )


def read_memory(root: Path) -> dict[str, float]:
    """Peak memory by kind, 2^20 bytes, as the trace saw it; empty where it saw none."""
    path = RunPaths(root).trace
    if not path.is_file():
        return {}
    table = read_trace(path)
    peaks = {}
    for column, name in _MEMORY.items():
        peak = float(table[column].max()) if column in table.columns else math.nan
        if math.isfinite(peak) and peak > 0:
            peaks[name] = peak
    return peaks
