"""Blocks that several networks share: ResNet with frozen statistics, and decoder blocks."""

from .blocks import ConvBlock, MultiScaleBlock, ResidualBlock, SqueezeBlock
from .normalisation import FrozenBatchNorm2d, bias_only_norm, instance_norm, l2_normalise
from .packed import can_pack, pack_convolutions
from .resnet import ResNet, StageFeatures, StrideOn, fold_norms, norm_of
from .state_dicts import load_strictly, read_state_dict

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
    "can_pack",
    "fold_norms",
    "instance_norm",
    "l2_normalise",
    "load_strictly",
    "norm_of",
    "pack_convolutions",
    "read_state_dict",
]
