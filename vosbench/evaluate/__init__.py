"""From predicted masks, on disk or in memory, to scores."""

from __future__ import annotations

from vosbench.evaluate.evaluation import Evaluation, evaluation_of
from vosbench.evaluate.files import Progress, score_masks, score_sequence
from vosbench.evaluate.official import write_official_csvs
from vosbench.evaluate.sequence import SequenceScore, SequenceScorer, score_arrays

__all__ = [
    "Evaluation",
    "Progress",
    "SequenceScore",
    "SequenceScorer",
    "evaluation_of",
    "score_arrays",
    "score_masks",
    "score_sequence",
    "write_official_csvs",
]
