"""A run as tidy tables: one row per observation, one column per variable, units by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vosbench.errors import InputError
from vosbench.report.rundir import check_run_directory
from vosbench.report.text import METRICS
from vosbench.store import RunPaths, read_record, read_run, read_scores, read_table
from vosbench.store.schema import RunRecord, ScoreRecord, SequenceRecord
from vosbench.timing import read_trace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Column", "LoadedRun", "load_run"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        dtype: of pandas. Whole numbers that may be unknown are `Int64`, with `<NA>`.
        unit: `0..1`, `px`, `ms`, `s`, `MB` (2^20 bytes), or empty for what has none.
        meaning: in words.
    """

    dtype: str
    unit: str
    meaning: str


_FIGURES: Final[Mapping[str, Column]] = {
    "jf_mean": Column("float64", "0..1", "mean of J mean and F mean"),
    "j_mean": Column("float64", "0..1", "mean region similarity"),
    "j_recall": Column("float64", "0..1", "share of frames with J above 0.5"),
    "j_decay": Column("float64", "0..1", "J lost from the first to the last quarter; may be < 0"),
    "f_mean": Column("float64", "0..1", "mean boundary accuracy"),
    "f_recall": Column("float64", "0..1", "share of frames with F above 0.5"),
    "f_decay": Column("float64", "0..1", "F lost from the first to the last quarter; may be < 0"),
}
COLUMNS: Final[Mapping[str, Mapping[str, Column]]] = {
    "frames": {
        "sequence": Column("object", "", "sequence name"),
        "object_id": Column("int64", "", "id in the label maps"),
        "index": Column("int64", "", "position of the frame in the sequence, 0 = first"),
        "frame": Column("object", "", "file stem of the frame"),
        "evaluated": Column("bool", "", "whether the protocol counts this frame"),
        "J": Column("float64", "0..1", "region similarity; NaN where not evaluated"),
        "F": Column("float64", "0..1", "boundary accuracy; NaN where not evaluated"),
        "intersection": Column("int64", "px", "of prediction and truth"),
        "union": Column("int64", "px", "of prediction and truth"),
        "pred_boundary": Column("int64", "px", "boundary of the prediction"),
        "gt_boundary": Column("int64", "px", "boundary of the truth"),
        "pred_boundary_matched": Column("int64", "px", "of it within tolerance of the truth's"),
        "gt_boundary_matched": Column("int64", "px", "of it within tolerance of the prediction's"),
    },
    "objects": {
        "sequence": Column("object", "", "sequence name"),
        "object_id": Column("int64", "", "id in the label maps"),
        "evaluated_frames": Column("int64", "", "frames that count"),
        **_FIGURES,
    },
    "sequences": {
        "sequence": Column("object", "", "sequence name"),
        "status": Column("object", "", "`complete`, `failed` or `not run`"),
        "objects": Column("Int64", "", "objects to segment"),
        "frames": Column("Int64", "", "frames, evaluated or not"),
        "height": Column("Int64", "px", "of the frames"),
        "width": Column("Int64", "px", "of the frames"),
        "seconds": Column("float64", "s", "wall time of the sequence"),
        "failure": Column("object", "", "class of the error of a failed sequence, else empty"),
        "unscored": Column("object", "", "why there is no score, else empty"),
        **_FIGURES,
    },
    "trace": {
        "sequence": Column("object", "", "sequence name"),
        "round": Column("int64", "", "0 but where a benchmark repeats the sequence"),
        "index": Column("int64", "", "position of the frame in the sequence, 0 = first"),
        "frame": Column("object", "", "file stem of the frame"),
        "stage": Column("object", "", "`decode`, `wait`, `start`, `step`, or the method's own"),
        "inside": Column("object", "", "`start` or `step` for a stage of the method, else empty"),
        "begin_ms": Column("float64", "ms", "host clock, since the trace began"),
        "ms": Column("float64", "ms", "host clock, sum over the frame"),
        "device_begin_ms": Column("float64", "ms", "device clock; NaN without a device"),
        "device_ms": Column("float64", "ms", "between device events; NaN without a device"),
        "objects": Column("int64", "", "objects that the method follows; -1 where not known"),
        "process_mb": Column("float64", "MB", "resident memory of the process, else NaN"),
        "allocated_mb": Column("float64", "MB", "device memory in tensors, else NaN"),
        "reserved_mb": Column("float64", "MB", "device memory held by the allocator, else NaN"),
    },
}
"""Columns of the tables of a `LoadedRun`, in their order."""


@dataclass(frozen=True)
class LoadedRun:
    """A run in memory. Tables always have the columns of `COLUMNS`, and no rows where nothing is.

    Attributes:
        root: the run directory.
        run: `run.json`.
        scores: `scores.json`, or None for a run that was not scored.
        frames: one row per sequence, object and frame.
        objects: one row per scored object, in the order of `scores.json`.
        sequences: one row per sequence of the run, in its order, failed ones included.
        trace: one row per sequence, round, frame and stage.
    """

    root: Path
    run: RunRecord
    scores: ScoreRecord | None
    frames: pd.DataFrame
    objects: pd.DataFrame
    sequences: pd.DataFrame
    trace: pd.DataFrame


def load_run(path: str | Path) -> LoadedRun:
    """Read a run directory into tables.

    Args:
        path: `runs/<dataset>/<method@variant>/<id>`.

    Raises:
        InputError: if it is no run directory, or a file of it is damaged or of a newer schema.
    """
    root = Path(path)
    check_run_directory(root)
    paths = RunPaths(root)
    run = read_run(root)
    scores = read_scores(root) if paths.scores.is_file() else None
    records = [read_record(one, SequenceRecord) for one in sorted(paths.sequences.glob("*.json"))]
    return LoadedRun(
        root=root,
        run=run,
        scores=scores,
        frames=_stored("frames", paths.frames),
        objects=_table("objects", _object_rows(scores)),
        sequences=_table("sequences", _sequence_rows(run, scores, records)),
        trace=_stored("trace", paths.trace),
    )


def _stored(kind: str, path: Path) -> pd.DataFrame:
    if not path.is_file():
        return _table(kind, [])
    table = read_trace(path) if kind == "trace" else read_table(path)
    missing = [name for name in COLUMNS[kind] if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}", hint="score the run again")
    return _typed(kind, table.reset_index(drop=True))


def _table(kind: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return _typed(kind, pd.DataFrame(list(rows), columns=list(COLUMNS[kind])))


def _typed(kind: str, table: pd.DataFrame) -> pd.DataFrame:
    wanted = COLUMNS[kind]
    return table[list(wanted)].astype({name: column.dtype for name, column in wanted.items()})


def _object_rows(scores: ScoreRecord | None) -> Iterable[Mapping[str, Any]]:
    for one in scores.objects.values() if scores else ():
        yield {
            "sequence": one.sequence,
            "object_id": one.object_id,
            "evaluated_frames": one.evaluated_frames,
            **_figures(one),
        }


def _sequence_rows(
    run: RunRecord, scores: ScoreRecord | None, records: Iterable[SequenceRecord]
) -> Iterable[Mapping[str, Any]]:
    recorded = {one.sequence: one for one in records}
    scored = scores.sequences if scores else {}
    unscored = scores.unscored if scores else {}
    for name in dict.fromkeys((*run.data.sequences, *sorted(recorded), *sorted(scored))):
        record, summary = recorded.get(name), scored.get(name)
        yield {
            "sequence": name,
            "status": record.status if record else "not run",
            "objects": len(record.object_ids) if record else None,
            "frames": record.frames if record else None,
            "height": record.height if record else None,
            "width": record.width if record else None,
            "seconds": record.seconds if record else None,
            "failure": record.failure.kind if record and record.failure else "",
            "unscored": unscored.get(name, "" if summary else "the run was not scored"),
            **_figures(summary),
        }


def _figures(summary: Any) -> dict[str, float | None]:
    return {metric.field: getattr(summary, metric.field, None) for metric in METRICS}
