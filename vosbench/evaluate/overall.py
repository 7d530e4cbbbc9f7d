"""Means over all objects of a set, as one group or as two halves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from vosbench.evaluate.score import SequenceScore
from vosbench.metrics import Figures, Protocol, mean_figures

__all__ = ["Overall", "overall_of"]

_Extras = Mapping[str, float]


@dataclass(frozen=True)
class Overall:
    """What a whole set scores.

    Attributes:
        figures: the seven figures; None without objects.
        extras: further figures by name; None where undefined.
        warnings: what the reader of the figures must know.
    """

    figures: Figures | None
    extras: dict[str, float | None]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Member:
    """One object."""

    figures: Figures
    extras: _Extras
    seen: bool


def overall_of(
    scores: Sequence[SequenceScore], protocol: Protocol, *, official_decay: bool = False
) -> Overall:
    """Average as the protocol says: over objects, or over halves of objects.

    Args:
        scores: sequences in the order of the split.
        protocol: the rules.
        official_decay: compute decay with the official toolkit's overflow.
    """
    members = [
        _Member(figures, extras, object_id in score.seen_ids)
        for score in scores
        for object_id, figures, extras in zip(
            score.object_ids,
            score.object_figures(official_decay=official_decay),
            score.object_extras(),
            strict=True,
        )
    ]
    if protocol.halves == "seen-unseen":
        return _halves(members, protocol)
    figures = mean_figures(member.figures for member in members)
    if protocol.measures == "vots":
        return Overall(figures, _mean_extras([score.object_extras() for score in scores]))
    return Overall(figures, _mean_extras([[member.extras for member in members]]))


def _halves(members: Sequence[_Member], protocol: Protocol) -> Overall:
    """Mean of the means over objects of seen and of unseen categories.

    (youtube-vos.org, Video Object Segmentation, Evaluation; lvos-evaluation, evaluation_method.py.)
    """
    seen = mean_figures(member.figures for member in members if member.seen)
    unseen = mean_figures(member.figures for member in members if not member.seen)
    if seen is None or unseen is None:
        overall = seen or unseen
    else:
        halves = {
            field.name: (getattr(seen, field.name) + getattr(unseen, field.name)) / 2
            for field in fields(Figures)
        }
        overall = Figures(**halves)
    extras: dict[str, float | None] = {
        "J-Seen": None if seen is None else seen.j_mean,
        "F-Seen": None if seen is None else seen.f_mean,
        "J-Unseen": None if unseen is None else unseen.j_mean,
        "F-Unseen": None if unseen is None else unseen.f_mean,
    }
    complete = seen is not None and unseen is not None
    if protocol.measures == "lvos":
        extras |= _spread(members, complete=complete)
    else:
        extras["G"] = overall.jf_mean if overall is not None and complete else None
    if complete or not members:
        return Overall(overall, extras)
    there, missing = ("unseen", "seen") if seen is None else ("seen", "unseen")
    warning = (
        f"no object of {missing} categories was scored: the overall figures are those of the "
        f"{there} half, not the mean of two halves"
    )
    return Overall(overall, extras, (warning,))


def _spread(members: Sequence[_Member], *, complete: bool) -> dict[str, float | None]:
    """V of both halves, and their mean."""
    halves = {
        name: [member.extras["V"] for member in members if member.seen == seen]
        for name, seen in (("V-Seen", True), ("V-Unseen", False))
    }
    means: dict[str, float | None] = {
        name: float(np.mean(values)) if values else None for name, values in halves.items()
    }
    both = [value for value in means.values() if value is not None]
    return {**means, "V": float(np.mean(both)) if complete else None}


def _mean_extras(groups: Sequence[Sequence[_Extras]]) -> dict[str, float | None]:
    """Means within each group, then over the groups, of those that are defined."""
    names = dict.fromkeys(name for group in groups for extras in group for name in extras)
    means: dict[str, float | None] = {}
    for name in names:
        inner = [[e[name] for e in group if not math.isnan(e[name])] for group in groups]
        values = [float(np.mean(members)) for members in inner if members]
        means[name] = float(np.mean(values)) if values else None
    return means
