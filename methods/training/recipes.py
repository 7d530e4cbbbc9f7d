"""Ready recipes: a method's network, its starting weights and the shared training run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from vosbench.errors import UsageError

from ..dmvos.config import NetworkConfig
from ..dmvos.network import DMVOSNet
from ..dmvos.pretrained import encoder_stride, load_encoder
from ..dmvos.weights import load_weights
from .config import TrainConfig
from .dmvos import DMVOSTrainable
from .sources import TrainData
from .trainer import ProgressEvent, TrainResult, train

__all__ = ["train_dmvos"]


def train_dmvos(
    config: TrainConfig,
    data: TrainData,
    *,
    encoder: Path | None = None,
    initial: Path | None = None,
    report: Callable[[ProgressEvent], None] = lambda event: None,
) -> TrainResult:
    """Train DMVOS.

    The network has a channel for the previous mask, which is left empty in a share of the samples
    (`SamplingConfig.previous_share`), so that the weights serve with and without it.

    Args:
        config: the run.
        data: what it learns from.
        encoder: ImageNet-pretrained ResNet-50, see `load_encoder`; the head starts at random.
        initial: DMVOS weights in the shipped format to go on from, instead of `encoder`.
        report: called now and then from this thread.

    Raises:
        UsageError: not exactly one of `encoder` and `initial` is given.
        InputError: weights, checkpoint or data cannot be used.
    """
    if (encoder is None) == (initial is None):
        raise UsageError(
            "training starts either from an ImageNet encoder or from DMVOS weights",
            hint="give one of --encoder and --initial",
        )
    if initial is not None:
        net = load_weights(initial)
    elif encoder is not None:
        torch.manual_seed(config.seed)
        net = DMVOSNet(NetworkConfig(stride_on=encoder_stride(encoder), previous_mask=True))
        load_encoder(net, encoder)
    return train(config, DMVOSTrainable(net, compile=config.compile), data, report=report)
