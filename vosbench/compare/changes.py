"""Where runs differ most: sequences and frames."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from vosbench.compare.records import FrameChange, SequenceChange
from vosbench.compare.source import RunScores
from vosbench.report.text import defined

__all__ = [
    "FrameChanges",
    "SequenceChanges",
    "every_sequence",
    "frame_changes",
    "sequence_changes",
]

MOST_SEQUENCES: Final = 5
MOST_FRAMES: Final = 5
FRAMES_PER_SEQUENCE: Final = 2
FRAMES_APART: Final = 10
_LEAST_CHANGE: Final = 1e-9


class SequenceChanges(NamedTuple):
    """Largest gains and losses of J&F, at most `MOST_SEQUENCES` each, largest first."""

    gains: list[SequenceChange]
    losses: list[SequenceChange]


class FrameChanges(NamedTuple):
    """Largest gains and losses of J on single frames, or None without frame tables."""

    frame_gains: list[FrameChange] | None
    frame_losses: list[FrameChange] | None


def every_sequence(
    baseline: RunScores, candidate: RunScores, objects: Sequence[str]
) -> list[SequenceChange]:
    """J&F of each sequence in both runs, as means over the objects in common, by first object."""
    pairs: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for key in objects:
        before, after = baseline.scores.objects[key], candidate.scores.objects[key]
        old_jf, new_jf = defined(before.jf_mean), defined(after.jf_mean)
        if old_jf is not None and new_jf is not None:
            pairs[before.sequence].append((old_jf, new_jf))
    changes = []
    for sequence, members in pairs.items():
        old, new = (math.fsum(values) / len(members) for values in zip(*members, strict=True))
        changes.append(
            SequenceChange(
                sequence=sequence,
                objects=len(members),
                baseline=old,
                candidate=new,
                difference=new - old,
            )
        )
    return changes


def sequence_changes(
    baseline: RunScores, candidate: RunScores, objects: Sequence[str]
) -> SequenceChanges:
    """Sequences with the largest change of J&F, as means over the objects in common."""
    changes = every_sequence(baseline, candidate, objects)
    changes.sort(key=lambda change: (-abs(change.difference), change.sequence))
    return SequenceChanges(
        [c for c in changes if c.difference > _LEAST_CHANGE][:MOST_SEQUENCES],
        [c for c in changes if c.difference < -_LEAST_CHANGE][:MOST_SEQUENCES],
    )


def frame_changes(baseline: RunScores, candidate: RunScores, objects: set[str]) -> FrameChanges:
    """Object-frames with the largest change of J.

    At most two of a sequence, ten frames apart, so that the list shows more than one event; of
    equal changes the earliest, which is where a loss begins.

    Args:
        baseline: with `frames`, else nothing can be said.
        candidate: likewise.
        objects: keys of `ScoreRecord.objects` in common.
    """
    if baseline.frames is None or candidate.frames is None:
        return FrameChanges(None, None)
    wanted = {
        (item.sequence, item.object_id)
        for key, item in baseline.scores.objects.items()
        if key in objects
    }
    changes = []
    for key, before in baseline.frames.values.items():
        after = candidate.frames.values.get(key)
        if after is None or key[:2] not in wanted:
            continue
        difference = after.j - before.j
        if math.isfinite(difference) and abs(difference) > _LEAST_CHANGE:
            changes.append((difference, key, before, after))
    changes.sort(key=lambda one: (-abs(one[0]), one[1].sequence, one[2].position, one[1].object_id))
    listed = [
        FrameChange(
            sequence=key.sequence,
            object_id=key.object_id,
            frame=key.frame,
            index=before.position,
            baseline=before.j,
            candidate=after.j,
            difference=difference,
        )
        for difference, key, before, after in changes
    ]
    return FrameChanges(
        _spread([change for change in listed if change.difference > 0]),
        _spread([change for change in listed if change.difference < 0]),
    )


def _spread(changes: Sequence[FrameChange]) -> list[FrameChange]:
    chosen: list[FrameChange] = []
    for change in changes:
        same = [other for other in chosen if other.sequence == change.sequence]
        near = any(abs(other.index - change.index) < FRAMES_APART for other in same)
        if len(same) < FRAMES_PER_SEQUENCE and not near:
            chosen.append(change)
        if len(chosen) == MOST_FRAMES:
            break
    return chosen
