"""Pixel counts per object and frame, from which J and F follow without further pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.compiled import compiled_twin
from vosbench.metrics.bits import WORD
from vosbench.metrics.boundary import BOUNDARY_TOLERANCE, boundary_radius
from vosbench.metrics.disks import Disk, pack_plan, round_disk, skimage_disk
from vosbench.metrics.grids import GRID_COUNTS, count_on_grids
from vosbench.types import LabelMap

__all__ = [
    "COUNT_COLUMNS",
    "FrameCounts",
    "Look",
    "Tolerance",
    "count_frame",
    "frame_counts",
    "look_at",
]

COUNT_COLUMNS: Final = (
    "intersection",
    "union",
    "pred_boundary",
    "gt_boundary",
    "pred_boundary_matched",
    "gt_boundary_matched",
)
AREA_SHARE: Final = 0.1
"""Matching distance as a share of the square root of the object's area (MOSEv2)."""
_KERNEL: Final = compiled_twin("vosbench.metrics._kernel", version=1)
_KERNEL_REACH: Final = 62
"""Farthest that a disk may reach sideways in the compiled kernel, px: to a diagonal of 7,750 px."""
_LABELS: Final = 256
_FEW_VALUES: Final = 8

Tolerance: TypeAlias = Literal["davis", "mosev2", "mosev2-official"]
"""How far apart boundary pixels may match: `davis` within ⌈0.008 · diagonal⌉ px; `mosev2` within
that or ⌈0.1 · √area⌉ px, whichever is less; `mosev2-official` as its tool does, which leaves 0.008
· diagonal unrounded where that is less."""


@dataclass(frozen=True, eq=False)
class FrameCounts:
    """What is kept of one frame.

    Attributes:
        counts: objects×6 int64, columns as in `COUNT_COLUMNS`, px.
        areas: objects×2 int64, px of the predicted and of the true mask.
    """

    counts: NDArray[np.int64]
    areas: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Look:
    """What one pass over a predicted and a true label map shows.

    Attributes:
        values: 2×256 int64, px of each value in the prediction and in the truth.
        marks: H×⌈W/64⌉ uint8, which blocks of 64 columns hold anything in either map; None where
            there is no compiled kernel to use it.
    """

    values: NDArray[np.int64]
    marks: NDArray[np.uint8] | None = None

    @cached_property
    def predicted(self) -> tuple[int, ...]:
        """Non-zero values of the prediction, ascending."""
        return tuple((self.values[0, 1:].nonzero()[0] + 1).tolist())

    @cached_property
    def true(self) -> tuple[int, ...]:
        """Non-zero values of the truth, ascending."""
        return tuple((self.values[1, 1:].nonzero()[0] + 1).tolist())


def look_at(prediction: LabelMap, truth: LabelMap) -> Look:
    """Look over two label maps, both H×W uint8.

    Raises:
        ValueError: they differ in size.
    """
    _check_same_size(prediction, truth)
    if _KERNEL is not None and _fits_kernel(prediction) and _fits_kernel(truth):
        height, width = truth.shape
        values = np.empty((2, _LABELS), np.int64)
        marks = np.empty((height, -(-width // WORD)), np.uint8)
        _KERNEL.look(prediction, truth, marks, values)
        return Look(values, marks)
    return Look(np.stack((_values_of(prediction), _values_of(truth))))


def frame_counts(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    *,
    radius: int | None = None,
) -> NDArray[np.int64]:
    """Count the pixels that region similarity and boundary accuracy need.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size.
        object_ids: ids to count, 1..255.
        radius: matching distance of boundary pixels in px; None takes the DAVIS tolerance.

    Returns:
        objects×6 int64, columns as in `COUNT_COLUMNS`, px.

    Raises:
        ValueError: the label maps differ in size.
    """
    return count_frame(prediction, truth, object_ids, radius=radius).counts


def count_frame(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    *,
    tolerance: Tolerance = "davis",
    radius: int | None = None,
    seen: Look | None = None,
) -> FrameCounts:
    """Do what `frame_counts` does, and count the areas of the masks.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size.
        object_ids: ids to count, 1..255.
        tolerance: how far apart boundary pixels may match.
        radius: a fixed matching distance in px instead of `tolerance`.
        seen: what `look_at` gave for these very maps, if it was called.

    Raises:
        ValueError: the label maps differ in size.
    """
    _check_same_size(prediction, truth)
    height, width = truth.shape
    limit = boundary_radius(height, width) if radius is None else radius
    # No tolerance reaches farther than the DAVIS one, but for the pixel that rounding can add.
    reach = limit + 1
    by_area = tolerance if radius is None else "davis"
    if _KERNEL is not None and reach <= _KERNEL_REACH:
        seen = look_at(prediction, truth) if seen is None else seen
        if seen.marks is not None:
            counts = _count_compiled(
                prediction, truth, object_ids, seen, tolerance=by_area, limit=limit
            )
            return FrameCounts(counts[:, :6], counts[:, 6:])
    counts = count_on_grids(
        prediction,
        truth,
        object_ids,
        disk_for=lambda area: _disk(by_area, area, height, width, limit),
        reach=reach,
    )
    return FrameCounts(counts[:, :6], counts[:, 6:])


def _count_compiled(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    seen: Look,
    *,
    tolerance: Tolerance,
    limit: int,
) -> NDArray[np.int64]:
    """What `count_on_grids` does."""
    kernel = _KERNEL
    assert kernel is not None  # noqa: S101 - only called where there is one
    height, width = truth.shape
    counts = np.empty((len(object_ids), GRID_COUNTS), np.int64)
    if tolerance == "davis":
        plan = _packed_plan(tolerance, 0, height, width, limit)
        kernel.count(prediction, truth, seen.marks, bytes(object_ids), plan, counts)
        return counts
    for row, object_id in enumerate(object_ids):
        plan = _packed_plan(tolerance, int(seen.values[1, object_id]), height, width, limit)
        one = counts[row : row + 1]
        kernel.count(prediction, truth, seen.marks, bytes((object_id,)), plan, one)
    return counts


def _check_same_size(prediction: LabelMap, truth: LabelMap) -> None:
    if prediction.shape != truth.shape:
        raise ValueError(f"Label maps differ in size: {prediction.shape} and {truth.shape}.")


def _fits_kernel(labels: LabelMap) -> bool:
    return labels.dtype == np.uint8 and labels.size > 0 and labels.strides[1] == 1


def _values_of(labels: LabelMap) -> NDArray[np.int64]:
    """Pixels of each value, (256,) int64."""
    values = np.zeros(_LABELS, np.int64)
    highest = int(labels.max(initial=0))
    if highest > _FEW_VALUES:
        return np.bincount(labels.ravel(), minlength=_LABELS).astype(np.int64, copy=False)
    for value in range(1, highest + 1):
        values[value] = np.count_nonzero(labels == value)
    values[0] = labels.size - values.sum()
    return values


@lru_cache(maxsize=1024)
def _packed_plan(
    tolerance: Tolerance, area: int, height: int, width: int, limit: int
) -> NDArray[np.int16]:
    return pack_plan(_disk(tolerance, area, height, width, limit))


def _disk(tolerance: Tolerance, area: int, height: int, width: int, limit: int) -> Disk:
    """The disk for an object of that many true pixels (MOSEv2; its tool `metricsv2.py`)."""
    if tolerance == "davis":
        return round_disk(limit)
    exact = BOUNDARY_TOLERANCE * float(np.linalg.norm((height, width)))
    radius = math.ceil(AREA_SHARE * math.sqrt(area)) if area else math.ceil(exact)
    if radius < exact:
        return round_disk(radius)
    return skimage_disk(exact) if tolerance == "mosev2-official" else round_disk(math.ceil(exact))
