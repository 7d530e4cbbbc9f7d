"""The DMVOS network: Siamese encoder, isometric correlation, centre offset, fusion and decoder.

Sizes for an input of 480×854: stem 240×427, s2 120×214, s3 60×107, s4 and embed 30×54, template
15×27 = 405 cells. Any other input size works as well. Items of a batch are independent objects.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vosbench.types import mark_stage

from ..nn import ConvBlock, ResNet
from .config import NetworkConfig
from .decoder import Decoder
from .isometric import IsometricCorrelation
from .offset import InstanceCentreOffset, Votes

__all__ = ["DMVOSNet", "Encoder", "Features", "NetworkConfig", "Output", "Template"]


class Features(NamedTuple):
    """Encoder output for one batch of crops.

    Attributes:
        stem_size: (height, width) at stride 2.
        s2: B×256 at stride 4.
        s3: B×512 at stride 8.
        s4: B×1024 at stride 16.
        embed: B×256 at stride 16, shared by matching and offset.
        size: (height, width) of the input.
    """

    stem_size: tuple[int, int]
    s2: Tensor
    s3: Tensor
    s4: Tensor
    embed: Tensor
    size: tuple[int, int]


class Template(NamedTuple):
    """What is kept of the frame that gave the object.

    Attributes:
        z: B×256×h×w features, float32 unit vectors.
        m: B×1×h×w share of each cell that the object covers, float32 in 0..1.
    """

    z: Tensor
    m: Tensor


class Output(NamedTuple):
    """Answers for one batch of crops.

    Attributes:
        logits: B×1×H×W float32 at input size; the sigmoid is the object's probability.
        similarity: B×1×h×w float32 logit of the matching alone, at stride 16.
        offset: B×2×h×w float32 (x, y) to the centre of the instance at each position, in crop
            widths and heights, at stride 16.
    """

    logits: Tensor
    similarity: Tensor
    offset: Tensor


class Encoder(ResNet):
    """ResNet-50 with a dilated last stage and a reduction head to the shared features."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(
            blocks=config.encoder_blocks,
            width=config.encoder_width,
            stride_on=config.stride_on,
            dilate_last=True,
        )
        width = config.embed_width
        self.reduce = nn.Sequential(
            nn.Conv2d(self.channels[3], width, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
        )


class DMVOSNet(nn.Module):
    """DMVOS for batches of objects, each with its own template and crop."""

    def __init__(self, config: NetworkConfig = NetworkConfig()) -> None:  # noqa: B008 - frozen
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.iso = IsometricCorrelation(config)
        self.ico = InstanceCentreOffset(config)
        fused = 2 * config.match_width + 1 + 3 + int(config.previous_mask)
        self.fuse = ConvBlock(fused, config.fusion_width)
        s2, s3, s4, _ = self.encoder.channels
        self.decoder = Decoder(config, (s2, s3, s4))

    def encode(self, image: Tensor) -> Features:
        """Features of B×3×H×W, RGB normalised by ImageNet's mean and deviation."""
        stages = self.encoder.stages(image)
        return Features(
            stem_size=(stages.stem.shape[2], stages.stem.shape[3]),
            s2=stages.layer1,
            s3=stages.layer2,
            s4=stages.layer3,
            embed=self.encoder.reduce(stages.layer4),
            size=(image.shape[2], image.shape[3]),
        )

    def make_template(self, features: Features, mask: Tensor) -> Template:
        """Keep what later frames are matched with.

        Args:
            features: of the crop that shows the object.
            mask: B×1×H×W in 0..1, each object in the same crop; `z` has as many items as
                `features`, `m` as many as this.
        """
        z = features.embed.float()
        if self.config.template_pool:
            # Odd grids keep their last row and column: a partial window averages what it has.
            z = F.avg_pool2d(z, 2, ceil_mode=True)
        m = F.interpolate(mask.float(), size=z.shape[2:], mode="area")
        return Template(F.normalize(z, dim=1, eps=1e-6), m)

    def segment(
        self,
        features: Features,
        template: Template,
        centre: Tensor,
        previous_mask: Tensor | None = None,
    ) -> Output:
        """Find the template's object in the features of a crop.

        Args:
            features: of B crops, or of one crop that all objects are searched in.
            template: of B objects.
            centre: B×2 (x, y), each object's previous centre in 0..1 of its crop.
            previous_mask: B×1×H×W in 0..1 in the same crop. Used only where the configuration has
                that channel; None stands for "nothing known" and feeds a constant plane.
        """
        channels, similarity = self.iso(features.embed, template.z, template.m)
        votes = self.ico(features.embed, centre)
        spatial = self._spatial(votes, previous_mask)
        fused = self.fuse(torch.cat([channels, spatial.to(channels.dtype)], dim=1))
        if not torch.compiler.is_compiling():
            mark_stage("decode-mask")
        skips = (features.s2, features.s3, features.s4)
        logits = self.decoder(fused, skips, features.stem_size, features.size)
        offset = votes.offset.expand(len(logits), -1, -1, -1)
        return Output(logits.float(), similarity, offset)

    def forward(
        self,
        image: Tensor,
        template: Template,
        centre: Tensor,
        previous_mask: Tensor | None = None,
    ) -> Output:
        """`encode` and `segment` in one call."""
        return self.segment(self.encode(image), template, centre, previous_mask)

    def _spatial(self, votes: Votes, previous_mask: Tensor | None) -> Tensor:
        """Planes of the fusion that say where the target was: B×3×h×w, or 4 with a mask channel."""
        residual, closeness = votes.residual, votes.closeness
        if not self.config.offset:
            residual, closeness = torch.zeros_like(residual), torch.zeros_like(closeness)
        mask = torch.zeros_like(closeness)
        if previous_mask is not None:
            mask = F.interpolate(previous_mask.float(), size=closeness.shape[2:], mode="area")
        if self.config.previous_mask:
            return torch.cat([residual, closeness, mask], dim=1)
        if self.config.mask_in_closeness and previous_mask is not None:
            closeness = (closeness + mask) / 2
        return torch.cat([residual, closeness], dim=1)

    def reconfigured(self, **changes: Any) -> Self:
        """A network with the same weights (shared, not copied) and some configuration changed.

        Raises:
            ValueError: the changed configuration needs weights of other names or shapes.
        """
        with torch.device("meta"):
            other = type(self)(replace(self.config, **changes))
        ours, theirs = self.state_dict(keep_vars=True), other.state_dict()
        differing = sorted(
            key
            for key in ours.keys() | theirs.keys()
            if key not in ours or key not in theirs or ours[key].shape != theirs[key].shape
        )
        if differing:
            raise ValueError(
                f"{changes} needs weights trained for it: {len(differing)} tensors differ, "
                f"such as {differing[0]!r}"
            )
        other.load_state_dict(ours, assign=True)
        return other.train(self.training)
