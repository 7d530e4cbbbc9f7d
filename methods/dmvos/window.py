"""Where to look in the next frame: pure geometry, no tensors.

Coordinates are px with the origin at the frame's upper left corner; pixel i covers i..i+1, so a box
of one pixel is one wide. The size formulas are those of the paper's supplementary material (section
2); the guards for empty masks and for extreme sizes are a reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from .parameters import Parameters

__all__ = ["Box", "MaskExtent", "TrackState", "Window", "advance", "begin", "window_of"]


class Box(NamedTuple):
    """Axis-aligned box in px; x1 and y1 are exclusive edges."""

    x0: float
    y0: float
    x1: float
    y1: float


class MaskExtent(NamedTuple):
    """What the next window needs to know of a mask.

    Attributes:
        box: tight box.
        mass: (x, y) centroid of its pixels.
    """

    box: Box
    mass: tuple[float, float]


class Window(NamedTuple):
    """Part of the frame, possibly beyond its edges, that becomes the network's input."""

    x: float
    y: float
    width: float
    height: float

    @property
    def box(self) -> Box:
        """The window's edges."""
        return Box(
            self.x - self.width / 2,
            self.y - self.height / 2,
            self.x + self.width / 2,
            self.y + self.height / 2,
        )

    def relative(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point of the frame as (x, y) in 0..1 of this window."""
        return (
            (point[0] - self.x) / self.width + 0.5,
            (point[1] - self.y) / self.height + 0.5,
        )

    def absolute(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point in 0..1 of this window as (x, y) of the frame."""
        return (
            self.x + (point[0] - 0.5) * self.width,
            self.y + (point[1] - 0.5) * self.height,
        )


@dataclass(frozen=True)
class TrackState:
    """What one object carries from frame to frame.

    Attributes:
        window: crop for the next frame.
        centre: last known centre, for the centre offset.
        empty_streak: frames in a row without a pixel.
    """

    window: Window
    centre: tuple[float, float]
    empty_streak: int = 0


def window_of(box: Box, frame: tuple[int, int], parameters: Parameters) -> Window:
    """The unsmoothed window around a box: `context` times its size, independently per axis.

    Args:
        box: of the object.
        frame: (height, width).
        parameters: of the method.
    """
    if not parameters.crop:
        return _whole(frame)
    return _clamped(
        Window(
            (box.x0 + box.x1) / 2,
            (box.y0 + box.y1) / 2,
            parameters.context * (box.x1 - box.x0),
            parameters.context * (box.y1 - box.y0),
        ),
        frame,
        parameters,
    )


def begin(extent: MaskExtent, frame: tuple[int, int], parameters: Parameters) -> TrackState:
    """State after the frame whose mask was given: w_0 = 1.5·w~_0, h_0 = 1.5·h~_0."""
    return TrackState(window_of(extent.box, frame, parameters), centre_of(extent, parameters))


def advance(
    state: TrackState, extent: MaskExtent | None, frame: tuple[int, int], parameters: Parameters
) -> TrackState:
    """State after a prediction: w_t = 0.5·w_{t-1} + 0.5·1.5·w~_t, and the same for heights.

    An empty mask freezes window and centre. From the `patience`-th empty frame in a row on, the
    window grows by `growth` per frame and moves inward, until it is the whole frame.

    Args:
        state: before the prediction.
        extent: of the predicted mask, or None where it has no pixel.
        frame: (height, width).
        parameters: of the method.
    """
    if extent is None:
        streak = state.empty_streak + 1
        window = state.window
        if parameters.crop and streak >= parameters.patience:
            window = _grown(window, frame, parameters.growth)
        return replace(state, window=window, empty_streak=streak)
    fresh = window_of(extent.box, frame, parameters)
    if parameters.crop and parameters.smoothing:
        keep = parameters.momentum
        # The size before clamping enters the formula; the result is clamped.
        raw_width = parameters.context * (extent.box.x1 - extent.box.x0)
        raw_height = parameters.context * (extent.box.y1 - extent.box.y0)
        smoothed = fresh._replace(
            width=keep * state.window.width + (1 - keep) * raw_width,
            height=keep * state.window.height + (1 - keep) * raw_height,
        )
        fresh = _clamped(smoothed, frame, parameters)
    return TrackState(fresh, centre_of(extent, parameters))


def centre_of(extent: MaskExtent, parameters: Parameters) -> tuple[float, float]:
    """The point that stands for an object in the centre offset."""
    if parameters.centre == "mass":
        return extent.mass
    box = extent.box
    return ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)


def _whole(frame: tuple[int, int]) -> Window:
    height, width = frame
    return Window(width / 2, height / 2, float(width), float(height))


def _clamped(window: Window, frame: tuple[int, int], parameters: Parameters) -> Window:
    height, width = frame
    least, most = parameters.least_size, parameters.most_frames
    return window._replace(
        width=min(max(window.width, least), max(most * width, least)),
        height=min(max(window.height, least), max(most * height, least)),
    )


def _grown(window: Window, frame: tuple[int, int], growth: float) -> Window:
    height, width = frame
    x, grown_width = _grown_axis(window.x, window.width, width, growth)
    y, grown_height = _grown_axis(window.y, window.height, height, growth)
    return Window(x, y, grown_width, grown_height)


def _grown_axis(centre: float, size: float, limit: int, growth: float) -> tuple[float, float]:
    """Grow one axis up to the frame, never shrinking it, and keep it inside where it fits."""
    size = max(size, min(size * growth, float(limit)))
    if size >= limit:
        return limit / 2, size
    return min(max(centre, size / 2), limit - size / 2), size
