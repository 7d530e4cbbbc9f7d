"""Scoring one sequence frame by frame, from arrays.

Both ways in, files and arrays in memory, end here. Nothing but counts is kept of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from vosbench.data.masks import VOID
from vosbench.errors import InputError
from vosbench.evaluate.checks import MaskChecks
from vosbench.evaluate.metadata import check_metadata, check_objects_known, counted_ranges
from vosbench.evaluate.score import SequenceScore
from vosbench.metrics import COUNT_COLUMNS, Protocol, count_frame, look_at
from vosbench.types import LabelMap, ObjectInfo

__all__ = [
    "Scorer",
    "SequenceScorer",
    "check_size",
    "counted_positions",
    "name_ids",
    "present_ids",
    "refuse_ids",
]

_NAMED_IDS = 5
_FEW_IDS = 8
_ROWS_APART = 16


class Scorer(Interface):
    """Collects the counts of one sequence."""

    @property
    def positions(self) -> tuple[int, ...]:
        """Indices of the frames that must be added, ascending."""
        ...

    @property
    def single_object(self) -> bool:
        """Whether exactly one object is expected in the predictions."""
        ...

    def add(self, position: int, prediction: LabelMap, truth: LabelMap, *, where: str = "") -> None:
        """Count one frame.

        Args:
            position: index of the frame in the sequence.
            prediction: H×W uint8.
            truth: H×W uint8, as annotated; void 255 is allowed.
            where: how to name the prediction in an error.

        Raises:
            InputError: the prediction has another size, or ids that the protocol does not allow.
        """
        ...

    def finish(self, notes: Iterable[str] = ()) -> SequenceScore:
        """The score of the frames added.

        Raises:
            InputError: frames are missing, or there is no object to score.
        """
        ...


class SequenceScorer:
    """Collects the counts of one sequence for protocols that compare objects by id.

    Args:
        sequence: name.
        protocol: rules.
        frame_names: file stems of all frames.
        annotated: positions of the annotated frames, ascending; the first must be 0.
        first_truth: H×W uint8, the first annotation; void 255 is allowed.
        objects: what the metadata tell of the objects.

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
        *,
        objects: Sequence[ObjectInfo] = (),
    ) -> None:
        check_metadata(sequence, protocol, objects)
        self.positions = counted_positions(sequence, protocol, frame_names, annotated)
        self._objects = tuple(objects)
        self._ranges: dict[int, tuple[int, ...]] = {}
        self._sequence = sequence
        self._protocol = protocol
        self._frame_names = tuple(frame_names)
        first = self._objects_of(first_truth, present_ids(first_truth))
        self._first_ids = present_ids(first)
        self._fixed_ids: tuple[int, ...] | None = None
        if protocol.objects in ("union", "first-frame"):
            self._fixed_ids = tuple(range(1, max(self._first_ids, default=0) + 1))
        elif protocol.objects == "listed":
            self._fixed_ids = self._first_ids
        elif protocol.objects == "own-range":
            self._ranges = counted_ranges(sequence, frame_names, annotated, objects)
            self._fixed_ids = tuple(self._ranges)
            self.positions = tuple(sorted({k for own in self._ranges.values() for k in own}))
        if self._fixed_ids == ():
            raise InputError(
                f"{sequence}: there is no object to score under protocol {protocol.name}.",
                hint="It scores the objects that the metadata list over three or more frames."
                if protocol.objects == "own-range"
                else "It scores the objects of the first annotation, which holds none; check that "
                "the dataset card reads annotations of the right kind.",
            )
        self._numbers = {position: number for number, position in enumerate(self.positions)}
        self._counts: dict[int, NDArray[np.int64]] = {}
        self._added: set[int] = set()
        self._checks = MaskChecks(first, len(self.positions))
        self._late: set[int] = set()
        self._extra: set[int] = set()

    @property
    def single_object(self) -> bool:
        """Whether exactly one object is expected in the predictions."""
        return self._fixed_ids is not None and len(self._fixed_ids) == 1

    def _objects_of(self, truth: LabelMap, ids: tuple[int, ...]) -> LabelMap:
        """The annotation, in which these ids occur, as the protocol sees it."""
        if self._protocol.void == "background" and VOID in ids[-1:]:
            truth, ids = truth * (truth != VOID), ids[:-1]
        return _union(truth, ids) if self._protocol.objects == "union" else truth

    def add(self, position: int, prediction: LabelMap, truth: LabelMap, *, where: str = "") -> None:
        """Count one evaluated frame; see `Scorer.add`."""
        where = where or f"{self._sequence}, frame {self._frame_names[position]}"
        check_size(prediction, truth, where)
        seen = look_at(prediction, truth)
        given = (prediction, truth)
        truth = self._objects_of(truth, seen.true)
        if self._protocol.objects == "union":
            prediction = _union(prediction, seen.predicted)
        if prediction is not given[0] or truth is not given[1]:
            seen = look_at(prediction, truth)
        ids = self._fixed_ids
        if ids is None:
            ids = tuple(sorted({*seen.true, *seen.predicted}))
            self._late.update(seen.true)
        else:
            if seen.predicted and seen.predicted[-1] > ids[-1]:
                if self._protocol.extra_ids == "refuse":
                    refuse_ids(seen.predicted, ids[-1], self._sequence, where)
                self._extra.update(set(seen.predicted) - set(ids))
            if seen.true and seen.true[-1] > ids[-1]:
                self._late.update(set(seen.true) - set(ids))
        tolerance = self._protocol.tolerance
        frame = count_frame(prediction, truth, ids, tolerance=tolerance, seen=seen)
        for row, object_id in enumerate(ids):
            if object_id not in self._counts:
                shape = (len(self._frame_names), len(COUNT_COLUMNS) + 2)
                self._counts[object_id] = np.zeros(shape, np.int64)
            self._counts[object_id][position, :-2] = frame.counts[row]
            self._counts[object_id][position, -2:] = frame.areas[row]
        self._added.add(position)
        self._checks.add(prediction, truth, seen, number=self._numbers[position])

    def take(self, other: SequenceScorer) -> None:
        """Add the frames that another scorer of this sequence counted, all of them later ones."""
        for object_id, counts in other._counts.items():
            own = self._counts.get(object_id)
            self._counts[object_id] = counts if own is None else own + counts
        self._added |= other._added
        self._late |= other._late
        self._extra |= other._extra
        self._checks.take(other._checks)

    def finish(self, notes: Iterable[str] = ()) -> SequenceScore:
        """The score of the frames added; see `Scorer.finish`."""
        missing = [k for k in self.positions if k not in self._added]
        if missing:
            raise InputError(
                f"{self._sequence}: no prediction for frame {self._frame_names[missing[0]]}."
            )
        chosen = {k: self._frames_of(k) for k in sorted(self._counts)}
        ids = tuple(k for k, frames in chosen.items() if frames.any())
        if not ids:
            raise InputError(
                f"{self._sequence}: no annotation that protocol {self._protocol.name} counts holds "
                "an object.",
                hint="Check that the dataset card reads annotations of the right kind.",
            )
        check_objects_known(self._sequence, self._protocol, ids, self._objects)
        evaluated = np.stack([chosen[k] for k in ids])
        table = np.stack([self._counts[k] for k in ids]) * evaluated[:, :, None]
        return SequenceScore(
            self._sequence,
            self._protocol,
            self._frame_names,
            ids,
            evaluated,
            table[..., :-2],
            table[..., -2:],
            (*self._checks.findings(), *self._id_findings(ids, table[..., -2:].sum(axis=1))),
            tuple(dict.fromkeys(notes)),
            tuple(one.object_id for one in self._objects if one.seen),
        )

    def _frames_of(self, object_id: int) -> NDArray[np.bool_]:
        """On which frames an object counts, (frames,) bool; nowhere if it does not count at all."""
        positions = np.array(self.positions)
        frames = np.zeros(len(self._frame_names), np.bool_)
        if self._fixed_ids is not None:
            frames[np.array(self._ranges.get(object_id, positions))] = True
            return frames
        areas = self._counts[object_id][positions, -2:]
        shown = np.flatnonzero(areas[:, 1])
        if self._protocol.objects == "given":
            if object_id in self._first_ids:
                frames[positions] = True
            elif shown.size:
                frames[positions[shown[0] + 1 :]] = True
        elif shown.size:
            seen = np.flatnonzero(areas.any(axis=1))
            frames[positions[seen[0] :]] = True
        return frames

    def _id_findings(self, ids: tuple[int, ...], areas: NDArray[np.int64]) -> list[str]:
        """What is odd about the ids; `areas` (objects, 2) are predicted and true px over frames."""
        findings = []
        unpredicted = [k for k, (p, t) in zip(ids, areas.tolist(), strict=True) if t and not p]
        if unpredicted and areas[:, 0].any():
            findings.append(f"object ids {name_ids(unpredicted)} are never predicted")
        rules = self._protocol
        by_first = self._fixed_ids is not None and not self._ranges
        phantom = sorted(set(ids) - set(self._first_ids)) if by_first else []
        if phantom:
            findings.append(
                f"object ids {name_ids(phantom)} do not occur in the first annotation but count as "
                "objects, as in the official tool"
            )
        if self._fixed_ids is None:
            self._extra = set(self._counts) - self._late - set(self._first_ids)
        elif self._late:
            findings.append(
                f"object ids {name_ids(self._late)} are annotated, but not among the objects that "
                f"protocol {rules.name} scores"
                if self._ranges
                else f"object ids {name_ids(self._late)} appear after the first annotation and are "
                f"not scored by protocol {rules.name}"
            )
        if self._extra:
            findings.append(
                f"predicted object ids {name_ids(self._extra)} are not annotated; protocol "
                f"{rules.name} does not count them, so they cost only the pixels they take"
            )
        return findings


def _union(labels: LabelMap, ids: tuple[int, ...]) -> LabelMap:
    """All objects, which have these ids, as object 1."""
    if ids in ((), (1,)):
        return labels
    union: LabelMap = (labels != 0).view(np.uint8)
    return union


def present_ids(labels: LabelMap) -> tuple[int, ...]:
    """Non-zero values of a label map, ascending."""
    highest = int(labels.max())
    if highest <= _FEW_IDS:
        # Most objects are met in a few rows; all rows are searched for the others only.
        few = labels[::_ROWS_APART]
        return tuple(k for k in range(1, highest + 1) if np.any(few == k) or np.any(labels == k))
    return tuple(np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1)


def name_ids(ids: Iterable[int]) -> str:
    """The first few ids in words."""
    ordered = sorted(ids)
    more = " and more" if len(ordered) > _NAMED_IDS else ""
    return ", ".join(map(str, ordered[:_NAMED_IDS])) + more


def counted_positions(
    sequence: str, protocol: Protocol, frame_names: Sequence[str], annotated: Sequence[int]
) -> tuple[int, ...]:
    """Indices of the frames that count.

    Raises:
        InputError: none do, or the first frame has no annotation.
    """
    if not annotated or annotated[0] != 0:
        raise InputError(
            f"{sequence}: the first frame has no annotation, so no objects are defined.",
            hint="Check the annotation folder of the dataset card.",
        )
    positions = tuple(annotated[k] for k in protocol.evaluated(len(annotated)))
    if not positions:
        raise InputError(
            f"{sequence}: {len(annotated)} of {len(frame_names)} frames are annotated and "
            f"protocol {protocol.name} does not count the first"
            f"{' and last of them' if protocol.drop_last else ' of them'}, so no frame is left to "
            "score.",
            hint="Score with the full annotations, or leave the sequence out.",
        )
    return positions


def check_size(prediction: LabelMap, truth: LabelMap, where: str) -> None:
    """Refuse a prediction of another size.

    Raises:
        InputError: the sizes differ.
    """
    if prediction.shape != truth.shape:
        raise InputError(
            f"{where}: the mask is {prediction.shape[1]}x{prediction.shape[0]} px, the "
            f"annotation is {truth.shape[1]}x{truth.shape[0]} px.",
            hint="Nothing is resized silently: write masks at the size of the ground truth.",
        )


def refuse_ids(predicted: Iterable[int], highest: int, sequence: str, where: str) -> None:
    """Refuse a prediction with ids above the highest.

    Raises:
        InputError: always.
    """
    extra = [k for k in predicted if k > highest]
    raise InputError(
        f"{where}: the mask has object id {name_ids(extra)}, but {sequence} has objects 1.."
        f"{highest} in its first annotation.",
        hint="Pixel values must be the ids of the first annotation. Values such as 38 or 75 come "
        "from a palette mask saved as grey, in-between values from resizing with interpolation, "
        "255 from a binary mask (score it with protocol davis2016).",
    )
