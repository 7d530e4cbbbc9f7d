"""RANet (ICCV 2019). This module imports no torch, for listing methods loads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vosbench.types import (
    BuildOptions,
    Method,
    MethodPlugin,
    TrainEvent,
    TrainOptions,
    TrainOutcome,
)

__all__ = ["PLUGIN"]


def _build(options: BuildOptions) -> Method:
    from .method import build

    return build(options)


def _train(options: TrainOptions, report: Callable[[TrainEvent], None]) -> TrainOutcome:
    from ..training import run_recipe
    from .training import train_ranet

    return run_recipe(train_ranet, options, report)


PLUGIN = MethodPlugin(card=Path(__file__).parent / "method.toml", build=_build, train=_train)
