"""The method that does nothing: every frame gets the first frame's mask.

A method worth its name scores above it; a run of it takes the time that the engine itself needs.
"""

from __future__ import annotations

import numpy as np

from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, Prediction

from .common import refuse_weights

__all__ = ["FirstMask", "FirstMaskSession", "build"]


class FirstMaskSession:
    """Holds the masks that were given."""

    def __init__(self, labels: LabelMap) -> None:
        self._labels = labels.copy()

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """The masks as given; objects that start on this frame are laid over the others."""
        del frame
        if new_objects is not None:
            self._labels = np.where(new_objects > 0, new_objects, self._labels)
        return Prediction(self._labels.copy())


class FirstMask:
    """See `vosbench.types.Method`."""

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> FirstMaskSession:
        """Begin a clip from its first mask."""
        del clip, frame
        return FirstMaskSession(labels)


def build(options: BuildOptions) -> FirstMask:
    """Make the method.

    Raises:
        UsageError: if a weight file is given, for there is nothing to load it into.
    """
    refuse_weights(options, "baseline-first-mask")
    return FirstMask()
