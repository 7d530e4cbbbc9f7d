"""Scoring a sequence in pieces, so that one long sequence is shared among processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vosbench.data.masks import MaskSource
from vosbench.data.masks.labels import VoidUse
from vosbench.errors import InputError
from vosbench.evaluate.apart import score_apart
from vosbench.evaluate.arrays import make_scorer
from vosbench.evaluate.score import SequenceScore
from vosbench.evaluate.sequence import Scorer, SequenceScorer
from vosbench.evaluate.truth import read_truth
from vosbench.metrics import Protocol
from vosbench.types import Sequence as Clip

__all__ = ["CountedPiece", "Piece", "cut", "join_pieces", "score_piece", "score_sequence"]

_PIECES_EACH = 4
"""Into how many pieces the work of one process is cut at least, so that all end together."""
_LEAST_FRAMES = 32
"""A shorter piece would cost more in reading the first annotation again than it brings."""
_COST_OF_READING = 4
"""What reading two masks and looking them over costs, counted in objects to compare."""


@dataclass(frozen=True)
class Piece:
    """Some of the frames that count of one sequence.

    Attributes:
        clip: the sequence.
        number: which piece it is, from 0.
        pieces: how many there are; one is the whole sequence.
    """

    clip: Clip
    number: int = 0
    pieces: int = 1


@dataclass(frozen=True, eq=False)
class CountedPiece:
    """What one piece gave.

    Attributes:
        scorer: with the counts of its frames.
        notes: what was normalised in reading them.
    """

    scorer: SequenceScorer
    notes: tuple[str, ...]


def cut(clips: Sequence[Clip], protocol: Protocol, processes: int) -> list[Piece]:
    """Share the work out; the most expensive pieces come first.

    Only sequences that would keep one process busy longer than the others are cut. Objects that are
    looked for, or are annotated apart, need their sequence whole.
    """
    costs = [_cost(clip) for clip in clips]
    share = sum(costs) / (processes * _PIECES_EACH)
    work: list[tuple[float, Piece]] = []
    for clip, cost in zip(clips, costs, strict=True):
        whole = protocol.objects == "best-match" or _apart(clip)
        annotated = sum(frame.annotation is not None for frame in clip.frames)
        pieces = 1 if whole else max(1, min(round(cost / share), annotated // _LEAST_FRAMES))
        work += [(cost / pieces, Piece(clip, number, pieces)) for number in range(pieces)]
    return [piece for _, piece in sorted(work, key=lambda one: -one[0])]


def _cost(clip: Clip) -> int:
    annotated = sum(frame.annotation is not None for frame in clip.frames)
    objects = _COST_OF_READING + len(clip.object_ids)
    return max(1, annotated) * clip.height * clip.width * objects


def _apart(clip: Clip) -> bool:
    return any(one.annotations is not None for one in clip.objects)


def score_sequence(source: MaskSource, clip: Clip, protocol: Protocol) -> SequenceScore:
    """Score one sequence from files.

    Raises:
        InputError: a mask or annotation is missing or cannot be used; the message names the file.
    """
    _check_there(source, clip)
    if _apart(clip):
        return score_apart(source, clip, protocol)
    scorer = _scorer_of(clip, protocol)
    notes = _count(source, clip, protocol, scorer, scorer.positions)
    return scorer.finish([*_frame_notes(source, clip, scorer.positions), *notes])


def score_piece(
    source: MaskSource, piece: Piece, protocol: Protocol
) -> SequenceScore | CountedPiece:
    """Score a sequence, or count the frames of a piece of it.

    Raises:
        InputError: as `score_sequence`, for these frames.
    """
    clip = piece.clip
    if piece.pieces == 1:
        return score_sequence(source, clip, protocol)
    _check_there(source, clip)
    scorer = _scorer_of(clip, protocol)
    if not isinstance(scorer, SequenceScorer):
        raise TypeError(f"protocol {protocol.name} does not score sequences in pieces")
    many = len(scorer.positions)
    start, stop = (many * k // piece.pieces for k in (piece.number, piece.number + 1))
    notes = _count(source, clip, protocol, scorer, scorer.positions[start:stop])
    return CountedPiece(scorer, tuple(notes))


def join_pieces(source: MaskSource, clip: Clip, counted: Iterable[CountedPiece]) -> SequenceScore:
    """The score of a sequence from all its pieces, given in order.

    Raises:
        InputError: there is no object to score.
    """
    pieces = iter(counted)
    first = next(pieces)
    scorer, notes = first.scorer, list(first.notes)
    for one in pieces:
        scorer.take(one.scorer)
        notes += one.notes
    return scorer.finish([*_frame_notes(source, clip, scorer.positions), *notes])


def _check_there(source: MaskSource, clip: Clip) -> None:
    """Refuse a sequence without any mask.

    Raises:
        InputError: there is none.
    """
    if not source.frames(clip.name):
        raise InputError(
            f"{source.location}: there are no masks of sequence {clip.name}.",
            hint="Masks are looked for in a folder of the sequence's name.",
        )


def _scorer_of(clip: Clip, protocol: Protocol) -> Scorer:
    annotated = [k for k, frame in enumerate(clip.frames) if frame.annotation is not None]
    names = [frame.name for frame in clip.frames]
    first = read_truth(clip, clip.frames[0], kind=clip.label_kind, void=_void_of(protocol))
    return make_scorer(clip.name, protocol, names, annotated, first, objects=clip.objects)


def _void_of(protocol: Protocol) -> VoidUse:
    """What 255 stands for in an annotation: an object id, or void pixels."""
    return "value" if protocol.void == "object" else "keep"


def _count(
    source: MaskSource, clip: Clip, protocol: Protocol, scorer: Scorer, positions: Iterable[int]
) -> list[str]:
    """Add the frames at these positions to a scorer; returns what was normalised in reading."""
    void = _void_of(protocol)
    size = (clip.height, clip.width)
    notes: dict[str, None] = {}
    for position in positions:
        frame = clip.frames[position]
        read = source.read(
            clip.name,
            frame.name,
            protocol.prediction_kind,
            size=size,
            single_object=scorer.single_object,
            void="value" if void == "value" else "refuse",
        )
        if read.note:
            notes[read.note] = None
        where = source.describe(clip.name, frame.name)
        truth = read_truth(clip, frame, kind=clip.label_kind, void=void)
        scorer.add(position, read.labels, truth, where=where)
    return list(notes)


def _frame_notes(source: MaskSource, clip: Clip, positions: tuple[int, ...]) -> list[str]:
    """What is odd about the set of frames that have masks."""
    present = set(source.frames(clip.name))
    names = {frame.name for frame in clip.frames}
    counted = {clip.frames[k].name for k in positions}
    annotated = {frame.name for frame in clip.frames if frame.annotation is not None}
    notes = []
    if annotated - counted - present:
        notes.append("masks are missing on annotated frames that do not count")
    if present - names:
        notes.append("masks of frames that the sequence does not have are ignored")
    return notes
