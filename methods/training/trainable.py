"""What the recipe asks of a method that it trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .drafts import Question
from .sampling import PairBatch

__all__ = ["ParameterGroup", "Tracker", "Trainable"]


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate.

    Attributes:
        role: `encoder` is pretrained and learns slowly; `head` is new.
        parameters: trainable ones only.
    """

    role: Literal["encoder", "head"]
    parameters: tuple[nn.Parameter, ...]


class Tracker(Protocol):
    """One object followed through one clip, as at inference; used for validation."""

    def step(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The object's mask (H×W) in the next frame (H×W×3)."""
        ...


class Trainable(Protocol):
    """A network with its losses. RANet and RGMP fit it as DMVOS does."""

    @property
    def module(self) -> nn.Module:
        """The network; its state dict is what checkpoints hold."""
        ...

    def parameter_groups(self) -> tuple[ParameterGroup, ...]:
        """All parameters to train, each once."""
        ...

    def losses(self, batch: PairBatch) -> Mapping[str, Tensor]:
        """Unweighted loss terms, scalars float32, keyed by the fields of `LossWeights`."""
        ...

    def draft(self, question: Question) -> Tensor:
        """The target's probability (H, W) in one crop; called without a gradient, in any thread."""
        ...

    def track(self, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Tracker:
        """Start following the object that `mask` (H×W) marks in `image` (H×W×3)."""
        ...

    def export(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write the weights in the method's shipped format, by atomic replace."""
        ...
