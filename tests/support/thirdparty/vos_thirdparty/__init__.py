"""A method of a third party: one object at a time, and misbehaviour on demand."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, MethodPlugin, Prediction

__all__ = ["PLUGIN", "Follow", "FollowSession"]


class FollowSession:
    """Shifts the mask by a step that the global NumPy generator draws."""

    def __init__(self, options: BuildOptions, clip: ClipInfo, labels: LabelMap) -> None:
        self._parameters = options.parameters
        self._clip = clip
        self._labels = labels
        self._truth: LabelMap | None = None
        self._index = 0

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Remember what was shown."""
        self._truth = labels

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Shift, or misbehave."""
        self._index += 1
        time.sleep(float(self._parameters["sleep_ms"]) / 1000)
        on_sequence = self._parameters["on_sequence"] in ("*", self._clip.name)
        if on_sequence and self._index == self._parameters["on_frame"]:
            self._misbehave()
        if self._parameters["behaviour"] == "told" and self._truth is not None:
            return Prediction(self._truth)
        step = int(self._parameters["step_px"])
        if step:
            self._labels = np.roll(self._labels, int(np.random.randint(0, step + 1)), axis=1)
        labels = self._labels
        if on_sequence and self._parameters["behaviour"] == "wrong-size":
            labels = labels[1:]
        return Prediction(labels)

    def _misbehave(self) -> None:
        if self._parameters["behaviour"] == "raise":
            raise ValueError("the method lost its mind")
        if self._parameters["behaviour"] == "exit":
            raise SystemExit(0)
        if self._parameters["behaviour"] == "memory":
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")


class Follow:
    """Makes a session per object."""

    def __init__(self, options: BuildOptions) -> None:
        self._options = options

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> FollowSession:
        """Begin with the first mask."""
        assert clip.object_ids == (1,), "a single-object method is given one object, as id 1"
        return FollowSession(self._options, clip, labels)


PLUGIN = MethodPlugin(card=Path(__file__).parent / "method.toml", build=Follow)
