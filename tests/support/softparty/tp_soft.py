"""A method that tells all it can: soft masks, windows and centres; with faults to be found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, MethodPlugin, Prediction

__all__ = ["PLUGIN"]


class Session:
    """Finds squares by their brightness; claims the left half of object 2 for object 1 too."""

    def __init__(self, options: BuildOptions, clip: ClipInfo, labels: LabelMap) -> None:
        self._parameters = options.parameters
        self._ids = clip.object_ids
        self._labels = labels
        self._steps = 0

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """See the class."""
        self._steps += 1
        patience = int(self._parameters["patience"])
        blind = bool(self._parameters["blind"])
        if blind:
            self._labels = np.zeros_like(self._labels)
        elif self._steps <= patience:
            self._labels = _seen(frame)
        soft = np.stack([0.9 * (self._labels == one) for one in self._ids]).astype(np.float32)
        if 2 in self._ids:
            own = self._labels == 2
            columns = np.flatnonzero(own.any(axis=0))
            if columns.size:
                own[:, columns[0] + columns.size // 2 :] = False
                soft[0][own] = 0.95
        best = soft.argmax(axis=0)
        labels = np.asarray(self._ids, np.uint8)[best] * (soft.max(axis=0) >= 0.5)
        windows, centres = {}, {}
        for one in self._ids:
            rows, columns = np.nonzero(self._labels == one)
            if rows.size:
                left, top = int(columns.min()), int(rows.min())
                # the window leaves out the right quarter of the object
                windows[one] = (left, top, left + 12, top + 14)
                centres[one] = (float(columns.mean()), float(rows.mean()))
        aux = {"crop_box": windows, "voted_centre": centres}
        return Prediction(labels.astype(np.uint8), soft, aux)


def _seen(frame: RGB) -> NDArray[np.uint8]:
    grey = frame.astype(np.int64).mean(axis=2)
    labels = np.zeros(grey.shape, np.uint8)
    labels[(grey > 150) & (grey < 190)] = 1
    labels[grey >= 190] = 2
    return labels


class Teller:
    """Makes the sessions."""

    def __init__(self, options: BuildOptions) -> None:
        self._options = options

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Session:
        """Begin a clip."""
        return Session(self._options, clip, labels)


PLUGIN = MethodPlugin(card=Path(__file__).with_suffix(".toml"), build=Teller)
