"""The J-loss waterfall: 1 - J of an object on a frame, split into terms that sum to it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.contour import NearContour, band_squared, near_contour
from vosbench.diagnose.overlap import FrameOverlap, frame_overlap
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.types import LabelMap

__all__ = ["CONTOUR_PARTS", "GROUPS", "TERMS", "FrameLoss", "frame_loss", "grouped"]

TERMS: Final = (
    "boundary",
    "leak",
    "stolen",
    "bg_fp",
    "interior_miss",
    "missed",
    "hallucinated",
    "wrong_id",
    "drift",
)
"""- `boundary`: wrong pixels next to the true contour.
- `leak`: predicted pixels on other true objects.
- `stolen`: true pixels that were given to other objects.
- `bg_fp`: the other predicted pixels on background.
- `interior_miss`: the other true pixels without a prediction.
- `missed`: the object is there and its mask is empty.
- `hallucinated`: the object is gone and its mask is not empty.
- `wrong_id`: J < 0.1 and the mask lies on another object.
- `drift`: J < 0.1 and it does not.
"""
GROUPS: Final = {
    "boundary": ("boundary",),
    "identity": ("leak", "stolen"),
    "wrong object": ("wrong_id",),
    "drift": ("drift",),
    "missed": ("missed",),
    "hallucinated": ("hallucinated",),
    "background": ("bg_fp",),
    "interior": ("interior_miss",),
}
"""Terms as people are told of them. A leak shows on both objects, as leak on one and as stolen on
the other, so the two are one group."""


CONTOUR_PARTS: Final = ("thin", "miss_rim", "extra_rim", "detached")
"""What the terms do not tell of wrong pixels, as shares of the union like the terms.

- `thin`: of `boundary`, missed parts of the object no wider than the band on both sides.
- `miss_rim`: of `boundary`, the rim of a part whose inside is missed as well.
- `extra_rim`: of `boundary`, the rim of a region of background that is taken as well.
- `detached`: of `boundary` and `bg_fp`, pieces of the mask that do not touch the object.
"""


@dataclass(frozen=True, eq=False)
class FrameLoss:
    """The loss of K objects on one frame.

    Attributes:
        region: K float64, J 0..1.
        terms: K×9 float64, columns as in `TERMS`; each row sums to 1 - J.
        other: K int64, the other object that takes most of the blame, or 0.
        contour: K×4 float64, columns as in `CONTOUR_PARTS`; 0 where one term takes the whole loss.
    """

    region: NDArray[np.float64]
    terms: NDArray[np.float64]
    other: NDArray[np.int64]
    contour: NDArray[np.float64]


def frame_loss(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    *,
    overlap: FrameOverlap | None = None,
    limits: Thresholds = DEFAULTS,
) -> FrameLoss:
    """Split the loss of every object on a frame.

    Args:
        prediction: H×W uint8.
        truth: H×W uint8 of the same size, without void.
        object_ids: K ids.
        overlap: what `frame_overlap` gives for the two, if it is known already.
        limits: thresholds.
    """
    overlap = overlap or frame_overlap(prediction, truth)
    region = np.ones(len(object_ids))
    terms = np.zeros((len(object_ids), len(TERMS)))
    other = np.zeros(len(object_ids), np.int64)
    contour = np.zeros((len(object_ids), len(CONTOUR_PARTS)))
    for k, object_id in enumerate(object_ids):
        row = overlap.row(object_id)
        if row < 0:
            continue
        pixels = _Pixels(overlap, row)
        region[k] = pixels.shared / pixels.union
        whole, other[k] = _whole_loss(pixels, region[k], limits)
        if whole is not None:
            terms[k, TERMS.index(whole)] = 1.0 - region[k]
            continue
        near = NearContour(0, 0)
        if pixels.union > pixels.shared:
            squared = band_squared(truth.shape[0], truth.shape[1], pixels.true, limits)
            near = near_contour(prediction, truth, object_id, squared)
        terms[k, : len(_PARTIAL)] = _partial_loss(pixels, near)
        contour[k] = [getattr(near, part) / pixels.union for part in CONTOUR_PARTS]
        # what the two sides of a contact share is blamed on whoever has more of it
        blame = pixels.on_others + pixels.under_others
        other[k] = _most(overlap, blame) if blame.any() else 0
    return FrameLoss(region, terms, other, contour)


_PARTIAL: Final = TERMS[:5]


class _Pixels:
    """Pixel counts of one object, px; row 0 and its own row are 0 in the two arrays."""

    def __init__(self, overlap: FrameOverlap, row: int) -> None:
        table = overlap.table
        self.overlap = overlap
        self.predicted = int(table[row].sum())
        self.true = int(table[:, row].sum())
        self.shared = int(table[row, row])
        self.union = self.predicted + self.true - self.shared
        self.on_background = int(table[row, 0])
        self.unclaimed = int(table[0, row])
        self.on_others = table[row].copy()
        self.under_others = table[:, row].copy()
        for array in (self.on_others, self.under_others):
            array[[0, row]] = 0


def _most(overlap: FrameOverlap, pixels: NDArray[np.int64]) -> int:
    return overlap.ids[int(pixels.argmax()) - 1]


def _whole_loss(pixels: _Pixels, region: float, limits: Thresholds) -> tuple[str | None, int]:
    """The one term that takes the whole loss, or None, and the other object that is to blame."""
    on_other = int(pixels.on_others.max()) >= limits.most * max(pixels.predicted, 1)
    if not pixels.true:
        return "hallucinated", _most(pixels.overlap, pixels.on_others) if on_other else 0
    if not pixels.predicted:
        if int(pixels.under_others.max()) >= limits.most * pixels.true:
            return "stolen", _most(pixels.overlap, pixels.under_others)
        return "missed", 0
    if region < limits.wrong:
        if on_other:
            return "wrong_id", _most(pixels.overlap, pixels.on_others)
        return "drift", 0
    return None, 0


def _partial_loss(pixels: _Pixels, near: NearContour) -> NDArray[np.float64]:
    counts = (
        near.extra + near.missed,
        int(pixels.on_others.sum()),
        int(pixels.under_others.sum()),
        pixels.on_background - near.extra,
        pixels.unclaimed - near.missed,
    )
    return np.array(counts, np.float64) / pixels.union


def grouped(terms: NDArray[np.float64]) -> dict[str, float]:
    """Sums over the terms of each group, from (9,) float64."""
    return {
        group: float(sum(terms[TERMS.index(term)] for term in members))
        for group, members in GROUPS.items()
    }
