"""Scoring predicted mask files against a dataset's annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vosbench.data.masks import MaskSource
from vosbench.data.masks.labels import VoidUse, decode_mask
from vosbench.data.masks.stores import read_file
from vosbench.errors import InputError, UsageError, VosbenchError
from vosbench.evaluate.apart import score_apart
from vosbench.evaluate.arrays import make_scorer
from vosbench.evaluate.evaluation import Evaluation, evaluation_of
from vosbench.evaluate.score import SequenceScore
from vosbench.metrics import Protocol, get_protocol
from vosbench.types import FrameRef, LabelMap
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
        processes: worker processes; each scores whole sequences. A script that asks for more than
            one needs the usual `if __name__ == "__main__"` guard.
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
    for outcome in _outcomes(source, sequences, rules, processes):
        outcomes[outcome.sequence] = outcome
        if progress is not None:
            progress(outcome.sequence, len(outcomes), len(sequences))
    ordered = [outcomes[clip.name] for clip in sequences]
    warnings = []
    extra = sorted(set(source.sequences()) - set(outcomes))
    if extra:
        named = ", ".join(extra[:_NAMED_EXTRAS]) + (", ..." if len(extra) > _NAMED_EXTRAS else "")
        warnings.append(f"{len(extra)} sequence(s) with masks are not among those scored: {named}")
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


def score_sequence(source: MaskSource, clip: Clip, protocol: Protocol) -> SequenceScore:
    """Score one sequence from files.

    Raises:
        InputError: a mask or annotation is missing or cannot be used; the message names the file.
    """
    if not source.frames(clip.name):
        raise InputError(
            f"{source.location}: there are no masks of sequence {clip.name}.",
            hint="Masks are looked for in a folder of the sequence's name.",
        )
    if any(one.annotations is not None for one in clip.objects):
        return score_apart(source, clip, protocol)
    annotated = [k for k, frame in enumerate(clip.frames) if frame.annotation is not None]
    plain = protocol.void == "object"
    first = _read_truth(clip, clip.frames[0], plain=plain)
    scorer = make_scorer(
        clip.name,
        protocol,
        [frame.name for frame in clip.frames],
        annotated,
        first,
        objects=clip.objects,
    )
    notes: dict[str, None] = {}
    for position in scorer.positions:
        frame = clip.frames[position]
        read = source.read(
            clip.name,
            frame.name,
            protocol.prediction_kind,
            size=first.shape,
            single_object=scorer.single_object,
            void="value" if plain else "refuse",
        )
        if read.note:
            notes[read.note] = None
        where = source.describe(clip.name, frame.name)
        truth = _read_truth(clip, frame, plain=plain)
        scorer.add(position, read.labels, truth, where=where)
    return scorer.finish([*_frame_notes(source, clip, scorer.positions), *notes])


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


def _read_truth(clip: Clip, frame: FrameRef, *, plain: bool) -> LabelMap:
    """An annotation with its void pixels; `plain` takes 255 for an object id."""
    path = frame.annotation
    if path is None:
        raise InputError(
            f"{clip.name}: frame {frame.name} has no annotation, so no objects are defined.",
            hint="Check the annotation folder of the dataset card.",
        )
    try:
        data = read_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: the annotation cannot be read ({error.strerror or error}).",
            hint="Check the data folder.",
        ) from error
    size = (clip.height, clip.width)
    void: VoidUse = "value" if plain else "keep"
    return decode_mask(data, clip.label_kind, size=size, void=void, where=str(path)).labels


@dataclass(frozen=True)
class _Failure:
    """A sequence that could not be scored, and why."""

    sequence: str
    reason: str


@dataclass(frozen=True)
class _Job:
    """What all sequences have in common; a worker process gets it once."""

    source: MaskSource
    protocol: Protocol

    def attempt(self, clip: Clip) -> SequenceScore | _Failure:
        """Score a sequence, or say why it cannot be."""
        try:
            return score_sequence(self.source, clip, self.protocol)
        except VosbenchError as error:
            # The reason always stands beside the name.
            reason = str(error).removeprefix(f"{clip.name}: ")
            return _Failure(clip.name, f"{reason} {error.hint}".strip())


def _outcomes(
    source: MaskSource, sequences: Sequence[Clip], protocol: Protocol, processes: int
) -> Iterator[SequenceScore | _Failure]:
    """Score all sequences, in any order. Long sequences go first, so that workers end together."""
    job = _Job(source, protocol)
    workers = min(processes, len(sequences))
    if workers == 1:
        return map(job.attempt, sequences)
    from vosbench.evaluate.workers import in_processes

    ordered = sorted(sequences, key=lambda clip: -len(clip.frames) * len(clip.object_ids))
    return in_processes(job.attempt, ordered, workers)
