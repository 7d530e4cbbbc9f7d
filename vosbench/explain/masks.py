"""Reading masks and annotations as a protocol sees them."""

from __future__ import annotations

import numpy as np

from vosbench.data.masks import VOID, MaskSource
from vosbench.data.masks.labels import decode_mask
from vosbench.errors import InputError
from vosbench.metrics import Protocol
from vosbench.types import LabelMap
from vosbench.types import Sequence as Clip

__all__ = ["as_counted", "read_prediction", "read_truth"]


def read_truth(clip: Clip, index: int, protocol: Protocol) -> LabelMap:
    """An annotation, H×W uint8, void taken for background.

    Raises:
        InputError: it is missing or cannot be used.
    """
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
    return as_counted(labels, protocol)


def read_prediction(
    source: MaskSource, clip: Clip, index: int, protocol: Protocol, *, single_object: bool
) -> LabelMap:
    """A predicted mask as its file has it, H×W uint8.

    Raises:
        InputError: it is missing or cannot be used.
    """
    return source.read(
        clip.name,
        clip.frames[index].name,
        protocol.prediction_kind,
        size=(clip.height, clip.width),
        single_object=single_object,
        void="value" if protocol.void == "object" else "refuse",
    ).labels


def as_counted(labels: LabelMap, protocol: Protocol) -> LabelMap:
    """All objects as one, where the protocol says so."""
    if protocol.objects == "union" and labels.max() > 1:
        union: LabelMap = (labels != 0).view(np.uint8)
        return union
    return labels
