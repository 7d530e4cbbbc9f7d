"""Run directories for the gate, with masks, digests and simulated traces."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.vosbench.compare.made_runs import FRAMES, Scores, make_run, write_run
from vosbench.gate import FrameOf, Round, StageTimes
from vosbench.store import RunPaths
from vosbench.store.schema import TRACE_COLUMNS
from vosbench.timing import write_trace

STAGE_MS = {"start": 25.0, "decode": 3.0, "wait": 0.02, "step": 20.0, "collect": 1.0, "write": 2.0}


def gate_run_at(
    root: Path,
    scores: Scores,
    *,
    masks: Mapping[str, Mapping[int, str]] | None = None,
    stage_ms: Mapping[str, float] | None = None,
    process_mb: float = 500.0,
    without_trace: bool = False,
    **fields: Any,
) -> Path:
    """Write a run; `masks` names frames of sequences whose files hold something else."""
    run = make_run(scores, **fields)
    records = {}
    for name, record in run.sequences.items():
        digests = {}
        if record.status == "complete":
            for index in range(FRAMES):
                other = (masks or {}).get(name, {}).get(index, "")
                content = f"{name} {index} {other}".encode()
                path = RunPaths(root).sequence_masks(name) / f"{index:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                digests[f"{index:05d}"] = hashlib.sha256(content).hexdigest()
        records[name] = record.model_copy(update={"masks_sha256": digests, "seconds": 2.0})
    write_run(root, replace(run, sequences=records))
    names = list(run.scores.sequences)
    if names and not without_trace:
        write_trace(RunPaths(root).trace, trace_table(names, stage_ms or STAGE_MS, process_mb))
    return root


def trace_table(
    names: Sequence[str], stage_ms: Mapping[str, float], process_mb: float
) -> pd.DataFrame:
    rows = []
    for name in names:
        for index in range(FRAMES):
            for stage, ms in stage_ms.items():
                if (stage, index == 0) in (("start", False), ("step", True)):
                    continue
                row: dict[str, Any] = dict.fromkeys(TRACE_COLUMNS, float("nan"))
                row |= {"sequence": name, "round": 0, "index": index, "frame": f"{index:05d}"}
                row |= {"inside": "", "begin_ms": 0.0, "objects": 1}
                row |= {"stage": stage, "ms": ms}
                row["process_mb"] = process_mb if stage == "step" else float("nan")
                rows.append(row)
    return pd.DataFrame(rows)


def simulated_rounds(
    random: np.random.Generator,
    *,
    rounds: int,
    slower: Mapping[str, float] | None = None,
    session_sd: float = 0.15,
    pair_sd: float = 0.03,
    frame_sd: float = 0.05,
    burst_share: float = 0.05,
    frames: int = 20,
) -> list[Round]:
    """Rounds on a busy machine.

    A slow drift shared by the two sides of a round (`session_sd`), an own level of each side
    (`pair_sd` between the two), scatter of frames, and bursts in which frames take up to 3 times
    as long.
    """
    made = []
    drift = 0.0
    for _ in range(rounds):
        drift = 0.8 * drift + 0.6 * session_sd * float(random.standard_normal())
        sides = []
        for change in ({}, slower or {}):
            ms = {}
            for stage, base in STAGE_MS.items():
                if stage == "start":
                    continue
                level = drift + pair_sd / np.sqrt(2) * random.standard_normal()
                scatter = frame_sd * random.standard_normal(frames)
                burst = np.where(
                    random.random(frames) < burst_share, random.uniform(1, 3, frames), 1
                )
                times = base * change.get(stage, 1.0) * np.exp(level + scatter) * burst
                ms[stage] = {
                    FrameOf("clip", f"{at:05d}"): float(value) for at, value in enumerate(times)
                }
            sides.append(StageTimes(ms))
        made.append(Round(*sides))
    return made
