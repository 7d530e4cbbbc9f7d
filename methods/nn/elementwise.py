"""ReLU and sums, each the fastest of several ways to the same bits."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["added", "rectified"]


def added(x: Tensor, y: Tensor) -> Tensor:
    """Sum of two tensors; `x` may be overwritten."""
    return x + y if _slow_in_place(x) else x.add_(y)


def rectified(x: Tensor) -> Tensor:
    """ReLU; `x` may be overwritten."""
    return F.relu(x, inplace=not _slow_in_place(x))


def _slow_in_place(x: Tensor) -> bool:
    """Whether torch takes longer in place: bfloat16 on a CPU, up to half as long again."""
    return x.dtype is torch.bfloat16 and x.device.type == "cpu"
