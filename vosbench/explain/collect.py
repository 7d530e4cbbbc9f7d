"""Reading the masks and the truth of one sequence, and finding out what went wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.data.masks import MaskSource
from vosbench.diagnose import (
    DEFAULTS,
    Motion,
    MotionMeter,
    Shape,
    Thresholds,
    Told,
    centroid,
    clipped_share,
    frame_loss,
    frame_overlap,
    measure_shapes,
    offset_error,
)
from vosbench.errors import InputError
from vosbench.evaluate import make_scorer
from vosbench.explain.findings import ExaminedFrame, Placement, SequenceFindings, conclude
from vosbench.explain.masks import as_counted, read_prediction, read_truth
from vosbench.metrics import Protocol
from vosbench.types import LabelMap
from vosbench.types import Sequence as Clip

__all__ = ["SelfTold", "examine_sequence"]

SelfTold: TypeAlias = Mapping[str, Mapping[int, Told]]
"""What a method told of itself, by name of the frame, then by id of the object."""


def examine_sequence(
    source: MaskSource,
    clip: Clip,
    protocol: Protocol,
    *,
    told: SelfTold | None = None,
    limits: Thresholds = DEFAULTS,
) -> SequenceFindings:
    """Examine one sequence from files.

    Which objects and frames count is what the scorer of the protocol says.

    Args:
        source: the masks.
        clip: the sequence.
        protocol: the rules.
        told: what the method told of itself, if that is known.
        limits: thresholds.

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
    first = read_truth(clip, 0, protocol)
    scorer = make_scorer(clip.name, protocol, names, annotated, first, objects=clip.objects)
    counted = frozenset(scorer.positions)
    frames: list[ExaminedFrame] = []
    meters: dict[int, tuple[int, MotionMeter]] = {}
    for at, index in enumerate(annotated):
        truth = read_truth(clip, index, protocol)
        prediction: LabelMap | None = None
        if index in counted:
            single = scorer.single_object
            labels = read_prediction(source, clip, index, protocol, single_object=single)
            scorer.add(index, labels, truth, where=source.describe(clip.name, names[index]))
            prediction = as_counted(labels, protocol)
        here = told.get(names[index], {}) if told is not None else {}
        frames.append(_examine_frame(prediction, truth, here, limits))
        for one in (k for k, shape in frames[-1].shapes.items() if shape is not None):
            meters.setdefault(one, (at, MotionMeter((one,), limits=limits)))
        for _, meter in meters.values():
            meter.add(prediction, truth)
    motions = {one: _padded(begin, meter.finish()) for one, (begin, meter) in meters.items()}
    return conclude(clip, frames, motions, scorer.finish(), limits=limits)


def _examine_frame(
    prediction: LabelMap | None, truth: LabelMap, told: Mapping[int, Told], limits: Thresholds
) -> ExaminedFrame:
    if prediction is None:
        ids = frame_overlap(truth, truth).ids
        return ExaminedFrame(dict(zip(ids, measure_shapes(truth, ids, limits=limits), strict=True)))
    overlap = frame_overlap(prediction, truth)
    shapes = measure_shapes(truth, overlap.ids, limits=limits)
    loss = frame_loss(prediction, truth, overlap.ids, overlap=overlap, limits=limits)
    by_id = dict(zip(overlap.ids, shapes, strict=True))
    placements = {
        one: _placement(prediction, truth, one, shape=shape, told=told.get(one))
        for one, shape in by_id.items()
        if shape is not None
    }
    return ExaminedFrame(by_id, overlap, loss, placements)


def _placement(
    prediction: LabelMap, truth: LabelMap, object_id: int, *, shape: Shape, told: Told | None
) -> Placement:
    mine = centroid(prediction, object_id)
    window = told.window if told is not None else None
    voted = told.centre if told is not None else None
    return Placement(
        clipped=np.nan if window is None else clipped_share(truth, object_id, window),
        voted_error=np.nan if voted is None else offset_error(voted, shape.centre, shape.area),
        mask_error=np.nan if mine is None else offset_error(mine, shape.centre, shape.area),
    )


def _padded(begin: int, motion: Motion) -> Motion:
    """The motion of one object that was first seen later, over all annotated frames."""

    def pad(values: NDArray[np.float64]) -> NDArray[np.float64]:
        width = [(0, 0), (begin, 0)] + [(0, 0)] * (values.ndim - 2)
        return np.pad(values, width, constant_values=np.nan)

    return Motion(pad(motion.past), pad(motion.predicted_change), pad(motion.true_change))
