"""Scoring one sequence frame by frame, from arrays.

Both ways in, files and arrays in memory, end here. Nothing but counts is kept of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import InputError
from vosbench.evaluate.checks import MaskChecks
from vosbench.metrics import (
    COUNT_COLUMNS,
    Figures,
    Protocol,
    boundary_accuracy,
    frame_counts,
    get_protocol,
    mean_figures,
    object_figures,
    region_similarity,
)
from vosbench.types import LabelMap

__all__ = ["SequenceScore", "SequenceScorer", "score_arrays"]


@dataclass(frozen=True)
class SequenceScore:
    """Counts of one sequence and what follows from them.

    Attributes:
        sequence: name.
        frame_names: file stems of all frames of the sequence, in order.
        object_ids: ids that count, ascending.
        evaluated: objects×frames bool, whether the protocol counts this object on this frame.
        counts: objects×frames×6 int64, columns as in `COUNT_COLUMNS`; 0 where not evaluated.
        findings: warnings, in words.
        notes: normalisations applied to the predicted files, in words.
    """

    sequence: str
    frame_names: tuple[str, ...]
    object_ids: tuple[int, ...]
    evaluated: NDArray[np.bool_]
    counts: NDArray[np.int64]
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def region(self) -> NDArray[np.float64]:
        """J, objects×frames float64; NaN where not evaluated."""
        return np.where(self.evaluated, region_similarity(self.counts), np.nan)

    @cached_property
    def boundary(self) -> NDArray[np.float64]:
        """F, objects×frames float64; NaN where not evaluated."""
        return np.where(self.evaluated, boundary_accuracy(self.counts), np.nan)

    @property
    def frames_evaluated(self) -> int:
        """Number of frames on which any object counts."""
        return int(self.evaluated.any(axis=0).sum())

    def object_figures(self, *, official_decay: bool = False) -> tuple[Figures, ...]:
        """The figures of each object, ordered like `object_ids`."""
        return tuple(
            object_figures(region[chosen], boundary[chosen], official_decay=official_decay)
            for region, boundary, chosen in zip(
                self.region, self.boundary, self.evaluated, strict=True
            )
        )

    def figures(self, *, official_decay: bool = False) -> Figures:
        """Mean over the objects of the sequence."""
        figures = mean_figures(self.object_figures(official_decay=official_decay))
        if figures is None:
            raise ValueError(f"{self.sequence} has no objects.")
        return figures


class SequenceScorer:
    """Collects the counts of one sequence.

    Args:
        sequence: name.
        protocol: rules.
        frame_names: file stems of all frames.
        annotated: positions of the annotated frames, ascending; the first must be 0.
        first_truth: H×W uint8, the first annotation; void 255 is allowed.

    Raises:
        InputError: the sequence cannot be scored under the protocol.
    """

    def __init__(
        self,
        sequence: str,
        protocol: Protocol,
        frame_names: Sequence[str],
        annotated: Sequence[int],
        first_truth: LabelMap,
    ) -> None:
        if not annotated or annotated[0] != 0:
            raise InputError(
                f"{sequence}: the first frame has no annotation, so no objects are defined.",
                hint="Check the annotation folder of the dataset card.",
            )
        self.positions = tuple(annotated[k] for k in protocol.evaluated(len(annotated)))
        if not self.positions:
            raise InputError(
                f"{sequence}: {len(annotated)} of {len(frame_names)} frames are annotated and "
                f"protocol {protocol.name} does not count the first and last of them, so no frame "
                "is left to score.",
                hint="Score with the full annotations, or leave the sequence out.",
            )
        self._sequence = sequence
        self._protocol = protocol
        self._frame_names = tuple(frame_names)
        first = self._objects_of(first_truth)
        highest = int(first.max())
        if highest == 0:
            raise InputError(
                f"{sequence}: the first annotation holds no object.",
                hint=f"Protocol {protocol.name} scores the objects of the first annotation; check "
                "that the dataset card reads annotations of the right kind.",
            )
        self.object_ids = tuple(range(1, highest + 1))
        shape = (highest, len(self._frame_names))
        self._evaluated = np.zeros(shape, np.bool_)
        self._counts = np.zeros((*shape, len(COUNT_COLUMNS)), np.int64)
        self._checks = MaskChecks(first, highest, len(self.positions))
        self._late: set[int] = set()
        self._phantom = sorted(set(self.object_ids) - set(np.unique(first).tolist()))

    def _objects_of(self, truth: LabelMap) -> LabelMap:
        """The annotation as the protocol sees it: void is background, a union has one object."""
        if truth.max() == 255:
            truth = truth * (truth != 255)
        if self._protocol.objects == "union":
            union: LabelMap = (truth != 0).view(np.uint8)
            return union
        return truth

    def add(self, position: int, prediction: LabelMap, truth: LabelMap, *, where: str = "") -> None:
        """Count one evaluated frame.

        Args:
            position: index of the frame in the sequence.
            prediction: H×W uint8.
            truth: H×W uint8, as annotated; void 255 is allowed.
            where: how to name the prediction in an error.

        Raises:
            InputError: the prediction has another size, or ids that the protocol does not allow.
        """
        where = where or f"{self._sequence}, frame {self._frame_names[position]}"
        if prediction.shape != truth.shape:
            raise InputError(
                f"{where}: the mask is {prediction.shape[1]}x{prediction.shape[0]} px, the "
                f"annotation is {truth.shape[1]}x{truth.shape[0]} px.",
                hint="Nothing is resized silently: write masks at the size of the ground truth.",
            )
        highest = len(self.object_ids)
        truth = self._objects_of(truth)
        if self._protocol.objects == "union":
            prediction = (prediction != 0).view(np.uint8)
        if int(prediction.max()) > highest:
            self._refuse_ids(prediction, where)
        if int(truth.max()) > highest:
            self._late.update(np.unique(truth[truth > highest]).tolist())
        self._counts[:, position] = frame_counts(prediction, truth, self.object_ids)
        self._evaluated[:, position] = True
        self._checks.add(prediction, truth)

    def _refuse_ids(self, prediction: LabelMap, where: str) -> None:
        highest = len(self.object_ids)
        extra = np.unique(prediction[prediction > highest]).tolist()
        raise InputError(
            f"{where}: the mask has object id {', '.join(map(str, extra[:5]))}"
            f"{' and more' if len(extra) > 5 else ''}, but {self._sequence} has objects 1.."
            f"{highest} in its first annotation.",
            hint="Pixel values must be the ids of the first annotation. Values such as 38 or 75 "
            "come from a palette mask saved as grey, in-between values from resizing with "
            "interpolation, 255 from a binary mask (score it with protocol davis2016).",
        )

    def finish(self, notes: Iterable[str] = ()) -> SequenceScore:
        """The score of the frames added.

        Raises:
            InputError: frames are missing.
        """
        missing = [k for k in self.positions if not self._evaluated[:, k].any()]
        if missing:
            raise InputError(
                f"{self._sequence}: no prediction for frame {self._frame_names[missing[0]]}."
            )
        findings = list(self._checks.findings())
        if self._phantom:
            findings.append(
                f"object ids {', '.join(map(str, self._phantom))} do not occur in the first "
                "annotation but count as objects, as in the official tool"
            )
        if self._late:
            findings.append(
                f"object ids {', '.join(map(str, sorted(self._late)))} appear after the first "
                f"annotation and are not scored by protocol {self._protocol.name}"
            )
        return SequenceScore(
            self._sequence,
            self._frame_names,
            self.object_ids,
            self._evaluated,
            self._counts,
            tuple(findings),
            tuple(dict.fromkeys(notes)),
        )


def score_arrays(
    predictions: Iterable[LabelMap | None],
    truths: Iterable[LabelMap | None],
    *,
    protocol: str = "davis2017",
    sequence: str = "sequence",
    frame_names: Sequence[str] | None = None,
) -> SequenceScore:
    """Score one sequence from label maps in memory.

    Args:
        predictions: one H×W uint8 per frame of the sequence; None is allowed where the protocol
            does not count the frame.
        truths: as many H×W uint8; None where the frame is not annotated.
        protocol: name of the protocol.
        sequence: name for messages.
        frame_names: file stems; by default 00000, 00001, ...

    Raises:
        InputError: the sequence cannot be scored.
        UsageError: unknown protocol.
        ValueError: the numbers of predictions and annotations differ.
    """
    truth_list = list(truths)
    names = [f"{k:05d}" for k in range(len(truth_list))] if frame_names is None else frame_names
    annotated = [k for k, truth in enumerate(truth_list) if truth is not None]
    first = (
        truth_list[0] if truth_list and truth_list[0] is not None else np.zeros((1, 1), np.uint8)
    )
    scorer = SequenceScorer(sequence, get_protocol(protocol), names, annotated, first)
    counted = frozenset(scorer.positions)
    pairs = zip(predictions, truth_list, strict=True)
    for position, (prediction, truth) in enumerate(pairs):
        if position in counted and prediction is not None and truth is not None:
            scorer.add(position, prediction, truth)
    return scorer.finish()
