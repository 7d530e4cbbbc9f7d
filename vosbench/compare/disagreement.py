"""Where two runs differ on an object, coloured by which one is right. Pure: arrays in and out."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vosbench.report.overlay import outline
from vosbench.types import RGB, LabelMap

__all__ = ["SIDES", "Disagreement", "draw_disagreement", "sides_css"]

# Okabe and Ito's colours, which all kinds of colour vision tell apart, and none of which stands
# for a kind of error elsewhere
SIDES: Final = {
    "this-right": (0, 190, 140),
    "baseline-right": (204, 121, 167),
    "both-wrong": (225, 225, 225),
}
_TINT: Final = 0.85
_HATCH_PX: Final = 6


class Disagreement(NamedTuple):
    """A drawn frame and how many px of the object each side has right.

    Attributes:
        image: H×W×3 uint8.
        this_right: px on which the runs differ and the candidate agrees with the truth.
        baseline_right: px on which they differ and the baseline does.
        both_wrong: px on which they agree and the truth does not.
    """

    image: RGB
    this_right: int
    baseline_right: int
    both_wrong: int


def draw_disagreement(
    image: RGB, baseline: LabelMap, candidate: LabelMap, truth: LabelMap, *, object_id: int
) -> Disagreement:
    """Draw the frame in dim grey with the px of one object on which not all three agree.

    An object's mask is yes or no at a pixel, so where the runs differ, exactly one is right. What
    both have wrong is hatched, because it decides nothing between them.

    Args:
        image: H×W×3 uint8.
        baseline: H×W uint8.
        candidate: H×W uint8.
        truth: H×W uint8; its outline of the object is white.
        object_id: which object.
    """
    old, new, true = (labels == object_id for labels in (baseline, candidate, truth))
    sides = {
        "this-right": (old != new) & (new == true),
        "baseline-right": (old != new) & (old == true),
        "both-wrong": (old == new) & (old != true),
    }
    grey = 24 + 0.62 * (image.astype(np.float32) @ np.asarray((0.299, 0.587, 0.114), np.float32))
    drawn = np.repeat(grey[:, :, None], 3, axis=2)
    for name, inside in sides.items():
        shown = inside & _hatch(inside.shape) if name == "both-wrong" else inside
        colour = np.asarray(SIDES[name], np.float32)
        drawn[shown] = (1 - _TINT) * drawn[shown] + _TINT * colour
    drawn[outline(true)] = 255
    return Disagreement(
        drawn.round().astype(np.uint8), *(int(inside.sum()) for inside in sides.values())
    )


def _hatch(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, columns = np.indices(shape)
    hatch: NDArray[np.bool_] = (rows + columns) % _HATCH_PX < _HATCH_PX // 3
    return hatch


def sides_css() -> str:
    """Rules for the legend."""
    return "".join(
        f".box.{name}{{background:rgb({red} {green} {blue})}}"
        for name, (red, green, blue) in SIDES.items()
    )
