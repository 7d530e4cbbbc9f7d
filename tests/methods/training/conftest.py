"""Synthetic clips and a tiny network for the training tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from vosbench_methods.dmvos.network import DMVOSNet, NetworkConfig
from vosbench_methods.dmvos.parameters import Parameters
from vosbench_methods.training import ArrayClip
from vosbench_methods.training.dmvos import DMVOSTrainable

TINY = NetworkConfig(
    encoder_blocks=(1, 1, 1, 1),
    encoder_width=8,
    embed_width=32,
    match_width=8,
    match_inner=4,
    offset_widths=(16, 8),
    fusion_width=32,
    skip_widths=(8, 8, 8),
    decoder_widths=(16, 8, 8),
    previous_mask=True,
)

ClipMaker = Callable[..., ArrayClip]


def moving_squares(name: str = "squares", *, frames: int = 6, seed: int = 0) -> ArrayClip:
    """Two squares, instances 1 and 2, that move in opposite directions over a textured ground."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(60, 110, (60, 90, 3))
    images = np.repeat(ground[None], frames, axis=0)
    labels = np.zeros((frames, 60, 90), np.uint8)
    for frame in range(frames):
        for instance, (top, colour) in enumerate(((10, (220, 40, 40)), (36, (40, 60, 230))), 1):
            left = 20 + 2 * frame if instance == 1 else 50 - 2 * frame
            images[frame, top : top + 14, left : left + 18] = colour
            labels[frame, top : top + 14, left : left + 18] = instance
    return ArrayClip(name, images.astype(np.uint8), labels)


@pytest.fixture
def make_clip() -> ClipMaker:
    return moving_squares


@pytest.fixture
def make_trainable() -> Callable[[], DMVOSTrainable]:
    """A tiny DMVOS with the same random weights every time."""

    def make() -> DMVOSTrainable:
        torch.manual_seed(3)
        return DMVOSTrainable(DMVOSNet(TINY), parameters=Parameters(height=64, width=96))

    return make
