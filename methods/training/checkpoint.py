"""Checkpoints: everything that decides how a run goes on, in one file."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vosbench.errors import InputError

from .config import TrainConfig

__all__ = ["Checkpoint", "load_checkpoint", "recipe_of", "save_checkpoint"]

VERSION = 1
FREE = frozenset(
    (
        "out",
        "device",
        "workers",
        "prefetch",
        "log_every",
        "checkpoint_minutes",
        "export_minutes",
        "validate_minutes",
        "validate_frames",
        "tensorboard",
        "resume",
        "compile",
        "steps",
        "budget_minutes",
    )
)
"""Fields that may change between a checkpoint and its continuation: they do not alter the samples.
A changed `steps` or `budget_minutes` stretches the schedule from there on."""


@dataclass(frozen=True)
class Checkpoint:
    """State of a run after a step.

    Samples need no state of their own: they are a function of seed, step and phase.

    Attributes:
        step: steps done.
        active_seconds: counted towards the budget.
        recipe: the configuration's fields that must not change, as text.
        model: state dict of the network.
        average: averaged parameters.
        optimiser: state dict.
        scaler: state dict of the gradient scaler.
        rng: torch's generator.
    """

    step: int
    active_seconds: float
    recipe: dict[str, str]
    model: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[str, Any]
    scaler: dict[str, Any]
    rng: Tensor


def recipe_of(config: TrainConfig) -> dict[str, str]:
    """The part of a configuration that a continued run must share with its checkpoint."""
    return {
        field.name: repr(getattr(config, field.name))
        for field in dataclasses.fields(config)
        if field.name not in FREE
    }


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write by atomic replace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    torch.save({"version": VERSION, **vars(checkpoint)}, partial)
    partial.replace(path)


def load_checkpoint(path: Path, config: TrainConfig) -> Checkpoint:
    """Read a checkpoint and hold it against the configuration.

    Raises:
        InputError: unreadable, of another version, or made with another recipe.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(
            f"{path}: not a readable checkpoint ({error})",
            hint="remove it or give another output folder to start afresh",
        ) from error
    if not isinstance(state, dict) or state.pop("version", None) != VERSION:
        raise InputError(f"{path}: not a training checkpoint of version {VERSION}")
    checkpoint = Checkpoint(**state)
    wanted = recipe_of(config)
    changed = sorted(
        key
        for key in checkpoint.recipe.keys() | wanted.keys()
        if checkpoint.recipe.get(key) != wanted.get(key)
    )
    if changed:
        raise InputError(
            f"{path} was made with other settings: {', '.join(changed)} differ",
            hint="use the same settings, or give another output folder to start afresh",
        )
    return checkpoint
