"""Looking over the masks while they are scored, for what makes a good or bad score meaningless.

Findings never change a score. They are warnings that save a day: the ground truth scored against
itself, empty masks, the first mask copied to every frame, ids that are permuted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.types import LabelMap

__all__ = ["MaskChecks", "merge_findings"]

PERMUTED_GAIN: Final = 0.2
"""Gain in mean overlap from renaming the objects, from which ids are called permuted."""
_SAMPLED_FRAMES: Final = 12
_NAMED_SEQUENCES: Final = 5


@dataclass
class MaskChecks:
    """What is remembered of a sequence's frames.

    Attributes:
        first_truth: H×W uint8, the annotation that starts the objects.
        objects: number of objects.
        frames: number of frames that will be seen.
    """

    first_truth: LabelMap
    objects: int
    frames: int

    def __post_init__(self) -> None:
        self._seen = 0
        self._identical = True
        self._first_copied = True
        self._predicted = False
        self._annotated = False
        self._overlap = np.zeros((self.objects + 1, self.objects + 1), np.int64)
        self._stride = max(1, self.frames // _SAMPLED_FRAMES)

    def add(self, prediction: LabelMap, truth: LabelMap) -> None:
        """Take note of one evaluated frame (both H×W uint8, ids 0..objects)."""
        self._identical = self._identical and np.array_equal(prediction, truth)
        self._first_copied = self._first_copied and np.array_equal(prediction, self.first_truth)
        self._predicted = self._predicted or bool(prediction.any())
        self._annotated = self._annotated or bool(truth.any())
        if self.objects > 1 and self._seen % self._stride == 0:
            side = self.objects + 1
            pairs = np.minimum(truth, self.objects).astype(np.intp) * side + prediction
            self._overlap += np.bincount(pairs.ravel(), minlength=side * side).reshape(side, side)
        self._seen += 1

    def findings(self) -> tuple[str, ...]:
        """Warnings about the sequence, the same words for every sequence."""
        if not self._seen or not self._annotated:
            return ()
        if self._identical:
            return ("predictions are identical to the ground truth",)
        if not self._predicted:
            return ("all predicted masks are empty",)
        if self._first_copied:
            return ("every predicted mask is a copy of the first annotation",)
        if self.objects > 1 and _ids_permuted(self._overlap):
            return (
                "object ids look permuted: renaming the predicted objects would raise the mean "
                f"overlap by more than {PERMUTED_GAIN}; this protocol wants the ids of the first "
                "annotation",
            )
        return ()


def _ids_permuted(overlap: NDArray[np.int64]) -> bool:
    """Whether another assignment of ids fits far better than the given one.

    Args:
        overlap: (1+objects)×(1+objects) pixels with that true and that predicted label.
    """
    shared = overlap[1:, 1:]
    union = overlap.sum(axis=1)[1:, None] + overlap.sum(axis=0)[None, 1:] - shared
    iou = shared / np.maximum(union, 1)
    given = float(np.trace(iou))
    needed = given + PERMUTED_GAIN * len(iou)
    if float(iou.max(axis=1).sum()) <= needed:
        return False
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(iou, maximize=True)
    return float(iou[rows, columns].sum()) > needed


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
