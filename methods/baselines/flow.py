"""A tracker without learning: the first mask, carried along optical flow.

Flow is estimated from each frame back to the one before, on a smaller grey picture, and chained:
what is kept is, for every cell of that grid, the place in the starting frame that it shows. So the
mask is sampled once, from where it was given, and never blurred by repeated warping. There is no
template and no repair: what is lost, or hidden for a moment, stays lost.

Flow: iterative Lucas-Kanade (Le Besnerais and Champagnat, ICIP 2005) or TV-L1 (Zach et al., DAGM
2007), both as scikit-image has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import UsageError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, Prediction, SoftMasks

from ..sessions import joined, require_size
from .common import refuse_weights

__all__ = ["FlowSession", "FlowWarp", "build", "shrink"]

Algorithm: TypeAlias = Literal["ilk", "tvl1"]
Grid: TypeAlias = NDArray[np.float32]

NAME = "baseline-flow"
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
LEAST_SIDE = 16
"""Cells that a side of the grid keeps, so that small frames are not shrunk to nothing."""
HALF = 0.5


def shrink(frame: RGB, factor: int) -> Grid:
    """Grey picture (0..1, float32) of the means over factor×factor blocks.

    The last row and column are repeated until blocks are full.
    """
    grey = frame.astype(np.float32) @ LUMA / 255
    height, width = grey.shape
    grey = np.pad(grey, ((0, -height % factor), (0, -width % factor)), mode="edge")
    rows, columns = grey.shape[0] // factor, grey.shape[1] // factor
    means: Grid = grey.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    return means


@dataclass
class _Start:
    """Objects that started on one frame.

    Attributes:
        labels: H×W uint8 as given.
        ids: those of its objects that are followed from here.
        origin: 2×h×w, the place (row, column in cells) in the starting frame of every cell.
    """

    labels: LabelMap
    ids: list[int]
    origin: Grid


@dataclass(frozen=True)
class FlowWarp:
    """See `vosbench.types.Method`.

    Attributes:
        algorithm: how flow is estimated.
        shrink: px per side of a cell.
        radius: cells, half the window of Lucas-Kanade.
    """

    algorithm: Algorithm
    shrink: int
    radius: int

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> FlowSession:
        """Begin a clip from its first frame and masks."""
        return FlowSession(self, clip, frame, labels)

    def flow(self, current: Grid, before: Grid) -> Grid:
        """Displacement (rows, columns; cells) from each cell of a frame to where it was before."""
        from skimage import registration

        if min(current.shape) < 2:  # no gradient to follow
            return np.zeros((2, *current.shape), np.float32)
        estimate: Callable[..., NDArray[np.floating]]
        if self.algorithm == "tvl1":
            # a few iterations are enough at this size; the defaults take several times as long
            estimate = partial(registration.optical_flow_tvl1, num_warp=3, num_iter=5)
        else:
            estimate = partial(registration.optical_flow_ilk, radius=self.radius)
        found = estimate(current, before)
        flow: Grid = np.nan_to_num(found).astype(np.float32)
        return flow


class FlowSession:
    """Chains flow from frame to frame for every frame on which objects started.

    `Prediction.soft` has the objects of `ClipInfo.object_ids` in their order, then later ones in
    order of arrival.
    """

    def __init__(self, method: FlowWarp, clip: ClipInfo, frame: RGB, labels: LabelMap) -> None:
        self._method = method
        self._clip = clip
        height, width = self._size = (clip.height, clip.width)
        self._factor = max(1, min(method.shrink, min(self._size) // LEAST_SIDE))
        self._grey = self._seen(frame)
        rows, columns = self._grey.shape
        self._cells: Grid = np.indices((rows, columns), dtype=np.float32)
        centres: Grid = np.indices((height, width), dtype=np.float32) + np.float32(HALF)
        # in cells, as the grid has them
        self._pixels: Grid = centres / np.float32(self._factor) - np.float32(HALF)
        self._order = list(clip.object_ids)
        self._starts = [_Start(labels.copy(), list(clip.object_ids), self._cells.copy())]

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Carry every mask to this frame; objects that start on it are answered as given."""
        grey = self._seen(frame)
        before = self._cells + self._method.flow(grey, self._grey)
        self._grey = grey
        soft = np.zeros((len(self._order), *self._size), np.float32)
        for start in self._starts:
            start.origin = np.stack([_sample(plane, before) for plane in start.origin])
            place = self._place(start.origin)
            for object_id in start.ids:
                mask = (start.labels == object_id).astype(np.float32)
                soft[self._order.index(object_id)] = _sample(mask, place, outside=0.0)
        labels = _labels(soft, self._order)
        if new_objects is not None:
            arriving, labels, soft = joined(self._order, new_objects, labels, soft)
            self._add(new_objects, arriving)
        return Prediction(labels, soft, {"object_ids": tuple(self._order)})

    def _seen(self, frame: RGB) -> Grid:
        require_size(frame, self._clip, "frame")
        return shrink(frame, self._factor)

    def _place(self, origin: Grid) -> Grid:
        """Where every pixel was in the starting frame: 2×H×W, px."""
        moved = origin - self._cells
        displaced = np.stack([_sample(plane, self._pixels) for plane in moved])
        place: Grid = (self._pixels + displaced + HALF) * self._factor - HALF
        return place

    def _add(self, new_objects: LabelMap, arriving: list[int]) -> None:
        for start in self._starts:
            start.ids = [one for one in start.ids if one not in arriving]
        self._starts = [start for start in self._starts if start.ids]
        self._starts.append(_Start(new_objects.copy(), arriving, self._cells.copy()))


def _sample(plane: Grid, place: Grid, *, outside: float | None = None) -> Grid:
    """Bilinear values of a plane at 2×H×W places; beyond its border, the border or `outside`."""
    from scipy.ndimage import map_coordinates

    mode = "nearest" if outside is None else "constant"
    values: Grid = map_coordinates(plane, place, order=1, mode=mode, cval=outside or 0.0)
    return values


def _labels(soft: SoftMasks, object_ids: list[int]) -> LabelMap:
    """The object that covers a pixel most, if it covers half of it; of equal ones, the first."""
    if not object_ids:
        return np.zeros(soft.shape[1:], np.uint8)
    names = np.array(object_ids, np.uint8)
    labels: LabelMap = np.where(soft.max(axis=0) >= HALF, names[soft.argmax(axis=0)], np.uint8(0))
    return labels


def build(options: BuildOptions) -> FlowWarp:
    """Make the method.

    Raises:
        UsageError: a parameter cannot be used, or a weight file is given.
    """
    refuse_weights(options, NAME)
    given = options.parameters
    algorithm = given.get("flow.algorithm", "ilk")
    if algorithm not in get_args(Algorithm):
        raise UsageError(f"flow.algorithm is {algorithm!r}; expected ilk or tvl1")
    factor = int(given.get("flow.shrink", 4))
    if not 1 <= factor <= 64:
        raise UsageError(f"flow.shrink is {factor}; expected 1 to 64")
    radius = int(given.get("flow.radius", 7))
    if not 1 <= radius <= 64:
        raise UsageError(f"flow.radius is {radius}; expected 1 to 64")
    return FlowWarp("tvl1" if algorithm == "tvl1" else "ilk", factor, radius)
