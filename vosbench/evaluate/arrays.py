"""Scoring label maps in memory, and the choice of the scorer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from vosbench.evaluate.proposals import ProposalScorer
from vosbench.evaluate.score import SequenceScore
from vosbench.evaluate.sequence import Scorer, SequenceScorer
from vosbench.metrics import Protocol, get_protocol
from vosbench.types import LabelMap, ObjectInfo

__all__ = ["make_scorer", "score_arrays"]


def make_scorer(
    sequence: str,
    protocol: Protocol,
    frame_names: Sequence[str],
    annotated: Sequence[int],
    first_truth: LabelMap,
    *,
    objects: Sequence[ObjectInfo] = (),
) -> Scorer:
    """The scorer that follows a protocol; arguments and errors are those of `SequenceScorer`."""
    if protocol.objects == "best-match":
        return ProposalScorer(sequence, protocol, frame_names, annotated, first_truth)
    return SequenceScorer(sequence, protocol, frame_names, annotated, first_truth, objects=objects)


def score_arrays(
    predictions: Iterable[LabelMap | None],
    truths: Iterable[LabelMap | None],
    *,
    protocol: str = "davis2017",
    sequence: str = "sequence",
    frame_names: Sequence[str] | None = None,
    objects: Sequence[ObjectInfo] = (),
) -> SequenceScore:
    """Score one sequence from label maps in memory.

    Args:
        predictions: one H×W uint8 per frame of the sequence; None is allowed where the protocol
            does not count the frame.
        truths: as many H×W uint8; None where the frame is not annotated.
        protocol: name of the protocol.
        sequence: name for messages.
        frame_names: file stems; by default 00000, 00001, ...
        objects: what is known of the objects beyond the masks, for protocols that ask for it.

    Raises:
        InputError: the sequence cannot be scored.
        UsageError: unknown protocol.
        ValueError: the numbers of predictions and annotations differ.
    """
    truth_list = list(truths)
    names = [f"{k:05d}" for k in range(len(truth_list))] if frame_names is None else frame_names
    annotated = [k for k, truth in enumerate(truth_list) if truth is not None]
    first = truth_list[0] if annotated[:1] == [0] else None
    if first is None:
        first = np.zeros((1, 1), np.uint8)  # refused below, for the lack of a first annotation
    scorer = make_scorer(sequence, get_protocol(protocol), names, annotated, first, objects=objects)
    counted = frozenset(scorer.positions)
    pairs = zip(predictions, truth_list, strict=True)
    for position, (prediction, truth) in enumerate(pairs):
        if position in counted and prediction is not None and truth is not None:
            scorer.add(position, prediction, truth)
    return scorer.finish()
