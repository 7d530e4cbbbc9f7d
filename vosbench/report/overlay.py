"""Drawing masks over a frame. Pure: arrays in, arrays out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data.masks import DAVIS_PALETTE
from vosbench.report.palette import ERROR_COLOURS
from vosbench.types import RGB, LabelMap

__all__ = ["ERROR_ORDER", "draw_errors", "draw_prediction", "error_map", "outline"]

ERROR_ORDER: Final = tuple(ERROR_COLOURS)
_TINT: Final = 0.55
_ERROR_TINT: Final = 0.8


def draw_prediction(
    image: RGB, prediction: LabelMap, truth: LabelMap | None, *, object_id: int
) -> RGB:
    """The frame, each predicted object tinted in its DAVIS colour, and the true outlines.

    Args:
        image: H×W×3 uint8.
        prediction: H×W uint8.
        truth: H×W uint8, or None where the frame has none.
        object_id: object whose true outline is white; those of the others are thin and grey.

    Returns:
        H×W×3 uint8.
    """
    palette = np.frombuffer(DAVIS_PALETTE, dtype=np.uint8).reshape(256, 3).astype(np.float32)
    drawn = image.astype(np.float32)
    for other in np.unique(prediction):
        if other == 0:
            continue
        inside = prediction == other
        colour = palette[other]
        drawn[inside] = (1 - _TINT) * drawn[inside] + _TINT * colour
    result: RGB = drawn.round().astype(np.uint8)
    return result if truth is None else _outlined(result, truth, object_id)


def draw_errors(image: RGB, prediction: LabelMap, truth: LabelMap, *, object_id: int) -> RGB:
    """The frame in dim grey with wrong pixels in the colours of `ERROR_COLOURS`.

    Args:
        image: H×W×3 uint8.
        prediction: H×W uint8.
        truth: H×W uint8.
        object_id: object whose true outline is white.

    Returns:
        H×W×3 uint8.
    """
    grey = 24 + 0.62 * (image.astype(np.float32) @ np.asarray((0.299, 0.587, 0.114), np.float32))
    drawn = np.repeat(grey[:, :, None], 3, axis=2)
    errors = error_map(prediction, truth)
    for kind, name in enumerate(ERROR_ORDER, start=1):
        inside = errors == kind
        colour = np.asarray(ERROR_COLOURS[name], dtype=np.float32)
        drawn[inside] = (1 - _ERROR_TINT) * drawn[inside] + _ERROR_TINT * colour
    return _outlined(drawn.round().astype(np.uint8), truth, object_id)


def error_map(prediction: LabelMap, truth: LabelMap) -> NDArray[np.uint8]:
    """H×W uint8: 0 right, else 1 + the position in `ERROR_ORDER`.

    Both maps are as `read_labels` gives them: void is background already, as in the semi-supervised
    DAVIS protocol.
    """
    errors = np.zeros(truth.shape, dtype=np.uint8)
    errors[(prediction != 0) & (truth == 0)] = 1
    errors[(prediction == 0) & (truth != 0)] = 2
    errors[(prediction != 0) & (truth != 0) & (prediction != truth)] = 3
    return errors


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the mask (H×W bool) that touch its outside or the edge of the image."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: NDArray[np.bool_] = mask & ~inner
    return edge


def _grown(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    for _ in range(times):
        padded = np.pad(mask, 1)
        mask = (
            padded[1:-1, 1:-1]
            | padded[:-2, 1:-1]
            | padded[2:, 1:-1]
            | padded[1:-1, :-2]
            | padded[1:-1, 2:]
        )
    return mask


def _outlined(image: RGB, truth: LabelMap, object_id: int) -> RGB:
    drawn = image.copy()
    for other in np.unique(truth):
        if other not in (0, object_id):
            drawn[outline(truth == other)] = (176, 176, 176)
    edge = outline(truth == object_id)
    # a dark casing keeps the white line visible on white
    drawn[_grown(edge, 2)] = (16, 16, 16)
    drawn[_grown(edge, 1) if min(truth.shape) >= 240 else edge] = (255, 255, 255)
    return drawn
