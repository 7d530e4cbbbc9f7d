"""Where J is lost: what the diagnosis of a run says, as rows that a page can show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vosbench.report.events import Span
from vosbench.report.text import defined

if TYPE_CHECKING:
    from vosbench.explain import DiagnosisRecord
    from vosbench.explain.records import AttributeRecord, LossRecord, ObjectRecord

__all__ = [
    "AttributeRow",
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


_ATTRIBUTES: Final = {
    "LR": "low resolution",
    "SV": "scale variation",
    "SV-length": "scale variation by length",
    "FM": "fast motion",
    "OV": "out of view",
    "OCC": "occlusion",
    "SC": "shape complexity",
    "DEF": "deformation",
    "ROT": "rotation",
    "AC": "appearance change",
    "BC": "background clutter",
    "CS": "camera shake",
    "DB": "dynamic background",
    "EA": "edge ambiguity",
    "HO": "heterogeneous object",
    "IO": "interacting objects",
    "MB": "motion blur",
}
"""Names of attributes in full (Perazzi et al., CVPR 2016, table 1; rotation is not among them)."""


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
class AttributeRow:
    """One attribute.

    Attributes:
        name: as the diagnosis names it.
        meaning: its name in full, or empty.
        rule: when a sequence has it.
        with_it: how many sequences have it.
        without: how many do not.
        j_with: mean J of the former, 0..1.
        j_without: mean J of the latter.
        difference: of the two; negative: sequences with it are harder.
        low: lower end of the 95 % interval of the difference, or None.
        high: upper end, or None.
        kappas: agreement with people: train, left out, val, here; None where not known.
    """

    name: str
    meaning: str
    rule: str
    with_it: int
    without: int
    j_with: float | None
    j_without: float | None
    difference: float | None
    low: float | None
    high: float | None
    kappas: tuple[float | None, ...]


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
        attributes=_attributes(record),
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


def _attributes(record: DiagnosisRecord) -> tuple[AttributeRow, ...]:
    if record.attributes is None:
        return ()
    found = record.attributes
    rows = []
    for one in found.attributes:
        low, high = _interval(one, record)
        rows.append(
            AttributeRow(
                name=one.attribute,
                meaning=_ATTRIBUTES.get(one.attribute, ""),
                rule=f"{'>' if one.above else '<'} {one.threshold:.3g} ({one.origin})",
                with_it=one.sequences_with,
                without=one.sequences_without,
                j_with=one.j_with,
                j_without=one.j_without,
                difference=one.difference,
                low=low,
                high=high,
                kappas=(one.kappa_train, one.kappa_left_out, one.kappa_val, one.kappa_here),
            )
        )
    return tuple(rows)


def _interval(one: AttributeRecord, record: DiagnosisRecord) -> tuple[float | None, float | None]:
    """95 % interval of the difference of mean J over sequences.

    Welch's interval for two means of unlike spread (Biometrika 1947), with the sequence as the
    sampled unit. None where a side has fewer than two sequences, where an attribute could not be
    measured on some, or where neither side has any spread.
    """
    if record.attributes is None or one.difference is None:
        return None, None
    has = {
        name: one.attribute in found
        for name, found in record.attributes.sequences.items()
        if name in record.sequences
    }
    sides = [
        [record.sequences[n].j_mean for n, yes in has.items() if yes is want]
        for want in (True, False)
    ]
    if [len(side) for side in sides] != [one.sequences_with, one.sequences_without]:
        return None, None
    if min(len(side) for side in sides) < 2:
        return None, None
    parts = []
    for side in sides:
        mean = sum(side) / len(side)
        variance = sum((value - mean) ** 2 for value in side) / (len(side) - 1)
        parts.append((variance / len(side), len(side) - 1))
    error = sum(part for part, _ in parts)
    freedom = sum(part**2 / degrees for part, degrees in parts)
    if error <= 0 or freedom <= 0:
        return None, None
    from scipy.special import stdtrit

    reach = float(stdtrit(error**2 / freedom, 0.975)) * math.sqrt(error)
    return defined(one.difference - reach), defined(one.difference + reach)
