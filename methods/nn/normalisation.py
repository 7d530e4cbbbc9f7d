"""Normalisations that keep float32 statistics whatever the arithmetic around them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

__all__ = ["FrozenBatchNorm2d", "bias_only_norm", "instance_norm", "l2_normalise"]

EPSILON = 1e-5


def instance_norm(x: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Standardise each channel of each item over its pixels, without learned scale or shift.

    Statistics are accumulated in float32 even where `x` is a half type. A constant plane becomes
    zeros, also a plane of one pixel.

    Args:
        x: B×C×H×W.
        epsilon: added to the variance.

    Returns:
        B×C×H×W in the type of `x` (float32 under a CUDA autocast).
    """
    # One group per channel is instance normalisation. The group kernel reads channels-last memory
    # as it is and takes 1 ms on a CPU where the instance kernel and `var_mean` take 20
    # (96×120×214).
    return torch.group_norm(x, x.shape[1], eps=epsilon)


def l2_normalise(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Put every channel vector on the unit sphere, in float32.

    Args:
        x: B×C×..., any floating type.
        epsilon: lower bound of the norm.

    Returns:
        B×C×... float32.
    """
    return F.normalize(x.float(), dim=1, eps=epsilon)


class FrozenBatchNorm2d(nn.Module):
    """Batch normalisation with fixed statistics and fixed affine, under torchvision's key names.

    All four vectors are buffers: no optimiser sees them and `train()` changes nothing. The key
    `num_batches_tracked` of ordinary batch normalisation is accepted and dropped on loading.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def affine(self) -> tuple[Tensor, Tensor]:
        """Factor and bias (C each) with which this normalisation is x·factor + bias."""
        factor = self.weight * torch.rsqrt(self.running_var + self.epsilon)
        return factor, self.bias - self.running_mean * factor

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise B×C×H×W with the stored statistics."""
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=False,
            eps=self.epsilon,
        )


def bias_only_norm(name: str, bias: Tensor, epsilon: float) -> dict[str, Tensor]:
    """State of a frozen batch normalisation that only adds `bias` (C)."""
    ones = torch.ones_like(bias)
    return {
        f"{name}.weight": ones,
        f"{name}.bias": bias,
        f"{name}.running_mean": torch.zeros_like(bias),
        f"{name}.running_var": ones - epsilon,
    }
