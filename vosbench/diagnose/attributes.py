"""Attributes of objects: what makes a clip hard, computed from masks and from frames.

The names are those of DAVIS-2016 (Perazzi et al., CVPR 2016, Table 1), where people decided. LR, SV
and FM follow its definitions; the others are figures of our own that stand for what people saw, and
each use is told how well they agree (`vosbench.explain.attributes`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.events import occluded_frames
from vosbench.diagnose.shapes import Shape, change_of_shape
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.types import RGB, LabelMap

__all__ = [
    "FRAME_ATTRIBUTES",
    "MASK_ATTRIBUTES",
    "FrameMeter",
    "cohen_kappa",
    "has_attribute",
    "mask_figures",
]

MASK_ATTRIBUTES: Final = ("LR", "SV", "FM", "OV", "OCC", "SC", "DEF", "ROT")
FRAME_ATTRIBUTES: Final = ("AC", "BC", "CS", "DB", "EA", "HO", "MB")
_CELLS: Final = 64


def mask_figures(
    shapes: Sequence[Shape | None], size: tuple[int, int], *, limits: Thresholds = DEFAULTS
) -> dict[str, float]:
    """One figure for each of `MASK_ATTRIBUTES`; NaN where the masks cannot tell.

    - `LR`: mean of box area over frame area.
    - `SV`: smallest over largest box area.
    - `FM`: mean step of the centroid over the diagonal.
    - `OV`: share of frames on which a quarter or more is out of view.
    - `OCC`: share of frames on which a quarter or more is occluded.
    - `SC`: median of perimeter² / (4π · area), the perimeter counted in pixel sides of the mask
      drawn at one size, so that it does not depend on the resolution.
    - `DEF`: mean over frames of the change of shape against ten frames before.
    - `ROT`: largest turn of the principal axis against the first frame, degrees; of elongated
      masks.

    Args:
        shapes: of one object on T annotated frames.
        size: height and width, px.
        limits: thresholds of occlusion.
    """
    seen = [shape for shape in shapes if shape is not None]
    if not seen:
        return dict.fromkeys(MASK_ATTRIBUTES, math.nan)
    boxes = np.array([shape.height * shape.width for shape in seen], np.float64)
    occluded, outside = occluded_frames(shapes, limits=limits)
    steps = [
        math.dist(one.centre, two.centre)
        for one, two in zip(shapes, shapes[1:], strict=False)
        if one is not None and two is not None
    ]
    lag = limits.window
    changes = [
        change_of_shape(one, two)
        for one, two in zip(shapes, shapes[lag:], strict=False)
        if one is not None
        and two is not None
        and min(one.area, two.area) >= limits.deformation_area
    ]
    return {
        "LR": float(boxes.mean()) / (size[0] * size[1]),
        "SV": float(boxes.min() / boxes.max()),
        "FM": float(np.mean(steps)) / math.hypot(*size) if steps else math.nan,
        "OV": float(outside.mean()),
        "OCC": float(occluded.mean()),
        "SC": float(np.median([_complexity(shape) for shape in seen])),
        "DEF": float(np.mean(changes)) if changes else math.nan,
        "ROT": _turn(seen),
    }


def _grid(shape: Shape) -> NDArray[np.bool_]:
    return np.unpackbits(shape.upright).reshape(_CELLS, _CELLS).astype(np.bool_)


def _complexity(shape: Shape) -> float:
    padded = np.pad(_grid(shape), 1)
    sides = np.count_nonzero(padded[1:] != padded[:-1])
    sides += np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    area = np.count_nonzero(padded)
    return sides * sides / (4 * math.pi * area) if area else math.nan


def _turn(shapes: Sequence[Shape]) -> float:
    """Unwrapped angle of the principal axis, which has no direction; only where it has one."""
    angles = [axis for shape in shapes if (axis := _axis(shape)) is not None]
    if not angles:
        return math.nan
    unwrapped = np.unwrap(np.array(angles), period=math.pi)
    return float(np.degrees(np.abs(unwrapped - unwrapped[0]).max()))


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


class FrameMeter:
    """Collects pictures and masks of one object, for the attributes that masks alone cannot tell.

    Args:
        object_id: whose.
    """

    def __init__(self, object_id: int) -> None:
        self._id = object_id
        self._first: NDArray[np.float64] | None = None
        self._values: dict[str, list[float]] = {name: [] for name in FRAME_ATTRIBUTES}
        self._grey: NDArray[np.float64] | None = None

    def add(self, image: RGB, truth: LabelMap) -> None:
        """Take a frame: H×W×3 uint8 and H×W uint8. Frames may be left out at equal distances."""
        grey = _small_grey(image)
        mask = truth == self._id
        if self._grey is not None:
            shift, residual = _global_motion(self._grey, grey, _shrunk(mask, grey.shape))
            self._values["CS"].append(shift)
            self._values["DB"].append(residual)
        self._grey = grey
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size < 3 or columns.size < 3:
            return
        # the object and a margin around it; everything else is far from its contour
        margin = max(6, round(0.25 * math.sqrt(np.count_nonzero(mask))))
        top, bottom = max(rows[0] - margin, 0), min(rows[-1] + margin + 1, mask.shape[0])
        left, right = max(columns[0] - margin, 0), min(columns[-1] + margin + 1, mask.shape[1])
        box = np.s_[top:bottom, left:right]
        self._measure(image[box], mask[box], margin)

    def _measure(self, image: RGB, mask: NDArray[np.bool_], margin: int) -> None:
        from scipy import ndimage

        ring = ndimage.binary_dilation(mask, iterations=margin) & ~mask
        inside, outside = _histogram(image[mask]), _histogram(image[ring])
        if self._first is None:
            self._first = inside
        else:
            self._values["AC"].append(_chi_square(inside, self._first))
        self._values["BC"].append(_chi_square(inside, outside))
        self._values["HO"].append(_effective_bins(inside))
        grey = image.mean(axis=2)
        gradient = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1)) / 8
        contour = mask & ~ndimage.binary_erosion(mask, border_value=1)
        if contour.any():
            near = ndimage.maximum_filter(gradient, 3)
            self._values["EA"].append(float(near[contour].mean()))
            inner = float(np.percentile(gradient[mask | ring], 90))
            self._values["MB"].append(float(near[contour].mean()) / max(inner, 1.0))

    def figures(self) -> dict[str, float]:
        """One figure for each of `FRAME_ATTRIBUTES`; NaN where no frame could tell.

        - `AC`: mean χ² distance of the object's colours to those of its first frame, 0..1.
        - `BC`: mean χ² distance of its colours to those around it, 0..1; low is cluttered.
        - `HO`: mean of the effective number of colours of the object.
        - `EA`: mean gradient on the contour, grey levels per px; low is ambiguous.
        - `MB`: the same over the 90th percentile of the gradient near the object; low is blurred.
        - `CS`: standard deviation of the shift of the background from frame to frame, share of the
          width.
        - `DB`: mean of what a global shift leaves unexplained of the background, grey levels.
        """
        values = {name: np.array(found) for name, found in self._values.items()}
        figures = {
            name: float(found.mean()) if found.size else math.nan for name, found in values.items()
        }
        shifts = values["CS"]
        figures["CS"] = float(shifts.std()) if shifts.size else math.nan
        return figures


def _histogram(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of pixels in each of 8×8×8 colours, (512,)."""
    bins = (pixels >> 5).astype(np.intp) @ np.array([64, 8, 1])
    counts = np.bincount(bins, minlength=512).astype(np.float64)
    shares: NDArray[np.float64] = counts / max(float(counts.sum()), 1.0)
    return shares


def _chi_square(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    total = one + two
    used = total > 0
    return float(0.5 * ((one - two)[used] ** 2 / total[used]).sum())


def _effective_bins(histogram: NDArray[np.float64]) -> float:
    used = histogram[histogram > 0]
    return float(np.exp(-(used * np.log(used)).sum()))


def _small_grey(image: RGB) -> NDArray[np.float64]:
    """A quarter of the size, by means of 4×4 px."""
    height, width = image.shape[0] // 4 * 4, image.shape[1] // 4 * 4
    grey = image[:height, :width].mean(axis=2)
    small: NDArray[np.float64] = grey.reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))
    return small


def _shrunk(mask: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    small: NDArray[np.bool_] = mask[: size[0] * 4 : 4, : size[1] * 4 : 4]
    return small


def _global_motion(
    before: NDArray[np.float64], after: NDArray[np.float64], mask: NDArray[np.bool_]
) -> tuple[float, float]:
    """Shift of the whole picture by phase correlation, and what it leaves of the background."""
    window = np.hanning(before.shape[0])[:, None] * np.hanning(before.shape[1])[None]
    one, two = (np.fft.rfft2((image - image.mean()) * window) for image in (before, after))
    cross = two * one.conj()
    peak = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), before.shape)
    dy, dx = np.unravel_index(int(peak.argmax()), peak.shape)
    y = int(dy) - before.shape[0] if dy > before.shape[0] // 2 else int(dy)
    x = int(dx) - before.shape[1] if dx > before.shape[1] // 2 else int(dx)
    moved = np.roll(before, (y, x), (0, 1))
    border = max(abs(y), abs(x)) + 1
    kept = np.zeros(mask.shape, np.bool_)
    kept[border:-border, border:-border] = True
    kept &= ~mask
    residual = float(np.abs(moved - after)[kept].mean()) if kept.any() else math.nan
    return math.hypot(x, y) / before.shape[1], residual


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
