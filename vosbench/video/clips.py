"""The frames of a video, one after the other: comparisons of runs, and failures with context.

Everything here is a generator: one frame of the data set is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from vosbench.report.overlay import draw_errors, draw_prediction
from vosbench.types import RGB
from vosbench.types import Sequence as Clip
from vosbench.video.canvas import Canvas, Line, Panel, Timeline, paint, plan_canvas
from vosbench.video.drawing import draw_masks
from vosbench.video.events import ReelEvent
from vosbench.video.source import Shown, VideoRun, read_shown

__all__ = [
    "CONTEXT_FRAMES",
    "LONGEST_EVENT",
    "Cut",
    "comparison_canvas",
    "comparison_frames",
    "cut_of",
    "event_lines",
    "reel_canvas",
    "reel_frames",
    "telling_frame",
]

CONTEXT_FRAMES: Final = 12
LONGEST_EVENT: Final = 72
_LOW: Final = 0.5
_LEGEND: Final = "errors: orange too much, blue missed, yellow another object"


@dataclass(frozen=True)
class _Curves:
    """Mean J by position of each run, of one sequence or of one object."""

    runs: tuple[Mapping[int, float], ...]

    def told(self, run: int, index: int) -> tuple[str, bool]:
        """What stands beside a panel, and whether it is below the recall level."""
        j = self.runs[run].get(index)
        return ("", False) if j is None else (f"J {100 * j:.1f}", j < _LOW)


def comparison_canvas(runs: Sequence[VideoRun], clip: Clip) -> Canvas:
    """Places for input, truth and every run."""
    scored = any(run.curves.get(clip.name) for run in runs)
    size = (clip.height, clip.width)
    return plan_canvas(2 + len(runs), size, captions=1, timeline=scored)


def comparison_frames(runs: Sequence[VideoRun], clip: Clip, canvas: Canvas) -> Iterator[RGB]:
    """Every frame of a clip: input, truth, and each run with its J.

    Raises:
        InputError: an image or a mask cannot be used.
    """
    curves = _Curves(tuple(run.j_by_frame(clip.name) for run in runs))
    for index in range(len(clip.frames)):
        yield _comparison(runs, clip, canvas, curves, index)


def _comparison(
    runs: Sequence[VideoRun], clip: Clip, canvas: Canvas, curves: _Curves, index: int
) -> RGB:
    shown, frame = read_shown(runs, clip, index, canvas.panel), clip.frames[index]
    panels = [Panel("Input", shown.image), _truth(shown)]
    for place, (run, prediction) in enumerate(zip(runs, shown.predictions, strict=True)):
        value, low = curves.told(place, index)
        drawn = draw_masks(shown.image, prediction)
        panels.append(Panel(run.label, drawn, value, low, number=place + 1))
    told = "" if any(index in curve for curve in curves.runs) else " · not scored"
    last = len(clip.frames) - 1
    line = Line(f"{clip.name} · frame {frame.name} · {index} of {last}{told}")
    timeline = Timeline(curves.runs, 0, last, index) if canvas.timeline else None
    return paint(canvas, panels, [line], timeline)


def _truth(shown: Shown) -> Panel:
    if shown.truth is None:
        return Panel("Ground truth", shown.image // 3, "not annotated")
    return Panel("Ground truth", draw_masks(shown.image, shown.truth))


def telling_frame(runs: Sequence[VideoRun], clip: Clip) -> int:
    """The frame for a poster: where runs differ most, or one run is worst; else the middle."""
    curves = [run.j_by_frame(clip.name) for run in runs]
    common = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not common:
        return len(clip.frames) // 2

    def telling(index: int) -> float:
        values = [curve[index] for curve in curves]
        return max(values) - min(values) if len(values) > 1 else -values[0]

    return max(common, key=telling)


class Cut(NamedTuple):
    """What a reel shows of an event: positions, both included, and the last one of the event."""

    first: int
    last: int
    until: int


def cut_of(event: ReelEvent, frames: int, *, context: int = CONTEXT_FRAMES) -> Cut:
    """The event with context; of a very long one its beginning, at least until its worst frame.

    Args:
        event: what to show.
        frames: of the sequence.
        context: frames before and after.
    """
    until = min(event.end, max(event.onset + LONGEST_EVENT - 1, event.worst))
    after = context if until == event.end else 0
    return Cut(max(0, event.onset - context), min(frames - 1, until + after), until)


def reel_canvas(runs: Sequence[VideoRun], clips: Sequence[Clip]) -> Canvas:
    """One canvas for all events, so that they can be joined: a panel holds the largest clip.

    One run shows its masks beside its errors; several show their errors beside each other.
    """
    panels = max(2, len(runs))
    height = max(clip.height for clip in clips)
    width = max(clip.width for clip in clips)
    return plan_canvas(panels, (height, width), captions=3, timeline=True)


def event_lines(event: ReelEvent, clip: Clip, cut: Cut, *, diagnosed: bool) -> tuple[str, str]:
    """What a reel says of an event: where it is, and why and what it costs."""
    onset, end = clip.frames[event.onset].name, clip.frames[event.end].name
    part = "" if cut.until == event.end else f", shown until {clip.frames[cut.until].name}"
    kind = "failure" if event.kind == "failure" else "dip"
    where = f"{clip.name} · object {event.object_id} · {kind}, frames {onset} to {end}{part}"
    if event.cause:
        cause = f"cause: {event.cause}"
    else:
        cause = "cause: none named" if diagnosed else "cause: not diagnosed"
    if event.after:
        cause += f", with {', '.join(event.after)}"
    worst = f"J {100 * event.lowest:.1f} at worst, {clip.frames[event.worst].name}"
    cost = f"costs {100 * event.cost:.1f} points of this object's J"
    return where, f"{cause} · {worst} · {cost}"


def reel_frames(
    runs: Sequence[VideoRun], clip: Clip, event: ReelEvent, cut: Cut, canvas: Canvas,
    *, lines: tuple[str, str], indices: Sequence[int],
) -> Iterator[RGB]:  # fmt: skip
    """Frames of an event, with what came before and after.

    Args:
        runs: the first is the one that failed.
        clip: of the event.
        event: what is shown.
        cut: which part of the clip.
        canvas: of `reel_canvas`.
        lines: of `event_lines`.
        indices: positions to draw.

    Raises:
        InputError: an image or a mask cannot be used.
    """
    curves = _Curves(tuple(_object_curve(run, event) for run in runs))
    for index in indices:
        shown = read_shown(runs, clip, index, canvas.panel)
        during = event.onset <= index <= event.end
        values = [curves.told(place, index) for place in range(len(runs))]
        panels = _reel_panels(runs, event, shown, values)
        phase = "failing" if during else ("before" if index < event.onset else "after")
        if during and event.kind != "failure":
            phase = "dip"
        now = Line(f"frame {clip.frames[index].name} · {phase} · {_LEGEND}", alarm=during)
        timeline = Timeline(curves.runs, cut.first, cut.last, index, (event.onset, cut.until))
        texts = [Line(lines[0]), Line(lines[1]), now]
        yield paint(canvas, panels, texts, timeline, alarm=during)


def _reel_panels(
    runs: Sequence[VideoRun], event: ReelEvent, shown: Shown, values: Sequence[tuple[str, bool]]
) -> list[Panel]:
    panels = []
    if len(runs) == 1:
        drawn = draw_prediction(
            shown.image, shown.predictions[0], shown.truth, object_id=event.object_id
        )
        panels.append(Panel(f"{runs[0].label}, and the true outline", drawn))
    for place, (run, prediction) in enumerate(zip(runs, shown.predictions, strict=True)):
        value, low = values[place]
        label = "Errors" if len(runs) == 1 else run.label
        if shown.truth is None:
            drawn = draw_masks(shown.image, prediction)
            panels.append(Panel(label, drawn, "not annotated", number=place + 1))
        else:
            drawn = draw_errors(shown.image, prediction, shown.truth, object_id=event.object_id)
            panels.append(Panel(label, drawn, value, low, number=place + 1))
    return panels


def _object_curve(run: VideoRun, event: ReelEvent) -> dict[int, float]:
    return {
        index: j
        for curve in run.curves.get(event.sequence, ())
        if curve.object_id == event.object_id
        for index, j in zip(curve.index.tolist(), curve.j.tolist(), strict=True)
        if np.isfinite(j)
    }
