"""Padding and scales: what RGMP does to a frame before the network sees it, and back.

Source: the inference protocol of Oh et al., CVPR 2018, as its published description has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["MULTIPLE", "Frame", "resize", "scaled_size"]

MULTIPLE = 32
"""The network's deepest stride, px."""


@dataclass(frozen=True)
class Frame:
    """A frame's place on the zero-padded canvas that the network works on.

    Both sides always grow, by up to 32 px, also where they are multiples of 32 already. The margin
    is split evenly; an odd pixel goes to the bottom and to the right.

    Attributes:
        height: px, of the frame itself.
        width: px, of the frame itself.
    """

    height: int
    width: int

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of the canvas, px."""
        return _grown(self.height), _grown(self.width)

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right, px."""
        rows, columns = self.padded[0] - self.height, self.padded[1] - self.width
        return rows // 2, rows - rows // 2, columns // 2, columns - columns // 2

    def pad(self, x: Tensor) -> Tensor:
        """Put B×C×height×width on the canvas; around it is zero (black, background)."""
        top, bottom, left, right = self.margins
        return F.pad(x, (left, right, top, bottom))

    def crop(self, x: Tensor) -> Tensor:
        """Cut the frame out of ...×H×W on the canvas."""
        top, _, left, _ = self.margins
        return x[..., top : top + self.height, left : left + self.width]


def scaled_size(padded: tuple[int, int], scale: float) -> tuple[int, int]:
    """Size of the network's input at a scale: the canvas itself at 1, else again grown to 32s.

    Args:
        padded: height and width of the canvas, px.
        scale: factor, above 0.
    """
    if scale == 1.0:
        return padded
    height, width = (_grown(int(side * scale)) for side in padded)
    return height, width


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resampling of B×C×H×W with half-pixel centres and no smoothing before shrinking."""
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _grown(side: int) -> int:
    return side + MULTIPLE - side % MULTIPLE
