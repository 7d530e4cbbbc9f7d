"""A narrow RGMP, for tests that need a whole network but not its size."""

from __future__ import annotations

import torch
from vosbench_methods.rgmp.network import NetworkConfig, RGMPNet

__all__ = ["NARROW", "narrow_network"]

NARROW = NetworkConfig(blocks=(1, 1, 1, 1), width=4, decoder_width=8)


def narrow_network(seed: int) -> RGMPNet:
    """Random weights whose answers are far enough from one half that masks have shapes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = RGMPNet(NARROW).eval().requires_grad_(False)
    net.Decoder.pred2.weight.data *= 8
    return net
