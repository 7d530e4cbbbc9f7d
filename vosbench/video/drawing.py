"""Masks over a frame of a video: tinted, with a light edge that shows on any colour."""

from __future__ import annotations

from typing import Final

import numpy as np

from vosbench.data.masks import DAVIS_PALETTE
from vosbench.report.overlay import outline
from vosbench.types import RGB, LabelMap

__all__ = ["draw_masks"]

_TINT_OF_256: Final = 128
_EDGE_WHITE_OF_256: Final = 150


_COLOURS: Final = np.frombuffer(DAVIS_PALETTE, np.uint8).reshape(256, 3)
_EDGES: Final = (
    (_COLOURS.astype(np.uint16) * (256 - _EDGE_WHITE_OF_256) + 255 * _EDGE_WHITE_OF_256) >> 8
).astype(np.uint8)


def draw_masks(image: RGB, labels: LabelMap) -> RGB:
    """Tint every object in its DAVIS colour and draw its edge.

    Args:
        image: H×W×3 uint8.
        labels: H×W uint8.

    Returns:
        H×W×3 uint8.
    """
    drawn = image.copy()
    inside = labels != 0
    mixed = image[inside].astype(np.uint16) * (256 - _TINT_OF_256)
    mixed += _COLOURS[labels[inside]].astype(np.uint16) * _TINT_OF_256
    drawn[inside] = (mixed >> 8).astype(np.uint8)
    edge = np.zeros(labels.shape, np.bool_)
    for object_id in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[1:]) + 1:
        edge |= outline(labels == object_id)
    drawn[edge] = _EDGES[labels[edge]]
    return drawn
