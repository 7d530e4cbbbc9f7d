"""The method that finds nothing: every frame is background but for masks given on it.

What a measure gives it is what the measure gives for absence.
"""

from __future__ import annotations

import numpy as np

from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, Prediction

from ..sessions import VOID
from .common import refuse_weights

__all__ = ["Empty", "EmptySession", "build"]


class EmptySession:
    """Has no state."""

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Background; objects that start on this frame are answered with their given masks."""
        labels: LabelMap = np.zeros(frame.shape[:2], np.uint8)
        if new_objects is not None:
            labels = np.where(new_objects == VOID, labels, new_objects)
        return Prediction(labels)


class Empty:
    """See `vosbench.types.Method`."""

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> EmptySession:
        """Begin a clip; nothing of it is kept."""
        del clip, frame, labels
        return EmptySession()


def build(options: BuildOptions) -> Empty:
    """Make the method.

    Raises:
        UsageError: a weight file is given.
    """
    refuse_weights(options, "baseline-empty")
    return Empty()
