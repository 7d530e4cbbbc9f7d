"""Crops of a frame at the network's size, and probabilities back at the frame's size.

All sampling is bilinear at pixel centres. A side that shrinks by two or more is first averaged over
whole blocks, so that neither a large frame nor a large input aliases.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .transfer import numbers
from .window import Window

__all__ = ["FrameSource", "normalise", "paste"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def normalise(frame: Tensor) -> Tensor:
    """H×W×3 uint8 RGB to 1×3×H×W float32 with ImageNet's statistics."""
    mean = numbers(IMAGENET_MEAN, frame.device) * 255
    deviation = numbers(IMAGENET_DEVIATION, frame.device) * 255
    return (
        frame.permute(2, 0, 1)[None]
        .float()
        .sub_(mean.view(1, 3, 1, 1))
        .div_(deviation.view(1, 3, 1, 1))
    )


class FrameSource:
    """A frame, or a mask, from which windows are sampled. Outside it is zero.

    For a normalised image zero is ImageNet's mean colour, for a mask it is background.

    Args:
        plane: 1×C×H×W float32.
    """

    def __init__(self, plane: Tensor) -> None:
        self.size = (plane.shape[2], plane.shape[3])
        self._levels = {(1, 1): plane}

    def crop(self, window: Window, size: tuple[int, int]) -> Tensor:
        """Sample a window: 1×C×height×width for `size` (height, width)."""
        factor = (_blocks(window.height, size[0]), _blocks(window.width, size[1]))
        if factor not in self._levels:
            self._levels[factor] = _block_mean(self._levels[1, 1], factor)
        plane = self._levels[factor]
        # The last blocks may reach beyond the frame: the pooled plane covers that many px.
        covered = (plane.shape[2] * factor[0], plane.shape[3] * factor[1])
        return _sample(plane, window, covered, size)


def _blocks(extent: float, size: float) -> int:
    return max(1, int(extent / size))


def _block_mean(plane: Tensor, factor: tuple[int, int]) -> Tensor:
    return plane if factor == (1, 1) else F.avg_pool2d(plane, factor, ceil_mode=True)


def _sample(
    plane: Tensor, window: Window, covered: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    height, width = covered
    theta = numbers(
        [
            [window.width / width, 0.0, 2 * window.x / width - 1],
            [0.0, window.height / height, 2 * window.y / height - 1],
        ],
        plane.device,
    )
    grid = F.affine_grid(theta[None], [1, plane.shape[1], *size], align_corners=False)
    return F.grid_sample(plane, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def paste(probability: Tensor, window: Window, into: Tensor) -> None:
    """Put a crop's probability back into the frame; nothing outside the window is touched.

    Args:
        probability: h×w float32 of the window.
        window: that was cropped.
        into: H×W float32 plane of the frame, written in place.
    """
    height, width = into.shape
    rows, columns = _inside(window.y, window.height, height), _inside(window.x, window.width, width)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    plane = probability[None, None]
    factor = (_blocks(plane.shape[2], window.height), _blocks(plane.shape[3], window.width))
    plane = _block_mean(plane, factor)
    covered = (plane.shape[2] * factor[0], plane.shape[3] * factor[1])
    scale_y = 2 * probability.shape[0] / (covered[0] * window.height)
    scale_x = 2 * probability.shape[1] / (covered[1] * window.width)
    top, left = window.y - window.height / 2, window.x - window.width / 2
    y = torch.arange(rows.start, rows.stop, device=plane.device, dtype=torch.float64)
    x = torch.arange(columns.start, columns.stop, device=plane.device, dtype=torch.float64)
    grid_y = ((y + 0.5 - top) * scale_y - 1).float()
    grid_x = ((x + 0.5 - left) * scale_x - 1).float()
    grid = torch.stack(torch.meshgrid(grid_x, grid_y, indexing="xy"), dim=2)[None]
    pasted = F.grid_sample(plane, grid, mode="bilinear", padding_mode="border", align_corners=False)
    into[rows, columns] = pasted[0, 0]


def _inside(centre: float, extent: float, limit: int) -> slice:
    """Pixels whose centres lie in the window."""
    first = math.ceil(centre - extent / 2 - 0.5)
    stop = math.floor(centre + extent / 2 - 0.5) + 1
    return slice(max(first, 0), min(stop, limit))
