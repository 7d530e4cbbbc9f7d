"""Blocks that several networks share: ResNet with frozen statistics, and decoder blocks."""

from .blocks import ConvBlock, MultiScaleBlock, ResidualBlock, SqueezeBlock
from .normalisation import FrozenBatchNorm2d, bias_only_norm, instance_norm, l2_normalise
from .resnet import ResNet, StageFeatures, StrideOn, fold_norms, norm_of

__all__ = [
    "ConvBlock",
    "FrozenBatchNorm2d",
    "MultiScaleBlock",
    "ResNet",
    "ResidualBlock",
    "SqueezeBlock",
    "StageFeatures",
    "StrideOn",
    "bias_only_norm",
    "fold_norms",
    "instance_norm",
    "l2_normalise",
    "norm_of",
]
