"""Boxes, windows, affine maps and thin-plate bending in normalised frame coordinates.

A point of a frame is (x, y) in 0..1 of the frame's width and height; pixel centres lie at
(i + 0.5) / n. A window is the part of a frame that a crop shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Window", "affine", "bend_field", "box_of", "centroid_of", "pixel_grid"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """A rectangle of a frame, all in fractions of the frame's sides.

    Attributes:
        x: centre.
        y: centre.
        width: full width.
        height: full height.
    """

    x: float
    y: float
    width: float
    height: float

    def to_frame(self, points: Tensor) -> Tensor:
        """Map points (..., 2) from crop coordinates (0..1) to frame coordinates."""
        size = points.new_tensor([self.width, self.height])
        return points * size + points.new_tensor([self.x, self.y]) - size / 2

    def to_crop(self, x: float, y: float) -> tuple[float, float]:
        """Map one point from frame coordinates to crop coordinates."""
        return (x - self.x) / self.width + 0.5, (y - self.y) / self.height + 0.5

    def clamped(self, *, smallest: tuple[float, float], largest: float) -> Window:
        """The window with its sides limited; `smallest` is (width, height)."""
        return Window(
            self.x,
            self.y,
            min(max(self.width, smallest[0]), largest),
            min(max(self.height, smallest[1]), largest),
        )


def box_of(mask: NDArray[np.bool_]) -> Window | None:
    """The tight box of a mask (H×W) as a window, or None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    height, width = mask.shape
    top, bottom = rows[0] / height, (rows[-1] + 1) / height
    left, right = columns[0] / width, (columns[-1] + 1) / width
    return Window(
        float(left + right) / 2, float(top + bottom) / 2, float(right - left), float(bottom - top)
    )


def centroid_of(mask: NDArray[np.bool_]) -> tuple[float, float] | None:
    """The mass centroid (x, y) of a mask (H×W) in 0..1, or None where it is empty."""
    area = int(mask.sum())
    if area == 0:
        return None
    height, width = mask.shape
    x = float(mask.sum(axis=0) @ (np.arange(width) + 0.5)) / (area * width)
    y = float(mask.sum(axis=1) @ (np.arange(height) + 0.5)) / (area * height)
    return x, y


def affine(
    *,
    about: tuple[float, float] = (0.5, 0.5),
    to: tuple[float, float] | None = None,
    degrees: float = 0.0,
    scale: float = 1.0,
    shear: float = 0.0,
    flip: bool = False,
    aspect: float = 854 / 480,
) -> Matrix:
    """The 3×3 map that turns, scales and shears about a point and then moves that point.

    Args:
        about: fixed point, frame coordinates.
        to: where the fixed point goes; None leaves it.
        degrees: rotation, clockwise in image coordinates.
        scale: larger than 1 enlarges.
        shear: x gains `shear` times y.
        flip: mirror x about the point first.
        aspect: width over height of the frame in px, so that a rotation is one in px.
    """
    to = about if to is None else to
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1.0, shear], [0.0, 1.0]]) * scale
    if flip:
        linear = linear @ np.diag([-1.0, 1.0])
    to_px = np.diag([aspect, 1.0])
    linear = np.linalg.inv(to_px) @ linear @ to_px
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = np.asarray(to) - linear @ np.asarray(about)
    return matrix


@cache
def pixel_grid(height: int, width: int) -> Tensor:
    """Pixel centres of an H×W crop: (H, W, 2) float32, (x, y) in 0..1. Shared: never write."""
    y = (torch.arange(height, dtype=torch.float32) + 0.5) / height
    x = (torch.arange(width, dtype=torch.float32) + 0.5) / width
    return torch.stack([x[None, :].expand(height, width), y[:, None].expand(height, width)], dim=-1)


def bend_field(displacement: NDArray[np.float64], *, size: int = 25) -> Tensor:
    """Thin-plate interpolation of displacements at a 4×4 lattice of control points.

    The spline (Duchon 1977; kernel r² log r with an affine part) is solved once and evaluated on a
    coarse lattice, which the renderer reads bilinearly: bending is smooth, so nothing is lost.

    Args:
        displacement: 16×2, in frame coordinates, lattice rows first.
        size: side of the lattice that is returned.

    Returns:
        (1, 2, size, size) float32, covering frame coordinates 0..1.
    """
    return torch.from_numpy(
        (_spline_matrix(size) @ displacement).T.reshape(1, 2, size, size).astype(np.float32)
    )


@cache
def _spline_matrix(size: int) -> Matrix:
    """The linear map from 16 displacements to size² of them."""
    line = np.linspace(0.0, 1.0, 4)
    control = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    line = np.linspace(0.0, 1.0, size)
    query = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    count = len(control)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(control, control)
    system[:count, count:] = np.c_[np.ones(count), control]
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.inv(system)[:, :count]
    return np.asarray(np.c_[_kernel(query, control), np.ones(len(query)), query] @ weights)


def _kernel(first: Matrix, second: Matrix) -> Matrix:
    squared = ((first[:, None] - second[None]) ** 2).sum(axis=-1)
    safe = np.where(squared > 0, squared, 1.0)
    return np.asarray(0.5 * squared * np.log(safe))
