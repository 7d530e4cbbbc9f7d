"""Scoring sequences whose objects are annotated apart, each on frames of its own.

(sam2, `sav_dataset/utils/sav_benchmark.py`, for the folders of SA-V.)
"""

from __future__ import annotations

import numpy as np

from vosbench.data.masks import MaskSource
from vosbench.data.masks.source import read_object
from vosbench.errors import InputError
from vosbench.evaluate.score import SequenceScore
from vosbench.evaluate.sequence import SequenceScorer, name_ids
from vosbench.evaluate.truth import read_truth
from vosbench.metrics import Protocol
from vosbench.types import ObjectInfo
from vosbench.types import Sequence as Clip

__all__ = ["score_apart"]

_LEAST_FRAMES = 3
"""The first and the last annotated frame of an object do not count."""


def score_apart(source: MaskSource, clip: Clip, protocol: Protocol) -> SequenceScore:
    """Score each object of a sequence by itself, as the only object of its annotations.

    Objects may overlap, in the annotations and, with one folder per object, in the predictions.
    An object that no counted annotation shows does not count.

    Raises:
        InputError: a mask is missing or cannot be used, the protocol compares objects otherwise, or
            no object counts.
    """
    if protocol.objects != "seen":
        raise InputError(
            f"{clip.name}: objects are annotated apart and may overlap, which protocol "
            f"{protocol.name} does not know.",
            hint="Protocols sa-v and vos-benchmark score such annotations.",
        )
    names = tuple(frame.name for frame in clip.frames)
    scores: dict[int, SequenceScore] = {}
    unseen: list[int] = []
    for one in clip.objects:
        score = _score_object(source, clip, protocol, one)
        if score is None:
            unseen.append(one.object_id)
        else:
            scores[one.object_id] = score
    if not scores:
        raise InputError(
            f"{clip.name}: no object is visible on an annotated frame that counts.",
            hint="Check the annotation folder of the dataset card.",
        )
    return _joined(clip, protocol, names, scores, unseen)


def _score_object(
    source: MaskSource, clip: Clip, protocol: Protocol, one: ObjectInfo
) -> SequenceScore | None:
    """The score of one object; None where no annotation that counts shows it."""
    frames = one.annotations or ()
    if len(frames) < _LEAST_FRAMES:
        return None
    name = f"{clip.name}, object {one.object_id}"
    names = [frame.name for frame in frames]
    first = read_truth(clip, frames[0], kind="binary", void="value")
    scorer = SequenceScorer(name, protocol, names, range(len(frames)), first)
    notes: dict[str, None] = {}
    shown = False
    for position in scorer.positions:
        frame = frames[position]
        truth = read_truth(clip, frame, kind="binary", void="value")
        shown = shown or bool(truth.any())
        read = read_object(
            source, clip.name, frame.name, one.object_id, size=(clip.height, clip.width)
        )
        if read.note:
            notes[read.note] = None
        where = source.describe(clip.name, frame.name)
        scorer.add(position, read.labels, truth, where=where)
    return scorer.finish(notes) if shown else None


def _joined(
    clip: Clip,
    protocol: Protocol,
    names: tuple[str, ...],
    scores: dict[int, SequenceScore],
    unseen: list[int],
) -> SequenceScore:
    """The objects' scores as one score of the sequence."""
    place = {name: k for k, name in enumerate(names)}
    shape = (len(scores), len(names))
    evaluated = np.zeros(shape, np.bool_)
    first = next(iter(scores.values()))
    counts = np.zeros((*shape, first.counts.shape[-1]), np.int64)
    areas = np.zeros((*shape, first.areas.shape[-1]), np.int64)
    for row, score in enumerate(scores.values()):
        columns = [place[name] for name in score.frame_names]
        evaluated[row, columns] = score.evaluated[0]
        counts[row, columns] = score.counts[0]
        areas[row, columns] = score.areas[0]
    # What is odd about one object of several need not be odd.
    findings = [
        text for text in first.findings if all(text in score.findings for score in scores.values())
    ]
    if unseen:
        findings.append(
            f"objects {name_ids(unseen)} are not visible on a frame that counts and are not scored;"
            " the evaluator of SA-V stops there"
        )
    notes = dict.fromkeys(text for score in scores.values() for text in score.notes)
    return SequenceScore(
        clip.name,
        protocol,
        names,
        tuple(scores),
        evaluated,
        counts,
        areas,
        tuple(findings),
        tuple(notes),
    )
