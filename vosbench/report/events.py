"""Events and failures of a diagnosis, as spans of frames that a curve can shade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vosbench.report.text import plain

if TYPE_CHECKING:
    from vosbench.explain import DiagnosisRecord

__all__ = ["GROUP_TITLES", "SHADED", "Span", "covered", "spans_of"]

GROUP_TITLES: Final = {
    "failure": "failure",
    "hidden": "hidden or out of view",
    "contact": "contact with others",
    "identity": "objects confused",
    "change": "fast motion or change of shape",
}
"""Groups of kinds in the order of their lanes, and what they are called."""
SHADED: Final = ("failure", "hidden", "contact", "identity")
"""Groups that shade the curves; the others have a lane only, since they last too long."""

_GROUPS: Final = {
    "absent": "hidden",
    "disappear": "hidden",
    "reappear": "hidden",
    "occlusion": "hidden",
    "out-of-view": "hidden",
    "contact": "contact",
    "crossing": "contact",
    "crowding": "contact",
    "swap": "identity",
    "merge": "identity",
    "split": "identity",
}


@dataclass(frozen=True)
class Span:
    """Something that happens from one frame to another, both included.

    Attributes:
        sequence: sequence name.
        group: a key of `GROUP_TITLES`.
        kind: what happens, as the diagnosis names it; `lost` or `drifted` for a failure.
        object_id: whom it happens to; 0 for all together.
        other: the second object, or 0.
        first: position of the first frame in the sequence.
        last: position of the last frame.
        first_frame: file stem.
        last_frame: file stem, or empty where it lasts to the end.
        strength: in the unit of the kind; of a failure 1 - lowest J.
    """

    sequence: str
    group: str
    kind: str
    object_id: int
    other: int
    first: int
    last: int
    first_frame: str
    last_frame: str
    strength: float

    @property
    def text(self) -> str:
        """In words."""
        who = f"object {self.object_id}" if self.object_id else "all objects"
        more = f" with object {self.other}" if self.other else ""
        until = self.last_frame or "the end"
        where = f"at {self.first_frame}"
        if self.first_frame != self.last_frame:
            where = f"from {self.first_frame} to {until}"
        return plain(f"{self.kind}, {who}{more}, {where}")


def covered(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """First and last frames of the stretches that any of the spans covers, in order.

    A frame is shaded once, however many objects something happens to on it.
    """
    merged: list[tuple[int, int]] = []
    for first, last in sorted((one.first, one.last) for one in spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def spans_of(
    record: DiagnosisRecord,
    lengths: Mapping[str, int],
    positions: Mapping[str, Mapping[str, int]],
) -> dict[str, tuple[Span, ...]]:
    """Failures and events by sequence, in the order of their first frames.

    Args:
        record: the diagnosis.
        lengths: frames of each sequence, for failures that last to the end.
        positions: of each sequence, where its evaluated frames stand, by file stem.
    """
    found: dict[str, list[Span]] = {}
    for one in record.objects:
        last = lengths.get(one.sequence, 1) - 1
        for failure in one.failures:
            ends = last
            if failure.recovery is not None:
                # it has passed on the frame on which J is back
                guess = failure.onset_index + (failure.frames_to_recover or 1)
                ends = positions.get(one.sequence, {}).get(failure.recovery, guess) - 1
            found.setdefault(one.sequence, []).append(
                Span(
                    one.sequence,
                    "failure",
                    "lost" if failure.lost else "drifted",
                    one.object_id,
                    0,
                    failure.onset_index,
                    max(ends, failure.onset_index),
                    failure.onset,
                    failure.recovery or "",
                    1 - failure.lowest,
                )
            )
    for event in (*record.events, *record.identity):
        found.setdefault(event.sequence, []).append(
            Span(
                event.sequence,
                _GROUPS.get(event.kind, "change"),
                event.kind,
                event.object_id,
                event.other,
                event.onset_index,
                event.end_index,
                event.onset,
                event.end,
                event.strength,
            )
        )
    order = list(GROUP_TITLES)
    return {
        name: tuple(
            sorted(
                spans,
                key=lambda s: (s.first, order.index(s.group), s.kind, s.object_id, s.other, s.last),
            )
        )
        for name, spans in found.items()
    }
