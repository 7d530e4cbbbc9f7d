"""Instance centre offset: every position votes for the centre of the instance it belongs to.

Reconstruction: the paper says that an offset is predicted from the encoder's last features and
relies on the previous frame's centre; the dense form and the Gaussian closeness are this project's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .config import NetworkConfig

__all__ = ["InstanceCentreOffset", "Votes", "cell_centres", "voted_centre"]

INITIAL_SIGMA = 0.1
LEAST_SIGMA = 0.02
LEAST_WEIGHT = 1e-3


class Votes(NamedTuple):
    """What the head says of every position.

    Attributes:
        offset: B×2×h×w (x, y), from the position to its instance's centre, in crop widths and
            heights.
        residual: B×2×h×w, voted centre minus the target's previous centre.
        closeness: B×1×h×w in 0..1, 1 where the vote meets the previous centre.
    """

    offset: Tensor
    residual: Tensor
    closeness: Tensor


def cell_centres(height: int, width: int, device: torch.device) -> Tensor:
    """1×2×height×width float32 (x, y) centres of a grid's cells in 0..1."""
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([grid_x, grid_y])[None]


class InstanceCentreOffset(nn.Module):
    """Offset head and its comparison with the previous centre."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        first, second = config.offset_widths
        self.head = nn.Sequential(
            nn.Conv2d(config.embed_width, first, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(first, second, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(second, 2, 1),
        )
        self.log_sigma = nn.Parameter(torch.tensor(math.log(INITIAL_SIGMA)))

    def forward(self, embed: Tensor, centre: Tensor) -> Votes:
        """Vote.

        Args:
            embed: B×C×h×w, or 1×C×h×w where all items share it; then `offset` has one item too.
            centre: B×2 (x, y), the target's previous centre in 0..1 of the crop.

        Returns:
            Votes in float32: a bfloat16 coordinate has steps of a seventh of a cell.
        """
        offset = self.head(embed).float()
        height, width = offset.shape[2:]
        voted = cell_centres(height, width, offset.device) + offset
        residual = voted - centre.float()[:, :, None, None]
        sigma = self.log_sigma.float().exp().clamp(min=LEAST_SIGMA)
        closeness = torch.exp(-residual.square().sum(dim=1, keepdim=True) / (2 * sigma.square()))
        return Votes(offset, residual, closeness)


def voted_centre(probability: Tensor, offset: Tensor) -> Tensor:
    """Mean of the voted centres, weighted by the object's probability.

    Args:
        probability: B×1×H×W.
        offset: B×2×h×w (x, y) in crop widths and heights.

    Returns:
        B×2 (x, y) in 0..1 of the crop, NaN where hardly any probability votes.
    """
    height, width = offset.shape[2:]
    weight = F.interpolate(probability, size=(height, width), mode="area")
    total = weight.sum(dim=(2, 3))
    mean = ((cell_centres(height, width, offset.device) + offset) * weight).sum(dim=(2, 3)) / total
    return mean.masked_fill(total < LEAST_WEIGHT, torch.nan)
