"""Accuracy at a frame rate: a run's own times and masks, replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vosbench.data.masks import open_masks
from vosbench.data.masks.source import MaskSource
from vosbench.errors import InputError
from vosbench.evaluate import score_masks
from vosbench.store import RunPaths, read_run
from vosbench.timing import RATES, read_trace, replay
from vosbench.timing.streaming import Policy
from vosbench.workflow import open_run_data

__all__ = ["StreamingScore", "render_streaming", "streaming_scores"]


@dataclass(frozen=True)
class StreamingScore:
    """What a user of a stream sees.

    Attributes:
        rate: frames per second that arrive, or None for a stream that waits for the method.
        jf_mean: J&F of what was on the screen, 0..1, or None where undefined.
        on_time: share of frames whose own mask was there when due, 0..1.
        mean_age: how many frames old the mask was, on average.
        processed: share of frames that the method took on, 0..1.
    """

    rate: float | None
    jf_mean: float | None
    on_time: float
    mean_age: float
    processed: float


class _Shown:
    """A run's masks, with the mask that was on the screen in place of each frame's own."""

    def __init__(self, masks: MaskSource, shown: Mapping[str, Mapping[str, str]]) -> None:
        self._masks, self._shown = masks, shown

    @property
    def location(self) -> Path:
        return self._masks.location

    @property
    def notes(self) -> tuple[str, ...]:
        return self._masks.notes

    def sequences(self) -> tuple[str, ...]:
        return self._masks.sequences()

    def frames(self, sequence: str) -> tuple[str, ...]:
        return self._masks.frames(sequence)

    def describe(self, sequence: str, frame: str) -> str:
        return self._masks.describe(sequence, self._shown[sequence][frame])

    def read(self, sequence: str, frame: str, *args: Any, **options: Any) -> Any:
        return self._masks.read(sequence, self._shown[sequence][frame], *args, **options)


def streaming_scores(
    root: Path,
    *,
    rates: Sequence[float] = RATES,
    policy: Policy = "newest",
    data: Path | None = None,
    processes: int = 1,
) -> list[StreamingScore]:
    """J&F against the rate of arrival, from one run.

    A frame's mask is the run's own, whatever frames were skipped before it: the method saw them in
    the run and would not have in the stream, so a method that skips is flattered.

    Returns:
        First the run as it is, then one score per rate.

    Raises:
        InputError: if the run has no times of its frames, or its data are not there.
    """
    run = read_run(root)
    trace = read_trace(RunPaths(root).trace)
    dataset = open_run_data(run, data)
    finished = [one for one in dataset.sequences if one.name not in run.failed]
    calls = trace[trace["stage"].isin(["start", "step"]) & (trace["inside"] == "")]
    durations = {}
    for sequence in finished:
        own = calls[calls["sequence"] == sequence.name].sort_values("index")
        if len(own) != len(sequence.frames):
            raise InputError(
                f"the trace of {root} has {len(own)} timed frames of {sequence.name}, which has "
                f"{len(sequence.frames)}",
                hint="methods of whole clips and masks made elsewhere have no times to replay",
            )
        durations[sequence.name] = own["ms"].tolist()
    masks = open_masks(root)
    scores = []
    for rate in (None, *rates):
        shown, replays = {}, []
        for sequence in finished:
            names = [ref.name for ref in sequence.frames]
            if rate is None:
                shown[sequence.name] = dict(zip(names, names, strict=True))
                continue
            played = replay(durations[sequence.name], rate, policy=policy)
            replays.append(played)
            seen = (names[have] for have in played.shown)
            shown[sequence.name] = dict(zip(names, seen, strict=True))
        record = score_masks(
            _Shown(masks, shown),
            finished,
            protocol=run.data.protocol,
            dataset=run.data.dataset,
            split=run.data.split,
            processes=processes,
        ).record
        weights = [len(one.shown) - 1 for one in replays]
        frames = sum(len(one.frames) for one in finished)
        total = max(1, sum(weights))
        scores.append(
            StreamingScore(
                rate=rate,
                jf_mean=record.overall.jf_mean,
                on_time=_mean([one.on_time for one in replays], weights, 1.0),
                mean_age=_mean([one.mean_age for one in replays], weights, 0.0),
                processed=sum(one.processed - 1 for one in replays) / total
                if replays and frames
                else 1.0,
            )
        )
    return scores


def _mean(values: Sequence[float], weights: Sequence[int], empty: float) -> float:
    return float(np.average(values, weights=weights)) if sum(weights) else empty


def render_streaming(scores: Sequence[StreamingScore], *, label: str) -> str:
    """A table in Markdown."""
    lines = [
        f"| frames/s arriving | J&F | on time | mask's age, frames | processed | ({label})",
        "|---|---|---|---|---|---|",
    ]
    for one in scores:
        rate = "waits for the method" if one.rate is None else f"{one.rate:g}"
        value = "–" if one.jf_mean is None else f"{100 * one.jf_mean:.1f}"
        lines.append(
            f"| {rate} | {value} | {100 * one.on_time:.0f} % | {one.mean_age:.2f} | "
            f"{100 * one.processed:.0f} % | |"
        )
    return "\n".join(lines)
