"""Ready recipes: a method's network, its starting weights and the shared training run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from vosbench.errors import UsageError
from vosbench.types import TrainEvent, TrainOptions, TrainOutcome

from ..dmvos.config import NetworkConfig
from ..dmvos.network import DMVOSNet
from ..dmvos.pretrained import encoder_stride, load_encoder
from ..dmvos.weights import load_weights
from .config import TrainConfig, default_phases, full_size_phases
from .dmvos import DMVOSTrainable
from .sources import TrainData, VideoSource, davis_source, open_data, youtube_vos_source
from .trainer import ProgressEvent, TrainResult, train

__all__ = ["Recipe", "run_recipe", "train_dmvos"]


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


class Recipe(Protocol):
    """Trains one method; `train_dmvos` is one."""

    def __call__(
        self,
        config: TrainConfig,
        data: TrainData,
        *,
        encoder: Path | None,
        initial: Path | None,
        report: Callable[[ProgressEvent], None],
    ) -> TrainResult:
        """Train, starting from exactly one of `encoder` and `initial`."""
        ...


def run_recipe(
    recipe: Recipe, options: TrainOptions, report: Callable[[TrainEvent], None]
) -> TrainOutcome:
    """Train by a recipe with what `vosbench train` was told.

    On a CPU most of the run works at half size, on a GPU all of it at the size of inference.

    Raises:
        UsageError: for a data set that is not known, or contradicting options.
        InputError: for data, weights or a checkpoint that cannot be used.
    """
    config = TrainConfig(
        out=options.out,
        steps=options.steps,
        budget_minutes=options.budget_minutes,
        phases=default_phases() if options.device == "cpu" else full_size_phases(),
        seed=options.seed,
        device=options.device,
        precision=options.precision,
        compile=options.compile,
        validate_minutes=20.0,
        tensorboard=options.tensorboard,
        resume=options.resume,
    )
    videos = [_source(name, root) for name, root in options.videos.items()]
    data = open_data(videos, stills=options.stills, held_out=options.held_out)

    def pass_on(event: ProgressEvent) -> None:
        report(TrainEvent(event.kind, event.step, event.progress, event.values, event.path))

    result = recipe(config, data, encoder=options.encoder, initial=options.initial, report=pass_on)
    scores = {} if result.validation is None else {c.name: c.j for c in result.validation.clips}
    return TrainOutcome(result.steps, result.weights, result.checkpoint, result.log, scores)


def _source(name: str, root: Path) -> VideoSource:
    if name == "davis2016":
        return davis_source(root, year=2016)
    if name == "davis2017":
        return davis_source(root, year=2017)
    if name == "youtube-vos":
        return youtube_vos_source(root)
    raise UsageError(f"no training data {name!r}; there is davis2016, davis2017 and youtube-vos")
