"""Which failures a reel shows: those that cost most, and what is known of their cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from vosbench.diagnose import GROUPS, find_failures
from vosbench.errors import InputError
from vosbench.explain import DIAGNOSIS_JSON, DIAGNOSIS_TABLE, DiagnosisRecord
from vosbench.store import read_record, read_table
from vosbench.video.source import Curve, VideoRun

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ReelEvent", "find_reel"]

_REACH: Final = 5
"""Frames before an onset in which a true event is named with it; as in `vosbench diagnose`."""
_LEAST_DIP: Final = 0.05


@dataclass(frozen=True)
class ReelEvent:
    """A stretch of frames on which an object was lost, or nearly so.

    Attributes:
        sequence: sequence name.
        object_id: id in the label maps.
        onset: position of its first frame.
        end: position of its last frame.
        worst: position of the frame with the lowest J.
        lowest: that J, 0..1.
        cost: how much it takes from the mean J of the object, 0..1.
        kind: `failure` as `vosbench diagnose` defines it, or `dip` for less than that.
        cause: group of terms that costs most there, or empty where the run was not diagnosed.
        after: what happened at its onset, from the true masks; may be empty.
    """

    sequence: str
    object_id: int
    onset: int
    end: int
    worst: int
    lowest: float
    cost: float
    kind: str
    cause: str = ""
    after: tuple[str, ...] = ()


def find_reel(run: VideoRun, sequences: Sequence[str], *, most: int) -> tuple[ReelEvent, ...]:
    """The failures of a run that cost most, largest first.

    A failure is J below 0.5 for five frames or more (`vosbench.diagnose.find_failures`). Where
    there are fewer than `most`, dips follow: stretches around the lowest J that is left, as long as
    J is nearer to it than to the object's median. At most two stretches of an object are taken.

    Args:
        run: scored; where it was diagnosed too, causes are told.
        sequences: those to look at.
        most: how many to find at most.

    Raises:
        InputError: the run was not scored, or its diagnosis is damaged.
    """
    if not run.curves:
        raise InputError(
            f"{run.root} has no scores per frame, and without them no failure can be found",
            hint=f"vosbench score {run.root}",
        )
    curves = [(name, curve) for name in sequences for curve in run.curves.get(name, ())]
    found = [one for name, curve in curves for one in _failures(name, curve)]
    chosen = _dearest(found, most)
    if len(chosen) < most:
        dips = [one for name, curve in curves for one in _dips(name, curve, found)]
        chosen += _dearest(dips, most - len(chosen))
    told = _Told.of(run)
    return tuple(one if told is None else told.explained(one) for one in chosen)


def _dearest(found: Sequence[ReelEvent], most: int) -> list[ReelEvent]:
    chosen: list[ReelEvent] = []
    for one in sorted(found, key=lambda f: (-f.cost, f.sequence, f.object_id, f.onset)):
        same = [c for c in chosen if (c.sequence, c.object_id) == (one.sequence, one.object_id)]
        if len(same) < 2 and len(chosen) < most:
            chosen.append(one)
    return chosen


def _failures(sequence: str, curve: Curve) -> list[ReelEvent]:
    known = _defined(curve)
    return [
        _stretch(sequence, known, one.onset, one.recovery or known.j.size, kind="failure")
        for one in find_failures(known.j)
    ]


def _defined(curve: Curve) -> Curve:
    kept = np.isfinite(curve.j)
    return Curve(curve.object_id, curve.index[kept], curve.j[kept])


def _dips(sequence: str, curve: Curve, failures: Sequence[ReelEvent]) -> list[ReelEvent]:
    """At most the deepest dip of an object outside of its failures."""
    known = _defined(curve)
    free = np.ones(known.j.size, np.bool_)
    for one in failures:
        if (one.sequence, one.object_id) == (sequence, curve.object_id):
            free &= (known.index < one.onset) | (known.index > one.end)
    index, j = known.index, known.j
    if not free.any():
        return []
    middle = float(np.median(j[free]))
    deepest = int(np.argmin(np.where(free, j, np.inf)))
    if middle - j[deepest] < _LEAST_DIP:
        return []
    low = free & (j < (middle + float(j[deepest])) / 2)
    begin = end = deepest
    while begin > 0 and low[begin - 1]:
        begin -= 1
    while end + 1 < index.size and low[end + 1]:
        end += 1
    return [_stretch(sequence, known, begin, end + 1, kind="dip")]


def _stretch(sequence: str, curve: Curve, begin: int, stop: int, *, kind: str) -> ReelEvent:
    """Frames `begin` to before `stop` of a curve whose values are all defined."""
    part = curve.j[begin:stop]
    worst = begin + int(np.argmin(part))
    return ReelEvent(
        sequence,
        curve.object_id,
        onset=int(curve.index[begin]),
        end=int(curve.index[stop - 1]),
        worst=int(curve.index[worst]),
        lowest=float(curve.j[worst]),
        cost=float((1 - part).sum()) / curve.j.size,
        kind=kind,
    )


@dataclass(frozen=True, eq=False)
class _Told:
    """What the diagnosis of a run says."""

    record: DiagnosisRecord
    terms: Mapping[tuple[str, int], pd.DataFrame]

    @classmethod
    def of(cls, run: VideoRun) -> _Told | None:
        if not (run.root / DIAGNOSIS_JSON).is_file():
            return None
        record = read_record(run.root / DIAGNOSIS_JSON, DiagnosisRecord)
        table = read_table(run.root / DIAGNOSIS_TABLE)
        missing = {"sequence", "object_id", "index"} - set(table.columns)
        if missing:
            raise InputError(
                f"{run.root / DIAGNOSIS_TABLE} has no column {', '.join(sorted(missing))}",
                hint="diagnose the run again",
            )
        terms = {
            (str(key[0]), int(str(key[1]))): part
            for key, part in table.groupby(["sequence", "object_id"], sort=True)
        }
        return cls(record, terms)

    def explained(self, one: ReelEvent) -> ReelEvent:
        """The failure with its cause and what happened at its onset."""
        return replace(one, cause=self._cause(one), after=self._after(one))

    def _cause(self, one: ReelEvent) -> str:
        table = self.terms.get((one.sequence, one.object_id))
        if table is None:
            return ""
        rows = table[(table["index"] >= one.onset) & (table["index"] <= one.end)]
        sums = {group: float(rows[list(terms)].sum().sum()) for group, terms in GROUPS.items()}
        best = max(sums, key=lambda group: sums[group])
        return best if sums[best] > 0 else ""

    def _after(self, one: ReelEvent) -> tuple[str, ...]:
        """True events just before the onset, and swaps and merges until the end."""
        begin = one.onset - _REACH
        named = [
            event.kind
            for events, end in ((self.record.identity, one.end), (self.record.events, one.onset))
            for event in events
            if event.sequence == one.sequence
            and event.object_id in (0, one.object_id)
            and begin <= event.onset_index <= end
        ]
        return tuple(dict.fromkeys(named))
