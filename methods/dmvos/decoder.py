"""Pyramid decoder: three levels that add skips of the encoder at strides 16, 8 and 4."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ..nn import ConvBlock, MultiScaleBlock, ResidualBlock, SqueezeBlock
from .config import NetworkConfig

__all__ = ["Decoder", "DecoderLevel", "resize", "share"]


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resampling of B×C×H×W to `size` (height, width), half-pixel centres."""
    if x.shape[2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def share(x: Tensor, like: Tensor) -> Tensor:
    """Repeat the one item of `x` for each item of `like`, in the memory layout of `like`."""
    if len(x) == len(like):
        return x
    channels_last = like.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return x.expand(len(like), -1, -1, -1).contiguous(memory_format=layout)


class DecoderLevel(nn.Module):
    """Squeeze the skip, join it, mix, multi-scale, residual, upsample to the next skip's size."""

    def __init__(self, *, inputs: int, skip: int, squeezed: int, mixed: int, outputs: int) -> None:
        super().__init__()
        self.squeeze = SqueezeBlock(skip, squeezed)
        self.conv = ConvBlock(inputs + squeezed, mixed)
        self.ms = MultiScaleBlock(mixed, outputs)
        self.res = ResidualBlock(outputs, outputs // 2)

    def forward(self, x: Tensor, skip: Tensor, size: tuple[int, int]) -> Tensor:
        """Map B×inputs×h×w and B×skip×h×w (or 1×skip×h×w, for all) to B×outputs at `size`."""
        joined = torch.cat([x, share(self.squeeze(skip), x)], dim=1)
        return resize(self.res(self.ms(self.conv(joined))), size)


class Decoder(nn.Module):
    """From the fused map to mask logits at the input's size.

    Args:
        config: shape of the network.
        skips: channels of s2, s3 and s4.
    """

    def __init__(self, config: NetworkConfig, skips: tuple[int, int, int]) -> None:
        super().__init__()
        s2, s3, s4 = skips
        q4, q3, q2 = config.skip_widths
        w1, w2, w3 = config.decoder_widths
        fused = config.fusion_width
        self.level1 = DecoderLevel(inputs=fused, skip=s4, squeezed=q4, mixed=fused, outputs=w1)
        self.level2 = DecoderLevel(inputs=w1, skip=s3, squeezed=q3, mixed=w1, outputs=w2)
        self.level3 = DecoderLevel(inputs=w2, skip=s2, squeezed=q2, mixed=w2, outputs=w3)
        self.out = nn.Conv2d(w3, 1, 3, padding=1)

    def forward(
        self,
        fused: Tensor,
        skips: tuple[Tensor, Tensor, Tensor],
        stem_size: tuple[int, int],
        size: tuple[int, int],
    ) -> Tensor:
        """Decode.

        Args:
            fused: B×fusion_width×h×w at stride 16.
            skips: s2, s3, s4 at strides 4, 8, 16; their sizes decide every upsampling, for widths
                are odd.
            stem_size: size at stride 2 (height, width).
            size: size of the input.

        Returns:
            B×1×H×W logits.
        """
        s2, s3, s4 = skips
        x = self.level1(fused, s4, _size(s3))
        x = self.level2(x, s3, _size(s2))
        x = self.level3(x, s2, stem_size)
        return resize(self.out(x).float(), size)


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]
