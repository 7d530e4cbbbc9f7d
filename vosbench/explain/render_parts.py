"""The parts of a diagnosis that need more than label maps, as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vosbench.diagnose import GROUPS, SWEEP
from vosbench.explain.records import (
    AttributeRecord,
    AttributesRecord,
    CentreCurveRecord,
    CentreDifference,
    CentreDifferencePoint,
    DiagnosisRecord,
    DoseRecord,
    EventLossRecord,
    MeanRecord,
    OverlapRecord,
    RestartsRecord,
    VisibilityRecord,
)
from vosbench.explain.tables import more_of, table
from vosbench.report.text import plain, points

__all__ = [
    "render_attributes",
    "render_centre_differences",
    "render_doses",
    "render_event_losses",
    "render_overlap",
    "render_placement",
    "render_restarts",
]

_OFFSETS: Final = (-5, 0, 5, 10, 20, 30)


def render_attributes(found: AttributesRecord, *, details: bool) -> str:
    """J with and without each attribute, and how far to believe it."""
    rows = []
    for one in found.attributes:
        sign = ">" if one.above else "<"
        rows.append(
            (
                one.attribute,
                f"{sign} {one.threshold:.3g} ({one.origin})",
                str(one.sequences_with),
                str(one.sequences_without),
                points(one.j_with),
                points(one.j_without),
                "-" if one.difference is None else f"{100 * one.difference:+.1f}",
                _mostly(one),
                f"{one.kappa_train:.2f}",
                _kappa(one.kappa_left_out),
                f"{one.kappa_val:.2f}",
                _kappa(one.kappa_here),
            )
        )
    headers = (
        *("attribute", "when", "with", "without", "J with", "J without", "difference", "mostly"),
        *("kappa train", "left out", "val", "here"),
    )
    lines = [
        "Sequences with and without an attribute. Kappa is the agreement with people on DAVIS-2016 "
        "beyond chance (1 full, 0 none): on the 30 sequences that thresholds were chosen on, with "
        "each left out in turn, on 10 others, and on these if tags are given. Below 0.4 an "
        "attribute is little to go by.",
        table(headers, rows, left=2),
    ]
    if details:
        lines += [f"{plain(name)}: {' '.join(has) or '-'}" for name, has in found.sequences.items()]
    return "\n".join(lines)


def render_event_losses(losses: Sequence[EventLossRecord]) -> str:
    """J and what is lost during each kind of event, and at other times of the same objects."""
    rows = [
        (
            one.kind,
            str(one.objects),
            str(one.sequences),
            str(one.frames_with),
            points(one.j_with),
            points(one.j_without),
            _mostly(one),
        )
        for one in losses
    ]
    headers = ("event", "objects", "sequences", "frames", "J during", "J else", "mostly")
    return (
        "J during events and at other times of the same objects, each object-frame counting the "
        f"same\n{table(headers, rows, left=1)}"
    )


def _mostly(one: AttributeRecord | EventLossRecord) -> str:
    """The group of terms that changes most between the sequences without and with it."""
    if one.terms_with is None or one.terms_without is None:
        return "-"
    change = {
        group: sum(one.terms_with[t] - one.terms_without[t] for t in terms)
        for group, terms in GROUPS.items()
    }
    group = max(change, key=lambda name: abs(change[name]))
    return f"{group} {-100 * change[group]:+.1f}"


def _kappa(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def render_doses(doses: Sequence[DoseRecord]) -> str:
    """J by level of each factor, and where it breaks."""
    levels = sorted({point.level for one in doses for point in one.points})
    rows = []
    for one in doses:
        at = {point.level: point for point in one.points}
        cells = (
            f"{points(at[level].j_mean)} at {at[level].dose:g}" if level in at else "-"
            for level in levels
        )
        breaks = "-" if one.breaking_dose is None else f"{one.breaking_dose:.3g}"
        rows.append((one.factor, one.unit, points(one.control), *cells, breaks))
    headers = ("factor", "dose", "J control", *(f"level {level}" for level in levels), "breaks at")
    return (
        "Dose and response: J of visible objects at each level of a factor, and the dose at which "
        f"it falls 20 points below the control\n{table(headers, rows, left=2)}"
    )


def render_overlap(overlap: OverlapRecord, shown: int | None) -> list[str]:
    """Claims, arbitration, and the replay of merging rules."""
    ordered = sorted(overlap.sequences.items(), key=lambda item: -(item[1].arbitration_error or 0))
    rows = [
        (
            plain(name),
            *(points(one.contest_rate[str(threshold)]) for threshold in SWEEP),
            points(one.peak_contest_rate),
            plain(one.peak_frame),
            points(one.unclaimed),
            str(one.disputed_px),
            points(one.arbitration_error),
            str(one.wrong_by_rule_px),
            str(one.wrong_by_network_px),
        )
        for name, one in ordered[:shown]
    ]
    headers = (
        "sequence",
        *(f"contest {threshold}" for threshold in SWEEP),
        "peak",
        "at frame",
        "unclaimed",
        "disputed px",
        "wrong",
        "rule px",
        "network px",
    )
    more = more_of(len(ordered), shown)
    text = (
        "Pixels that several objects claim (percent; the wrong ones split into those that the "
        f"right object claimed too, the merging rule's fault, and the network's){more}\n"
        f"{table(headers, rows, left=1)}"
    )
    return [text, _replay(overlap)] if overlap.replay else [text]


def _replay(overlap: OverlapRecord) -> str:
    rows = [
        (
            one.rule,
            points(one.jf_mean),
            points(one.j_mean),
            points(one.f_mean),
            "-" if one.change is None else f"{100 * one.change:+.2f}",
            f"{one.same_frames} of {one.frames}",
        )
        for one in overlap.replay
    ]
    headers = ("merging rule", "J&F", "J", "F", "change of J&F", "same masks")
    return (
        "The same soft masks under other merging rules, sequences with several objects\n"
        f"{table(headers, rows, left=1)}"
    )


def render_placement(record: DiagnosisRecord, shown: int | None) -> list[str]:
    """Windows that cut the object, and errors of the centre; nothing where none is told."""
    whole = record.placement
    if whole.clipped is None and whole.voted_error is None:
        return []
    worst = sorted(
        record.objects,
        key=lambda one: -max(one.placement.clipped or 0, one.placement.voted_error or 0),
    )
    rows = [
        (
            plain(one.sequence),
            str(one.object_id),
            points(one.placement.clipped),
            points(one.placement.clipped_frames),
            _sides(one.placement.voted_error),
            _sides(one.placement.mask_error),
        )
        for one in worst[:shown]
    ]
    rows.append(
        (
            "all",
            "",
            points(whole.clipped),
            points(whole.clipped_frames),
            _sides(whole.voted_error),
            _sides(whole.mask_error),
        )
    )
    headers = ("sequence", "object", "clipped", "frames >= 10 %", "centre error", "of the mask")
    more = more_of(len(worst), shown)
    parts = [
        "Where the method looked: share of the object outside of its window (percent), error of "
        f"the centre it voted for and of its mask's centroid (in √area){more}\n"
        f"{table(headers, rows, left=1)}"
    ]
    if record.centre_curves:
        parts.append(_centre_curves(record.centre_curves))
    if record.visibility:
        parts.append(_visibility(record.visibility))
    return parts


def _visibility(classes: Sequence[VisibilityRecord]) -> str:
    rows = [
        (
            "nothing hidden"
            if one.visible_from == 1
            else "nothing"
            if not one.visible_to
            else f"{one.visible_from:.0%} to {one.visible_to:.0%}",
            str(one.object_frames),
            str(one.sequences),
            points(one.j_mean),
            *(_banded(mean) for mean in (one.voted_error, one.whole_error, one.mask_error)),
        )
        for one in classes
    ]
    headers = (
        *("can be seen", "object-frames", "sequences", "J"),
        *("voted, to what is seen", "voted, to the whole", "mask, to what is seen"),
    )
    return (
        "Error of the centre by how much of the object can be seen (in √area, with 95 % bands by "
        f"sequence)\n{table(headers, rows, left=1)}"
    )


def _banded(mean: MeanRecord | None) -> str:
    if mean is None:
        return "-"
    if mean.low is None or mean.high is None:
        return f"{mean.mean:.3f}"
    return f"{mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]"


def render_centre_differences(centres: Sequence[CentreDifference]) -> str:
    """Errors of the centre around onsets in two runs."""
    rows = []
    for curve in centres:
        at = {point.offset: point for point in curve.points}
        for what in ("baseline", "candidate", "difference"):
            cells = [_cell(at.get(offset), what) for offset in _OFFSETS]
            rows.append((curve.kind, curve.of, what, *cells))
    offsets = (f"{offset:+d}" if offset else "at onset" for offset in _OFFSETS)
    return (
        "Error of the centre around the onsets of events, on frames that both know (in √area; "
        "differences with 95 % bands by sequence)\n"
        f"{table(('event', 'centre of', '', *offsets), rows, left=3)}"
    )


def _cell(point: CentreDifferencePoint | None, what: str) -> str:
    if point is None:
        return "-"
    if what != "difference":
        return _sides(point.baseline if what == "baseline" else point.candidate)
    band = "" if point.low is None else f" [{point.low:+.3f}, {point.high:+.3f}]"
    return f"{point.difference:+.3f}{band}"


def _sides(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _centre_curves(curves: Sequence[CentreCurveRecord]) -> str:
    rows = []
    for curve in curves:
        at = {point.offset: point.mean for point in curve.points}
        rows.append((curve.kind, curve.of, *(_sides(at.get(offset)) for offset in _OFFSETS)))
    offsets = (f"{offset:+d}" if offset else "at onset" for offset in _OFFSETS)
    return (
        "Error of the centre around the onsets of events (in √area)\n"
        f"{table(('event', 'centre of', *offsets), rows, left=2)}"
    )


def render_restarts(restarts: RestartsRecord, shown: int | None) -> str:
    """What starting again from the truth undoes."""
    if not restarts.restarts:
        return "\n".join(["Restarts: there was nothing to restart", *map(plain, restarts.notes)])
    ordered = sorted(restarts.restarts, key=lambda one: -one.frames * (1 - one.j_run))
    rows = [
        (
            plain(one.sequence),
            str(one.object_id),
            plain(one.restarted_at),
            one.verdict,
            str(one.frames),
            points(one.j_run),
            points(one.j_restarted),
            points(one.propagation_share),
        )
        for one in ordered[:shown]
    ]
    headers = ("sequence", "object", "from frame", "verdict", "frames", "J run", "J restarted")
    more = more_of(len(ordered), shown)
    lines = [
        f"Restarts from the truth at failures: {points(restarts.propagation_share)} % of the loss "
        f"there is propagation, the rest are hard frames{more}",
        table((*headers, "% undone"), rows, left=4),
        *(f"note: {plain(note)}" for note in restarts.notes),
    ]
    return "\n".join(lines)
