"""Looking over the masks while they are scored, for what makes a good or bad score meaningless.

Findings never change a score. They are warnings that save a day: the ground truth scored against
itself, empty masks, the first mask copied to every frame, ids that are permuted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.types import LabelMap

__all__ = ["MaskChecks", "merge_findings"]

PERMUTED_GAIN: Final = 0.2
"""Gain in mean overlap from renaming the objects, from which ids are called permuted."""
_SAMPLED_FRAMES: Final = 12
_SAMPLED_PIXELS: Final = 3
"""Every how many rows and columns the overlap of ids is looked at."""
_NAMED_SEQUENCES: Final = 5
_LABELS: Final = 256


class MaskChecks:
    """What is remembered of a sequence's frames.

    Args:
        first_truth: H×W uint8, the annotation that starts the objects.
        frames: number of frames that will be seen.
    """

    def __init__(self, first_truth: LabelMap, frames: int) -> None:
        self._first_truth = first_truth
        self._seen = 0
        self._identical = True
        self._first_copied = True
        self._predicted = False
        self._annotated = False
        self._overlap: NDArray[np.int64] | None = None
        self._stride = max(1, frames // _SAMPLED_FRAMES)

    def add(self, prediction: LabelMap, truth: LabelMap) -> None:
        """Take note of one evaluated frame (both H×W uint8)."""
        self._identical = self._identical and np.array_equal(prediction, truth)
        self._first_copied = self._first_copied and np.array_equal(prediction, self._first_truth)
        self._predicted = self._predicted or bool(prediction.any())
        self._annotated = self._annotated or bool(truth.any())
        if self._seen % self._stride == 0 and max(int(prediction.max()), int(truth.max())) > 1:
            sample = (slice(None, None, _SAMPLED_PIXELS),) * 2
            pairs = truth[sample].astype(np.intp) * _LABELS + prediction[sample]
            counts = np.bincount(pairs.ravel(), minlength=_LABELS * _LABELS)
            self._overlap = counts if self._overlap is None else self._overlap + counts
        self._seen += 1

    def findings(self, *, ids_matter: bool = True) -> tuple[str, ...]:
        """Warnings about the sequence, the same words for every sequence.

        Args:
            ids_matter: the protocol compares objects by their ids.
        """
        if not self._seen or not self._annotated:
            return ()
        if self._identical:
            return ("predictions are identical to the ground truth",)
        if not self._predicted:
            return ("all predicted masks are empty",)
        if self._first_copied:
            return ("every predicted mask is a copy of the first annotation",)
        if ids_matter and self._overlap is not None and _ids_permuted(self._overlap):
            return (
                "object ids look permuted: renaming the predicted objects would raise the mean "
                f"overlap by more than {PERMUTED_GAIN}; this protocol wants the ids of the first "
                "annotation",
            )
        return ()


def _ids_permuted(overlap: NDArray[np.int64]) -> bool:
    """Whether another assignment of ids fits far better than the given one.

    Args:
        overlap: (65536,) pixels by 256 · true label + predicted label.
    """
    table = overlap.reshape(_LABELS, _LABELS)
    true, predicted = table.sum(axis=1), table.sum(axis=0)
    rows, columns = np.flatnonzero(true[1:]) + 1, np.flatnonzero(predicted[1:]) + 1
    shared = table[np.ix_(rows, columns)]
    iou = shared / (true[rows][:, None] + predicted[columns][None, :] - shared)
    given = float(iou[rows[:, None] == columns[None, :]].sum())
    needed = given + PERMUTED_GAIN * len(rows)
    if not iou.size or float(iou.max(axis=1).sum()) <= needed:
        return False
    from scipy.optimize import linear_sum_assignment

    assigned = linear_sum_assignment(iou, maximize=True)
    return float(iou[assigned].sum()) > needed


def merge_findings(findings: Iterable[tuple[str, str]]) -> list[str]:
    """Turn (sequence, text) pairs into one line per text that names the first few sequences."""
    by_text: dict[str, list[str]] = {}
    for sequence, text in findings:
        by_text.setdefault(text, []).append(sequence)
    lines = []
    for text, sequences in by_text.items():
        named = ", ".join(sequences[:_NAMED_SEQUENCES])
        more = len(sequences) - _NAMED_SEQUENCES
        lines.append(f"{text} ({named}{f' and {more} more' if more > 0 else ''})")
    return lines
