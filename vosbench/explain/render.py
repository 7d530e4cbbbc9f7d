"""A diagnosis as text for a terminal. Losses are in points, 100 times 0..1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vosbench.diagnose import GROUPS, TERMS
from vosbench.explain.difference import group_losses
from vosbench.explain.records import (
    CurveRecord,
    DiagnosisRecord,
    DifferenceRecord,
    EventRecord,
    LossRecord,
    ObjectRecord,
    TermDifference,
)
from vosbench.explain.render_frames import render_attribute_frames
from vosbench.explain.render_parts import (
    render_attributes,
    render_centre_differences,
    render_doses,
    render_event_losses,
    render_overlap,
    render_placement,
    render_restarts,
)
from vosbench.explain.tables import more_of, table
from vosbench.report.text import count, plain, points

__all__ = ["render_diagnosis", "render_difference"]

_SHOWN: Final = 12
_OFFSETS: Final = (-5, 0, 5, 10, 20, 30)
_BAR: Final = 40


def render_diagnosis(record: DiagnosisRecord, *, details: bool = False) -> str:
    """Tables without a line break at the end.

    Args:
        record: the diagnosis.
        details: all objects, events and failures instead of the most costly ones.
    """
    shown = None if details else _SHOWN
    parts = [
        f"{plain(record.method or record.path)} on {plain(record.dataset)} {plain(record.split)}, "
        f"protocol {plain(record.protocol)}: J {points(record.j_mean)}, loss {points(record.loss)} "
        f"over {count(len(record.objects), 'object')} of "
        f"{count(len(record.sequences), 'sequence')}",
        _waterfall(record),
    ]
    if len(record.sequences) < len(record.objects):
        parts.append(_sequences(record.sequences, shown))
    if record.attributes is not None:
        parts.append(render_attributes(record.attributes, details=details))
        parts += render_attribute_frames(record.attributes)
    if record.doses:
        parts.append(render_doses(record.doses))
    parts.append(_objects(record.objects, shown))
    parts += _failures(record, shown)
    if record.identity:
        parts.append(_spans("Objects confused", record.identity, shown))
    if record.overlap is not None:
        parts += render_overlap(record.overlap, shown)
    parts += render_placement(record, shown)
    if record.restarts is not None:
        parts.append(render_restarts(record.restarts, shown))
    if record.curves:
        parts.append(_curves(record.curves))
    if record.event_losses:
        parts.append(render_event_losses(record.event_losses))
    if record.events:
        parts.append(_spans("Events in the truth", record.events, shown))
    if record.undiagnosed:
        lines = [f"  {plain(name)}: {plain(why)}" for name, why in record.undiagnosed.items()]
        parts.append("\n".join(["Not diagnosed", *lines]))
    if record.limits:
        parts.append("\n".join(f"note: {plain(line)}" for line in record.limits))
    return "\n\n".join(parts)


def _waterfall(record: LossRecord) -> str:
    largest = max(*record.terms.values(), 1e-9)
    rows = [
        (name, points(record.terms[name]), "#" * round(_BAR * record.terms[name] / largest))
        for name in TERMS
    ]
    total = ("1 - J", points(record.loss), "")
    from tabulate import tabulate

    text = tabulate(
        [*rows, total],
        headers=["term", "points", ""],
        tablefmt="simple",
        disable_numparse=True,
        colalign=("left", "right", "left"),
    )
    identity = points(group_losses(record)["identity"])
    lines = [f"What J loses (identity = leak + stolen: {identity})", text]
    parts = record.contour
    if parts is not None:
        lines.append(
            f"of boundary: {points(parts.along)} along the contour, {points(parts.thin)} missed "
            f"thin parts, {points(parts.miss_rim)} rims of missed parts, {points(parts.extra_rim)} "
            f"rims of false regions; pieces that do not touch the object cost "
            f"{points(parts.detached)}"
        )
    return "\n".join(lines)


def _sequences(sequences: Mapping[str, LossRecord], shown: int | None) -> str:
    worst = sorted(sequences.items(), key=lambda item: -item[1].loss)[:shown]
    rows = [
        (
            plain(name),
            one.dominant or "-",
            points(one.j_mean),
            *(points(loss) for loss in group_losses(one).values()),
        )
        for name, one in worst
    ]
    more = more_of(len(sequences), shown)
    headers = ("sequence", "dominant", "J", *GROUPS)
    return f"Sequences, most costly first{more}\n{table(headers, rows, left=2)}"


def _objects(objects: Sequence[ObjectRecord], shown: int | None) -> str:
    worst = sorted(objects, key=lambda one: -one.loss)[:shown]
    rows = [
        (
            plain(one.sequence),
            str(one.object_id),
            one.dominant or "-",
            one.cause,
            points(one.j_mean),
            *(points(group_losses(one)[group]) for group in GROUPS),
            str(one.lag.frames) if one.lag is not None else "-",
        )
        for one in worst
    ]
    headers = ("sequence", "object", "dominant", "cause", "J", *GROUPS, "lag")
    more = more_of(len(objects), shown)
    return f"Objects, most costly first{more}\n{table(headers, rows, left=4)}"


def _failures(record: DiagnosisRecord, shown: int | None) -> list[str]:
    spans = [(one, f) for one in record.objects for f in one.failures]
    failed = sum(one.failed for one in record.objects)
    head = f"Failures: {failed} of {count(len(record.objects), 'object')} failed"
    if not spans:
        return [f"{head} (J below 0.5 for 5 frames)"]
    spans.sort(key=lambda pair: pair[1].lowest)
    returned = sum(f.recovery is not None for _, f in spans)
    head += f", {count(len(spans), 'failure')}, {returned} recovered"
    rows = [
        (
            plain(one.sequence),
            str(one.object_id),
            plain(f.onset),
            plain(f.recovery or "never"),
            "lost" if f.lost else "drifted",
            points(f.lowest),
        )
        for one, f in spans[:shown]
    ]
    headers = ("sequence", "object", "from frame", "until", "how", "lowest J")
    text = f"{head}{more_of(len(spans), shown)}\n{table(headers, rows, left=5)}"
    last = record.survival[-1]
    steps = [step for step in record.survival if step.survival <= 0.5]
    median = f"median time to failure {steps[0].frames} frames" if steps else "median not reached"
    return [
        f"{text}\nstill followed after {last.frames} frames: {points(last.survival)} % of objects "
        f"(Kaplan-Meier; {median})"
    ]


def _spans(title: str, events: Sequence[EventRecord], shown: int | None) -> str:
    ordered = sorted(events, key=lambda e: (e.sequence, e.onset_index, e.kind))
    if shown:
        ordered = sorted(events, key=lambda e: e.onset_index - e.end_index)[:shown]
    rows = [
        (
            plain(e.sequence),
            str(e.object_id) if e.object_id else "all",
            str(e.other) if e.other else "-",
            e.kind,
            plain(e.onset),
            plain(e.end),
            f"{e.strength:.2f}",
        )
        for e in ordered
    ]
    headers = ("sequence", "object", "other", "kind", "from frame", "to frame", "strength")
    return f"{title}{more_of(len(events), shown)}\n{table(headers, rows, left=6)}"


def _curves(curves: Sequence[CurveRecord]) -> str:
    rows = []
    for curve in curves:
        at = {point.offset: point.mean for point in curve.points}
        rows.append(
            (
                curve.kind,
                str(curve.events),
                str(curve.sequences),
                *(points(at.get(offset)) for offset in _OFFSETS),
                f"{curve.failures} of {curve.at_risk}",
                "-" if curve.lift is None else f"{curve.lift:.1f}",
            )
        )
    offsets = (f"J {offset:+d}" if offset else "J at onset" for offset in _OFFSETS)
    headers = ("event", "onsets", "sequences", *offsets, "then failed", "lift")
    return (
        "J around the onsets of events (frames before and after; the clips that reach so far "
        f"differ)\n{table(headers, rows, left=1)}"
    )


def render_difference(record: DifferenceRecord) -> str:
    """The difference of two diagnoses, without a line break at the end."""
    rows = [_difference_row(one) for one in [*record.groups, record.loss]]
    headers = ("cause", "baseline", "candidate", "difference", "95 % interval")
    parts = [
        plain(record.summary),
        f"Loss in points, candidate minus baseline\n{table(headers, rows, left=1)}",
    ]
    changed = [one for one in record.objects if one.difference][:_SHOWN]
    if changed:
        lines = [
            (
                plain(one.sequence),
                str(one.object_id),
                one.dominant or "-",
                points(one.baseline),
                points(one.candidate),
                _signed(one.difference),
            )
            for one in changed
        ]
        names = ("sequence", "object", "mostly", "J baseline", "J candidate", "difference")
        parts.append(f"Objects that changed most\n{table(names, lines, left=3)}")
    if record.centres:
        parts.append(render_centre_differences(record.centres))
    if record.left_out:
        parts.append(f"left out, not in both: {plain(', '.join(record.left_out))}")
    if record.warnings:
        parts.append("\n".join(f"warning: {line}" for line in record.warnings))
    return "\n\n".join(parts)


def _difference_row(one: TermDifference) -> tuple[str, ...]:
    band = "-"
    if one.low is not None and one.high is not None:
        band = f"{_signed(one.low)} to {_signed(one.high)}"
    return (
        one.group,
        points(one.baseline),
        points(one.candidate),
        _signed(one.difference),
        band,
    )


def _signed(value: float) -> str:
    """A difference in points, without a sign before nothing."""
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text
