"""ResNet (He et al. 2016) as a feature extractor, with torchvision's parameter names.

Written out here because torchvision has no CPU build that fits every torch. Batch normalisation is
frozen: segmentation batches are small and their crops are not ImageNet's statistics.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .elementwise import added, rectified
from .normalisation import FrozenBatchNorm2d

__all__ = ["Bottleneck", "ResNet", "StageFeatures", "StrideOn", "fold_norms", "norm_of"]

StrideOn: TypeAlias = Literal["conv1", "conv2"]
"""Which convolution of a stage's first block strides.

`conv2` (3×3) is torchvision's choice, `conv1` (1×1) is Caffe's.
"""

EXPANSION = 4
LAST_BRANCH_SCALE = 0.25


class StageFeatures(NamedTuple):
    """Outputs of one pass, B×C×H×W each; C is given for a width of 64.

    Attributes:
        stem: after the 7×7 convolution, its normalisation and ReLU; 64 at stride 2.
        layer1: 256 at stride 4.
        layer2: 512 at stride 8.
        layer3: 1024 at stride 16.
        layer4: 2048 at stride 16 where dilated, else 32.
    """

    stem: Tensor
    layer1: Tensor
    layer2: Tensor
    layer3: Tensor
    layer4: Tensor


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 with a shortcut that is projected where the shape changes."""

    def __init__(
        self, inputs: int, inner: int, *, stride: int, dilation: int, stride_on: StrideOn
    ) -> None:
        super().__init__()
        outputs = inner * EXPANSION
        first, second = (stride, 1) if stride_on == "conv1" else (1, stride)
        self.conv1 = nn.Conv2d(inputs, inner, 1, stride=first, bias=False)
        self.bn1 = FrozenBatchNorm2d(inner)
        self.conv2 = nn.Conv2d(
            inner, inner, 3, stride=second, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = FrozenBatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = FrozenBatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False),
                FrozenBatchNorm2d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map B×inputs×H×W to B×(4·inner)×H/stride×W/stride."""
        y = _convolved(self.conv1, self.bn1, x)
        y = _convolved(self.conv2, self.bn2, y)
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return rectified(added(y, shortcut))


class ResNet(nn.Module):
    """Bottleneck ResNet without classifier.

    Args:
        blocks: blocks per stage; (3, 4, 6, 3) is ResNet-50.
        width: channels of the stem.
        stride_on: which convolution of a stage's first block strides.
        dilate_last: replace the last stage's stride by dilation, so that every second row and
            column of its output is what the strided stage gives and ImageNet weights fit unchanged.
            For `conv2` this is torchvision's `replace_stride_with_dilation=[False, False, True]`:
            the first block keeps dilation 1 and the others have 2. For `conv1` all have 2.
    """

    def __init__(
        self,
        *,
        blocks: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: int = 64,
        stride_on: StrideOn = "conv2",
        dilate_last: bool = True,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm2d(width)
        stages = []
        inputs = width
        for number, count in enumerate(blocks):
            dilated = dilate_last and number == 3
            stages.append(
                _stage(
                    inputs,
                    width * 2**number,
                    count,
                    stride=1 if number == 0 or dilated else 2,
                    dilation=2 if dilated else 1,
                    stride_on=stride_on,
                )
            )
            inputs = width * 2**number * EXPANSION
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.channels = tuple(width * 2**number * EXPANSION for number in range(4))
        _initialise(self)

    def stages(self, image: Tensor) -> StageFeatures:
        """Run all stages on B×3×H×W, ImageNet-normalised."""
        stem = _convolved(self.conv1, self.bn1, image)
        layer1 = self.layer1(F.max_pool2d(stem, 3, stride=2, padding=1))
        layer2 = self.layer2(layer1)
        layer3 = self.layer3(layer2)
        return StageFeatures(stem, layer1, layer2, layer3, self.layer4(layer3))

    def forward(self, image: Tensor) -> Tensor:
        """Deepest features of B×3×H×W."""
        return self.stages(image).layer4


def _convolved(convolution: nn.Module, norm: nn.Module, x: Tensor) -> Tensor:
    y: Tensor = norm(convolution(x))
    # a packed convolution has its ReLU in it, see `packed.py`
    return y if getattr(convolution, "rectifies", False) else rectified(y)


def _stage(
    inputs: int, inner: int, count: int, *, stride: int, dilation: int, stride_on: StrideOn
) -> nn.Sequential:
    # The first 3×3 of a stage sees the finer grid where it strides itself, but the coarser one
    # where the 1×1 before it strides. In the second case it must be dilated too to see what it was
    # trained on.
    start = dilation if stride_on == "conv1" else 1
    first = Bottleneck(inputs, inner, stride=stride, dilation=start, stride_on=stride_on)
    rest = (
        Bottleneck(inner * EXPANSION, inner, stride=1, dilation=dilation, stride_on=stride_on)
        for _ in range(count - 1)
    )
    return nn.Sequential(first, *rest)


def norm_of(convolution: str) -> str | None:
    """Name of the batch normalisation behind a convolution of a ResNet, by torchvision's names.

    `layer1.0.conv2` gives `layer1.0.bn2`, `layer1.0.downsample.0` gives `layer1.0.downsample.1`; a
    name of another pattern gives None.
    """
    parent, _, own = convolution.rpartition(".")
    if own.startswith("conv"):
        return f"{parent}.bn{own.removeprefix('conv')}".removeprefix(".")
    return f"{parent}.1" if parent.endswith("downsample") else None


def fold_norms(network: nn.Module) -> None:
    """Fold every frozen batch normalisation into the convolution before it, in place.

    The function computed stays the same up to rounding; parameter names do not, so fold only what
    will not be saved.
    """
    modules = dict(network.named_modules())
    for name, module in modules.items():
        norm_name = norm_of(name)
        norm = modules.get(norm_name) if norm_name else None
        if not isinstance(module, nn.Conv2d) or not isinstance(norm, FrozenBatchNorm2d):
            continue
        factor, bias = norm.affine()
        weight = module.weight.detach() * factor[:, None, None, None]
        module.weight = nn.Parameter(weight, requires_grad=False)
        module.bias = nn.Parameter(bias, requires_grad=False)
        network.set_submodule(str(norm_name), nn.Identity())


def _initialise(network: nn.Module) -> None:
    """He initialisation; a block's last scale is small, for frozen statistics do not limit sums."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
            # Drawing on the meta device would import the whole compiler, which takes a second.
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, Bottleneck):
            module.bn3.weight.fill_(LAST_BRANCH_SCALE)
