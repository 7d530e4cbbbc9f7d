"""Decoder blocks of RANet and DMVOS.

Sources: residual block from He et al. 2016; multi-scale block from RANet (Wang et al., ICCV 2019)
with dilations 1, 3, 6; the squeeze block's inside is a reconstruction, for DMVOS names it but draws
it only in a figure.
"""

from __future__ import annotations

from torch import Tensor, nn

from .elementwise import added, rectified
from .normalisation import instance_norm

__all__ = ["ConvBlock", "MultiScaleBlock", "ResidualBlock", "SqueezeBlock"]

DILATIONS = (1, 3, 6)


class ConvBlock(nn.Conv2d):
    """Instance normalisation without affine, ReLU, then a convolution of the same size with bias.

    It is a convolution by class, so that its parameters are `weight` and `bias` without a further
    level.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__(inputs, outputs, kernel, padding=(kernel - 1) // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map B×inputs×H×W to B×outputs×H×W."""
        return super().forward(rectified(instance_norm(x)))


class SqueezeBlock(ConvBlock):
    """A `ConvBlock` with a 1×1 kernel that cuts the channels of a skip connection."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel=1)


class MultiScaleBlock(nn.ModuleList):
    """Sum of three bias-free 3×3 convolutions with dilations 1, 3 and 6."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate, bias=False)
            for rate in DILATIONS
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map B×inputs×H×W to B×outputs×H×W."""
        near, middle, far = self
        return added(added(near(x), middle(x)), far(x))


class ResidualBlock(nn.Module):
    """Bottleneck with instance normalisation: 1×1 to `inner`, 3×3, 1×1 back, add, ReLU.

    The convolutions have no bias, and the shortcut is the identity.
    """

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map B×channels×H×W to the same shape."""
        y = rectified(instance_norm(self.conv1(x)))
        y = rectified(instance_norm(self.conv2(y)))
        return rectified(added(instance_norm(self.conv3(y)), x))
