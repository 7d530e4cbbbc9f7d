"""Outlines of what is cut out of a photograph, in the photograph's own pixel coordinates.

Every outline answers the same question, which of these points lie inside, so that a cut-out can be
made at any resolution. Only plain arithmetic and comparisons decide, never a library's rasteriser:
the same masks come out on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic.photos import load_photo

__all__ = ["Box", "Ellipses", "Lattice", "Outline", "Polygon", "Silhouette"]

Coordinates: TypeAlias = NDArray[np.float64]
Inside: TypeAlias = NDArray[np.bool_]


class Outline(Protocol):
    """A closed shape."""

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 in px of the photograph; the shape lies within."""
        ...

    def inside(self, x: Coordinates, y: Coordinates) -> Inside:
        """Whether the points (x, y), arrays of one shape, lie in the shape."""
        ...


@dataclass(frozen=True)
class Box:
    """The whole rectangle x0, y0, x1, y1."""

    bounds: tuple[int, int, int, int]

    def inside(self, x: Coordinates, y: Coordinates) -> Inside:
        """See `Outline`."""
        x0, y0, x1, y1 = self.bounds
        return (x >= x0) & (x < x1) & (y >= y0) & (y < y1)


@dataclass(frozen=True)
class Lattice:
    """Bars along and across a rectangle x0, y0, x1, y1, with square holes between them.

    Attributes:
        bounds: of the rectangle.
        cell: distance from bar to bar.
        bar: width of a bar.
    """

    bounds: tuple[int, int, int, int]
    cell: int
    bar: int

    def inside(self, x: Coordinates, y: Coordinates) -> Inside:
        """See `Outline`."""
        x0, y0, _, _ = self.bounds
        bars = (np.mod(x - x0, self.cell) < self.bar) | (np.mod(y - y0, self.cell) < self.bar)
        return Box(self.bounds).inside(x, y) & bars


@dataclass(frozen=True)
class Ellipses:
    """Union of upright ellipses: centre x, centre y, half width, half height."""

    parts: tuple[tuple[int, int, int, int], ...]

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """See `Outline`."""
        return (
            min(cx - rx for cx, _, rx, _ in self.parts),
            min(cy - ry for _, cy, _, ry in self.parts),
            max(cx + rx for cx, _, rx, _ in self.parts),
            max(cy + ry for _, cy, _, ry in self.parts),
        )

    def inside(self, x: Coordinates, y: Coordinates) -> Inside:
        """See `Outline`."""
        result = np.zeros(x.shape, dtype=np.bool_)
        for cx, cy, rx, ry in self.parts:
            result |= ((x - cx) * ry) ** 2 + ((y - cy) * rx) ** 2 <= float((rx * ry) ** 2)
        return result


@dataclass(frozen=True)
class Polygon:
    """A polygon with rounded corners: two rounds of Chaikin's corner cutting (1974)."""

    corners: tuple[tuple[int, int], ...]

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """See `Outline`; cutting corners stays within the convex hull."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def inside(self, x: Coordinates, y: Coordinates) -> Inside:
        """See `Outline`; even-odd rule, a ray to the right."""
        points = _corners_cut(_corners_cut([(float(px), float(py)) for px, py in self.corners]))
        result = np.zeros(x.shape, dtype=np.bool_)
        for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
            if ay == by:
                continue
            spans = (y < ay) != (y < by)
            # x left of the edge, multiplied out so that nothing is divided
            side = (x - ax) * (by - ay) - (bx - ax) * (y - ay)
            result ^= spans & ((side < 0) if by > ay else (side > 0))
        return result


def _corners_cut(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    cut = []
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        cut.append((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by))
        cut.append((0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
    return cut


@dataclass(frozen=True)
class Silhouette:
    """The dark part of a photograph."""

    photo: str

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """See `Outline`."""
        dark = self._dark()
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def inside(self, x: Coordinates, y: Coordinates) -> Inside:
        """See `Outline`."""
        dark = self._dark()
        column = np.clip(np.floor(x).astype(np.int64), 0, dark.shape[1] - 1)
        row = np.clip(np.floor(y).astype(np.int64), 0, dark.shape[0] - 1)
        return dark[row, column]

    def _dark(self) -> Inside:
        return load_photo(self.photo)[..., 0] < 128
