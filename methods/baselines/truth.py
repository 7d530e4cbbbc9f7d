"""Oracles made of the ground truth: late by some frames, or with a boundary that is noisy.

They say what a score means: "as good as the truth of 5 frames ago", "as good as contours that are
2 px off". Both are shown the truth, so only variants that say `oracle = true` can be run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import UsageError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, Prediction

from ..sessions import ids_in
from .common import refuse_weights

__all__ = [
    "ShiftedSession",
    "TruthNoise",
    "TruthShifted",
    "NoiseSession",
    "build_noise",
    "build_shifted",
    "noisy",
]

SHIFTED = "baseline-truth-shifted"
NOISE = "baseline-truth-noise"
MOST_FRAMES = 10_000
MOST_PIXELS = 100.0


@dataclass
class _Shown:
    """The truth as it is shown, frame by frame.

    Attributes:
        last: H×W uint8, the newest truth: the frame at hand, or before it where that has none.
        waiting: whether the frame that comes next has been spoken of.
    """

    last: LabelMap
    waiting: bool = False

    def observe(self, labels: LabelMap | None) -> None:
        """Take what `OracleSession.observe_truth` is given."""
        if labels is not None:
            self.last = labels.copy()
        self.waiting = True

    def of_frame(self, clip: str, name: str) -> LabelMap:
        """The truth to use for the frame at hand."""
        if not self.waiting:
            raise UsageError(
                f"{clip}: {name} needs the truth of every frame, and none was shown",
                hint=f"run a variant of {name}: only variants see the truth",
            )
        self.waiting = False
        return self.last


class ShiftedSession:
    """Answers with the truth of some frames ago.

    An object that started less than that ago keeps the mask that started it.
    """

    def __init__(self, clip: ClipInfo, labels: LabelMap, frames: int) -> None:
        self._clip = clip.name
        self._shown = _Shown(labels.copy())
        self._history = deque([labels.copy()], maxlen=frames + 1)
        self._frames = frames
        self._started = dict.fromkeys(clip.object_ids, 0)
        self._given: dict[int, NDArray[np.bool_]] = {}
        self._index = 0

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the truth of the next frame; None leaves the last one in place."""
        self._shown.observe(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """The truth of `frames` frames ago, or of the first frame where there is none so old."""
        del frame
        self._index += 1
        self._history.append(self._shown.of_frame(self._clip, SHIFTED))
        if new_objects is not None:
            for object_id in ids_in(new_objects):
                self._started[object_id] = self._index
                self._given[object_id] = new_objects == object_id
        oldest = max(self._index - self._frames, 0)
        old = self._history[0]
        ready = [one for one, start in self._started.items() if start <= oldest]
        labels: LabelMap = np.where(np.isin(old, ready), old, np.uint8(0))
        for object_id, mask in self._given.items():
            if self._started[object_id] > oldest or self._started[object_id] == self._index:
                labels[mask] = object_id
        return Prediction(labels)


@dataclass(frozen=True)
class TruthShifted:
    """See `vosbench.types.Method`.

    Attributes:
        frames: how many frames ago.
    """

    frames: int

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> ShiftedSession:
        """Begin a clip from its first mask."""
        del frame
        return ShiftedSession(clip, labels, self.frames)


def noisy(
    labels: LabelMap, keys: Mapping[int, int], *, pixels: float, correlation: float, seed: list[int]
) -> LabelMap:
    """Move every object's boundary by a smooth random field.

    A pixel belongs to an object where its signed distance to the boundary plus the field is above
    zero, so the field is how far the contour is moved outwards, in px. The field is white Gaussian
    noise under a Gaussian kernel, scaled to the wanted deviation. Of several objects that claim a
    pixel, the one that it lies deepest in gets it.

    Args:
        labels: H×W uint8.
        keys: objects to draw, each with a number of its own that its field is drawn from.
        pixels: standard deviation of the displacement, px; 0 gives `labels` back.
        correlation: deviation of the kernel, px: how far apart two places of a contour are that
            move apart from each other.
        seed: of this frame's fields.

    Returns:
        H×W uint8.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    deepest = np.zeros(labels.shape)
    result = np.zeros(labels.shape, np.uint8)
    # the square root of the energy that the kernel leaves of white noise, in two dimensions
    left = 1 / (2 * correlation * np.sqrt(np.pi))
    for object_id, key in keys.items():
        mask = labels == object_id
        if not mask.any():
            continue
        # without a border the transform has nothing to measure to
        outside = distance_transform_edt(~mask)
        inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        white = np.random.default_rng([*seed, key]).standard_normal(labels.shape)
        field = gaussian_filter(white, correlation, mode="wrap") / left
        depth = np.where(mask, inside - 0.5, 0.5 - outside) + pixels * field
        mine = depth > deepest
        result[mine] = object_id
        deepest[mine] = depth[mine]
    return result


@dataclass(frozen=True)
class TruthNoise:
    """See `vosbench.types.Method`.

    Attributes:
        pixels: standard deviation of the boundary's displacement, px.
        correlation: px along the boundary over which displacements are alike.
        seed: of all fields; frame and object are added to it.
    """

    pixels: float
    correlation: float
    seed: int

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> NoiseSession:
        """Begin a clip from its first mask."""
        del frame
        return NoiseSession(self, clip, labels)


@dataclass
class NoiseSession:
    """Answers with the truth of the frame at hand, its boundaries moved."""

    method: TruthNoise
    clip: ClipInfo
    labels: LabelMap
    _index: int = 0

    def __post_init__(self) -> None:
        self._shown = _Shown(self.labels.copy())
        self._keys = _places(self.labels, self.clip.object_ids)

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the truth of the next frame; None leaves the last one in place."""
        self._shown.observe(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """The noisy truth; objects that start on this frame are answered as given."""
        del frame
        self._index += 1
        labels = noisy(
            self._shown.of_frame(self.clip.name, NOISE),
            self._keys,
            pixels=self.method.pixels,
            correlation=self.method.correlation,
            seed=[self.method.seed, self._index],
        )
        if new_objects is not None:
            arriving = ids_in(new_objects)
            self._keys |= _places(new_objects, arriving)
            labels = np.where(np.isin(new_objects, arriving), new_objects, labels)
        return Prediction(labels)


def _places(labels: LabelMap, object_ids: Iterable[int]) -> dict[int, int]:
    """A number for every object that does not depend on its id: where its first pixel is."""
    flat = labels.ravel()
    return {one: int((flat == one).argmax()) for one in object_ids}


def build_shifted(options: BuildOptions) -> TruthShifted:
    """Make the late truth.

    Raises:
        UsageError: a parameter cannot be used, no variant was named, or a weight file is given.
    """
    refuse_weights(options, SHIFTED)
    frames = int(options.parameters.get("shift.frames", 1))
    if not 0 <= frames <= MOST_FRAMES:
        raise UsageError(f"shift.frames is {frames}; expected 0 to {MOST_FRAMES}")
    _only_as_oracle(options, SHIFTED, "@1, @5, @10, or @any with --set shift.frames=K")
    return TruthShifted(frames)


def build_noise(options: BuildOptions) -> TruthNoise:
    """Make the noisy truth.

    Raises:
        UsageError: a parameter cannot be used, no variant was named, or a weight file is given.
    """
    refuse_weights(options, NOISE)
    pixels = float(options.parameters.get("noise.pixels", 2.0))
    correlation = float(options.parameters.get("noise.correlation", 8.0))
    if not 0 <= pixels <= MOST_PIXELS:
        raise UsageError(f"noise.pixels is {pixels}; expected 0 to {MOST_PIXELS}")
    if not 1 <= correlation <= MOST_PIXELS:
        raise UsageError(f"noise.correlation is {correlation}; expected 1 to {MOST_PIXELS}")
    _only_as_oracle(options, NOISE, "@1px, @2px, @4px, or @any with --set noise.pixels=S")
    return TruthNoise(pixels, correlation, options.seed)


def _only_as_oracle(options: BuildOptions, name: str, variants: str) -> None:
    if not options.oracle:
        raise UsageError(
            f"{name} is an ORACLE and needs the truth of every frame, which only variants see",
            hint=f"run {name}{variants}",
        )
