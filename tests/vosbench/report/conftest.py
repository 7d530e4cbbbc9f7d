"""Synthetic runs and data sets: what the report reads, made from the schema's own models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from vosbench.store import RunPaths, write_record, write_table
from vosbench.store.schema import (
    FRAME_COLUMNS,
    DataRecord,
    FailureRecord,
    MethodRecord,
    ObjectScore,
    RunRecord,
    ScoreRecord,
    SequenceRecord,
    SettingsRecord,
    Summary,
)
from vosbench.types import FrameRef
from vosbench.types import Sequence as VideoSequence

HEIGHT, WIDTH = 48, 64
Values = NDArray[np.float64]


@dataclass
class Clip:
    """A sequence of a synthetic run: J and F of each object over all its frames."""

    name: str
    j: Mapping[int, Sequence[float]]
    f: Mapping[int, Sequence[float]] | None = None
    failure: FailureRecord | None = None
    recorded: bool = True
    scored: bool = True

    @property
    def frames(self) -> int:
        return len(next(iter(self.j.values())))


@dataclass
class RunMaker:
    """Writes run directories below `root`."""

    root: Path
    made: list[Path] = field(default_factory=list)

    def __call__(
        self,
        clips: Sequence[Clip],
        *,
        status: str | None = None,
        method: Mapping[str, Any] | None = None,
        run: Mapping[str, Any] | None = None,
        scores: Mapping[str, Any] | None = None,
        with_scores: bool = True,
        with_trace: bool = True,
        device: str = "cpu",
    ) -> Path:
        folder = self.root / f"run-{len(self.made)}"
        self.made.append(folder)
        paths = RunPaths(folder)
        failed = [clip.name for clip in clips if clip.failure]
        content: dict[str, Any] = {
            "run_id": "r1",
            "status": status or ("incomplete" if failed else "complete"),
            "created": "2020-10-12T08:00:00Z",
            "finished": "2020-10-12T08:05:00Z",
            "vosbench_version": "0.1.0",
            "command": ["vosbench", "run", "toy@fast", "--dataset", "tiny"],
            "code": {"revision": "abc123", "dirty": False},
            "method": MethodRecord(
                **{
                    "name": "toy",
                    "variant": "fast",
                    "title": "Toy method",
                    "asked": {"crop.margin": 0.5},
                    "parameters": {"crop.margin": 0.5, "crop.enabled": True},
                    "weights": "toy.safetensors",
                    "weights_sha256": "f" * 64,
                    "weights_note": "made up",
                }
                | dict(method or {})
            ),
            "data": DataRecord(
                dataset="tiny",
                split="val",
                protocol="davis2017",
                root="/data/tiny",
                sequences=[clip.name for clip in clips],
                frames=sum(clip.frames for clip in clips),
                manifest_sha256="a" * 64,
            ),
            "settings": SettingsRecord(device=device, precision="fp32", threads=2),
            "hardware": {"processor": "Toy CPU", "gpu": "Toy GPU", "memory": {"gib": 4}},
            "packages": {"numpy": "2.4.0", "torch": "2.13.0"},
            "failed": failed,
        }
        write_record(paths.run, RunRecord(**(content | dict(run or {}))))
        for number, clip in enumerate(clips):
            if clip.recorded:
                record = SequenceRecord(
                    sequence=clip.name,
                    status="failed" if clip.failure else "complete",
                    frames=clip.frames,
                    object_ids=sorted(clip.j),
                    height=HEIGHT,
                    width=WIDTH,
                    run_key="k",
                    seconds=1.5,
                    failure=clip.failure,
                )
                # not named after the sequence, whose name may be no file name
                write_record(paths.sequence(f"record-{number}"), record)
        if with_scores:
            write_record(paths.scores, score_record(clips, **dict(scores or {})))
            write_table(paths.frames, frame_table(clips))
        if with_trace:
            write_table(paths.trace, trace_table(clips))
        return folder


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _summary(j: float | None, f: float | None) -> dict[str, float | None]:
    return {
        "J&F-Mean": None if j is None or f is None else (j + f) / 2,
        "J-Mean": j,
        "J-Recall": None if j is None else min(1.0, j + 0.05),
        "J-Decay": -0.0123,
        "F-Mean": f,
        "F-Recall": f,
        "F-Decay": 0.25,
    }


def score_record(clips: Sequence[Clip], **changes: Any) -> ScoreRecord:
    objects, sequences = {}, {}
    for clip in clips:
        if clip.failure or not clip.scored:
            continue
        told = []
        for object_id, j in clip.j.items():
            f = (clip.f or clip.j)[object_id]
            figures = _summary(_mean(list(j)[1:-1]), _mean(list(f)[1:-1]))
            told.append(figures)
            objects[f"{clip.name}_{object_id}"] = ObjectScore(
                sequence=clip.name, object_id=object_id, evaluated_frames=len(j) - 2, **figures
            )
        sequences[clip.name] = Summary(
            **_summary(_mean([t["J-Mean"] for t in told]), _mean([t["F-Mean"] for t in told]))
        )
    every = list(objects.values())
    content: dict[str, Any] = {
        "protocol": "davis2017",
        "dataset": "tiny",
        "split": "val",
        "global": Summary(
            **_summary(_mean([o.j_mean for o in every]), _mean([o.f_mean for o in every]))
        ),
        "objects": objects,
        "sequences": sequences,
        "frames_evaluated": sum(one.evaluated_frames for one in every),
        "unscored": {clip.name: "no masks" for clip in clips if clip.failure or not clip.scored},
    }
    return ScoreRecord(**(content | changes))


def frame_table(clips: Sequence[Clip]) -> pd.DataFrame:
    rows = []
    for clip in clips:
        if clip.failure or not clip.scored:
            continue
        for object_id, j in clip.j.items():
            f = (clip.f or clip.j)[object_id]
            for index in range(clip.frames):
                evaluated = 0 < index < clip.frames - 1
                scores = (float(j[index]), float(f[index])) if evaluated else (np.nan, np.nan)
                rows.append(
                    (clip.name, object_id, index, f"{index:05d}", evaluated, *scores, *[0] * 6)
                )
    return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))


def trace_table(clips: Sequence[Clip]) -> pd.DataFrame:
    rows = []
    for clip in clips:
        for index in range(clip.frames):
            frame = f"{index:05d}"
            rows.append((clip.name, frame, "decode", 4.0))
            rows.append((clip.name, frame, "wait", 1.0))
            rows.append((clip.name, frame, "step" if index else "start", 20.0 if index else 60.0))
            rows.append((clip.name, frame, "write", 2.0))
    return pd.DataFrame(rows, columns=["sequence", "frame", "stage", "ms"])  # schema version 1


@pytest.fixture
def clip() -> type[Clip]:
    return Clip


@pytest.fixture
def make_run(tmp_path: Path) -> RunMaker:
    return RunMaker(tmp_path)


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., VideoSequence]:
    """Frames, annotations and predicted masks of one sequence, as files."""

    def make(
        run: Path,
        name: str,
        *,
        frames: int,
        objects: int = 1,
        images: bool = True,
        size: tuple[int, int] = (HEIGHT, WIDTH),
    ) -> VideoSequence:
        height, width = size
        data = tmp_path / "data" / name
        masks = run / "masks" / name
        data.mkdir(parents=True)
        masks.mkdir(parents=True)
        noise = np.random.default_rng(0)
        found = []
        for index in range(frames):
            stem = f"{index:05d}"
            truth = np.zeros(size, dtype=np.uint8)
            prediction = np.zeros(size, dtype=np.uint8)
            for object_id in range(1, objects + 1):
                top = height * object_id // (objects + 2)
                side = height // (objects + 3)
                left = min(width - 2 * side, width // 8 + index)
                truth[top : top + side, left : left + side] = object_id
                prediction[top : top + side, left + side // 2 : left + side + side // 2] = object_id
            image = noise.integers(60, 200, (*size, 3), dtype=np.uint8)
            if images:
                Image.fromarray(image).save(data / f"{stem}.jpg")
            _save_labels(truth, data / f"{stem}.png")
            _save_labels(prediction, masks / f"{stem}.png")
            found.append(
                FrameRef(stem, data / f"{stem}.jpg" if images else None, data / f"{stem}.png")
            )
        return VideoSequence(
            dataset="tiny",
            split="val",
            name=name,
            frames=tuple(found),
            height=height,
            width=width,
            object_ids=tuple(range(1, objects + 1)),
            label_kind="ids",
        )

    return make


def _save_labels(labels: NDArray[np.uint8], path: Path) -> None:
    picture = Image.fromarray(labels)
    picture.putpalette([value for index in range(256) for value in (index, index, index)])
    picture.save(path)
