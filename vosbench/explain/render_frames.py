"""Attributes frame by frame, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from vosbench.diagnose import GROUPS
from vosbench.explain.records import AttributeFramesRecord, AttributeRecord, AttributesRecord
from vosbench.explain.tables import table
from vosbench.report.text import points

__all__ = ["render_attribute_frames"]


def render_attribute_frames(found: AttributesRecord) -> list[str]:
    """J on object-frames with and without each attribute; nothing where it was not measured."""
    rows = [_row(one, one.frames) for one in found.attributes if one.frames is not None]
    if not rows:
        return []
    headers = (
        *("attribute", "with", "without", "undefined", "objects", "sequences", "J with"),
        *("J without", "difference", "95 % interval", "within", "95 % interval", "mostly"),
        *("kappa train", "val", "here"),
    )
    return [
        "Object-frames with and without an attribute, by the same figures and thresholds, each "
        "object-frame counting the same. `within` is the mean difference over the objects that "
        "have frames of both kinds. Intervals are by sequence, one for each attribute. Kappa is "
        "that of the sequences' tags: nobody has tagged frames.\n" + table(headers, rows, left=1)
    ]


def _row(one: AttributeRecord, frames: AttributeFramesRecord) -> tuple[str, ...]:
    return (
        one.attribute,
        str(frames.frames_with),
        str(frames.frames_without),
        str(sum(frames.undefined.values())),
        str(frames.objects_with),
        str(frames.sequences_with),
        points(frames.mean_with.mean if frames.mean_with is not None else None),
        points(frames.mean_without.mean if frames.mean_without is not None else None),
        _signed(frames.difference),
        _band(frames.low, frames.high),
        f"{_signed(frames.within)} of {frames.objects_both}" if frames.objects_both else "-",
        _band(frames.within_low, frames.within_high),
        _mostly(frames.terms_with, frames.terms_without),
        f"{one.kappa_train:.2f}",
        f"{one.kappa_val:.2f}",
        "-" if one.kappa_here is None else f"{one.kappa_here:.2f}",
    )


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"


def _band(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{_signed(low)} to {_signed(high)}"


def _mostly(with_it: Mapping[str, float] | None, without: Mapping[str, float] | None) -> str:
    """The group of terms that changes most, as points of J."""
    if with_it is None or without is None:
        return "-"
    change = {
        group: sum(without[term] - with_it[term] for term in terms)
        for group, terms in GROUPS.items()
    }
    group = max(change, key=lambda name: abs(change[name]))
    return f"{group} {_signed(change[group])}"
