"""PWC-Net: a pyramid of features, warped and matched from the coarsest level down.

Written from the paper (Sun, Yang, Liu, Kautz, "PWC-Net: CNNs for Optical Flow Using Pyramid,
Warping, and Cost Volume", CVPR 2018) with densely connected estimators and a context network of
dilated convolutions. Parameter names are those of the checkpoint that NVIDIA released, so that it
can be loaded; its weights are under CC BY-NC-SA 4.0 (non-commercial).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .matching import cost_volume, warp_features

__all__ = ["COARSEST", "FINEST", "PWCNet"]

COARSEST: Final = 6
FINEST: Final = 2
"""Levels on which a flow is estimated; level l has the image's size over 2^l."""

_PYRAMID: Final = (3, 16, 32, 64, 96, 128, 196)
"""Channels of the image and of levels 1 to 6."""
_COSTS: Final = 81
_ESTIMATOR: Final = (128, 128, 96, 64, 32)
_CONTEXT: Final = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))
"""Channels and dilation of the context network, but for its last convolution."""
_WARP_SCALE: Final = {5: 0.625, 4: 1.25, 3: 2.5, 2: 5.0}
"""Pixels of a level per unit of flow: flows are in units of 20 image px at every level."""
_SLOPE: Final = 0.1


def _convolution(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation),
        nn.LeakyReLU(_SLOPE),
    )


def _doubling(inputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, 2, 4, stride=2, padding=1)


def _flow_head(inputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, 2, 3, padding=1)


class PWCNet(nn.Module):
    """Optical flow of image pairs; 9,374,340 parameters."""

    def __init__(self) -> None:
        super().__init__()
        for level in range(1, COARSEST + 1):
            coarser = _convolution(_PYRAMID[level - 1], _PYRAMID[level], stride=2)
            for name, module in zip(
                _pyramid_names(level),
                (coarser, *(_convolution(_PYRAMID[level], _PYRAMID[level]) for _ in range(2))),
                strict=True,
            ):
                self.add_module(name, module)
        for level in range(COARSEST, FINEST - 1, -1):
            # below the coarsest level also its own features, and flow and features from above
            known = _COSTS if level == COARSEST else _COSTS + _PYRAMID[level] + 4
            for place, outputs in enumerate(_ESTIMATOR):
                self.add_module(f"conv{level}_{place}", _convolution(known, outputs))
                known += outputs
            self.add_module(f"predict_flow{level}", _flow_head(known))
            self.add_module(f"deconv{level}", _doubling(2))
            if level > FINEST:
                self.add_module(f"upfeat{level}", _doubling(known))
        for place, (outputs, dilation) in enumerate(_CONTEXT, start=1):
            self.add_module(f"dc_conv{place}", _convolution(known, outputs, dilation=dilation))
            known = outputs
        self.add_module(f"dc_conv{len(_CONTEXT) + 1}", _flow_head(known))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Flow from the first to the second image at all levels, the finest first.

        Args:
            images: B×6×H×W float32, first then second image, each blue, green, red in 0..1; sides
                are multiples of 64.

        Returns:
            Levels 2 to 6, each B×2×H/2^l×W/2^l: motion in x and y in units of 20 px of the image.
        """
        first, second = self._features(images[:, :3]), self._features(images[:, 3:])
        flows: list[Tensor] = []
        above = self._estimate(COARSEST, self._costs(first[COARSEST], second[COARSEST]))
        for level in range(COARSEST - 1, FINEST - 1, -1):
            flows.insert(0, self._flow(level + 1, above))
            up_flow = self._run(f"deconv{level + 1}", flows[0])
            up_features = self._run(f"upfeat{level + 1}", above)
            moved = warp_features(second[level], up_flow * _WARP_SCALE[level])
            parts = (self._costs(first[level], moved), first[level], up_flow, up_features)
            above = self._estimate(level, torch.cat(parts, dim=1))
        flows.insert(0, self._flow(FINEST, above) + self._context(above))
        return flows

    def _features(self, image: Tensor) -> Sequence[Tensor]:
        """Levels 0 (the image itself) to 6."""
        levels = [image]
        for level in range(1, COARSEST + 1):
            x = levels[-1]
            for name in _pyramid_names(level):
                x = self._run(name, x)
            levels.append(x)
        return levels

    def _costs(self, first: Tensor, second: Tensor) -> Tensor:
        return F.leaky_relu(cost_volume(first, second), _SLOPE)

    def _estimate(self, level: int, x: Tensor) -> Tensor:
        """All features of a level: each convolution's channels are put in front of its input."""
        for place in range(len(_ESTIMATOR)):
            x = torch.cat((self._run(f"conv{level}_{place}", x), x), dim=1)
        return x

    def _flow(self, level: int, features: Tensor) -> Tensor:
        return self._run(f"predict_flow{level}", features)

    def _context(self, x: Tensor) -> Tensor:
        for place in range(1, len(_CONTEXT) + 2):
            x = self._run(f"dc_conv{place}", x)
        return x

    def _run(self, name: str, x: Tensor) -> Tensor:
        return cast("Tensor", getattr(self, name)(x))


def _pyramid_names(level: int) -> tuple[str, str, str]:
    """Convolutions of a level in order; the checkpoint names level 6 in another order."""
    order = ("aa", "a", "b") if level == COARSEST else ("a", "aa", "b")
    first, second, third = (f"conv{level}{part}" for part in order)
    return first, second, third
