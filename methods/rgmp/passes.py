"""Passes of the network over a frame: at every scale, for every object, averaged over the scales.

Source: the inference protocol of Oh et al., CVPR 2018, as its published description has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from .geometry import resize, scaled_size

__all__ = ["Model", "Pyramid", "Reference"]

Reference: TypeAlias = tuple[Tensor, ...]
"""Features of one object's reference frame, 1×2048×h×w per scale."""


@dataclass(frozen=True)
class Model:
    """The network as it runs.

    Attributes:
        encode_reference: `RGMPNet.encode_reference`, compiled or not.
        segment: `RGMPNet.forward`, compiled or not.
        device: where it runs.
        scales: factors on the padded frame.
        batch: most objects in one pass.
    """

    encode_reference: Callable[[Tensor, Tensor], Tensor]
    segment: Callable[[Tensor, Tensor, Tensor], Tensor]
    device: torch.device
    scales: tuple[float, ...]
    batch: int


class Pyramid:
    """One padded frame at every scale.

    Args:
        model: the network.
        image: 1×3×H×W float32, RGB in 0..1, padded.
    """

    def __init__(self, model: Model, image: Tensor) -> None:
        self._model = model
        self._size = (image.shape[2], image.shape[3])
        sizes = (scaled_size(self._size, scale) for scale in model.scales)
        self.images = tuple(resize(image, size) for size in sizes)

    def reference(self, masks: Tensor) -> list[Reference]:
        """What is kept of this frame for each object whose mask is given.

        Args:
            masks: K×H×W float32 in 0..1, padded.
        """
        levels = []
        for image in self.images:
            parts = [
                self._model.encode_reference(image, resize(masks[part, None], _size(image)))
                for part in self._parts(len(masks))
            ]
            levels.append(torch.cat(parts))
        # cloned, so that one object's features do not keep those of all the others alive
        return [tuple(level[k : k + 1].clone() for level in levels) for k in range(masks.shape[0])]

    def segment(self, masks: Tensor, references: Sequence[Reference]) -> Tensor:
        """Probability of every object, K×H×W float32: the mean over the scales.

        Args:
            masks: K×H×W float32 in 0..1, padded: where each object was.
            references: of K objects.
        """
        total = torch.zeros_like(masks)
        for level, image in enumerate(self.images):
            for part in self._parts(len(masks)):
                reference = torch.cat([one[level] for one in references[part]])
                mask = resize(masks[part, None], _size(image))
                small = self._model.segment(image, mask, reference)
                total[part] += resize(small[:, None], self._size)[:, 0]
        return total / len(self.images)

    def _parts(self, count: int) -> list[slice]:
        batch = self._model.batch
        return [slice(start, start + batch) for start in range(0, count, batch)]


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[2], image.shape[3]
