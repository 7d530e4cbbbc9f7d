"""Frames per second as others count them, all from one trace.

Published speeds come from different stopwatches: some leave out the first frame, some the copy to
the device, some the return to the video's size. Each convention below says what it counts; applied
to the same trace they show how much of a difference between two published figures is the
stopwatch's. Sources: the evaluation scripts that the authors released.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CONVENTIONS", "Convention", "ConventionRate", "convention_rates"]


@dataclass(frozen=True)
class Convention:
    """What a stopwatch counts.

    Attributes:
        name: of the code base, or `vosbench`.
        first_frame: `timed`, `counted` as a frame but not timed, or `left out`.
        without: stages of the method that it does not time.
        clock: `device` where events on the device's stream are what is read, else `host`.
        mean: over all frames together, or the mean of the sequences' own rates.
        counts: what it counts, in words.
    """

    name: str
    first_frame: Literal["timed", "counted", "left out"]
    without: tuple[str, ...]
    clock: Literal["host", "device"]
    mean: Literal["frames", "sequences"]
    counts: str


CONVENTIONS: Final = (
    Convention(
        "vosbench",
        "left out",
        (),
        "host",
        "frames",
        "RGB in host memory to label map in host memory, all objects; first frame told apart",
    ),
    Convention(
        "XMem",
        "timed",
        ("upload", "merge", "download"),
        "device",
        "frames",
        "events around the step, return to the video's size included; no image copy, no argmax, "
        "no download; first frame timed",
    ),
    Convention(
        "Cutie",
        "timed",
        ("upload", "paste-back", "merge", "download"),
        "device",
        "frames",
        "events around the step; no image copy, no return to the video's size, no argmax; first "
        "frame timed",
    ),
    Convention(
        "AOT",
        "left out",
        ("upload", "download"),
        "device",
        "frames",
        "events from matching to labels at the video's size and memory update; masks stay on the "
        "device; first frame left out",
    ),
    Convention(
        "AOT, mean of sequences",
        "left out",
        ("upload", "download"),
        "device",
        "sequences",
        "the same, as the mean of the sequences' own rates",
    ),
    Convention(
        "SAM 2",
        "counted",
        ("upload", "crop", "merge", "download"),
        "host",
        "frames",
        "host clock around propagation of frames that are preprocessed on the device already; "
        "first frame counted but computed before; published for one object, bf16, compiled",
    ),
    Convention(
        "RGMP",
        "timed",
        (),
        "host",
        "sequences",
        "host clock per sequence: copies, softmax and first frame included; no decoding, no PNG",
    ),
    Convention(
        "STCN",
        "timed",
        ("upload",),
        "host",
        "frames",
        "host clock with synchronisation per sequence: first frame, return to the video's size, "
        "argmax and download included; no image copy",
    ),
)


@dataclass(frozen=True)
class ConventionRate:
    """Frames per second under one convention.

    Attributes:
        convention: what was counted.
        fps: frames per second, or None where the trace has no step.
        frames: how many were counted.
        clock: that was read; a trace without device events gives the host's.
        untold: stages that should be left out but were not marked: the rate is too low by them.
    """

    convention: Convention
    fps: float | None
    frames: int
    clock: Literal["host", "device"]
    untold: tuple[str, ...]


def convention_rates(trace: pd.DataFrame) -> tuple[ConventionRate, ...]:
    """The rate of a trace (columns of `TRACE_COLUMNS`) under every convention."""
    calls = trace["stage"].isin(["start", "step"]) & (trace["inside"] == "")
    counted = trace[calls | (trace["inside"] != "")]
    on_device = bool(len(counted)) and bool(np.isfinite(counted["device_ms"].to_numpy()).all())
    keys = ["sequence", "round", "inside", "stage"]
    sums = counted.groupby(keys)[["ms", "device_ms"]].sum()
    table = sums.assign(frames=counted.groupby(keys).size()).reset_index()
    return tuple(_rate(table, convention, on_device=on_device) for convention in CONVENTIONS)


def _rate(sums: pd.DataFrame, convention: Convention, *, on_device: bool) -> ConventionRate:
    """One convention over sums per sequence, round, call and stage."""
    read = convention.clock == "device" and on_device
    column = "device_ms" if read else "ms"
    timed = ["step"] if convention.first_frame != "timed" else ["start", "step"]
    counted = ["step"] if convention.first_frame == "left out" else ["start", "step"]
    calls, inner = sums[sums["inside"] == ""], sums[sums["inside"].isin(timed)]
    taken_out = inner[inner["stage"].isin(convention.without)]
    keys = ["sequence", "round"]
    whole = calls[calls["stage"].isin(timed)].groupby(keys)[column].sum()
    ms = whole.sub(taken_out.groupby(keys)[column].sum(), fill_value=0.0)
    frames = calls[calls["stage"].isin(counted)].groupby(keys)["frames"].sum()
    frames = frames.reindex(ms.index, fill_value=0)
    marked = set(inner["stage"])
    fps = math.nan
    if ms.to_numpy().sum() > 0 and convention.mean == "sequences":
        rates = frames.to_numpy() / ms.to_numpy()
        fps = 1000 * float(rates[np.isfinite(rates)].mean())
    elif ms.to_numpy().sum() > 0:
        fps = 1000 * float(frames.sum()) / float(ms.sum())
    return ConventionRate(
        convention,
        fps if math.isfinite(fps) else None,
        int(frames.sum()),
        "device" if read else "host",
        tuple(stage for stage in convention.without if stage not in marked),
    )
