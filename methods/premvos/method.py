"""Builds premvos-merge: as a streaming method, or on whole clips where files stand in for networks.

Files are found by the names of frames, which a streaming method is not told. Besides, a time per
frame would be that of reading what was computed elsewhere, so none is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import numpy as np

from vosbench.data.images import read_frame
from vosbench.data.masks import read_labels
from vosbench.errors import InputError
from vosbench.types import (
    RGB,
    BuildOptions,
    ClipInfo,
    FrameRef,
    LabelMap,
    Prediction,
    Sequence,
)

from .assemble import Assembled, assemble
from .backends import FlowFiles, FrameView, ProposalFiles
from .parameters import Parameters
from .tracking import Tracking

__all__ = ["MergeOfFiles", "MergeSession", "StreamingMerge", "build"]

_NOT_THE_ORIGINAL: Final = (
    "not PReMVOS: its merging stage with other back ends; scores are those of the back ends named"
)


class _Merge:
    """What both ways of running have in common.

    Attributes:
        weights_path: checkpoint of PWC-Net if `--weights` named it.
        weights_note: the back ends, for the run's record.
        notes: for the run's record.
        untrained: whether a back end has random weights.
    """

    def __init__(self, assembled: Assembled, parameters: Parameters) -> None:
        self._assembled = assembled
        self._parameters = parameters
        self.weights_path = assembled.weights_path
        parts = assembled.back_ends.all()
        texts = [getattr(part, "note", "") or type(part).__name__ for part in parts]
        self.weights_note = "; ".join(texts)
        self.notes: tuple[str, ...] = (_NOT_THE_ORIGINAL,)
        self.untrained = any(getattr(part, "untrained", False) for part in parts)

    @cached_property
    def content_sha256(self) -> str:
        """Digest of weights and files in use."""
        parts = "\n".join(digest() for digest in self._assembled.contents)
        return hashlib.sha256(parts.encode()).hexdigest()

    def _tracking(self, size: tuple[int, int]) -> Tracking:
        return Tracking(
            self._assembled.back_ends,
            size,
            weights=self._parameters.weights,
            reach=self._parameters.reach,
        )


class StreamingMerge(_Merge):
    """See `vosbench.types.Method`."""

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> MergeSession:
        """Begin a clip from its first frame and masks."""
        tracking = self._tracking((clip.height, clip.width))
        return MergeSession(tracking, clip.name, frame, labels)


class MergeSession:
    """One clip."""

    def __init__(self, tracking: Tracking, name: str, frame: RGB, labels: LabelMap) -> None:
        self._tracking = tracking
        self._name = name
        self._index = -1
        self._next(frame, labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment the next frame."""
        return self._next(frame, new_objects)

    def _next(self, frame: RGB, given: LabelMap | None) -> Prediction:
        self._index += 1
        # the frame is looked at once more with the next one, when its owner may have changed it
        view = _view(self._name, f"{self._index:05d}", frame.copy())
        return self._tracking.step(view, given)


class MergeOfFiles(_Merge):
    """See `vosbench.types.OutsideMethod`: what is timed elsewhere is not timed here."""

    def __init__(self, assembled: Assembled, parameters: Parameters) -> None:
        super().__init__(assembled, parameters)
        self.notes = (
            *self.notes,
            "speed: not measured, what the files hold was computed elsewhere",
            "whether the files were made without looking ahead cannot be checked here",
        )

    def prepare(self, sequences: tuple[Sequence, ...], *, scratch: Path, logs: Path) -> None:
        """Make sure that there are files of some of the sequences.

        Raises:
            InputError: there are none of any.
        """
        del scratch, logs
        faults: list[InputError] = []
        for sequence in sequences:
            try:
                self._require(sequence)
            except InputError as error:
                faults.append(error)
        if faults and len(faults) == len(sequences):
            raise faults[0]

    def timing(self, sequences: tuple[str, ...]) -> Mapping[str, float]:
        """Nothing is known."""
        del sequences
        return {}

    def segment(self, sequence: Sequence) -> Iterator[Prediction]:
        """One prediction per frame, the first included.

        Raises:
            InputError: files, images or annotations that are needed are missing or damaged.
        """
        self._require(sequence)
        size = (sequence.height, sequence.width)
        tracking = self._tracking(size)
        started: set[int] = set()
        for place, ref in enumerate(sequence.frames):
            if place == 0 and ref.annotation is None:
                raise InputError(f"{sequence.name}: the first frame, {ref.name}, has no annotation")
            given = _given(ref, sequence, started, first=place == 0)
            view = FrameView(sequence.name, ref.name, size, partial(_image, ref, size))
            yield tracking.step(view, given)

    def _require(self, sequence: Sequence) -> None:
        for part in self._assembled.back_ends.all():
            if isinstance(part, (ProposalFiles, FlowFiles)):
                part.require(sequence.name)


def build(options: BuildOptions) -> StreamingMerge | MergeOfFiles:
    """Make the method.

    Raises:
        UsageError: a parameter or back end cannot be used.
        InputError: weights or files cannot be used.
    """
    parameters = Parameters.parse(options.parameters)
    assembled = assemble(options, parameters)
    kind = MergeOfFiles if assembled.by_frame_name else StreamingMerge
    return kind(assembled, parameters)


def _view(sequence: str, name: str, frame: RGB) -> FrameView:
    return FrameView(sequence, name, (frame.shape[0], frame.shape[1]), lambda: frame)


def _image(ref: FrameRef, size: tuple[int, int]) -> RGB:
    if ref.image is None:
        raise InputError(f"frame {ref.name} has no image, which a back end needs")
    return read_frame(ref.image, size=size)


def _given(ref: FrameRef, sequence: Sequence, started: set[int], *, first: bool) -> LabelMap | None:
    """Masks of the objects that start on a frame, which from then on are among those `started`."""
    if ref.annotation is None:
        return None
    size = (sequence.height, sequence.width)
    labels = read_labels(ref.annotation, sequence.label_kind, size=size)
    new = {int(value) for value in np.unique(labels) if value} - started
    if first:
        new &= set(sequence.object_ids)
    started |= new
    return np.where(np.isin(labels, sorted(new)), labels, np.uint8(0)) if new else None
