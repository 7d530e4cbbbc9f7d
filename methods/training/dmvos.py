"""DMVOS as the recipe trains it: losses on template and search crops.

Reconstruction: the paper's training is not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vosbench.types import ClipInfo

from ..dmvos.network import DMVOSNet, Features, Output, Template
from ..dmvos.parameters import Parameters
from ..dmvos.session import DMVOSSession, Model
from ..dmvos.weights import save_weights
from .drafts import Question
from .losses import mask_cross_entropy, offset_loss, similarity_loss, soft_iou_loss
from .sampling import PairBatch
from .trainable import ParameterGroup, Tracker

__all__ = ["DMVOSTrainable"]

FROZEN = ("conv1", "layer1")


class DMVOSTrainable:
    """Trains a `DMVOSNet`.

    The stem and the first stage stay as ImageNet left them: the backward pass ends there, which
    saves a good part of it, and low-level filters need little adapting.

    Args:
        net: network with its pretrained encoder loaded.
        parameters: of the method in validation; give the size and variant that will be used.
        compile: compile the training pass; sizes are static, so each phase compiles once.
    """

    def __init__(
        self,
        net: DMVOSNet,
        *,
        parameters: Parameters = Parameters(),  # noqa: B008 - frozen
        compile: bool = False,
    ) -> None:
        self.net = net
        self.parameters = parameters
        for name in FROZEN:
            net.encoder.get_submodule(name).requires_grad_(False)
        self._drafted: tuple[Tensor, Template] | None = None
        self._forward: Any = torch.compile(self._pairs, dynamic=False) if compile else self._pairs

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.net

    def parameter_groups(self) -> tuple[ParameterGroup, ...]:
        """The backbone learns slowly; the reduction head and everything after it are new."""
        encoder: list[nn.Parameter] = []
        head: list[nn.Parameter] = []
        for name, parameter in self.net.named_parameters():
            if parameter.requires_grad:
                pretrained = name.startswith("encoder.") and not name.startswith("encoder.reduce")
                (encoder if pretrained else head).append(parameter)
        return ParameterGroup("encoder", tuple(encoder)), ParameterGroup("head", tuple(head))

    def losses(self, batch: PairBatch) -> Mapping[str, Tensor]:
        """Mask, soft IoU, similarity and offset terms."""
        images = torch.cat([batch.template_image, batch.search_image])
        output = self._forward(
            images.contiguous(memory_format=torch.channels_last),
            batch.template_mask,
            batch.centre,
            batch.previous_mask,
        )
        return {
            "mask": mask_cross_entropy(output.logits, batch.search_mask),
            "iou": soft_iou_loss(output.logits, batch.search_mask),
            "similarity": similarity_loss(output.similarity, batch.search_mask),
            "offset": offset_loss(output.offset, batch.instances, batch.instance_centre),
        }

    def draft(self, question: Question) -> Tensor:
        """One eager pass, so that it needs no compilation of its own and fits any thread.

        The search frames of a sample share their template, which is encoded once.
        """
        held = self._drafted
        if held is None or held[0] is not question.template_image:
            features = self.net.encode(_batch_of_one(question.template_image))
            held = (
                question.template_image,
                self.net.make_template(features, question.template_mask[None, None]),
            )
            self._drafted = held
        output = self.net.segment(
            self.net.encode(_batch_of_one(question.image)),
            held[1],
            question.image.new_tensor([question.centre]),
            question.previous_mask[None, None] if self.net.config.previous_mask else None,
        )
        return output.logits[0, 0].float().sigmoid()

    def track(self, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Tracker:
        """Follow one object with the method's own session, as inference does."""
        return _SessionTracker(self.net, self.parameters, image, mask)

    def export(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write the shipped format."""
        save_weights(self.net, path, metadata)

    def _pairs(self, images: Tensor, mask: Tensor, centre: Tensor, previous: Tensor) -> Output:
        """One encoder pass for templates and search frames together."""
        count = len(mask)
        features = self.net.encode(images)
        template = self.net.make_template(_part(features, slice(None, count)), mask)
        searches = len(centre) // count
        shared = Template(*(value.repeat_interleave(searches, dim=0) for value in template))
        known = previous if self.net.config.previous_mask else None
        return self.net.segment(_part(features, slice(count, None)), shared, centre, known)


class _SessionTracker:
    """A session of the method that follows object 1."""

    def __init__(
        self,
        net: DMVOSNet,
        parameters: Parameters,
        image: NDArray[np.uint8],
        mask: NDArray[np.bool_],
    ) -> None:
        device = next(net.parameters()).device
        model = Model(net.encode, net.segment, net.make_template, device, torch.float32)
        clip = ClipInfo("validation", mask.shape[0], mask.shape[1], (1,))
        self._session = DMVOSSession(model, parameters, clip, image, mask.astype(np.uint8))

    def step(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The object's mask in the next frame."""
        return np.asarray(self._session.step(image).labels == 1)


def _batch_of_one(image: Tensor) -> Tensor:
    return image[None].contiguous(memory_format=torch.channels_last)


def _part(features: Features, items: slice) -> Features:
    return features._replace(
        s2=features.s2[items],
        s3=features.s3[items],
        s4=features.s4[items],
        embed=features.embed[items],
    )
