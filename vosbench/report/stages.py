"""Where the time went: the trace of a run, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from vosbench.report.source import TraceTable
from vosbench.report.text import count
from vosbench.store.schema import RunRecord

__all__ = ["StageRow", "Timing", "summarise_trace"]

# in the order in which a frame passes through them
_LOOP: Final[Mapping[str, str]] = {
    "wait": "the loop stood still for a frame that was not decoded yet",
    "start": "the method takes the first frame and its masks",
    "step": "the method segments one frame: RGB in host memory to label map in host memory",
    "collect": "checking the prediction and handing it to the writer",
}
_BESIDE: Final[Mapping[str, str]] = {
    "decode": "reading and decoding the frame, on a worker thread",
    "write": "PNG encoding and writing, on a worker thread",
}
_MARKED: Final[Mapping[str, str]] = {
    "upload": "frame from the host to the device",
    "crop": "cropping, resizing and normalising",
    "encode": "features of the crop",
    "match": "matching with template or memory",
    "decode-mask": "from matches to a mask at the network's size",
    "paste-back": "back to the frame's own size",
    "merge": "from objects to one label map",
    "download": "answers from the device to the host",
    "update": "memory and window for the next frame",
}


@dataclass(frozen=True)
class StageRow:
    """One stage over all frames.

    Attributes:
        stage: name in the trace.
        meaning: what the stage covers, empty for a stage unknown here.
        measured: how many times it was measured.
        mean: ms.
        median: ms.
        p90: ms, 90th percentile.
        share: 0..1 of the loop's time, or None for a stage that runs beside the loop or is part of
            another.
    """

    stage: str
    meaning: str
    measured: int
    mean: float
    median: float
    p90: float
    share: float | None


@dataclass(frozen=True)
class Timing:
    """The timing section.

    Attributes:
        rows: stages of the loop in frame order, then those beside it.
        kind: `CPU` or `GPU`.
        machine: processor or GPU by name, threads, precision.
        fps: frames per second of the stage `step`, or None if it was never measured.
        fps_with_start: frames per second with `start` counted too.
        counted: what the figures count, in a sentence.
    """

    rows: tuple[StageRow, ...]
    kind: str
    machine: str
    fps: float | None
    fps_with_start: float | None
    counted: str


def summarise_trace(trace: TraceTable, run: RunRecord) -> Timing | None:
    """Summarise a trace; None if it has no usable row."""
    inside = trace.inside or ("",) * len(trace.stages)
    named = [
        f"{call}: {stage}" if call else stage
        for call, stage in zip(inside, trace.stages, strict=True)
    ]
    stages = np.asarray(named, dtype=object)
    finite = np.isfinite(trace.ms)
    durations = {str(stage): trace.ms[(stages == stage) & finite] for stage in sorted(set(named))}
    durations = {stage: ms for stage, ms in durations.items() if len(ms)}
    if not durations:
        return None
    order = [*_LOOP, *_BESIDE]
    known = [stage for stage in order if stage in durations]
    unknown = sorted((stage for stage in durations if stage not in order), key=_place)
    loop = float(sum(durations[stage].sum() for stage in known if stage in _LOOP))
    rows = tuple(
        StageRow(
            stage=stage,
            meaning=_LOOP.get(stage) or _BESIDE.get(stage) or _MARKED.get(_marked(stage), ""),
            measured=len(durations[stage]),
            mean=float(durations[stage].mean()),
            median=float(np.median(durations[stage])),
            p90=float(np.percentile(durations[stage], 90)),
            share=float(durations[stage].sum()) / loop if stage in _LOOP and loop > 0 else None,
        )
        for stage in [*known, *unknown]
    )
    steps = durations.get("step", np.empty(0))
    starts = durations.get("start", np.empty(0))
    both = float(steps.sum() + starts.sum())
    on_cpu = run.settings.device.startswith("cpu")
    return Timing(
        rows=rows,
        kind="CPU" if on_cpu else "GPU",
        machine=_machine(run, on_cpu=on_cpu),
        fps=1000.0 / float(steps.mean()) if len(steps) and steps.sum() > 0 else None,
        fps_with_start=1000.0 * (len(steps) + len(starts)) / both if both > 0 else None,
        counted=_counted(len(steps), len(starts), on_cpu=on_cpu) if len(steps) else _whole(run),
    )


def _marked(stage: str) -> str:
    """The method's own name of a stage within `start` or `step`."""
    return stage.partition(": ")[2]


def _place(stage: str) -> tuple[bool, str, int, str]:
    """Stages of the method in the order of a frame, those within `start` before those of `step`."""
    call, _, marked = stage.partition(": ")
    order = list(_MARKED)
    return not marked, call, order.index(marked) if marked in order else len(order), stage


def _machine(run: RunRecord, *, on_cpu: bool) -> str:
    name = str(run.hardware.get("processor" if on_cpu else "gpu") or run.settings.device)
    threads = f", {count(run.settings.threads, 'thread')}" if on_cpu else ""
    compiled = ", compiled" if run.settings.compile else ""
    return f"{name}{threads}, {run.settings.precision}{compiled}"


def _whole(run: RunRecord) -> str:
    """What is known of the speed of masks that were made outside of the harness."""
    try:
        figures = {k: float(run.timing[f"process_{k}"]) for k in ("ms_total", "frames", "fps")}
    except (KeyError, TypeError, ValueError):
        return "The method's own speed was not measured."
    return (
        f"Its processes took {figures['ms_total'] / 1000:.1f} s for {figures['frames']:.0f} frames "
        f"({figures['fps']:.1f} frames a second), start-up and reading and writing of files "
        "included: not comparable with the time of a step."
    )


def _counted(steps: int, starts: int, *, on_cpu: bool) -> str:
    warning = " Measured on a CPU: not comparable with published GPU figures." if on_cpu else ""
    return (
        f"FPS is 1000 / mean ms of the stage step over {count(steps, 'frame')}: one at a time, "
        "from decoded RGB in host memory to the label map in host memory, with all objects. "
        f"The first frame of each sequence ({count(starts, 'start')}), image decoding and mask "
        f"writing are not in it.{warning}"
    )
