"""Changes of colour and sharpness of rendered crops (3, H, W) float32 in 0..255."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Look", "apply_look", "random_look"]

_LUMA = torch.tensor([0.299, 0.587, 0.114])
_NEUTRAL = 110.0


@dataclass(frozen=True)
class Look:
    """One camera's look: how it renders colours, and how sharp it is.

    Attributes:
        gain: one factor per colour channel.
        contrast: about mid-grey.
        saturation: 0 is grey.
        brightness: added, 0..255.
        gamma: exponent of the normalised value.
        blur: radius of a box blur, px; 0 is none.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    saturation: float = 1.0
    brightness: float = 0.0
    gamma: float = 1.0
    blur: int = 0

    def varied(self, rng: np.random.Generator, strength: float) -> Look:
        """A look close to this one, as a later frame of the same camera has."""
        other = random_look(rng, strength)
        red, green, blue = (a * b for a, b in zip(self.gain, other.gain, strict=True))
        return Look(
            (red, green, blue),
            self.contrast * other.contrast,
            self.saturation * other.saturation,
            self.brightness + other.brightness,
            self.gamma * other.gamma,
            max(self.blur, other.blur),
        )


def random_look(rng: np.random.Generator, strength: float) -> Look:
    """Draw a look; `strength` 1 is a strong change, 0 none."""
    red, green, blue = np.exp(rng.normal(0, 0.06 * strength, 3))
    return Look(
        gain=(float(red), float(green), float(blue)),
        contrast=float(np.exp(rng.normal(0, 0.2 * strength))),
        saturation=float(np.exp(rng.normal(0, 0.3 * strength))),
        brightness=float(rng.normal(0, 14 * strength)),
        gamma=float(np.exp(rng.normal(0, 0.15 * strength))),
        blur=int(rng.random() < 0.15 * strength),
    )


def apply_look(image: Tensor, look: Look) -> Tensor:
    """Render an image (3, H, W) float32 0..255 with a look; the result stays in 0..255."""
    gain = torch.tensor(look.gain)[:, None, None]
    image = (image - _NEUTRAL) * look.contrast + (_NEUTRAL + look.brightness)
    grey = (image * _LUMA[:, None, None]).sum(dim=0, keepdim=True)
    image = (torch.lerp(grey.expand_as(image), image, look.saturation) * gain).clamp_(0, 255)
    if abs(look.gamma - 1.0) > 0.02:
        image = image.div_(255).pow_(look.gamma).mul_(255)
    if look.blur:
        size = 2 * look.blur + 1
        image = F.avg_pool2d(image[None], size, 1, look.blur, count_include_pad=False)[0]
    return image
