"""Synthetic runs for comparisons, made from the schema's own models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vosbench.compare import FrameScores, RunScores
from vosbench.compare.source import FrameKey, FrameValue
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

Scores = Mapping[str, Sequence[float | None]]
"""J&F of each object of each sequence; J is 0.02 lower and F 0.02 higher."""

FRAMES = 32


def make_run(
    scores: Scores,
    *,
    method: str = "toy",
    variant: str | None = None,
    run_id: str = "r1",
    selection: Sequence[str] | None = None,
    failed: Mapping[str, str] | None = None,
    masks: str | Mapping[str, str] = "",
    step_ms: float | None = 10.0,
    protocol: str = "davis2017",
    dataset: str = "tiny",
    frame_changes: Mapping[tuple[str, int, int], float] | None = None,
    method_fields: Mapping[str, Any] | None = None,
    data_fields: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    sequence_fields: Mapping[str, Any] | None = None,
    created: str = "2020-10-12T08:00:00Z",
) -> RunScores:
    """One run; `masks` is what mask digests are made of, for all or by sequence."""
    failed = failed or {}
    names = list(selection or [*scores, *failed])
    run = RunRecord(
        run_id=run_id,
        status="incomplete" if failed else "complete",
        created=created,
        vosbench_version="0.1.0",
        code={"method_sha256": "a" * 64},
        method=MethodRecord(
            **{"name": method, "variant": variant, "parameters": {"crop.enabled": True}}
            | dict(method_fields or {})
        ),
        data=DataRecord.model_validate(
            {
                "dataset": dataset,
                "split": "val",
                "protocol": protocol,
                "root": "/data/tiny",
                "sequences": names,
                "frames": FRAMES * len(names),
                "manifest_sha256": "m" + "-".join(names),
            }
            | dict(data_fields or {})
        ),
        settings=SettingsRecord(**{"device": "cpu", "precision": "fp32"} | dict(settings or {})),
        failed=list(failed),
        timing={} if step_ms is None else {"step_ms_mean": step_ms},
    )
    records = {}
    for name in names:
        of_sequence = masks if isinstance(masks, str) else masks.get(name, "")
        records[name] = SequenceRecord(
            **{
                "sequence": name,
                "status": "failed" if name in failed else "complete",
                "frames": FRAMES,
                "object_ids": list(range(1, 1 + len(scores.get(name, [0])))),
                "height": 48,
                "width": 64,
                "run_key": "k",
                "masks_sha256": {"00000": of_sequence} if of_sequence else {},
                "failure": FailureRecord(kind=failed[name], message="it broke")
                if name in failed
                else None,
            }
            | dict(sequence_fields or {})
        )
    return RunScores(
        path=f"runs/{run.method.reference}/{run_id}",
        run=run,
        scores=score_record(scores, protocol, dataset, failed),
        sequences=records,
        frames=frame_scores(scores, frame_changes or {}),
    )


def score_record(
    scores: Scores, protocol: str, dataset: str, failed: Mapping[str, str]
) -> ScoreRecord:
    objects = {
        f"{name}_{number}": ObjectScore(
            **figures([value]), sequence=name, object_id=number, evaluated_frames=FRAMES - 2
        )
        for name, values in scores.items()
        for number, value in enumerate(values, start=1)
    }
    return ScoreRecord.model_validate(
        dict(
            protocol=protocol,
            dataset=dataset,
            split="val",
            overall=Summary(**figures([v for values in scores.values() for v in values])),
            objects=objects,
            sequences={name: Summary(**figures(values)) for name, values in scores.items()},
            frames_evaluated=(FRAMES - 2) * len(scores),
            unscored={name: "the run failed on it" for name in failed},
        )
    )


def figures(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    mean = float(np.mean(known)) if known and len(known) == len(values) else None
    shifts = {"jf_mean": 0.0, "j_mean": -0.02, "j_recall": 0.1, "f_mean": 0.02, "f_recall": 0.0}
    decays = {"j_decay": -0.5, "f_decay": -0.4}
    return {
        name: None if mean is None else mean + shift for name, shift in {**shifts, **decays}.items()
    }


def frame_scores(scores: Scores, changes: Mapping[tuple[str, int, int], float]) -> FrameScores:
    return FrameScores(
        {
            FrameKey(name, number, f"{index:05d}"): FrameValue(
                index, changes.get((name, number, index), (value or 0.0) - 0.02)
            )
            for name, values in scores.items()
            for number, value in enumerate(values, start=1)
            for index in range(1, FRAMES - 1)
        }
    )


def write_run(root: Path, run: RunScores) -> Path:
    """The run as a directory, with a frame table as the scoring writes it."""
    paths = RunPaths(root)
    write_record(paths.run, run.run)
    write_record(paths.scores, run.scores)
    for number, record in enumerate(run.sequences.values()):
        # not named after the sequence, whose name may be no file name
        write_record(paths.sequence(f"record-{number}"), record)
    assert run.frames is not None
    rows = [
        (key.sequence, key.object_id, value.position, key.frame, True, value.j, value.j, *[0] * 6)
        for key, value in run.frames.values.items()
    ]
    write_table(paths.frames, pd.DataFrame(rows, columns=list(FRAME_COLUMNS)))
    return root


def random_scores(seed: int, sequences: int = 12) -> dict[str, list[float]]:
    """One to three objects in each of the sequences."""
    random = np.random.default_rng(seed)
    return {
        f"clip-{at:02d}": (0.6 + 0.2 * random.random(1 + at % 3)).tolist()
        for at in range(sequences)
    }


def shifted(scores: Scores, by: float, spread: float = 0.0, seed: int = 0) -> Scores:
    """Scores moved by a constant and, for each sequence, a random amount."""
    random = np.random.default_rng(seed)
    moved = {}
    for name, values in scores.items():
        change = by + spread * float(random.standard_normal())
        moved[name] = [None if value is None else value + change for value in values]
    return moved
