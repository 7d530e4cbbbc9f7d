"""Scoring one sequence whose predicted objects carry ids of their own choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from vosbench.data.masks import VOID
from vosbench.errors import InputError
from vosbench.evaluate.checks import MaskChecks
from vosbench.evaluate.score import SequenceScore
from vosbench.evaluate.sequence import check_size, counted_positions, present_ids
from vosbench.metrics import (
    COUNT_COLUMNS,
    Protocol,
    boundary_accuracy,
    look_at,
    pair_counts,
    region_similarity,
)
from vosbench.types import LabelMap

__all__ = ["ProposalScorer"]


class ProposalScorer:
    """Collects the counts of one sequence for the assignment of proposals to objects.

    (davis2017-evaluation, `_evaluate_unsupervised`.) Arguments and errors are those of
    `SequenceScorer`.
    """

    def __init__(
        self,
        sequence: str,
        protocol: Protocol,
        frame_names: Sequence[str],
        annotated: Sequence[int],
        first_truth: LabelMap,
    ) -> None:
        self.positions = counted_positions(sequence, protocol, frame_names, annotated)
        self._sequence = sequence
        self._protocol = protocol
        self._frame_names = tuple(frame_names)
        first = first_truth * (first_truth != VOID)
        self._objects = max(present_ids(first), default=0)
        if not self._objects:
            raise InputError(
                f"{sequence}: the first annotation holds no object.",
                hint="Check that the dataset card reads annotations of the right kind.",
            )
        self._tables: dict[int, NDArray[np.int64]] = {}
        self._areas: dict[int, NDArray[np.int64]] = {}
        self._proposals = self._objects
        self._checks = MaskChecks(first, len(self.positions))

    @property
    def single_object(self) -> bool:
        """Never: any number of objects may be predicted."""
        return False

    def add(self, position: int, prediction: LabelMap, truth: LabelMap, *, where: str = "") -> None:
        """Count one frame; see `Scorer.add`."""
        where = where or f"{self._sequence}, frame {self._frame_names[position]}"
        check_size(prediction, truth, where)
        highest, limit = int(prediction.max()), self._protocol.max_proposals
        if highest > limit:
            raise InputError(
                f"{where}: the mask has object id {highest}; protocol {self._protocol.name} allows "
                f"{limit} proposals.",
                hint=f"Number the predicted objects 1..{limit}.",
            )
        counted = truth != VOID
        prediction, truth = prediction * counted, truth * counted
        self._proposals = max(self._proposals, highest)
        # An empty proposal stands for all that this frame lacks.
        self._tables[position] = pair_counts(prediction, truth, highest + 1, self._objects)
        sizes = np.bincount(truth.ravel(), minlength=self._objects + 1)
        self._areas[position] = sizes[1 : self._objects + 1]
        self._checks.add(prediction, truth, look_at(prediction, truth))

    def finish(self, notes: Iterable[str] = ()) -> SequenceScore:
        """The score under the best assignment; see `Scorer.finish`."""
        missing = [k for k in self.positions if k not in self._tables]
        if missing:
            raise InputError(
                f"{self._sequence}: no prediction for frame {self._frame_names[missing[0]]}."
            )
        frames = len(self.positions)
        shape = (self._proposals, self._objects, frames, len(COUNT_COLUMNS))
        table = np.zeros(shape, np.int64)
        for column, position in enumerate(self.positions):
            counts = self._tables[position]
            table[:, :, column] = counts[-1]
            table[: len(counts) - 1, :, column] = counts[:-1]
        j, f = region_similarity(table).mean(axis=2), boundary_accuracy(table).mean(axis=2)
        from scipy.optimize import linear_sum_assignment

        proposals, objects = linear_sum_assignment(-(j + f) / 2)
        places = np.array(self.positions)
        evaluated = np.zeros((self._objects, len(self._frame_names)), np.bool_)
        evaluated[:, places] = True
        assigned = np.zeros((*evaluated.shape, len(COUNT_COLUMNS)), np.int64)
        areas = np.zeros((*evaluated.shape, 2), np.int64)
        true = np.stack([self._areas[k] for k in self.positions], axis=1)
        for proposal, index in zip(proposals.tolist(), objects.tolist(), strict=True):
            counts = table[proposal, index]
            assigned[index, places] = counts
            areas[index, places, 0] = counts[:, 0] + counts[:, 1] - true[index]
            areas[index, places, 1] = true[index]
        return SequenceScore(
            self._sequence,
            self._protocol,
            self._frame_names,
            tuple(range(1, self._objects + 1)),
            evaluated,
            assigned,
            areas,
            self._checks.findings(ids_matter=False),
            tuple(dict.fromkeys(notes)),
        )
