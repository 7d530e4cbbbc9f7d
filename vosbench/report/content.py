"""What a report says, before it is put on a page: every format draws from these records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from vosbench.report.confusion import Confusion, build_confusion
from vosbench.report.events import Span, spans_of
from vosbench.report.facts import FactGroup, Parameter, fact_groups, parameter_rows
from vosbench.report.losses import LossView, build_losses
from vosbench.report.published import PublishedRow
from vosbench.report.source import ObjectCurve, RunSource
from vosbench.report.speed import Speed, build_speed
from vosbench.report.stages import Timing, summarise_trace
from vosbench.report.tables import (
    Failure,
    ObjectRow,
    SequenceRow,
    anchors,
    failures,
    object_rows,
    sequence_rows,
)
from vosbench.report.text import count, defined, figures, plain, points
from vosbench.report.verdict import Verdict, judge
from vosbench.report.videos import Video
from vosbench.report.worst import WorstView

if TYPE_CHECKING:
    from vosbench.report.viewer import ViewerSequence

__all__ = [
    "ORACLE_NOTICE",
    "Content",
    "CurveView",
    "FramesView",
    "build_content",
    "curve_order",
    "describe",
    "run_spans",
]

ORACLE_NOTICE: Final = (
    "Oracle variant: this method was shown the ground truth. Its numbers are an upper bound for "
    "finding out where accuracy is lost; they are no result and must not be compared with methods "
    "that were not shown it."
)

Cells: TypeAlias = tuple[float | None, ...]


@dataclass(frozen=True)
class CurveView:
    """One figure of J and F over time.

    Attributes:
        sequence: name, for the caption.
        anchor: fragment of the figure on the page.
        file: path relative to the report.
        j: mean J of the sequence 0..1, or None.
        object_ids: objects drawn.
        alt: text alternative.
    """

    sequence: str
    anchor: str
    file: str
    j: float | None
    object_ids: tuple[int, ...]
    alt: str


@dataclass(frozen=True)
class FramesView:
    """The frames that a reader can step through.

    Attributes:
        sequences: those with frames, lowest J first.
        note: what was left out or is missing, and how to get it; or empty.
    """

    sequences: tuple[ViewerSequence, ...] = ()
    note: str = ""

    @property
    def count(self) -> int:
        """Frames in all."""
        return sum(len(one.frames) for one in self.sequences)

    @property
    def size(self) -> int:
        """Bytes of all pictures."""
        return sum(one.size for one in self.sequences)


@dataclass(frozen=True)
class Content:
    """A whole report.

    Attributes:
        title: method, dataset and split.
        method: `name` or `name@variant`.
        verdict: what came of the run.
        oracle: a notice, or empty.
        overall: the seven figures in the order of `METRICS`, None where undefined.
        published: rows of the same dataset and split.
        sequences: one row per sequence of the run, in its order.
        objects: one row per scored object.
        curves: figures, lowest J first.
        curves_note: why there are none, or empty.
        worst: chosen frames, worst first.
        worst_note: why pictures are missing and how to get them, or empty.
        failures: sequences without complete masks or scores, and why.
        timing: stages, or None if no trace was stored.
        parameters: every parameter, asked and in effect.
        facts: method, data, machine and packages.
        command: what to type to run it again, or empty.
        warnings: what a reader of the numbers must know.
        speed: latency, other stopwatches, streaming and conditions; None where no step was timed.
        losses: where J is lost, or None for a run that was not diagnosed.
        confusion: which objects take each other's pixels, or None.
        frames: the frame viewer.
        videos: videos that were made of the run.
    """

    title: str
    method: str
    verdict: Verdict
    oracle: str
    overall: Cells
    published: tuple[PublishedRow, ...]
    sequences: tuple[SequenceRow, ...]
    objects: tuple[ObjectRow, ...]
    curves: tuple[CurveView, ...]
    curves_note: str
    worst: tuple[WorstView, ...]
    worst_note: str
    failures: tuple[Failure, ...]
    timing: Timing | None
    parameters: tuple[Parameter, ...]
    facts: tuple[FactGroup, ...]
    command: tuple[str, ...]
    warnings: tuple[str, ...]
    speed: Speed | None = None
    losses: LossView | None = None
    confusion: Confusion | None = None
    frames: FramesView = FramesView()
    videos: tuple[Video, ...] = ()


def build_content(
    source: RunSource,
    *,
    published: Iterable[PublishedRow],
    curves: tuple[CurveView, ...],
    worst: tuple[WorstView, ...],
    worst_note: str,
    notices: Iterable[str] = (),
    frames: FramesView | None = None,
    videos: tuple[Video, ...] = (),
) -> Content:
    """Gather what the report says.

    Args:
        source: the run.
        published: rows of any dataset; those of another dataset or split are left out.
        curves: figures that were drawn.
        worst: frames that were chosen.
        worst_note: why their pictures are missing, or empty.
        notices: further warnings of the one who draws the report.
        frames: the frame viewer, if there is one.
        videos: videos of the run.
    """
    run, scores = source.run, source.scores
    here = (run.data.dataset, run.data.split)
    diagnosis, table = source.diagnosis, source.trace.table if source.trace else None
    return Content(
        title=f"{run.method.reference} on {run.data.dataset} {run.data.split}",
        method=run.method.reference,
        verdict=judge(source),
        oracle=ORACLE_NOTICE if run.method.oracle else "",
        overall=figures(scores.overall if scores else None),
        published=tuple(row for row in published if (row.dataset, row.split) == here),
        sequences=sequence_rows(source),
        objects=object_rows(source),
        curves=curves,
        curves_note="" if curves else _why_no_curves(source),
        worst=worst,
        worst_note=worst_note,
        failures=failures(source),
        timing=summarise_trace(source.trace, run) if source.trace else None,
        parameters=parameter_rows(run.method),
        facts=fact_groups(run),
        command=tuple(run.command),
        warnings=(*_warnings(source), *notices),
        speed=build_speed(table, run) if table is not None else None,
        losses=build_losses(diagnosis, spans=run_spans(source), anchors=anchors(source))
        if diagnosis is not None
        else None,
        confusion=build_confusion(diagnosis) if diagnosis is not None else None,
        frames=frames or FramesView(),
        videos=videos,
    )


def run_spans(source: RunSource) -> Mapping[str, tuple[Span, ...]]:
    """Events and failures of the run's diagnosis by sequence; empty where there is none."""
    if source.diagnosis is None:
        return {}
    lengths = {
        name: max((curve.length for curve in curves), default=1)
        for name, curves in source.curves.items()
    }
    positions = {
        name: {
            frame: int(at)
            for curve in curves
            for frame, at in zip(curve.frames, curve.index, strict=True)
        }
        for name, curves in source.curves.items()
    }
    return spans_of(source.diagnosis, lengths, positions)


def curve_order(source: RunSource) -> list[str]:
    """Sequences that have curves, lowest mean J first, undefined last."""

    def key(name: str) -> tuple[bool, float, str]:
        summary = source.scores.sequences.get(name) if source.scores else None
        j = defined(summary.j_mean) if summary else None
        return (j is None, j if j is not None else 0.0, name)

    return sorted(
        (name for name, objects in source.curves.items() if any(len(o.index) for o in objects)),
        key=key,
    )


def describe(name: str, curves: Iterable[ObjectCurve]) -> str:
    """Text alternative of a figure: per object its mean and its lowest frame."""
    told = []
    for curve in curves:
        known = [
            (float(j), frame)
            for j, frame in zip(curve.j, curve.frames, strict=True)
            if defined(float(j)) is not None
        ]
        if not known:
            told.append(f"object {curve.object_id} has no defined J")
            continue
        mean = sum(j for j, _ in known) / len(known)
        lowest, frame = min(known)
        told.append(
            f"object {curve.object_id} has mean {points(mean)}, lowest {points(lowest)} "
            f"at frame {frame}"
        )
    more = f"; and {count(len(told) - 6, 'more object')}" if len(told) > 6 else ""
    return plain(f"J and F over time of {name}. J: {'; '.join(told[:6])}{more}.")


def _why_no_curves(source: RunSource) -> str:
    if source.scores is None:
        return "This run has not been scored. Score it and draw the report again to get the curves."
    if not source.curves:
        return "The run has no scores per frame (frames.parquet). Score it again to get the curves."
    return "No frame of this run is evaluated by the protocol, so there are no curves."


def _warnings(source: RunSource) -> list[str]:
    run, scores = source.run, source.scores
    found = list(run.data.warnings)
    if run.method.untrained:
        found.insert(0, run.method.weights_note)
    if scores is None:
        return found
    found += scores.warnings
    found += [f"Normalised on reading: {note}" for note in scores.notes]
    if (scores.dataset, scores.split) != (run.data.dataset, run.data.split):
        found.append(
            f"The scores are of {scores.dataset} {scores.split}, the run of {run.data.dataset} "
            f"{run.data.split}: the two files do not belong together."
        )
    if scores.protocol != run.data.protocol:
        found.append(
            f"Scored by the protocol {scores.protocol}; the dataset's own is {run.data.protocol}. "
            "Numbers of different protocols must not be compared."
        )
    strangers = sorted(set(scores.sequences) - set(run.data.sequences))
    if strangers:
        found.append(
            f"The scores name {count(len(strangers), 'sequence')} that the run does not: "
            f"{', '.join(strangers[:8])}"
        )
    return found
