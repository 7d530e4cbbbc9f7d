"""Runs as a video sees them: masks, scores by frame, and the clips that all of them have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vosbench.data import read_frame
from vosbench.data.masks import MaskSource, open_masks
from vosbench.errors import ComparisonError, InputError
from vosbench.explain.masks import read_prediction, read_truth
from vosbench.metrics import get_protocol
from vosbench.report import check_run_directory
from vosbench.store import RunPaths, read_run, read_sequence, read_table
from vosbench.store.schema import RunRecord
from vosbench.types import RGB, LabelMap
from vosbench.types import Sequence as Clip

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Curve", "Shown", "VideoRun", "clips_of", "load_runs", "read_shown"]


@dataclass(frozen=True, eq=False)
class Curve:
    """J of one object on the frames that count.

    Attributes:
        object_id: id in the label maps.
        index: N int64, positions of the frames in the sequence.
        j: N float64, 0..1.
    """

    object_id: int
    index: NDArray[np.int64]
    j: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VideoRun:
    """A run.

    Attributes:
        root: run directory.
        label: unique among the runs of the video.
        run: `run.json`.
        complete: sequences with masks of all frames.
        masks: predicted masks.
        curves: by sequence, objects ascending; empty where the run was not scored.
    """

    root: Path
    label: str
    run: RunRecord
    complete: frozenset[str]
    masks: MaskSource
    curves: Mapping[str, tuple[Curve, ...]]

    def j_by_frame(self, sequence: str) -> dict[int, float]:
        """Mean J of the objects by position of the frame, 0..1; undefined ones are left out."""
        found: dict[int, list[float]] = {}
        for curve in self.curves.get(sequence, ()):
            for index, j in zip(curve.index.tolist(), curve.j.tolist(), strict=True):
                if np.isfinite(j):
                    found.setdefault(index, []).append(j)
        return {index: sum(values) / len(values) for index, values in sorted(found.items())}


@dataclass(frozen=True, eq=False)
class Shown:
    """One frame at the size it is shown at.

    Attributes:
        image: H×W×3 uint8.
        truth: H×W uint8, or None where the frame is not annotated.
        predictions: for each run H×W uint8.
    """

    image: RGB
    truth: LabelMap | None
    predictions: tuple[LabelMap, ...]


def load_runs(roots: Sequence[Path]) -> tuple[VideoRun, ...]:
    """Read runs of one data set and split.

    Raises:
        InputError: if one is no run directory, or a file of it is damaged.
        ComparisonError: if they are of other data.
    """
    for root in roots:
        check_run_directory(root)
    records = [read_run(root) for root in roots]
    first = records[0].data
    for root, record in zip(roots, records, strict=True):
        if (record.data.dataset, record.data.split) != (first.dataset, first.split):
            raise ComparisonError(
                f"{root} is of {record.data.dataset} {record.data.split}, {roots[0]} of "
                f"{first.dataset} {first.split}: they do not show the same videos",
                hint="name runs on one data set and split",
            )
    names = [record.method.reference for record in records]
    labels = [
        name if names.count(name) == 1 else f"{name} {record.run_id[:8]}"
        for name, record in zip(names, records, strict=True)
    ]
    return tuple(map(_load, roots, labels, records))


def _load(root: Path, label: str, run: RunRecord) -> VideoRun:
    paths = RunPaths(root)
    known = [name for name in run.data.sequences if paths.sequence(name).is_file()]
    done = frozenset(name for name in known if read_sequence(root, name).status == "complete")
    marks = [word for word, on in (("ORACLE", run.method.oracle),
                                   ("untrained", run.method.untrained)) if on]  # fmt: skip
    return VideoRun(
        root=root,
        label=f"{label} ({', '.join(marks)})" if marks else label,
        run=run,
        complete=done,
        masks=open_masks(root),
        curves=_curves(read_table(paths.frames)) if paths.frames.is_file() else {},
    )


def _curves(table: pd.DataFrame) -> dict[str, tuple[Curve, ...]]:
    missing = {"sequence", "object_id", "index", "evaluated", "J"} - set(table.columns)
    if missing:
        raise InputError(
            f"frames.parquet has no column {', '.join(sorted(missing))}", hint="score the run again"
        )
    rows = table[table["evaluated"].astype(bool)].sort_values(["sequence", "object_id", "index"])
    found: dict[str, list[Curve]] = {}
    for key, part in rows.groupby(["sequence", "object_id"], sort=True):
        curve = Curve(
            int(str(key[1])),
            part["index"].to_numpy(dtype=np.int64),
            part["J"].to_numpy(dtype=np.float64),
        )
        found.setdefault(str(key[0]), []).append(curve)
    return {sequence: tuple(curves) for sequence, curves in found.items()}


def clips_of(
    runs: Sequence[VideoRun], clips: Mapping[str, Clip], pattern: str | None
) -> tuple[tuple[Clip, ...], dict[str, str]]:
    """Clips that all runs finished, in the order of the first, and why others are left out.

    Args:
        runs: at least one.
        clips: of the data set, by name.
        pattern: only names that match one of these globs (commas between), or None.

    Raises:
        ComparisonError: not one is left.
    """
    globs = [one.strip() for one in pattern.split(",")] if pattern else ["*"]
    chosen, left = [], {}
    for name in runs[0].run.data.sequences:
        if not any(fnmatchcase(name, glob) for glob in globs):
            continue
        lacking = [run.label for run in runs if name not in run.complete]
        if lacking:
            left[name] = f"{', '.join(lacking)} did not finish it"
        elif name not in clips:
            left[name] = "the data set here does not have it"
        else:
            chosen.append(clips[name])
    if not chosen:
        told = "; ".join(f"{name}: {why}" for name, why in left.items())
        raise ComparisonError(
            f"there is no sequence to show{f': {told}' if told else f' that matches {pattern}'}",
            hint=f"the first run has {', '.join(runs[0].run.data.sequences[:8])}",
        )
    return tuple(chosen), left


def read_shown(runs: Sequence[VideoRun], clip: Clip, index: int, room: tuple[int, int]) -> Shown:
    """Read one frame of a clip, as the protocol of the first run sees its masks.

    Args:
        runs: at least one.
        clip: what to read.
        index: position of the frame.
        room: height and width, px, within which it is shown in its own shape.

    Raises:
        InputError: the image, a mask or the annotation cannot be used.
    """
    frame, size = clip.frames[index], (clip.height, clip.width)
    if frame.image is None:
        raise InputError(f"{clip.name}: the data set has no image of frame {frame.name}")
    rules = get_protocol(runs[0].run.data.protocol)
    single = len(clip.object_ids) == 1
    scale = min(room[0] / size[0], room[1] / size[1])
    fit = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    return Shown(
        image=_resized(read_frame(frame.image, size=size), fit, smooth=scale < 1),
        truth=_resized(read_truth(clip, index, rules), fit) if frame.annotation else None,
        predictions=tuple(
            _resized(read_prediction(run.masks, clip, index, rules, single_object=single), fit)
            for run in runs
        ),
    )


def _resized(
    array: NDArray[np.uint8], size: tuple[int, int], *, smooth: bool = False
) -> NDArray[np.uint8]:
    """An image or labels at another size; labels are never mixed."""
    from PIL import Image

    if array.shape[:2] == size:
        return array
    how = Image.Resampling.BOX if smooth else Image.Resampling.NEAREST
    resized = Image.fromarray(array).resize((size[1], size[0]), how)
    return np.array(resized, np.uint8)
