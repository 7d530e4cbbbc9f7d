"""Where the true objects of a frame are, how large they are, and what they touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.overlap import bounds
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.types import LabelMap

__all__ = ["Shape", "change_of_shape", "measure_shapes"]

_CELLS: Final = 64
_REACH: Final = 2.0
"""Half side of the square in which shapes are held against each other, in sqrt(area)."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One visible object on one frame.

    Attributes:
        area: px.
        box: left, top, right, bottom in px, ends excluded.
        centre: x and y of the centroid, px.
        border: share of the boundary on the frame edge, 0..1.
        contact: share of the boundary near another object, 0..1.
        upright: the mask centred and scaled to unit area, 64×64 bits packed into 512 bytes.
        turned: the same, turned so that its principal axis is horizontal.
    """

    area: int
    box: tuple[int, int, int, int]
    centre: tuple[float, float]
    border: float
    contact: float
    upright: NDArray[np.uint8]
    turned: NDArray[np.uint8]

    @property
    def height(self) -> int:
        """Of the box, px."""
        return self.box[3] - self.box[1]

    @property
    def width(self) -> int:
        """Of the box, px."""
        return self.box[2] - self.box[0]


def measure_shapes(
    truth: LabelMap, object_ids: Sequence[int], *, limits: Thresholds = DEFAULTS
) -> tuple[Shape | None, ...]:
    """Measure the objects of a frame.

    Args:
        truth: H×W uint8 without void.
        object_ids: K ids.
        limits: thresholds.

    Returns:
        K shapes; None for an object without pixels.
    """
    several = int(truth.max()) > 1
    return tuple(_measure(truth, one, several=several, limits=limits) for one in object_ids)


def _measure(truth: LabelMap, object_id: int, *, several: bool, limits: Thresholds) -> Shape | None:
    mask = truth == object_id
    box = bounds(mask)
    if box is None:
        return None
    top, bottom, left, right = box
    crop = mask[top:bottom, left:right]
    edge = _boundary(crop)
    length = int(edge.sum())
    height, width = truth.shape
    outer = np.zeros_like(edge)
    outer[0] |= top == 0
    outer[-1] |= bottom == height
    outer[:, 0] |= left == 0
    outer[:, -1] |= right == width
    contact = _contact(truth, object_id, box, edge, limits.contact_px) / length if several else 0.0
    rows, columns = crop.sum(axis=1), crop.sum(axis=0)
    area = int(rows.sum())
    y, x = np.arange(rows.size), np.arange(columns.size)
    cy, cx = float(rows @ y) / area, float(columns @ x) / area
    mixed = float((y - cy) @ (crop.astype(np.float32) @ (x - cx)))
    spread = float(columns @ (x - cx) ** 2 - rows @ (y - cy) ** 2)
    angle = 0.5 * math.atan2(2 * mixed, spread)
    return Shape(
        area=area,
        box=(left, top, right, bottom),
        centre=(left + cx, top + cy),
        border=float((edge & outer).sum()) / length,
        contact=contact,
        upright=_normalised(crop, cx, cy, area, 0.0),
        turned=_normalised(crop, cx, cy, area, angle),
    )


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels with a 4-neighbour outside of the mask; beyond the crop all is outside."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    inner[[0, -1]] = False
    inner[:, [0, -1]] = False
    return mask & ~inner


def _contact(
    truth: LabelMap,
    object_id: int,
    box: tuple[int, int, int, int],
    edge: NDArray[np.bool_],
    reach: int,
) -> int:
    """Boundary pixels within `reach` px of another object."""
    height, width = truth.shape
    top, bottom, left, right = box
    padded = np.zeros((bottom - top + 2 * reach, right - left + 2 * reach), np.bool_)
    rows = slice(max(top - reach, 0), min(bottom + reach, height))
    columns = slice(max(left - reach, 0), min(right + reach, width))
    around = truth[rows, columns]
    place = padded[
        rows.start - top + reach : rows.stop - top + reach,
        columns.start - left + reach : columns.stop - left + reach,
    ]
    np.logical_and(around != 0, around != object_id, out=place)
    if not place.any():
        return 0
    near = np.zeros_like(edge)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if dx * dx + dy * dy <= reach * reach:
                near |= padded[
                    reach + dy : reach + dy + edge.shape[0], reach + dx : reach + dx + edge.shape[1]
                ]
    return int((near & edge).sum())


def _normalised(
    crop: NDArray[np.bool_], cx: float, cy: float, area: int, angle: float
) -> NDArray[np.uint8]:
    """Sample the mask on a grid that moves, grows and turns with it."""
    steps = (np.arange(_CELLS) + 0.5) / _CELLS * 2 - 1
    steps *= _REACH * math.sqrt(area)
    cos, sin = math.cos(angle), math.sin(angle)
    x = np.rint(cx + cos * steps[None, :] - sin * steps[:, None]).astype(np.intp)
    y = np.rint(cy + sin * steps[None, :] + cos * steps[:, None]).astype(np.intp)
    inside = (x >= 0) & (x < crop.shape[1]) & (y >= 0) & (y < crop.shape[0])
    sampled = np.zeros((_CELLS, _CELLS), np.bool_)
    sampled[inside] = crop[y[inside], x[inside]]
    return np.packbits(sampled)


def change_of_shape(one: Shape, two: Shape) -> float:
    """1 - IoU of two masks after centroid, scale and turn are taken out, 0..1.

    Turn is taken out by the principal axis. It has no direction, and round shapes have none, so the
    best of three counts: both ways round, and not turned.
    """
    pairs = (
        (np.unpackbits(one.turned), np.unpackbits(two.turned)),
        # the sampled square turned by half is its pixels in reverse order
        (np.unpackbits(one.turned), np.unpackbits(two.turned)[::-1]),
        (np.unpackbits(one.upright), np.unpackbits(two.upright)),
    )
    return 1.0 - max(float((a & b).sum() / (a | b).sum()) if a.any() else 0.0 for a, b in pairs)
