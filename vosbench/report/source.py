"""Reading a run directory: the only module of the report that knows which file holds what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import InputError
from vosbench.report.rundir import check_run_directory
from vosbench.store import RunPaths, read_record, read_run, read_scores, read_table
from vosbench.store.schema import (
    FRAME_COLUMNS,
    RunRecord,
    ScoreRecord,
    SequenceRecord,
)
from vosbench.timing import read_trace

if TYPE_CHECKING:
    import pandas as pd

    from vosbench.explain import DiagnosisRecord

__all__ = ["ObjectCurve", "RunSource", "TraceTable", "load_source"]

_DIAGNOSIS: Final = "diagnosis.json"


@dataclass(frozen=True)
class ObjectCurve:
    """One object's scores over the frames that the protocol evaluates, in frame order.

    Attributes:
        sequence: sequence name.
        object_id: id in the label maps.
        index: positions of the frames in the sequence, N int64.
        frames: file stems of the frames, N.
        j: region similarity 0..1, N float64, NaN where undefined.
        f: boundary accuracy 0..1, N float64, NaN where undefined.
        length: frames of the sequence that the table knows, evaluated or not.
    """

    sequence: str
    object_id: int
    index: NDArray[np.int64]
    frames: tuple[str, ...]
    j: NDArray[np.float64]
    f: NDArray[np.float64]
    length: int


@dataclass(frozen=True)
class TraceTable:
    """Stages of all frames: N names and N durations (ms, float64).

    `inside` has for each the call that the method marked the stage within, or an empty string; it
    may be empty as a whole. `table` is the whole trace, columns of `TRACE_COLUMNS`.
    """

    stages: tuple[str, ...]
    ms: NDArray[np.float64]
    inside: tuple[str, ...] = ()
    table: pd.DataFrame | None = None


@dataclass(frozen=True)
class RunSource:
    """What a run directory holds, each part None or empty where the run has no such file.

    Attributes:
        root: the run directory.
        run: `run.json`.
        sequences: `sequences/*.json` by sequence name.
        scores: `scores.json`.
        curves: `frames.parquet` by sequence name, objects ascending.
        trace: `trace.parquet`.
        diagnosis: `diagnosis.json`, what `vosbench diagnose` found.
    """

    root: Path
    run: RunRecord
    sequences: Mapping[str, SequenceRecord]
    scores: ScoreRecord | None
    curves: Mapping[str, tuple[ObjectCurve, ...]]
    trace: TraceTable | None
    diagnosis: DiagnosisRecord | None = None

    def mask(self, sequence: str, frame: str) -> Path:
        """Where the run keeps the predicted mask of a frame; the names must be safe path parts."""
        return RunPaths(self.root).sequence_masks(sequence) / f"{frame}.png"


def load_source(root: Path) -> RunSource:
    """Read a run directory.

    Raises:
        InputError: if it is no run directory, or a file of it is damaged or of a newer schema.
    """
    check_run_directory(root)
    paths = RunPaths(root)
    records = [read_record(path, SequenceRecord) for path in sorted(paths.sequences.glob("*.json"))]
    return RunSource(
        root=root,
        run=read_run(root),
        sequences={record.sequence: record for record in records},
        scores=read_scores(root) if paths.scores.exists() else None,
        curves=_curves(paths.frames) if paths.frames.exists() else {},
        trace=_trace(paths.trace) if paths.trace.exists() else None,
        diagnosis=_diagnosis(root),
    )


def _diagnosis(root: Path) -> DiagnosisRecord | None:
    if not (root / _DIAGNOSIS).exists():
        return None
    # it brings the whole diagnosis along, and that draws on this package
    from vosbench.explain import DIAGNOSIS_JSON, DiagnosisRecord

    return read_record(root / DIAGNOSIS_JSON, DiagnosisRecord)


def _columns(path: Path, wanted: tuple[str, ...]) -> pd.DataFrame:
    table = read_table(path)
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}", hint="score the run again")
    return table


def _curves(path: Path) -> dict[str, tuple[ObjectCurve, ...]]:
    table = _columns(path, FRAME_COLUMNS).sort_values(["sequence", "object_id", "index"])
    curves: dict[str, list[ObjectCurve]] = {}
    for key, rows in table.groupby(["sequence", "object_id"], sort=True):
        sequence, object_id = str(key[0]), int(str(key[1]))
        scored = rows[rows["evaluated"].to_numpy(dtype=bool)]
        curve = ObjectCurve(
            sequence=sequence,
            object_id=object_id,
            index=scored["index"].to_numpy(dtype=np.int64),
            frames=tuple(str(name) for name in scored["frame"]),
            j=scored["J"].to_numpy(dtype=np.float64),
            f=scored["F"].to_numpy(dtype=np.float64),
            length=int(rows["index"].max()) + 1,
        )
        curves.setdefault(sequence, []).append(curve)
    return {sequence: tuple(objects) for sequence, objects in curves.items()}


def _trace(path: Path) -> TraceTable:
    table = read_trace(path)
    return TraceTable(
        stages=tuple(str(stage) for stage in table["stage"]),
        inside=tuple(str(call) for call in table["inside"]),
        ms=table["ms"].to_numpy(dtype=np.float64),
        table=table,
    )
