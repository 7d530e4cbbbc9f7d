"""Attributes of objects: what makes a clip hard, computed from masks and from frames.

The names are those of DAVIS-2016 (Perazzi et al., CVPR 2016, Table 1), where people decided. LR, SV
and FM follow its definitions; the others are figures of our own that stand for what people saw, and
each use is told how well they agree (`vosbench.explain.attributes`). A figure is first of a frame;
that of a sequence is made of those of its frames (`vosbench.diagnose.frame_figures.SUMMARIES`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.appearance import FRAME_ATTRIBUTES, FrameMeter
from vosbench.diagnose.events import occluded_frames
from vosbench.diagnose.frame_figures import FrameFigures, summarise
from vosbench.diagnose.shapes import Shape, change_of_shape
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds

__all__ = [
    "FRAME_ATTRIBUTES",
    "MASK_ATTRIBUTES",
    "FrameMeter",
    "cohen_kappa",
    "has_attribute",
    "mask_figures",
    "mask_frame_figures",
]

MASK_ATTRIBUTES: Final = ("LR", "SV", "FM", "OV", "OCC", "SC", "DEF", "ROT")
_CELLS: Final = 64
_Cells: TypeAlias = list[float | str]
"""A figure for each frame, or why there is none."""


def mask_figures(
    shapes: Sequence[Shape | None], size: tuple[int, int], *, limits: Thresholds = DEFAULTS
) -> dict[str, float]:
    """One figure for each of `MASK_ATTRIBUTES`; NaN where the masks cannot tell.

    They are those of `mask_frame_figures`, put together:

    - `LR`: mean of box area over frame area.
    - `SV`: smallest over largest box area, the minimum over frames.
    - `FM`: mean step of the centroid over the diagonal.
    - `OV`: share of frames on which a quarter or more is out of view.
    - `OCC`: share of frames on which a quarter or more is occluded.
    - `SC`: median of the complexity.
    - `DEF`: mean over frames of the change of shape.
    - `ROT`: largest turn of the principal axis, degrees; of elongated masks.

    Args:
        shapes: of one object on T annotated frames.
        size: height and width, px.
        limits: thresholds of occlusion.
    """
    frames = mask_frame_figures(shapes, size, limits=limits)
    return {name: summarise(name, frames.values[name]) for name in MASK_ATTRIBUTES}


def mask_frame_figures(
    shapes: Sequence[Shape | None], size: tuple[int, int], *, limits: Thresholds = DEFAULTS
) -> FrameFigures:
    """Figures of an object on each frame, for each of `MASK_ATTRIBUTES`.

    - `LR`: box area over frame area.
    - `SV`: smallest ratio that its box area makes with that of any other frame, 0..1.
    - `FM`: step of the centroid from the frame before, over the diagonal.
    - `OV`, `OCC`: 1 where a quarter or more is out of view or occluded, else 0.
    - `SC`: perimeter² / (4π · area), the perimeter counted in pixel sides of the mask drawn at one
      size, so that it does not depend on the resolution.
    - `DEF`: change of shape against ten frames before.
    - `ROT`: turn of the principal axis against the first frame that has one, degrees.

    Args:
        shapes: of one object on T annotated frames.
        size: height and width, px.
        limits: thresholds of occlusion.
    """
    found: dict[str, _Cells] = {
        "LR": [_box(s) / (size[0] * size[1]) if s is not None else "absent" for s in shapes],
        "SV": _scales(shapes),
        "FM": _steps(shapes, math.hypot(*size)),
        "SC": ["absent" if s is None else _complexity(s) for s in shapes],
        "DEF": _changes(shapes, limits),
        "ROT": _turns(shapes),
        **_hiding(shapes, limits),
    }
    return FrameFigures(
        {
            name: np.array([math.nan if isinstance(v, str) else v for v in cells], np.float64)
            for name, cells in found.items()
        },
        {
            name: tuple(v if isinstance(v, str) else "" for v in cells)
            for name, cells in found.items()
        },
    )


def _box(shape: Shape) -> float:
    return float(shape.height * shape.width)


def _scales(shapes: Sequence[Shape | None]) -> _Cells:
    boxes = [_box(shape) for shape in shapes if shape is not None]
    return [
        "absent" if s is None else min(_box(s) / max(boxes), min(boxes) / _box(s)) for s in shapes
    ]


def _steps(shapes: Sequence[Shape | None], diagonal: float) -> _Cells:
    cells: _Cells = []
    for t, shape in enumerate(shapes):
        before = shapes[t - 1] if t else None
        if shape is None:
            cells.append("absent")
        elif before is None:
            cells.append(_missing(shapes, t - 1))
        else:
            cells.append(math.dist(before.centre, shape.centre) / diagonal)
    return cells


def _changes(shapes: Sequence[Shape | None], limits: Thresholds) -> _Cells:
    cells: _Cells = []
    for t, shape in enumerate(shapes):
        before = shapes[t - limits.window] if t >= limits.window else None
        if shape is None:
            cells.append("absent")
        elif before is None:
            cells.append(_missing(shapes, t - limits.window))
        elif min(before.area, shape.area) < limits.deformation_area:
            cells.append("small")
        else:
            cells.append(change_of_shape(before, shape))
    return cells


def _missing(shapes: Sequence[Shape | None], at: int) -> str:
    """Why there is nothing at a frame: it, and all before it, are too early, or a gap."""
    return "gap" if any(shape is not None for shape in shapes[: max(at, 0)]) else "earlier"


def _hiding(shapes: Sequence[Shape | None], limits: Thresholds) -> dict[str, _Cells]:
    occluded, outside = occluded_frames(shapes, limits=limits)
    seen = np.logical_or.accumulate(np.array([shape is not None for shape in shapes], np.bool_))
    return {
        name: [float(yes) if was else "earlier" for yes, was in zip(flags, seen, strict=True)]
        for name, flags in (("OV", outside), ("OCC", occluded))
    }


def _turns(shapes: Sequence[Shape | None]) -> _Cells:
    """Unwrapped angle of the principal axis, which has no direction; only where it has one."""
    axes = [None if shape is None else _axis(shape) for shape in shapes]
    angles = np.unwrap(np.array([axis for axis in axes if axis is not None]), period=math.pi)
    turns = iter(np.degrees(np.abs(angles - angles[:1])).tolist())
    return [
        next(turns) if axis is not None else "absent" if shape is None else "round"
        for axis, shape in zip(axes, shapes, strict=True)
    ]


def _grid(shape: Shape) -> NDArray[np.bool_]:
    return np.unpackbits(shape.upright).reshape(_CELLS, _CELLS).astype(np.bool_)


def _complexity(shape: Shape) -> float | str:
    padded = np.pad(_grid(shape), 1)
    sides = np.count_nonzero(padded[1:] != padded[:-1])
    sides += np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    area = np.count_nonzero(padded)
    return sides * sides / (4 * math.pi * area) if area else "small"


def _axis(shape: Shape) -> float | None:
    y, x = np.nonzero(_grid(shape))
    if y.size < 2:
        return None
    covariance = np.cov(x, y)
    spread, mixed = covariance[0, 0] - covariance[1, 1], 2 * covariance[0, 1]
    # round masks turn without their axis following
    if math.hypot(spread, mixed) < 0.2 * (covariance[0, 0] + covariance[1, 1]):
        return None
    return 0.5 * math.atan2(mixed, spread)


def has_attribute(figure: float, threshold: float, *, above: bool) -> bool | None:
    """Whether a figure says that the object has the attribute; None where it is undefined."""
    if not math.isfinite(figure):
        return None
    return figure > threshold if above else figure < threshold


def cohen_kappa(one: Sequence[bool], two: Sequence[bool]) -> float:
    """Agreement of two raters beyond chance (Cohen, Educ. Psychol. Meas. 1960), at most 1.

    Returns:
        NaN where both say the same of all, or there is nothing to rate: chance agrees entirely.
    """
    if len(one) != len(two):
        raise ValueError(f"{len(one)} and {len(two)} ratings")
    if not one:
        return math.nan
    count = len(one)
    observed = sum(a == b for a, b in zip(one, two, strict=True)) / count
    first, second = sum(one) / count, sum(two) / count
    expected = first * second + (1 - first) * (1 - second)
    return (observed - expected) / (1 - expected) if expected < 1 else math.nan
