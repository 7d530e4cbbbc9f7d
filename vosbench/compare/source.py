"""A run as a comparison sees it, and the thin reader that makes it from a run directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from vosbench.errors import InputError
from vosbench.report.rundir import check_run_directory
from vosbench.store import RunPaths, read_record, read_run, read_scores, read_table
from vosbench.store.schema import RunRecord, ScoreRecord, SequenceRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FrameKey",
    "FrameScores",
    "FrameValue",
    "RunScores",
    "frame_scores",
    "load_run_scores",
]

_COLUMNS: Final = ("sequence", "object_id", "index", "frame", "evaluated", "J")


class FrameKey(NamedTuple):
    """An object on a frame."""

    sequence: str
    object_id: int
    frame: str


class FrameValue(NamedTuple):
    """Position of the frame in its sequence, and J 0..1 (NaN where undefined)."""

    position: int
    j: float


@dataclass(frozen=True)
class FrameScores:
    """J of every evaluated object-frame."""

    values: Mapping[FrameKey, FrameValue]


@dataclass(frozen=True)
class RunScores:
    """All of a run that a comparison uses.

    Attributes:
        path: where it came from, for people.
        run: `run.json`.
        scores: `scores.json`.
        sequences: `sequences/*.json` by sequence name; may be empty.
        frames: `frames.parquet`, or None.
    """

    path: str
    run: RunRecord
    scores: ScoreRecord
    sequences: Mapping[str, SequenceRecord]
    frames: FrameScores | None = None


def load_run_scores(root: Path) -> RunScores:
    """Read a scored run directory.

    Raises:
        InputError: if it is no run directory, was not scored, or a file of it is damaged or newer
            than this version knows.
    """
    check_run_directory(root)
    paths = RunPaths(root)
    run = read_run(root)
    if not paths.scores.is_file():
        raise InputError(f"{root} has not been scored", hint=f"vosbench score {root}")
    records = [read_record(path, SequenceRecord) for path in sorted(paths.sequences.glob("*.json"))]
    return RunScores(
        path=str(root),
        run=run,
        scores=read_scores(root),
        sequences={record.sequence: record for record in records},
        frames=_frames(paths.frames) if paths.frames.is_file() else None,
    )


def _frames(path: Path) -> FrameScores:
    table = read_table(path)
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}", hint="score the run again")
    return frame_scores(table)


def frame_scores(table: pd.DataFrame) -> FrameScores:
    """The frames that count of a table with the columns of `frames.parquet`."""
    rows = table.loc[table["evaluated"].astype(bool), list(_COLUMNS)]
    return FrameScores(
        {
            FrameKey(str(sequence), int(object_id), str(frame)): FrameValue(int(index), float(j))
            for sequence, object_id, index, frame, j in zip(
                rows["sequence"].tolist(),
                rows["object_id"].tolist(),
                rows["index"].tolist(),
                rows["frame"].tolist(),
                rows["J"].tolist(),
                strict=True,
            )
        }
    )
