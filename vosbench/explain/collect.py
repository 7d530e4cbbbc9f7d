"""Reading the masks and the truth of one sequence, and finding out what went wrong in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vosbench.data.masks import VOID, MaskSource
from vosbench.data.masks.labels import decode_mask
from vosbench.diagnose import (
    DEFAULTS,
    Motion,
    MotionMeter,
    Thresholds,
    frame_loss,
    frame_overlap,
    measure_shapes,
)
from vosbench.errors import InputError
from vosbench.evaluate import make_scorer
from vosbench.explain.findings import ExaminedFrame, SequenceFindings, conclude
from vosbench.metrics import Protocol
from vosbench.types import LabelMap
from vosbench.types import Sequence as Clip

__all__ = ["examine_sequence"]


def examine_sequence(
    source: MaskSource, clip: Clip, protocol: Protocol, *, limits: Thresholds = DEFAULTS
) -> SequenceFindings:
    """Examine one sequence from files.

    Which objects and frames count is what the scorer of the protocol says.

    Raises:
        InputError: a mask or annotation is missing or cannot be used; the message names the file.
    """
    if not source.frames(clip.name):
        raise InputError(
            f"{source.location}: there are no masks of sequence {clip.name}.",
            hint="Masks are looked for in a folder of the sequence's name.",
        )
    annotated = [k for k, frame in enumerate(clip.frames) if frame.annotation is not None]
    names = [frame.name for frame in clip.frames]
    first = _read_truth(clip, 0, protocol)
    scorer = make_scorer(clip.name, protocol, names, annotated, first, objects=clip.objects)
    counted = frozenset(scorer.positions)
    frames: list[ExaminedFrame] = []
    meters: dict[int, tuple[int, MotionMeter]] = {}
    for at, index in enumerate(annotated):
        truth = _read_truth(clip, index, protocol)
        prediction: LabelMap | None = None
        if index in counted:
            read = source.read(
                clip.name,
                names[index],
                protocol.prediction_kind,
                size=(clip.height, clip.width),
                single_object=scorer.single_object,
                void="value" if protocol.void == "object" else "refuse",
            )
            where = source.describe(clip.name, names[index])
            scorer.add(index, read.labels, truth, where=where)
            prediction = _as_counted(read.labels, protocol)
        frames.append(_examine_frame(prediction, truth, limits))
        for one in (k for k, shape in frames[-1].shapes.items() if shape is not None):
            meters.setdefault(one, (at, MotionMeter((one,), limits=limits)))
        for _, meter in meters.values():
            meter.add(prediction, truth)
    motions = {one: _padded(begin, meter.finish()) for one, (begin, meter) in meters.items()}
    return conclude(clip, frames, motions, scorer.finish(), limits=limits)


def _read_truth(clip: Clip, index: int, protocol: Protocol) -> LabelMap:
    """An annotation as the protocol sees it, void taken for background."""
    path = clip.frames[index].annotation
    if path is None:
        raise InputError(
            f"{clip.name}: frame {clip.frames[index].name} has no annotation, so no objects are "
            "defined.",
            hint="Check the annotation folder of the dataset card.",
        )
    plain = protocol.void == "object"
    labels = decode_mask(
        path.read_bytes(),
        clip.label_kind,
        size=(clip.height, clip.width),
        void="value" if plain else "keep",
        where=str(path),
    ).labels
    if not plain and labels.max() == VOID:
        labels = labels * (labels != VOID)
    return _as_counted(labels, protocol)


def _as_counted(labels: LabelMap, protocol: Protocol) -> LabelMap:
    if protocol.objects == "union" and labels.max() > 1:
        union: LabelMap = (labels != 0).view(np.uint8)
        return union
    return labels


def _examine_frame(
    prediction: LabelMap | None, truth: LabelMap, limits: Thresholds
) -> ExaminedFrame:
    if prediction is None:
        ids = frame_overlap(truth, truth).ids
        return ExaminedFrame(dict(zip(ids, measure_shapes(truth, ids, limits=limits), strict=True)))
    overlap = frame_overlap(prediction, truth)
    shapes = measure_shapes(truth, overlap.ids, limits=limits)
    loss = frame_loss(prediction, truth, overlap.ids, overlap=overlap, limits=limits)
    return ExaminedFrame(dict(zip(overlap.ids, shapes, strict=True)), overlap, loss)


def _padded(begin: int, motion: Motion) -> Motion:
    """The motion of one object that was first seen later, over all annotated frames."""

    def pad(values: NDArray[np.float64]) -> NDArray[np.float64]:
        width = [(0, 0), (begin, 0)] + [(0, 0)] * (values.ndim - 2)
        return np.pad(values, width, constant_values=np.nan)

    return Motion(pad(motion.past), pad(motion.predicted_change), pad(motion.true_change))
