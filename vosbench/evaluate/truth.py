"""Reading one annotation for scoring."""

from __future__ import annotations

from vosbench.data.masks.labels import VoidUse, decode_mask
from vosbench.data.masks.stores import read_file
from vosbench.errors import InputError
from vosbench.types import FrameRef, LabelKind, LabelMap
from vosbench.types import Sequence as Clip

__all__ = ["read_truth"]


def read_truth(clip: Clip, frame: FrameRef, *, kind: LabelKind, void: VoidUse) -> LabelMap:
    """An annotation, H×W uint8.

    Args:
        clip: whose size it must have.
        frame: of the clip.
        kind: how its file is read.
        void: what 255 stands for.

    Raises:
        InputError: there is no annotation, or it cannot be read.
    """
    path = frame.annotation
    if path is None:
        raise InputError(
            f"{clip.name}: frame {frame.name} has no annotation, so no objects are defined.",
            hint="Check the annotation folder of the dataset card.",
        )
    try:
        data = read_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: the annotation cannot be read ({error.strerror or error}).",
            hint="Check the data folder.",
        ) from error
    size = (clip.height, clip.width)
    return decode_mask(data, kind, size=size, void=void, where=str(path)).labels
