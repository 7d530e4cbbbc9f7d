"""Rules by which overlapping soft masks become one label map, to be tried on stored soft masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.types import LabelMap, SoftMasks

__all__ = ["MERGE_RULES", "MergeRule"]

MergeRule: TypeAlias = Callable[[SoftMasks, Sequence[int]], LabelMap]
"""From K×H×W in 0..1 and K ids to H×W uint8."""


def _argmax(soft: SoftMasks, ids: Sequence[int]) -> LabelMap:
    return _painted(soft.argmax(axis=0), soft.max(axis=0) >= 0.5, ids)


def _aggregated(soft: SoftMasks, ids: Sequence[int]) -> LabelMap:
    # normalising the odds p / (1 - p), as the papers do, keeps their order, so it names the same
    # winner; background gets the product of 1 - p
    best = soft.max(axis=0)
    return _painted(soft.argmax(axis=0), best > (1 - soft).prod(axis=0), ids)


def _first(soft: SoftMasks, ids: Sequence[int]) -> LabelMap:
    order = np.argsort(ids, kind="stable")
    return _in_order(soft >= 0.5, [int(k) for k in order], ids)


def _largest(soft: SoftMasks, ids: Sequence[int]) -> LabelMap:
    claims = soft >= 0.5
    order = np.argsort(-np.count_nonzero(claims, axis=(1, 2)), kind="stable")
    return _in_order(claims, [int(k) for k in order], ids)


def _ranet(soft: SoftMasks, ids: Sequence[int]) -> LabelMap:
    best = soft.max(axis=0)
    labels: LabelMap = np.zeros(best.shape, np.uint8)
    for plane, object_id in zip(soft, ids, strict=True):
        labels[(plane >= best) & (plane > 0.5)] = object_id
    return labels


def _painted(place: NDArray[np.intp], wins: NDArray[np.bool_], ids: Sequence[int]) -> LabelMap:
    labels: LabelMap = np.asarray(ids, np.uint8)[place] * wins.view(np.uint8)
    return labels


def _in_order(claims: NDArray[np.bool_], order: Sequence[int], ids: Sequence[int]) -> LabelMap:
    """The first in order keeps what it claims."""
    labels: LabelMap = np.zeros(claims.shape[1:], np.uint8)
    for k in reversed(order):
        labels[claims[k]] = ids[k]
    return labels


MERGE_RULES: Final[Mapping[str, MergeRule]] = {
    "argmax": _argmax,
    "soft-aggregation": _aggregated,
    "priority": _first,
    "largest": _largest,
    "ranet": _ranet,
}
"""- `argmax`: the most probable object, background below 0.5; the first of equal ones.
- `soft-aggregation`: the most probable of all objects and of the background, whose probability is
  the product of 1 - p (Oh et al., RGMP, CVPR 2018; STM, ICCV 2019).
- `priority`: of those that claim the pixel, the lowest id.
- `largest`: of those, the one that claims most pixels of the frame.
- `ranet`: an object whose p is the maximum and above 0.5; the last of equal ones (released code of
  RANet, ICCV 2019; the paper says softmax).
"""
