"""Rows of the per-sequence and per-object tables, and the failures."""

from __future__ import annotations

from dataclasses import dataclass

from vosbench.report.source import RunSource
from vosbench.report.text import figures
from vosbench.report.verdict import Level, failed_sequences

__all__ = [
    "Failure",
    "ObjectRow",
    "SequenceRow",
    "anchors",
    "failures",
    "object_rows",
    "sequence_rows",
]


@dataclass(frozen=True)
class SequenceRow:
    """One sequence.

    Attributes:
        name: sequence name.
        anchor: fragment of its figure on the page, empty where it has none.
        state: `complete`, `failed`, `not run` or `not scored`.
        level: for the colour of the state.
        objects: how many, or None if no record tells.
        frames: how many, or None if no record tells.
        seconds: wall time in s, or None.
        figures: the seven figures in the order of `METRICS`.
    """

    name: str
    anchor: str
    state: str
    level: Level
    objects: int | None
    frames: int | None
    seconds: float | None
    figures: tuple[float | None, ...]


@dataclass(frozen=True)
class ObjectRow:
    """One object: its sequence, its id, how many frames count, and its figures."""

    sequence: str
    object_id: int
    evaluated_frames: int
    figures: tuple[float | None, ...]


@dataclass(frozen=True)
class Failure:
    """Why a sequence is missing from the scores.

    Attributes:
        sequence: sequence name.
        kind: exception class, or what is missing.
        message: the error's text.
        frame: frame at which it happened, or empty.
        traceback: of the exception, or empty.
    """

    sequence: str
    kind: str
    message: str
    frame: str = ""
    traceback: str = ""


def _names(source: RunSource) -> list[str]:
    known = list(dict.fromkeys(source.run.data.sequences))
    scored = source.scores.sequences if source.scores else {}
    strangers = sorted((set(source.sequences) | set(scored)) - set(known))
    return [*known, *strangers]


def anchors(source: RunSource) -> dict[str, str]:
    """Fragment of each sequence on the page: its position, because a name may be anything."""
    return {name: f"sequence-{number}" for number, name in enumerate(_names(source), start=1)}


def sequence_rows(source: RunSource) -> tuple[SequenceRow, ...]:
    """One row per sequence, in the order of the run; sequences only the scores know come last."""
    failed = set(failed_sequences(source))
    fragments = anchors(source)
    rows = []
    for name in _names(source):
        record = source.sequences.get(name)
        summary = source.scores.sequences.get(name) if source.scores else None
        state, level = _state(
            failed=name in failed, recorded=record is not None, scored=summary is not None
        )
        has_curve = any(len(curve.index) for curve in source.curves.get(name, ()))
        rows.append(
            SequenceRow(
                name=name,
                anchor=fragments[name] if has_curve else "",
                state=state,
                level=level,
                objects=len(record.object_ids) if record else None,
                frames=record.frames if record else None,
                seconds=record.seconds if record else None,
                figures=figures(summary),
            )
        )
    return tuple(rows)


def _state(*, failed: bool, recorded: bool, scored: bool) -> tuple[str, Level]:
    if failed:
        return "failed", "bad"
    if not recorded:
        return "not run", "bad"
    return ("complete", "good") if scored else ("not scored", "warn")


def object_rows(source: RunSource) -> tuple[ObjectRow, ...]:
    """One row per scored object, in the order of the run's sequences."""
    if source.scores is None:
        return ()
    position = {name: number for number, name in enumerate(_names(source))}
    objects = sorted(
        source.scores.objects.values(),
        key=lambda one: (position.get(one.sequence, len(position)), one.sequence, one.object_id),
    )
    return tuple(
        ObjectRow(one.sequence, one.object_id, one.evaluated_frames, figures(one))
        for one in objects
    )


def failures(source: RunSource) -> tuple[Failure, ...]:
    """Every sequence without a score for which the run knows a reason."""
    found = []
    failed = failed_sequences(source)
    for name in failed:
        record = source.sequences.get(name)
        failure = record.failure if record else None
        if failure is None:
            found.append(Failure(name, "failed", "The run recorded no reason."))
        else:
            found.append(
                Failure(name, failure.kind, failure.message, failure.frame or "", failure.traceback)
            )
    unscored = source.scores.unscored if source.scores else {}
    found.extend(
        Failure(name, "not scored", reason)
        for name, reason in sorted(unscored.items())
        if name not in failed
    )
    return tuple(found)
