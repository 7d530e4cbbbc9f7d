"""Blocks of RANet under the parameter names of its official checkpoints."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ..nn import ResidualBlock, instance_norm

__all__ = ["DilatedResidualBlock", "Layer", "MultiScale", "Upsample", "resized"]


def resized(x: Tensor, size: tuple[int, int], *, corners: bool) -> Tensor:
    """Bilinear resize of B×C×H×W; `corners` aligns the outermost pixel centres."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=corners)


class _Standardise(nn.Module):
    """Instance normalisation without parameters, epsilon 1e-5."""

    def forward(self, x: Tensor) -> Tensor:
        """Map B×C×H×W to the same shape."""
        return instance_norm(x)


class Upsample(nn.Module):
    """Bilinear enlargement with aligned corners."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Map B×C×H×W to B×C×(factor·H)×(factor·W)."""
        height, width = x.shape[2:]
        return resized(x, (height * self.factor, width * self.factor), corners=True)


class Layer(nn.Sequential):
    """Instance normalisation, ReLU, convolution with bias (at index 2), optional enlargement."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, factor: int = 1) -> None:
        parts: list[nn.Module] = [
            _Standardise(),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, outputs, kernel, padding=(kernel - 1) // 2),
        ]
        if factor > 1:
            parts.append(Upsample(factor))
        super().__init__(*parts)


class MultiScale(nn.Module):
    """Sum of three bias-free 3×3 convolutions with dilations 1, 3 and 6."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.l1, self.l2, self.l3 = (
            nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate, bias=False)
            for rate in (1, 3, 6)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map B×inputs×H×W to B×outputs×H×W."""
        total: Tensor = self.l1(x) + self.l2(x)
        return total.add_(self.l3(x))


class DilatedResidualBlock(ResidualBlock):
    """A `ResidualBlock` whose 3×3 convolution has dilation 2."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__(channels, inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=2, dilation=2, bias=False)
