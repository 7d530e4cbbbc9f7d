"""Looking over the masks while they are scored, for what makes a good or bad score meaningless.

Findings never change a score. They are warnings that save a day: the ground truth scored against
itself, empty masks, the first mask copied to every frame, ids that are permuted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics import Look, look_at
from vosbench.types import LabelMap

__all__ = ["MaskChecks", "merge_findings"]

PERMUTED_GAIN: Final = 0.2
"""Gain in mean overlap from renaming the objects, from which ids are called permuted."""
_SAMPLED_FRAMES: Final = 12
_SAMPLED_PIXELS: Final = 6
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
        self._overlap = np.zeros((_LABELS, _LABELS), np.int64)
        self._stride = max(1, frames // _SAMPLED_FRAMES)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the first annotation behind: what another process counted is only joined."""
        return {**self.__dict__, "_first_truth": None}

    def add(
        self,
        prediction: LabelMap,
        truth: LabelMap,
        seen: Look | None = None,
        *,
        number: int | None = None,
    ) -> None:
        """Take note of one evaluated frame.

        Args:
            prediction: H×W uint8.
            truth: H×W uint8.
            seen: what `look_at` gave for these maps, if it was called.
            number: which of the frames it is, if they are not added in order from the first.
        """
        seen = look_at(prediction, truth) if seen is None else seen
        self._identical = self._identical and np.array_equal(prediction, truth)
        self._first_copied = self._first_copied and np.array_equal(prediction, self._first_truth)
        self._predicted = self._predicted or bool(seen.predicted)
        self._annotated = self._annotated or bool(seen.true)
        highest = max((*seen.predicted, *seen.true), default=0)
        number = self._seen if number is None else number
        if number % self._stride == 0 and highest > 1:
            sample = (slice(None, None, _SAMPLED_PIXELS),) * 2
            labels = highest + 1
            pairs = truth[sample].astype(np.intp) * labels + prediction[sample]
            counts = np.bincount(pairs.ravel(), minlength=labels * labels)
            self._overlap[:labels, :labels] += counts.reshape(labels, labels)
        self._seen += 1

    def take(self, other: MaskChecks) -> None:
        """Add what was remembered of other frames of the sequence."""
        self._identical = self._identical and other._identical
        self._first_copied = self._first_copied and other._first_copied
        self._predicted = self._predicted or other._predicted
        self._annotated = self._annotated or other._annotated
        self._overlap += other._overlap
        self._seen += other._seen

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
        if ids_matter and self._overlap.any() and _ids_permuted(self._overlap):
            return (
                "object ids look permuted: renaming the predicted objects would raise the mean "
                f"overlap by more than {PERMUTED_GAIN}; this protocol wants the ids of the first "
                "annotation",
            )
        return ()


def _ids_permuted(table: NDArray[np.int64]) -> bool:
    """Whether another assignment of ids fits far better than the given one.

    Args:
        table: 256×256 pixels by true and predicted label.
    """
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
