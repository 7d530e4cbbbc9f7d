"""The first line of a report: what ran, on what, how well, and whether it is complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vosbench.report.source import RunSource
from vosbench.report.text import count, points

__all__ = ["Level", "Verdict", "failed_sequences", "judge"]

Level: TypeAlias = Literal["good", "warn", "bad"]

_ENDED: Final = {
    "complete": "The run is complete.",
    "incomplete": "The run is incomplete.",
    "interrupted": "The run was interrupted; what was finished is shown.",
    "running": "The run has not ended, or was stopped before it could say so.",
}


@dataclass(frozen=True)
class Verdict:
    """What came of a run.

    Attributes:
        level: for the colour of the mark, never the only carrier of the meaning.
        word: the mark's text.
        sentence: the whole verdict.
    """

    level: Level
    word: str
    sentence: str


def failed_sequences(source: RunSource) -> list[str]:
    """Sequences that failed by `run.json` or by their own record, in the run's order."""
    failed = set(source.run.failed) | {
        name for name, record in source.sequences.items() if record.status == "failed"
    }
    order = [name for name in source.run.data.sequences if name in failed]
    return [*order, *sorted(failed - set(order))]


def judge(source: RunSource) -> Verdict:
    """The verdict of a run."""
    run, scores = source.run, source.scores
    total = len(run.data.sequences)
    failed = len(failed_sequences(source))
    what = f"{run.method.reference} on {run.data.dataset} {run.data.split}"
    ended = _ENDED[run.status]
    lost = f"{failed} of {count(total, 'sequence')} failed" if failed else "no sequence failed"
    if scores is None:
        return Verdict("bad", "not scored", f"{what} has not been scored; {lost}. {ended}")
    scored = len(scores.sequences)
    whole = scored == total and not scores.unscored
    over = f"{scored} of {count(total, 'sequence')}"
    if whole:
        over = f"all {count(total, 'sequence')}" if total > 1 else "its one sequence"
    sentence = (
        f"{what}: J&F {points(scores.overall.jf_mean)} over {over} "
        f"(protocol {scores.protocol}); {lost}. {ended}"
    )
    if failed or run.status == "incomplete":
        return Verdict("bad", "incomplete", sentence)
    if run.status != "complete":
        return Verdict("warn", run.status, sentence)
    if not whole:
        return Verdict("warn", "partly scored", sentence)
    if run.method.untrained:
        return Verdict("warn", "untrained", sentence)
    return Verdict("good", "complete", sentence)
