"""The first mask's box, filled, on every frame: how far the place alone goes without the shape."""

from __future__ import annotations

import numpy as np

from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, Prediction

from ..sessions import ids_in
from .common import refuse_weights

__all__ = ["StaticBox", "StaticBoxSession", "boxes_of", "build"]


def boxes_of(labels: LabelMap) -> LabelMap:
    """Every object of a label map replaced by its filled bounding box.

    Args:
        labels: H×W uint8; 255 is no object.

    Returns:
        H×W uint8. Where boxes overlap the smaller one is seen; of equal ones, the higher id.
    """
    found = []
    for object_id in ids_in(labels):
        rows, columns = np.nonzero(labels == object_id)
        box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        area = (rows.max() + 1 - rows.min()) * (columns.max() + 1 - columns.min())
        found.append((-int(area), object_id, box))
    result = np.zeros(labels.shape, np.uint8)
    for _, object_id, box in sorted(found, key=lambda one: one[:2]):
        result[box] = object_id
    return result


class StaticBoxSession:
    """Holds the boxes of the masks that were given."""

    def __init__(self, labels: LabelMap) -> None:
        self._labels = boxes_of(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """The boxes; objects that start on this frame get theirs, laid over the others."""
        del frame
        if new_objects is not None:
            fresh = boxes_of(new_objects)
            self._labels = np.where(fresh > 0, fresh, self._labels)
        return Prediction(self._labels.copy())


class StaticBox:
    """See `vosbench.types.Method`."""

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> StaticBoxSession:
        """Begin a clip from its first mask."""
        del clip, frame
        return StaticBoxSession(labels)


def build(options: BuildOptions) -> StaticBox:
    """Make the method.

    Raises:
        UsageError: a weight file is given.
    """
    refuse_weights(options, "baseline-static-box")
    return StaticBox()
