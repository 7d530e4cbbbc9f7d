"""Synthetic clips: textured squares that move over a textured ground."""

from __future__ import annotations

import numpy as np
from vosbench_methods.training import ArrayClip


def moving_squares(name: str, *, frames: int, seed: int, size: tuple[int, int] = (60, 90)) -> ArrayClip:
    """Two squares, instances 1 and 2, that move apart."""
    rng = np.random.default_rng(seed)
    height, width = size
    ground = rng.integers(60, 110, (height, width, 3))
    images = np.repeat(ground[None], frames, axis=0)
    labels = np.zeros((frames, height, width), np.uint8)
    for frame in range(frames):
        for instance, (top, colour) in enumerate(((12, (220, 40, 40)), (34, (40, 60, 230))), 1):
            left = 20 + (frame * 2 if instance == 1 else 40 - frame * 2)
            images[frame, top : top + 14, left : left + 18] = colour
            labels[frame, top : top + 14, left : left + 18] = instance
    return ArrayClip(name, images.astype(np.uint8), labels)
