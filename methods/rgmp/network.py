"""The RGMP network: Siamese encoder with a mask stream, global convolution, refinement.

Source: Oh et al., Fast Video Object Segmentation by Reference-Guided Mask Propagation, CVPR 2018.
Written from a published description of the architecture. Modules carry the names that the authors'
checkpoint has, so it loads without a table of renamings.

All bilinear upsampling aligns corners, which is what the PyTorch that trained the checkpoint did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ..nn import FrozenBatchNorm2d, ResNet, fold_norms

__all__ = ["Features", "NetworkConfig", "RGMPNet", "fold"]

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network; the defaults are the authors'.

    Attributes:
        blocks: residual blocks of the stages; (3, 4, 6, 3) is ResNet-50.
        width: channels of the stem.
        decoder_width: channels of the whole decoder.
    """

    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    width: int = 64
    decoder_width: int = 256


class Features(NamedTuple):
    """Outputs of the encoder, B×C×h×w each.

    Attributes:
        r2: 256 channels at stride 4.
        r3: 512 at stride 8.
        r4: 1024 at stride 16.
        r5: 2048 at stride 32.
    """

    r2: Tensor
    r3: Tensor
    r4: Tensor
    r5: Tensor


class Encoder(nn.Module):
    """ResNet-50 that sees an image and a soft mask; both streams share all weights but the stem."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.conv1_p = nn.Conv2d(1, config.width, 7, stride=2, padding=3)
        trunk = ResNet(blocks=config.blocks, width=config.width, dilate_last=False)
        self.conv1, self.bn1 = trunk.conv1, trunk.bn1
        self.res2, self.res3 = trunk.layer1, trunk.layer2
        self.res4, self.res5 = trunk.layer3, trunk.layer4
        self.channels = trunk.channels
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(DEVIATION).view(1, 3, 1, 1))

    def stem(self, image: Tensor, mask: Tensor) -> Tensor:
        """Where image and mask meet: B×64×H/2×W/2; arguments as for `forward`."""
        kind = self.conv1_p.weight.dtype
        seen = self.conv1(((image - self.mean) / self.std).to(kind))
        return F.relu(self.bn1(seen + self.conv1_p(mask.to(kind))), inplace=True)

    def forward(self, image: Tensor, mask: Tensor) -> Features:
        """Encode.

        Args:
            image: B×3×H×W or 1×3×H×W (for all masks) float32, RGB in 0..1.
            mask: B×1×H×W float32, soft, in 0..1.
        """
        r2 = self.res2(F.max_pool2d(self.stem(image, mask), 3, stride=2, padding=1))
        r3 = self.res3(r2)
        r4 = self.res4(r3)
        return Features(r2, r3, r4, self.res5(r4))


class GlobalConvolution(nn.Module):
    """Sum of a vertical-then-horizontal and a horizontal-then-vertical pair of 7-tap kernels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_l1 = nn.Conv2d(inputs, outputs, (7, 1), padding=(3, 0))
        self.conv_l2 = nn.Conv2d(outputs, outputs, (1, 7), padding=(0, 3))
        self.conv_r1 = nn.Conv2d(inputs, outputs, (1, 7), padding=(0, 3))
        self.conv_r2 = nn.Conv2d(outputs, outputs, (7, 1), padding=(3, 0))

    def forward(self, x: Tensor) -> Tensor:
        """Map B×inputs×h×w to B×outputs×h×w."""
        left: Tensor = self.conv_l2(self.conv_l1(x))
        total: Tensor = left + self.conv_r2(self.conv_r1(x))
        return total


class Refine(nn.Module):
    """Joins what comes from the coarser level with a skip connection twice as fine."""

    def __init__(self, skip: int, width: int) -> None:
        super().__init__()
        self.convFS1 = _conv3(skip, width)
        self.convFS2 = _conv3(width, width)
        self.convFS3 = _conv3(width, width)
        self.convMM1 = _conv3(width, width)
        self.convMM2 = _conv3(width, width)

    def forward(self, skip: Tensor, coarse: Tensor) -> Tensor:
        """Map B×skip×2h×2w and B×width×h×w to B×width×2h×2w."""
        s = self.convFS1(skip)
        s = s + self.convFS3(F.relu(self.convFS2(F.relu(s))))
        m = s + upsample(coarse, 2)
        refined: Tensor = m + self.convMM2(F.relu(self.convMM1(F.relu(m))))
        return refined


class Decoder(nn.Module):
    """From both streams' deepest features, and the current frame's skips, to two-class logits."""

    def __init__(self, config: NetworkConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        width = config.decoder_width
        r2, r3, r4, r5 = channels
        self.GC = GlobalConvolution(2 * r5, width)
        self.convG1 = _conv3(width, width)
        self.convG2 = _conv3(width, width)
        self.RF4, self.RF3, self.RF2 = (Refine(skip, width) for skip in (r4, r3, r2))
        # the coarser heads served training alone; the checkpoint has them, so the network has them
        self.pred5, self.pred4, self.pred3, self.pred2 = (_conv3(width, 2) for _ in range(4))

    def match(self, current: Tensor, reference: Tensor) -> Tensor:
        """Compare both streams' `r5` (B×2048×h×w each): B×256×h×w at stride 32."""
        x: Tensor = self.GC(torch.cat([current, reference], dim=1))
        matched: Tensor = x + self.convG2(F.relu(self.convG1(F.relu(x))))
        return matched

    def forward(self, current: Features, reference: Tensor) -> Tensor:
        """Logits of background and object, B×2×h×w at stride 4.

        Args:
            current: of B current frames with their previous masks.
            reference: B×2048×h×w at stride 32, `r5` of the reference stream.
        """
        x = self.match(current.r5, reference)
        x = self.RF4(current.r4, x)
        x = self.RF3(current.r3, x)
        x = self.RF2(current.r2, x)
        logits: Tensor = self.pred2(F.relu(x))
        return logits


class RGMPNet(nn.Module):
    """RGMP at one scale, for batches of objects. Sizes must be multiples of 32 px."""

    def __init__(self, config: NetworkConfig = NetworkConfig()) -> None:  # noqa: B008 - frozen
        super().__init__()
        self.config = config
        self.Encoder = Encoder(config)
        self.Decoder = Decoder(config, self.Encoder.channels)

    def encode_reference(self, image: Tensor, mask: Tensor) -> Tensor:
        """What is kept of the frame that gave the objects: `r5`, B×2048×H/32×W/32.

        Args:
            image: 1×3×H×W float32, RGB in 0..1.
            mask: B×1×H×W float32 in 0..1, the given masks.
        """
        features: Features = self.Encoder(image, mask)
        return features.r5

    def forward(self, image: Tensor, mask: Tensor, reference: Tensor) -> Tensor:
        """Probability of each object, B×H×W float32.

        Args:
            image: 1×3×H×W float32, RGB in 0..1, the current frame.
            mask: B×1×H×W float32 in 0..1, each object's previous soft mask.
            reference: B×2048×H/32×W/32 from `encode_reference`.
        """
        logits = self.Decoder(self.Encoder(image, mask), reference)
        return torch.softmax(upsample(logits.float(), 4), dim=1)[:, 1]


def upsample(x: Tensor, factor: int) -> Tensor:
    """Bilinear upsampling of B×C×h×w by a whole factor, corners aligned."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)


def fold(net: RGMPNet) -> None:
    """Fold every frozen batch normalisation into the convolutions before it, in place.

    The first one stands behind the sum of two convolutions, so both get its factor; its bias goes
    into the image's.
    """
    encoder = net.Encoder
    first = encoder.bn1
    if isinstance(first, FrozenBatchNorm2d):
        factor, _ = first.affine()
        stem = encoder.conv1_p
        stem.weight.data = stem.weight.data * factor[:, None, None, None]
        if stem.bias is not None:
            stem.bias.data = stem.bias.data * factor
    fold_norms(net)


def _conv3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
