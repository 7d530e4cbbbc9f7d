"""How objects that were segmented one by one compete for a pixel."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["BackgroundRule", "labels_of", "merge_odds"]

BackgroundRule = Literal["union", "product"]

LEAST = 1e-7
"""Probabilities are kept this far from 0 and 1, so that odds stay finite."""


def merge_odds(objects: Tensor, background: Tensor) -> Tensor:
    """Soft aggregation: the softmax of logits, which normalises the odds p / (1 - p).

    Source: Oh et al., RGMP, CVPR 2018.

    Args:
        objects: K×H×W float32 in 0..1, each object's own probability.
        background: H×W float32 in 0..1.

    Returns:
        (K+1)×H×W float32 that sum to 1 at every pixel, the background first.
    """
    everything = torch.cat([background[None], objects]).clamp(LEAST, 1 - LEAST)
    return torch.softmax(torch.logit(everything), dim=0)


def labels_of(merged: Tensor, object_ids: list[int]) -> Tensor:
    """Label map of merged probabilities; equal ones go to the first, so to the background first.

    Args:
        merged: (K+1)×H×W, the background first.
        object_ids: K ids in the order of the objects.

    Returns:
        H×W uint8 on the same device.
    """
    names = torch.tensor([0, *object_ids], dtype=torch.uint8, device=merged.device)
    return names[merged.argmax(dim=0)]
