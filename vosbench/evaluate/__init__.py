"""From predicted masks, on disk or in memory, to scores."""

from __future__ import annotations

from vosbench.evaluate.arrays import make_scorer, score_arrays
from vosbench.evaluate.evaluation import Evaluation, evaluation_of
from vosbench.evaluate.files import Progress, score_masks, score_sequence
from vosbench.evaluate.matrix import Flip, ProtocolMatrix, ranking_flips, score_matrix
from vosbench.evaluate.official import write_official_csvs
from vosbench.evaluate.reasons import reason_lines
from vosbench.evaluate.score import SequenceScore
from vosbench.evaluate.sequence import Scorer, SequenceScorer

__all__ = [
    "Evaluation",
    "Flip",
    "Progress",
    "ProtocolMatrix",
    "Scorer",
    "SequenceScore",
    "SequenceScorer",
    "evaluation_of",
    "make_scorer",
    "ranking_flips",
    "reason_lines",
    "score_arrays",
    "score_masks",
    "score_matrix",
    "score_sequence",
    "write_official_csvs",
]
