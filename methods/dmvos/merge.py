"""How objects that were segmented one by one compete for a pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from .parameters import MergeRule

__all__ = ["merge"]

SURE = 1e-7


def merge(probability: Tensor, object_ids: list[int], rule: MergeRule, threshold: float) -> Tensor:
    """Label map of overlapping soft masks.

    `argmax`: the most probable object, background where none reaches the threshold.
    `soft-aggregation`: the background's probability is the product of 1 - p over the objects, odds
    are normalised over objects and background, and the largest wins; the threshold plays no part
    (Oh et al., RGMP, CVPR 2018, with the product of STM, ICCV 2019, in place of RGMP's further
    pass). Ties go to background, then to the lower place in `object_ids`.

    Args:
        probability: K×H×W float32 in 0..1.
        object_ids: K ids in the same order.
        rule: see above.
        threshold: least probability for `argmax`.

    Returns:
        H×W uint8 on the same device.
    """
    labels = torch.zeros(probability.shape[1:], dtype=torch.uint8, device=probability.device)
    if rule == "argmax":
        # Just below the threshold, so that a probability equal to it wins against background.
        start = torch.tensor(threshold, device=probability.device, dtype=probability.dtype)
        best = torch.nextafter(start, torch.zeros_like(start)).expand_as(labels)
    else:
        background = (1 - probability).clamp(SURE, 1 - SURE).prod(dim=0).clamp(SURE, 1 - SURE)
        best = torch.logit(background)
        probability = torch.logit(probability.clamp(SURE, 1 - SURE))
    for object_id, plane in zip(object_ids, probability, strict=True):
        wins = plane > best
        labels.masked_fill_(wins, object_id)
        best = torch.where(wins, plane, best)
    return labels
