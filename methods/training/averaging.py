"""Exponential moving average of a network's trainable parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["AveragedWeights"]


class AveragedWeights:
    """Averages parameters over the last steps; buffers and frozen parameters do not change anyway.

    The decay rises as (1 + n) / (10 + n) to its final value, so that the start is forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = module
        self.decay = decay
        self.average = {
            name: parameter.detach().clone()
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the current parameters into the average after step number `step` (from 1)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        parameters = dict(self.module.named_parameters())
        targets = list(self.average.values())
        current = [parameters[name].detach() for name in self.average]
        torch._foreach_lerp_(targets, current, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside the context the network has the averaged parameters."""
        parameters = dict(self.module.named_parameters())
        kept: dict[str, Tensor] = {name: parameters[name].detach().clone() for name in self.average}
        self._write(self.average)
        try:
            yield
        finally:
            self._write(kept)

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        parameters = dict(self.module.named_parameters())
        for name, value in values.items():
            parameters[name].copy_(value)
