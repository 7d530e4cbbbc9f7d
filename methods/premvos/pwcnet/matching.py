"""Matching of features: cost volume, and warping along a flow."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["REACH", "cost_volume", "warp_features"]

REACH: Final = 4
"""Largest displacement looked at, in positions of the level, in each direction."""
_WHOLLY_INSIDE: Final = 0.9999


def cost_volume(first: Tensor, second: Tensor) -> Tensor:
    """Correlation of every position with the 9×9 positions around it in the other features.

    Channel 9 (dy + 4) + dx + 4 is the mean over channels of first(y, x) · second(y + dy, x + dx);
    outside there are zeros (Sun et al. 2018, equation 1).

    Args:
        first: B×C×H×W.
        second: of the same shape.

    Returns:
        B×81×H×W.
    """
    height, width = first.shape[-2:]
    padded = F.pad(second, [REACH] * 4)
    sides = range(2 * REACH + 1)
    costs = [
        (first * padded[..., dy : dy + height, dx : dx + width]).mean(dim=1)
        for dy in sides
        for dx in sides
    ]
    return torch.stack(costs, dim=1)


def warp_features(features: Tensor, flow: Tensor) -> Tensor:
    """Features looked up bilinearly where the flow points; 0 where that is not wholly inside.

    Args:
        features: B×C×H×W.
        flow: B×2×H×W, x then y, in positions of this level.
    """
    height, width = features.shape[-2:]
    rows = torch.arange(height, device=flow.device, dtype=flow.dtype)
    columns = torch.arange(width, device=flow.device, dtype=flow.dtype)
    # -1 and 1 are the centres of the outermost positions
    x = 2 * (columns + flow[:, 0]) / max(width - 1, 1) - 1
    y = 2 * (rows[:, None] + flow[:, 1]) / max(height - 1, 1) - 1
    grid = torch.stack((x, y), dim=3)
    looked_up = F.grid_sample(features, grid, align_corners=True)
    ones = features.new_ones(features.shape[0], 1, height, width)
    inside = F.grid_sample(ones, grid, align_corners=True) >= _WHOLLY_INSIDE
    return looked_up * inside
