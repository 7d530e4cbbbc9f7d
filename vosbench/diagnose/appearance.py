"""What the pictures of an object and of what is around it look like."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.frame_figures import FrameFigures, summarise
from vosbench.types import RGB, LabelMap

__all__ = ["FRAME_ATTRIBUTES", "FrameMeter"]

FRAME_ATTRIBUTES: Final = ("AC", "BC", "CS", "DB", "EA", "HO", "MB")
_OF_MOTION: Final = ("CS", "DB")
_OF_OBJECTS: Final = ("AC", "BC", "EA", "HO", "MB")


@dataclass(frozen=True, eq=False)
class _Small:
    """A picture at a quarter of the size, and the spectrum of what is in its middle."""

    grey: NDArray[np.float64]
    spectrum: NDArray[np.complex128]


class FrameMeter:
    """Collects pictures and masks of one object, for the attributes that masks alone cannot tell.

    Args:
        object_id: whose.
        step: distance of the frames that a frame's motion is measured over. Only every so many
            frames, the first among them, make the figures of the sequence, so that these are those
            of a meter with step 1 that is given only them.
    """

    def __init__(self, object_id: int, *, step: int = 1) -> None:
        self._id = object_id
        self._step = step
        self._first: NDArray[np.float64] | None = None
        self._cells: dict[str, list[float | str]] = {name: [] for name in FRAME_ATTRIBUTES}
        self._before: dict[int, _Small] = {}
        self._count = 0

    def add(self, image: RGB | None, truth: LabelMap) -> None:
        """Take a frame: H×W×3 uint8, or None where there is no picture, and H×W uint8."""
        found: dict[str, float | str] = dict.fromkeys(FRAME_ATTRIBUTES, "no-picture")
        if image is not None:
            mask = truth == self._id
            found = {**self._motion(image, mask), **self._look(image, mask)}
        for name, cell in found.items():
            self._cells[name].append(cell)
        self._count += 1

    def _motion(self, image: RGB, mask: NDArray[np.bool_]) -> dict[str, float | str]:
        small = _small(image)
        phase = self._count % self._step
        before = self._before.get(phase)
        self._before[phase] = small
        if before is None:
            return dict.fromkeys(_OF_MOTION, "earlier")
        shift, residual = _global_motion(before, small, _shrunk(mask, small.grey.shape))
        return {"CS": shift, "DB": residual if math.isfinite(residual) else "no-ground"}

    def _look(self, image: RGB, mask: NDArray[np.bool_]) -> dict[str, float | str]:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size < 3 or columns.size < 3:
            return dict.fromkeys(_OF_OBJECTS, "small" if rows.size else "absent")
        # the object and a margin around it; everything else is far from its contour
        margin = max(6, round(0.25 * math.sqrt(np.count_nonzero(mask))))
        top, bottom = max(rows[0] - margin, 0), min(rows[-1] + margin + 1, mask.shape[0])
        left, right = max(columns[0] - margin, 0), min(columns[-1] + margin + 1, mask.shape[1])
        box = np.s_[top:bottom, left:right]
        return self._measure(image[box], mask[box], margin)

    def _measure(self, image: RGB, mask: NDArray[np.bool_], margin: int) -> dict[str, float | str]:
        from scipy import ndimage

        ring = ndimage.binary_dilation(mask, iterations=margin) & ~mask
        inside, outside = _histogram(image[mask]), _histogram(image[ring])
        found: dict[str, float | str] = dict.fromkeys(("EA", "MB"), "no-contour")
        found["AC"] = "earlier" if self._first is None else _chi_square(inside, self._first)
        if self._first is None and self._count % self._step == 0:
            self._first = inside
        found["BC"] = _chi_square(inside, outside)
        found["HO"] = _effective_bins(inside)
        grey = image.mean(axis=2)
        gradient = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1)) / 8
        contour = mask & ~ndimage.binary_erosion(mask, border_value=1)
        if contour.any():
            near = ndimage.maximum_filter(gradient, 3)
            found["EA"] = float(near[contour].mean())
            inner = float(np.percentile(gradient[mask | ring], 90))
            found["MB"] = float(near[contour].mean()) / max(inner, 1.0)
        return found

    def figures(self) -> dict[str, float]:
        """One figure for each of `FRAME_ATTRIBUTES`; NaN where no frame could tell.

        They are those of `frames`, put together over every `step` frames:

        - `AC`, `BC`, `HO`, `EA`, `MB`, `DB`: mean.
        - `CS`: root mean square, which is the standard deviation of the shift.
        """
        frames = self.frames()
        return {
            name: summarise(name, frames.values[name][:: self._step]) for name in FRAME_ATTRIBUTES
        }

    def frames(self) -> FrameFigures:
        """Figures of each frame that was added, for each of `FRAME_ATTRIBUTES`.

        - `AC`: χ² distance of the object's colours to those of the first frame that makes the
          sequence's figures and shows it, 0..1.
        - `BC`: χ² distance of its colours to those around it, 0..1; low is cluttered.
        - `HO`: effective number of colours of the object.
        - `EA`: mean gradient on the contour, grey levels per px; low is ambiguous.
        - `MB`: the same over the 90th percentile of the gradient near the object; low is blurred.
        - `CS`: how far the shift of the background over `step` frames is from its mean, share of
          the width.
        - `DB`: what a global shift over `step` frames leaves unexplained of the background, grey
          levels.
        """
        values = {
            name: np.array([math.nan if isinstance(c, str) else c for c in cells], np.float64)
            for name, cells in self._cells.items()
        }
        shifts = values["CS"][:: self._step]
        if not np.isfinite(shifts).any():
            shifts = values["CS"]
        known = shifts[np.isfinite(shifts)]
        if known.size:
            values["CS"] = np.abs(values["CS"] - known.mean())
        return FrameFigures(
            values,
            {
                name: tuple(cell if isinstance(cell, str) else "" for cell in cells)
                for name, cells in self._cells.items()
            },
        )


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


def _small(image: RGB) -> _Small:
    """A quarter of the size, by means of 4×4 px."""
    height, width = image.shape[0] // 4 * 4, image.shape[1] // 4 * 4
    grey = image[:height, :width].mean(axis=2)
    small: NDArray[np.float64] = grey.reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))
    window = np.hanning(small.shape[0])[:, None] * np.hanning(small.shape[1])[None]
    return _Small(small, np.fft.rfft2((small - small.mean()) * window))


def _shrunk(mask: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    small: NDArray[np.bool_] = mask[: size[0] * 4 : 4, : size[1] * 4 : 4]
    return small


def _global_motion(one: _Small, two: _Small, mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Shift of the whole picture by phase correlation, and what it leaves of the background."""
    before, after = one.grey, two.grey
    cross = two.spectrum * one.spectrum.conj()
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
