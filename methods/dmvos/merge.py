"""How objects that were segmented one by one compete for a pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from .parameters import MergeRule
from .transfer import numbers

__all__ = ["merge"]


def merge(probability: Tensor, object_ids: list[int], rule: MergeRule, threshold: float) -> Tensor:
    """Label map of overlapping soft masks.

    `argmax`: the most probable object, background where none reaches the threshold.
    `soft-aggregation`: the background's probability is the product of 1 - p over the objects, and
    the most probable of objects and background wins; the threshold plays no part. Normalising the
    odds first, as the source does, changes no winner (Oh et al., RGMP, CVPR 2018, with the product
    of STM, ICCV 2019, in place of RGMP's further pass).
    Ties go to the lower place in `object_ids`; under `soft-aggregation`, first to background.

    Args:
        probability: K×H×W float32 in 0..1, K at least 1.
        object_ids: K ids in the same order.
        rule: see above.
        threshold: least probability for `argmax`.

    Returns:
        H×W uint8 on the same device.
    """
    ids = numbers(object_ids, probability.device, torch.uint8)
    best, place = probability.max(dim=0)
    background = (1 - probability).prod(dim=0) if rule == "soft-aggregation" else None
    wins = best >= threshold if background is None else best > background
    return ids[place] * wins
