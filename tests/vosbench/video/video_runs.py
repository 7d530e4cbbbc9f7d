"""Small scored runs over drawn clips, made in this process."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from vosbench.data import Dataset, open_dataset
from vosbench.data.masks import encode_labels, read_labels
from vosbench.store import RunPaths, write_record
from vosbench.store.schema import (
    DataRecord,
    MethodRecord,
    RunRecord,
    SequenceRecord,
    SettingsRecord,
)
from vosbench.workflow import score_run


def open_tiny(root: Path) -> Dataset:
    """The drawn clips as DAVIS-2017."""
    return open_dataset("davis2017", root=root)


def make_scored_run(
    folder: Path,
    data: Path,
    *,
    method: str = "toy",
    shift: int = 1,
    lost_from: int | None = None,
    failed: tuple[str, ...] = (),
    score: bool = True,
    run_id: str = "r1",
) -> Path:
    """A run whose masks are the truth moved by `shift` px, and empty from a frame on."""
    opened, paths = open_tiny(data), RunPaths(folder)
    for clip in opened.sequences:
        digests = {}
        for index, frame in enumerate(clip.frames):
            assert frame.annotation is not None
            truth = read_labels(frame.annotation, clip.label_kind)
            labels = np.roll(truth, shift, axis=1)
            if lost_from is not None and index >= lost_from:
                labels = np.zeros_like(labels)
            content = encode_labels(labels)
            path = paths.sequence_masks(clip.name) / f"{frame.name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            digests[frame.name] = hashlib.sha256(content).hexdigest()
        write_record(
            paths.sequence(clip.name),
            SequenceRecord(
                sequence=clip.name,
                status="failed" if clip.name in failed else "complete",
                frames=len(clip.frames),
                object_ids=list(clip.object_ids),
                height=clip.height,
                width=clip.width,
                run_key="k",
                masks_sha256=digests,
            ),
        )
    run = RunRecord(
        run_id=run_id,
        status="incomplete" if failed else "complete",
        created="2020-10-12T08:00:00Z",
        finished="2020-10-12T08:05:00Z",
        vosbench_version="0.1.0",
        method=MethodRecord(name=method, parameters={"crop.enabled": True, "threshold": 0.5}),
        data=DataRecord(
            dataset="davis2017",
            reference="davis2017",
            split=opened.split,
            protocol="davis2017",
            root=str(data),
            sequences=[clip.name for clip in opened.sequences],
            frames=sum(len(clip.frames) for clip in opened.sequences),
            manifest_sha256=opened.manifest_sha256,
        ),
        settings=SettingsRecord(device="cpu", precision="fp32"),
        failed=list(failed),
        timing={"step_ms_mean": 12.5},
    )
    write_record(paths.run, run)
    if score:
        score_run(folder, run, opened)
    return folder
