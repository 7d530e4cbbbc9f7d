"""Where J is lost: what the diagnosis of a run says, as rows that a page can show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vosbench.report.attributes import AttributeRow, attribute_rows
from vosbench.report.events import Span

if TYPE_CHECKING:
    from vosbench.explain import DiagnosisRecord
    from vosbench.explain.records import LossRecord, ObjectRecord

__all__ = [
    "LossObject",
    "LossSequence",
    "LossView",
    "Step",
    "build_losses",
]

_MEANINGS: Final = {
    "boundary": "wrong pixels next to the true contour",
    "identity": "pixels given to, or taken from, another object",
    "wrong object": "J below 0.1 and the mask lies on another object",
    "drift": "J below 0.1 and the mask lies on background",
    "missed": "the object is there and its mask is empty",
    "hallucinated": "the object is gone and its mask is not empty",
    "background": "predicted away from the contour, on background",
    "interior": "holes and missing parts away from the contour",
}


@dataclass(frozen=True)
class Step:
    """One step down from J = 1.

    Attributes:
        group: of terms, as the diagnosis names it.
        meaning: in words.
        loss: 0..1.
        start: where the step begins, 0..1 from the left at J = 0; it ends at `start` - `loss`.
    """

    group: str
    meaning: str
    loss: float
    start: float


@dataclass(frozen=True)
class LossSequence:
    """One sequence: its mean J and its losses by group, 0..1."""

    name: str
    anchor: str
    dominant: str
    j: float
    losses: tuple[float, ...]


@dataclass(frozen=True)
class LossObject:
    """One object.

    Attributes:
        sequence: name.
        object_id: id.
        j: mean, 0..1.
        cause: what the diagnosis names.
        losses: by group, 0..1.
        failures: how often it was lost or drifted.
        followed: frames until the first failure or the end.
        failed: false where `followed` is the whole sequence.
        lag: frames by which the masks trail, or None.
        clipped: share of the true object outside of the method's window, or None.
        centre_error: of the voted centre, in sides of the object, or None.
    """

    sequence: str
    object_id: int
    j: float
    cause: str
    losses: tuple[float, ...]
    failures: int
    followed: int
    failed: bool
    lag: int | None
    clipped: float | None
    centre_error: float | None


@dataclass(frozen=True)
class LossView:
    """All of it.

    Attributes:
        j: mean over all objects, 0..1.
        groups: names of the groups of terms that lose anything, in the order of the columns.
        steps: the waterfall of the set, largest first, without groups that lose nothing.
        sequences: most costly first.
        objects: most costly first.
        spans: failures and events, by sequence and frame.
        attributes: as measured, or empty where they were not asked for.
        placed: whether the method tells where it looked.
        limits: what these masks cannot tell.
        undiagnosed: sequence and reason.
        followed: in words, how many objects were followed to the end.
    """

    j: float
    groups: tuple[str, ...]
    steps: tuple[Step, ...]
    sequences: tuple[LossSequence, ...]
    objects: tuple[LossObject, ...]
    spans: tuple[Span, ...]
    attributes: tuple[AttributeRow, ...]
    placed: bool
    limits: tuple[str, ...]
    undiagnosed: tuple[tuple[str, str], ...]
    followed: str

    @property
    def floor(self) -> float:
        """Where the bars of the waterfall begin: a round J below the measured one, 0..1."""
        return max(0.0, math.floor(10 * (self.j - 0.05)) / 10)

    def along(self, value: float) -> str:
        """Position of a J on the bars, 0..100 from the left."""
        return f"{100 * max(0.0, value - self.floor) / (1 - self.floor):.2f}"

    def wide(self, loss: float) -> str:
        """Width of a loss on the bars, 0..100."""
        return f"{100 * loss / (1 - self.floor):.2f}"


def build_losses(
    record: DiagnosisRecord,
    *,
    spans: Mapping[str, tuple[Span, ...]],
    anchors: Mapping[str, str],
) -> LossView:
    """Rows of a diagnosis.

    Args:
        record: `diagnosis.json`.
        spans: its events and failures by sequence.
        anchors: fragments of the sequences on the page.
    """
    groups = tuple(
        group
        for group in _MEANINGS
        if any(_losses(one)[group] > 0 for one in (*record.sequences.values(), *record.objects))
    )
    sequences = sorted(record.sequences.items(), key=lambda item: (-item[1].loss, item[0]))
    objects = sorted(record.objects, key=lambda one: (-one.loss, one.sequence, one.object_id))
    return LossView(
        j=record.j_mean,
        groups=groups,
        steps=_steps(record),
        sequences=tuple(
            LossSequence(name, anchors.get(name, ""), one.dominant, one.j_mean, _of(one, groups))
            for name, one in sequences
        ),
        objects=tuple(_object(one, groups) for one in objects),
        spans=tuple(span for name in sorted(spans) for span in spans[name]),
        attributes=attribute_rows(record),
        placed=record.placement.clipped is not None or record.placement.voted_error is not None,
        limits=tuple(record.limits),
        undiagnosed=tuple(sorted(record.undiagnosed.items())),
        followed=_followed(record),
    )


def _losses(one: LossRecord) -> dict[str, float]:
    from vosbench.diagnose import GROUPS

    return {
        group: sum(one.terms.get(term, 0.0) for term in terms) for group, terms in GROUPS.items()
    }


def _steps(record: LossRecord) -> tuple[Step, ...]:
    ordered = sorted(_losses(record).items(), key=lambda item: -item[1])
    steps, at = [], 1.0
    for group, loss in ordered:
        if loss > 0:
            steps.append(Step(group, _MEANINGS.get(group, ""), loss, at))
            at -= loss
    return tuple(steps)


def _of(one: LossRecord, groups: tuple[str, ...]) -> tuple[float, ...]:
    losses = _losses(one)
    return tuple(losses[group] for group in groups)


def _object(one: ObjectRecord, groups: tuple[str, ...]) -> LossObject:
    return LossObject(
        sequence=one.sequence,
        object_id=one.object_id,
        j=one.j_mean,
        cause=one.cause,
        losses=_of(one, groups),
        failures=len(one.failures),
        followed=one.followed,
        failed=one.failed,
        lag=one.lag.frames if one.lag is not None else None,
        clipped=one.placement.clipped,
        centre_error=one.placement.voted_error,
    )


def _followed(record: DiagnosisRecord) -> str:
    failed = sum(one.failed for one in record.objects)
    total = len(record.objects)
    text = f"{failed} of {total} {'object' if total == 1 else 'objects'} failed"
    if not record.survival:
        return f"{text}."
    last = record.survival[-1]
    return (
        f"{text}; by the Kaplan-Meier estimate {100 * last.survival:.0f} % are still followed "
        f"after {last.frames} frames."
    )
