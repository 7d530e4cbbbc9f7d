"""Validation: follow held-out clips as at inference, and measure region similarity J."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .clips import Clip
from .trainable import Trainable

__all__ = ["ClipScore", "Validation", "validate"]


@dataclass(frozen=True)
class ClipScore:
    """Result on one clip.

    Attributes:
        name: clip.
        j: mean region similarity (0..1) over the frames after the first.
    """

    name: str
    j: float


@dataclass(frozen=True)
class Validation:
    """Result of one validation.

    Attributes:
        j: mean over clips, 0..1; NaN without clips.
        clips: per clip.
    """

    j: float
    clips: tuple[ClipScore, ...]


def validate(trainable: Trainable, clips: Sequence[Clip], *, frames: int) -> Validation:
    """Follow the first object of each clip from its first frame.

    The last frame used counts, unlike in the DAVIS protocol: the numbers serve to compare weights
    with each other, never with published ones.

    Args:
        trainable: with the weights to judge.
        clips: held out from training.
        frames: of each clip, from its start.
    """
    module = trainable.module
    was_training = module.training
    module.eval()
    scores = []
    with torch.no_grad():
        for clip in clips:
            first = clip.labels(0)
            present = first[first > 0]
            if present.size == 0:
                continue
            target = int(present.min())
            tracker = trainable.track(clip.image(0), first == target)
            values = [
                _j(tracker.step(clip.image(index)), clip.labels(index) == target)
                for index in range(1, min(frames, len(clip)))
            ]
            scores.append(ClipScore(clip.name, float(np.mean(values))))
    module.train(was_training)
    mean = float(np.mean([score.j for score in scores])) if scores else float("nan")
    return Validation(mean, tuple(scores))


def _j(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union; 1 where both are empty (DAVIS)."""
    union = int((predicted | truth).sum())
    return int((predicted & truth).sum()) / union if union else 1.0
