"""States that the network makes itself: what it answers shortly before a search frame.

A window that true masks give is never as wrong as those that a network's own false positives give,
so a network trained on true states alone meets its own mistakes for the first time at inference
(exposure bias; the remedy, to train on the states that one's own policy reaches, is that of DAgger:
Ross, Gordon and Bagnell, AISTATS 2011). A draft is one such answer, without a gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from .geometry import Window, box_of, centroid_of, pixel_grid

__all__ = ["Draft", "Drafter", "Question"]


@dataclass(frozen=True)
class Question:
    """One crop in which the target is to be found.

    Attributes:
        template_image: (3, H, W) float32, ImageNet-normalised.
        template_mask: (H, W) float32, 0 or 1.
        image: (3, H, W) float32, ImageNet-normalised.
        centre: (x, y) of the previous centre in 0..1 of the crop.
        previous_mask: (H, W) float32, 0..1; all zero where there is none.
    """

    template_image: Tensor
    template_mask: Tensor
    image: Tensor
    centre: tuple[float, float]
    previous_mask: Tensor

    def to(self, device: str) -> Question:
        """The question on a device."""
        return Question(
            self.template_image.to(device),
            self.template_mask.to(device),
            self.image.to(device),
            self.centre,
            self.previous_mask.to(device),
        )


class Drafter(Protocol):
    """The network under training, asked for one mask."""

    def __call__(self, question: Question) -> Tensor:
        """The target's probability (H, W) float32 in the crop, with the weights of the moment."""
        ...


@dataclass(frozen=True)
class Draft:
    """An answer and where it was given.

    Attributes:
        window: what the crop showed.
        probability: (H, W) float32 of the crop.
    """

    window: Window
    probability: Tensor

    def seen_through(self, window: Window | None, size: tuple[int, int]) -> Tensor:
        """The probability (H, W) in another window (None: the whole frame); 0 where unseen."""
        points = pixel_grid(*size)
        if window is not None:
            points = window.to_frame(points)
        sides = points.new_tensor([self.window.width, self.window.height])
        inside = (points - points.new_tensor([self.window.x, self.window.y])) / sides
        return F.grid_sample(
            self.probability[None, None],
            (inside * 2)[None],
            padding_mode="zeros",
            align_corners=False,
        )[0, 0]

    def state(
        self, size: tuple[int, int], *, context: float
    ) -> tuple[Window, tuple[float, float]] | None:
        """The next window and centre as inference takes them; None where the answer is empty.

        Args:
            size: (height, width) of the grid on which box and centre are taken.
            context: window side over box side.
        """
        mask = (self.seen_through(None, size) > 0.5).numpy()
        box, centre = box_of(mask), centroid_of(mask)
        if box is None or centre is None:
            return None
        return Window(
            box.x,
            box.y,
            0.5 * self.window.width + 0.5 * context * box.width,
            0.5 * self.window.height + 0.5 * context * box.height,
        ), centre
