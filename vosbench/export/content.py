"""What is exported of a run: facts, scalars and pictures, in one order for every target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vosbench.errors import InputError
from vosbench.report import check_run_directory
from vosbench.report.text import METRICS, defined
from vosbench.store import RunPaths, read_run, read_scores, read_table
from vosbench.store.schema import RunRecord, ScoreRecord, Summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExportedFrame", "ExportedPicture", "ExportedRun", "read_exported"]

_OVERLAYS: Final = "worst-*.webp"
_LONGEST_VALUE: Final = 500


@dataclass(frozen=True)
class ExportedFrame:
    """Scores of an object on a frame that counts; undefined ones are None.

    Attributes:
        sequence: sequence name.
        object_id: id in the label maps.
        index: position of the frame in the sequence.
        frame: file stem.
        j: 0..1.
        f: 0..1.
    """

    sequence: str
    object_id: int
    index: int
    frame: str
    j: float | None
    f: float | None


@dataclass(frozen=True)
class ExportedPicture:
    """A picture of one of the worst frames, as the report drew it; WebP."""

    name: str
    path: Path


@dataclass(frozen=True, eq=False)
class ExportedRun:
    """A scored run.

    Attributes:
        root: run directory.
        run: `run.json`.
        scores: `scores.json`.
        table: rows of `frames.parquet` that count, or None without that file.
        pictures: of worst frames, in order; empty where no report was drawn.
    """

    root: Path
    run: RunRecord
    scores: ScoreRecord
    table: pd.DataFrame | None
    pictures: tuple[ExportedPicture, ...]

    @property
    def name(self) -> str:
        """`method@variant on dataset split`."""
        return f"{self.run.method.reference} on {self.run.data.dataset} {self.run.data.split}"

    @property
    def time(self) -> float:
        """When the run ended, s since 1970: the same run is exported with the same times."""
        try:
            return datetime.fromisoformat(self.run.finished or self.run.created).timestamp()
        except ValueError:
            return 0.0

    def settings(self) -> dict[str, bool | int | float | str]:
        """What decides the masks and the speed, flat: names with dots, plain values."""
        run = self.run
        facts: dict[str, Any] = {
            "method": run.method.reference,
            "oracle": run.method.oracle,
            "untrained": run.method.untrained,
            "weights": run.method.weights or "none",
            "weights_sha256": run.method.weights_sha256 or "none",
            "dataset": run.data.dataset,
            "split": run.data.split,
            "protocol": self.scores.protocol,
            "data_sha256": run.data.manifest_sha256,
            "status": run.status,
            "run_id": run.run_id,
            "vosbench": run.vosbench_version,
            **{f"parameter.{name}": value for name, value in run.method.parameters.items()},
            **{f"setting.{name}": value for name, value in run.settings.model_dump().items()},
        }
        return {name: _plain(value) for name, value in facts.items()}

    def summary(self) -> dict[str, float]:
        """The seven figures 0..1, and what is known of the speed; undefined ones are left out."""
        figures = _figures(self.scores.overall)
        for name in ("step_ms_mean", "step_ms_p90", "step_fps"):
            value = self.run.timing.get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                figures[name] = float(value)
        return figures

    def sequences(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Figures of every scored sequence, means over its objects."""
        for name, summary in self.scores.sequences.items():
            yield name, _figures(summary)

    def objects(self) -> Iterator[tuple[str, int, dict[str, float]]]:
        """Figures of every scored object, after its sequence and id."""
        for score in self.scores.objects.values():
            yield score.sequence, score.object_id, _figures(score)

    def frames(self) -> Iterator[ExportedFrame]:
        """Every object-frame that counts, by sequence, object and position."""
        if self.table is None:
            return
        columns = ("sequence", "object_id", "index", "frame", "J", "F")
        for row in zip(*(self.table[name].tolist() for name in columns), strict=True):
            yield ExportedFrame(
                str(row[0]), int(row[1]), int(row[2]), str(row[3]), defined(row[4]), defined(row[5])
            )


def _figures(summary: Summary) -> dict[str, float]:
    values = ((metric.label, defined(getattr(summary, metric.field))) for metric in METRICS)
    return {label: value for label, value in values if value is not None}


def _plain(value: Any) -> bool | int | float | str:
    if isinstance(value, bool | int | float | str):
        return value[:_LONGEST_VALUE] if isinstance(value, str) else value
    return str(value)[:_LONGEST_VALUE]


def read_exported(root: Path) -> ExportedRun:
    """Read a scored run directory.

    Raises:
        InputError: it is no run directory, was not scored, or a file of it is damaged.
    """
    check_run_directory(root)
    paths = RunPaths(root)
    if not paths.scores.is_file():
        raise InputError(f"{root} has not been scored", hint=f"vosbench score {root}")
    return ExportedRun(
        root=root,
        run=read_run(root),
        scores=read_scores(root),
        table=_table(paths.frames) if paths.frames.is_file() else None,
        pictures=_pictures(paths.report / "overlays"),
    )


def _table(path: Path) -> pd.DataFrame:
    table = read_table(path)
    missing = {"sequence", "object_id", "index", "frame", "evaluated", "J", "F"} - set(
        table.columns
    )
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(sorted(missing))}", hint="score the run again"
        )
    counted = table[table["evaluated"].astype(bool)]
    return counted.sort_values(["sequence", "object_id", "index"], kind="stable")


def _pictures(folder: Path) -> tuple[ExportedPicture, ...]:
    return tuple(ExportedPicture(path.stem, path) for path in sorted(folder.glob(_OVERLAYS)))
