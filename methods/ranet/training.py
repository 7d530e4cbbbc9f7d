"""RANet in the shared training recipe.

The authors released no training code. From the paper: the loss is the binary cross-entropy of the
mask, images come before video, the previous mask is from a nearby frame. A reconstruction are the
soft IoU term, what the ranking network learns, frozen first layers, all rates, and the crops, which
are the recipe's: unlike at inference they do not keep the canvas's aspect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from vosbench.errors import InputError, UsageError
from vosbench.types import ClipInfo

from ..dmvos.config import NetworkConfig as EncoderConfig
from ..dmvos.network import DMVOSNet
from ..dmvos.pretrained import encoder_stride, load_encoder
from ..nn import ResNet
from ..training import (
    PairBatch,
    ParameterGroup,
    ProgressEvent,
    TrainConfig,
    TrainData,
    TrainResult,
    train,
)
from ..training.drafts import Question
from ..training.losses import mask_cross_entropy, soft_iou_loss
from ..training.trainable import Tracker
from .config import NetworkConfig, Wiring
from .method import runner_of
from .network import Features, Matched, RANet, Template
from .parameters import Parameters
from .pretrained import deepen, measured_norms
from .session import RANetSession
from .weights import load_weights, save_weights

__all__ = ["RANetTrainable", "start_from_encoder", "train_ranet"]

FROZEN = ("conv1", "bn1", "layer1")
UNUSED = ("p_1b.", "res_1b.", "p_2b.", "rank_A.")
MEASURED_ON = 8
MEAN = torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)
DEVIATION = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)


class RANetTrainable:
    """Trains a `RANet` on single objects; the weights serve the rule `multi` as well.

    The ranking network only orders maps, which passes no gradient. It gets a term of its own: its
    output is the log odds that a cell's best match lies where it belongs, on the object for
    foreground cells and off it for background cells.

    Args:
        net: network with its backbone started; crops must have the size of its configuration.
    """

    def __init__(self, net: RANet) -> None:
        self.net = net
        net.wiring = Wiring(rule="single")
        for name in FROZEN:
            net.base_model.get_submodule(name).requires_grad_(False)

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.net

    def parameter_groups(self) -> tuple[ParameterGroup, ...]:
        """The backbone learns slowly; what no pass uses is left out."""
        encoder: list[nn.Parameter] = []
        head: list[nn.Parameter] = []
        for name, parameter in self.net.named_parameters():
            if parameter.requires_grad and not name.startswith(UNUSED):
                (encoder if name.startswith("base_model.") else head).append(parameter)
        return ParameterGroup("encoder", tuple(encoder)), ParameterGroup("head", tuple(head))

    def losses(self, batch: PairBatch) -> Mapping[str, Tensor]:
        """Mask, soft IoU, and as `similarity` the ranking network's term."""
        net, count = self.net, len(batch.template_mask)
        features = net.encode(torch.cat([batch.template_image, batch.search_image]))
        template = net.make_template(_part(features, slice(None, count)), batch.template_mask)
        shared = Template(*(x.repeat_interleave(batch.searches, dim=0) for x in template))
        matched = net.match(_part(features, slice(count, None)), shared)
        logits = net.decode(matched, batch.previous_mask)
        return {
            "mask": mask_cross_entropy(logits, batch.search_mask),
            "iou": soft_iou_loss(logits, batch.search_mask),
            "similarity": ranking_loss(matched, batch.search_mask),
        }

    def draft(self, question: Question) -> Tensor:
        """The probability of the mask in one crop."""
        net = self.net
        features = net.encode(torch.stack([question.template_image, question.image]))
        template = net.make_template(
            _part(features, slice(None, 1)), question.template_mask[None, None]
        )
        matched = net.match(_part(features, slice(1, None)), template)
        logits = net.decode(matched, question.previous_mask[None, None])
        return logits[0, 0].float().sigmoid()

    def track(self, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Tracker:
        """Follow one object with the method's own session, as inference does."""
        return _SessionTracker(self.net, image, mask)

    def export(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write weights that `--weights` reads."""
        save_weights(self.net, path, metadata)


class _SessionTracker:
    """A session of the method that follows object 1."""

    def __init__(self, net: RANet, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
        config = net.config
        parameters = Parameters(objects="single", height=config.height, width=config.width_px)
        clip = ClipInfo("validation", mask.shape[0], mask.shape[1], (1,))
        labels = mask.astype(np.uint8)
        self._session = RANetSession(runner_of(net), parameters, clip, image, labels)

    def step(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The object's mask in the next frame."""
        return np.asarray(self._session.step(image).labels == 1)


def ranking_loss(matched: Matched, target: Tensor) -> Tensor:
    """Binary cross-entropy of the ranking network with where each cell's best match lies.

    Args:
        matched: under the rule `single`.
        target: B×1×H×W, 0 or 1, at crop size.
    """
    scored = matched.candidates
    height, width = matched.similarity.shape[2:]
    share = F.adaptive_avg_pool2d(target.float(), (height, width)).flatten(1)
    best = matched.similarity.detach().flatten(2).argmax(dim=2)
    inside = share.gather(1, best)
    wanted = torch.stack([inside, 1 - inside], dim=1)
    counts = torch.cat([scored.foreground, scored.background], dim=1) > 0
    terms = F.binary_cross_entropy_with_logits(scored.learned.float(), wanted, reduction="none")
    return (terms * counts).sum() / counts.sum().clamp(min=1)


def train_ranet(
    config: TrainConfig,
    data: TrainData,
    *,
    encoder: Path | None = None,
    initial: Path | None = None,
    report: Callable[[ProgressEvent], None] = lambda event: None,
) -> TrainResult:
    """Train RANet; every phase runs at the network's own size, for its ranking counts cells.

    Args:
        config: the run; sizes of its phases are replaced, and the previous mask is always given.
        data: what it learns from.
        encoder: ImageNet-pretrained ResNet-50, see `start_from_encoder`.
        initial: RANet weights to go on from, official or exported, instead of `encoder`.
        report: called now and then from this thread.

    Raises:
        UsageError: not exactly one of `encoder` and `initial` is given.
        InputError: weights, checkpoint or data cannot be used.
    """
    if (encoder is None) == (initial is None):
        raise UsageError(
            "training starts either from an ImageNet encoder or from RANet weights",
            hint="give one of --encoder and --initial",
        )
    if initial is not None:
        net = load_weights(initial).net
    elif encoder is not None:
        torch.manual_seed(config.seed)
        net = RANet(NetworkConfig(stride_on=encoder_stride(encoder)))
        start_from_encoder(net, encoder, data)
    shape = net.config
    phases = tuple(
        replace(phase, height=shape.height, width=shape.width_px) for phase in config.phases
    )
    sampling = replace(config.sampling, previous_share=1.0)
    config = replace(config, phases=phases, sampling=sampling)
    return train(config, RANetTrainable(net), data, report=report)


def start_from_encoder(net: RANet, path: Path, data: TrainData) -> int:
    """Start the backbone from an ImageNet-pretrained ResNet-50.

    Instance normalisation takes scale and shift of the batch normalisation, as the authors do;
    where they are folded away, they are measured.

    Args:
        net: changed in place; `config.stride_on` must be what the file strides on.
        path: a file that `dmvos.pretrained.load_encoder` reads.
        data: the first frames of up to eight of its clips serve to measure scales and shifts.

    Returns:
        How many blocks were added as identities.

    Raises:
        InputError: the file cannot be used, or there are no clips.
    """
    if not data.clips:
        raise InputError("starting from an encoder needs at least one clip to measure on")
    reader = DMVOSNet(EncoderConfig(stride_on=net.config.stride_on))
    load_encoder(reader, path)
    state = {k: v for k, v in reader.encoder.state_dict().items() if not k.startswith("reduce.")}
    resnet = ResNet(stride_on=net.config.stride_on, dilate_last=False).eval()
    resnet.load_state_dict(state)
    if encoder_stride(path) == "conv1":  # folded: the normalisations' own scales are gone
        size = (net.config.height, net.config.width_px)
        images = [_image(clip.image(0), size) for clip in data.clips[:MEASURED_ON]]
        state |= measured_norms(resnet, torch.cat(images))
    return deepen(net.base_model, state, source=str(path))


def _image(image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    scaled = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
    resized = F.interpolate(scaled, size=size, mode="bilinear", antialias=True)
    return (resized - MEAN) / DEVIATION


def _part(features: Features, items: slice) -> Features:
    stages = features.stages
    return Features(type(stages)(*(stage[items] for stage in stages)), features.embedding[items])
