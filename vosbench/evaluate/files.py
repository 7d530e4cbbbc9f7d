"""Scoring predicted mask files against a dataset's annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vosbench.data.masks import MaskSource
from vosbench.data.names import counted
from vosbench.errors import UsageError, VosbenchError
from vosbench.evaluate.evaluation import Evaluation, evaluation_of
from vosbench.evaluate.pieces import (
    CountedPiece,
    Piece,
    cut,
    join_pieces,
    score_piece,
    score_sequence,
)
from vosbench.evaluate.score import SequenceScore
from vosbench.metrics import Protocol, get_protocol
from vosbench.types import Sequence as Clip

__all__ = ["Progress", "score_masks", "score_sequence"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called after each sequence with its name, the number done, and the number in all."""
_NAMED_EXTRAS = 5


def score_masks(
    source: MaskSource,
    sequences: Sequence[Clip],
    *,
    protocol: str,
    dataset: str,
    split: str,
    processes: int = 1,
    official_decay: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Score masks on disk against the annotations of a dataset.

    A sequence that cannot be scored never stops the others: it is listed in `record.unscored` with
    the reason, and the caller decides what that means. Nothing is cached: files are read anew each
    time.

    Args:
        source: predicted masks, from `open_masks`.
        sequences: sequences of the split, in its order. Images are not needed.
        protocol: name of the protocol.
        dataset: name for the record.
        split: name for the record.
        processes: worker processes; long sequences are shared among them. A script that asks for
            more than one needs the usual `if __name__ == "__main__"` guard.
        official_decay: compute decay with the official toolkit's overflow from 256 frames on.
        progress: called in this process after each sequence.

    Raises:
        UsageError: unknown protocol, no sequences, or fewer than one process.
        RunIncomplete: a worker process was killed.
    """
    rules = get_protocol(protocol)
    if processes < 1:
        raise UsageError(f"{processes} processes cannot score anything.", hint="Ask for 1 or more.")
    if not sequences:
        raise UsageError("There are no sequences to score.", hint="Check the dataset and filter.")
    outcomes: dict[str, SequenceScore | _Failure] = {}
    found = _outcomes(source, sequences, rules, processes, official_decay=official_decay)
    for outcome in found:
        outcomes[outcome.sequence] = outcome
        if progress is not None:
            progress(outcome.sequence, len(outcomes), len(sequences))
    ordered = [outcomes[clip.name] for clip in sequences]
    warnings = []
    extra = sorted(set(source.sequences()) - set(outcomes))
    if extra:
        named = ", ".join(extra[:_NAMED_EXTRAS]) + (", ..." if len(extra) > _NAMED_EXTRAS else "")
        count = counted(len(extra), "sequence")
        warnings.append(f"{count} with masks, but not among those scored: {named}")
    return evaluation_of(
        [outcome for outcome in ordered if isinstance(outcome, SequenceScore)],
        protocol=rules,
        dataset=dataset,
        split=split,
        unscored={
            outcome.sequence: outcome.reason for outcome in ordered if isinstance(outcome, _Failure)
        },
        warnings=warnings,
        notes=source.notes,
        official_decay=official_decay,
    )


@dataclass(frozen=True)
class _Failure:
    """A sequence that could not be scored, and why."""

    sequence: str
    reason: str


_Part: TypeAlias = SequenceScore | CountedPiece | _Failure


@dataclass(frozen=True)
class _Job:
    """What is to be done; a worker process gets it once."""

    source: MaskSource
    protocol: Protocol
    pieces: Sequence[Piece]
    official_decay: bool

    def attempt(self, index: int) -> tuple[int, _Part]:
        """Score a sequence or a piece of one, or say why it cannot be."""
        piece = self.pieces[index]
        try:
            part = score_piece(self.source, piece, self.protocol)
        except VosbenchError as error:
            return index, _failure(piece.clip, error)
        if isinstance(part, SequenceScore):
            # known from now on, so that a worker computes it and not the process that waits for all
            part.object_figures(official_decay=self.official_decay)
        return index, part

    def join(self, clip: Clip, parts: Mapping[int, _Part]) -> SequenceScore | _Failure:
        """The score of a sequence from its parts by number; the first failure is the answer."""
        counted = []
        for _, part in sorted(parts.items()):
            if not isinstance(part, CountedPiece):
                return part
            counted.append(part)
        try:
            return join_pieces(self.source, clip, counted)
        except VosbenchError as error:
            return _failure(clip, error)


def _failure(clip: Clip, error: VosbenchError) -> _Failure:
    # The reason always stands beside the name: `name: reason`, or `name, object 1: reason`.
    reason = str(error).removeprefix(f"{clip.name}: ").removeprefix(f"{clip.name}, ")
    return _Failure(clip.name, f"{reason} {error.hint}".strip())


def _outcomes(
    source: MaskSource,
    sequences: Sequence[Clip],
    protocol: Protocol,
    processes: int,
    *,
    official_decay: bool,
) -> Iterator[SequenceScore | _Failure]:
    """Score all sequences, in any order."""
    pieces = [Piece(clip) for clip in sequences]
    if processes > 1:
        pieces = cut(sequences, protocol, processes)
    job = _Job(source, protocol, pieces, official_decay)
    workers = min(processes, len(pieces))
    if workers == 1:
        answers: Iterable[tuple[int, _Part]] = map(job.attempt, range(len(pieces)))
    else:
        from vosbench.evaluate.workers import in_processes

        answers = in_processes(job.attempt, range(len(pieces)), workers)
    waiting: dict[str, dict[int, _Part]] = {}
    for index, part in answers:
        piece = pieces[index]
        parts = waiting.setdefault(piece.clip.name, {})
        parts[piece.number] = part
        if len(parts) == piece.pieces:
            yield job.join(piece.clip, waiting.pop(piece.clip.name))
