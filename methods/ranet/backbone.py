"""ResNet with instance normalisation, under torchvision's parameter names.

Each normalisation has a scale and a shift (named `bnN.weight` and `bnN.bias`, for they start from
ImageNet's batch normalisation) and takes its statistics from the image itself.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ..nn import StageFeatures, StrideOn

__all__ = ["EXPANSION", "Backbone", "Bottleneck"]

EXPANSION = 4


def _norm(channels: int) -> nn.GroupNorm:
    # One group per channel is instance normalisation, and this kernel also reads channels-last.
    return nn.GroupNorm(channels, channels)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 with a shortcut that is projected where the shape changes."""

    def __init__(self, inputs: int, inner: int, *, stride: int, stride_on: StrideOn) -> None:
        super().__init__()
        outputs = inner * EXPANSION
        first, second = (stride, 1) if stride_on == "conv1" else (1, stride)
        self.conv1 = nn.Conv2d(inputs, inner, 1, stride=first, bias=False)
        self.bn1 = _norm(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=second, padding=1, bias=False)
        self.bn2 = _norm(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = _norm(outputs)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), _norm(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map B×inputs×H×W to B×(4·inner)×H/stride×W/stride."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut, inplace=True)


class Backbone(nn.Module):
    """Stages at strides 2 (stem), 4, 8, 16 and 32."""

    def __init__(
        self,
        *,
        blocks: tuple[int, int, int, int],
        width: int,
        stride_on: StrideOn,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = _norm(width)
        stages = []
        inputs = width
        for number, count in enumerate(blocks):
            inner = width * 2**number
            strides = [1 if number == 0 else 2] + [1] * (count - 1)
            stage = []
            for stride in strides:
                stage.append(Bottleneck(inputs, inner, stride=stride, stride_on=stride_on))
                inputs = inner * EXPANSION
            stages.append(nn.Sequential(*stage))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.channels = (width, *(width * 2**number * EXPANSION for number in range(4)))

    def forward(self, image: Tensor) -> StageFeatures:
        """Run all stages on B×3×H×W, ImageNet-normalised."""
        stem = F.relu(self.bn1(self.conv1(image)), inplace=True)
        layer1 = self.layer1(F.max_pool2d(stem, 3, stride=2, padding=1))
        layer2 = self.layer2(layer1)
        layer3 = self.layer3(layer2)
        return StageFeatures(stem, layer1, layer2, layer3, self.layer4(layer3))
