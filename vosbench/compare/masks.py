"""Masks that belong to no run, scored in memory so that they can be compared like one."""

from __future__ import annotations

from pathlib import Path

from vosbench import __version__
from vosbench.compare.source import RunScores, frame_scores
from vosbench.data import Dataset
from vosbench.data.masks import open_masks
from vosbench.errors import InputError
from vosbench.evaluate import score_masks
from vosbench.store.schema import (
    DataRecord,
    MethodRecord,
    RunRecord,
    SequenceRecord,
    SettingsRecord,
)

__all__ = ["score_loose_masks"]

_UNTOLD = "not recorded"


def score_loose_masks(
    path: Path, opened: Dataset, *, protocol: str, processes: int = 1
) -> RunScores:
    """Score a folder, zip or JSON of masks as a run; nothing is written.

    Nothing is known of how the masks were made, so the run has no timing, settings or weights.

    Args:
        path: of the masks.
        opened: data that they are of.
        protocol: its name.
        processes: how many score at a time.

    Raises:
        InputError: the masks cannot be used, or not one sequence can be scored.
    """
    evaluation = score_masks(
        open_masks(path),
        opened.sequences,
        protocol=protocol,
        dataset=opened.card.name,
        split=opened.split,
        processes=processes,
    )
    if not evaluation.record.sequences:
        reasons = "; ".join(f"{name}: {why}" for name, why in evaluation.record.unscored.items())
        raise InputError(f"{path}: no sequence can be scored: {reasons}")
    clips = [clip for clip in opened.sequences if clip.name in evaluation.record.sequences]
    run = RunRecord(
        run_id="masks",
        status="complete",
        created="",
        vosbench_version=__version__,
        method=MethodRecord(name=path.stem or path.name, title=f"masks of {path.name}"),
        data=DataRecord(
            dataset=opened.card.name,
            reference=opened.card.name,
            split=opened.split,
            protocol=protocol,
            root=str(opened.root),
            sequences=[clip.name for clip in opened.sequences],
            frames=sum(len(clip.frames) for clip in opened.sequences),
            manifest_sha256=opened.manifest_sha256,
            warnings=list(opened.warnings),
        ),
        settings=SettingsRecord(device=_UNTOLD, precision=_UNTOLD),
    )
    records = {
        clip.name: SequenceRecord(
            sequence=clip.name,
            status="complete",
            frames=len(clip.frames),
            object_ids=list(clip.object_ids),
            height=clip.height,
            width=clip.width,
            run_key="",
        )
        for clip in clips
    }
    return RunScores(
        path=str(path),
        run=run,
        scores=evaluation.record,
        sequences=records,
        frames=frame_scores(evaluation.frames),
    )
