"""Loss terms that segmentation by matching needs; all in float32, each a mean over the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["mask_cross_entropy", "offset_loss", "similarity_loss", "soft_iou_loss"]

OFFSET_BETA = 0.1


def mask_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of mask logits (B,1,H,W) with a 0/1 target of the same shape."""
    return F.binary_cross_entropy_with_logits(logits.float(), target.float())


def soft_iou_loss(logits: Tensor, target: Tensor) -> Tensor:
    """One minus the soft intersection over union, per item, then averaged.

    One pixel is added to both areas: an absent target then costs what is predicted, with a finite
    gradient, instead of 0/0.

    Args:
        logits: (B,1,H,W).
        target: (B,1,H,W), 0 or 1.
    """
    probability, target = logits.float().sigmoid().flatten(1), target.float().flatten(1)
    both = (probability * target).sum(dim=1)
    either = probability.sum(dim=1) + target.sum(dim=1) - both
    return (1 - (both + 1) / (either + 1)).mean()


def similarity_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of the similarity logit with the covered share of each cell.

    Args:
        logits: (B,1,h,w) at the matching stride.
        target: (B,1,H,W) mask at crop size; pooled by area here.
    """
    share = F.interpolate(target.float(), size=logits.shape[2:], mode="area")
    return F.binary_cross_entropy_with_logits(logits.float(), share)


def offset_loss(offset: Tensor, instances: Tensor, instance_centre: Tensor) -> Tensor:
    """Smooth L1 of the vector from each annotated position to the centre of its own instance.

    The bend of smooth L1 is at 0.1: offsets are fractions of the crop, and with the usual bend at 1
    the loss would be quadratic throughout.

    Args:
        offset: (B,2,h,w) predicted (x, y), fractions of the crop.
        instances: (B,H,W) integer, 0 = not annotated, else a row of `instance_centre`.
        instance_centre: (B,M,2) (x, y) in 0..1 of the crop.
    """
    height, width = offset.shape[2:]
    rows = _nearest(instances.shape[1], height, instances.device)
    columns = _nearest(instances.shape[2], width, instances.device)
    index = instances[:, rows][:, :, columns].long()
    y = (torch.arange(height, device=offset.device) + 0.5) / height
    x = (torch.arange(width, device=offset.device) + 0.5) / width
    place = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
    flat = index.flatten(1)[..., None].expand(-1, -1, 2)
    centre = instance_centre.float().gather(1, flat).view(*index.shape, 2)
    wanted = (centre - place).permute(0, 3, 1, 2)
    error = F.smooth_l1_loss(offset.float(), wanted, beta=OFFSET_BETA, reduction="none").sum(dim=1)
    annotated = index > 0
    return (error * annotated).sum() / annotated.sum().clamp_min(1)


def _nearest(full: int, cells: int, device: torch.device) -> Tensor:
    """The pixel at each cell's centre."""
    return ((torch.arange(cells, device=device) + 0.5) * full / cells).long()
