"""The RANet network: encoder, matching, ranking, merging and decoder.

Source: Wang et al., RANet: Ranking Attention Network for Fast Video Object Segmentation, ICCV 2019,
and the behaviour of the released network, whose checkpoints load unchanged. Sizes in the docstrings
are those of a 480×864 input.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ..nn import ResidualBlock, StageFeatures, l2_normalise
from .backbone import Backbone
from .blocks import DilatedResidualBlock, Layer, MultiScale, Upsample, resized
from .config import NetworkConfig, Wiring
from .ranking import Candidates, candidates, choose, correlate

__all__ = ["Features", "Matched", "RANet", "Template"]

NORM_EPSILON = 1e-12


class Features(NamedTuple):
    """One crop, encoded.

    Attributes:
        stages: of the backbone.
        embedding: B×512×30×54 float32, unit vectors.
    """

    stages: StageFeatures
    embedding: Tensor


class Template(NamedTuple):
    """What is known of the first frame.

    Attributes:
        kernel: B×512×15×27 float32, pooled embedding.
        cells: B×(1+K)×405 float32, share of the background and of every object in each cell.
    """

    kernel: Tensor
    cells: Tensor


class Matched(NamedTuple):
    """A search crop compared with a template, before the objects part.

    Attributes:
        similarity: B×405×30×54 float32.
        candidates: of every object.
        fine: side features for the decoder at stride 2, B×64×240×432.
        middle: at stride 4, B×64×120×216.
        coarse: at stride 8, B×64×60×108.
    """

    similarity: Tensor
    candidates: Candidates
    fine: Tensor
    middle: Tensor
    coarse: Tensor


class RANet(nn.Module):
    """Single- and multi-object RANet; `wiring` says which.

    `p_1b`, `res_1b`, `p_2b` and `rank_A` are in every official checkpoint and used by none.
    """

    def __init__(
        self,
        config: NetworkConfig = NetworkConfig(),  # noqa: B008 - frozen
        wiring: Wiring = Wiring(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__()
        self.config = config
        self.wiring = wiring
        of, kept = config.of, config.kept
        self.base_model = Backbone(
            blocks=config.blocks, width=config.width, stride_on=config.stride_on
        )
        c0, c1, c2, c3, c4 = self.base_model.channels
        self.L3 = Layer(c2, of(128))
        self.L4 = Layer(c3, of(256))
        self.L5 = Layer(c4, of(512))
        self.L_g = Layer(of(128) + of(256) + of(512), of(512))
        self.Ranking = nn.Sequential(
            Layer(config.cells, of(128)),
            DilatedResidualBlock(of(128), of(32)),
            Layer(of(128), 1),
        )
        self.p_1 = Layer(kept, of(256))
        self.res_1 = ResidualBlock(of(256), of(128))
        self.p_2 = Layer(of(256), of(128))
        self.p_1b = Layer(kept, of(256))
        self.res_1b = ResidualBlock(of(256), of(128))
        self.p_2b = Layer(of(256), of(128))
        self.rank_A = nn.Sequential(nn.Conv1d(2, 8, 1), nn.PReLU(), nn.Conv1d(8, 1, 1))
        self.ls13 = Layer(c2, of(32), 1)
        self.ls14 = Layer(c3, of(16), 1, factor=2)
        self.ls15 = Layer(c4, of(16), 1, factor=4)
        self.ls22 = Layer(c1, of(32), 1)
        self.ls23 = Layer(c2, of(16), 1, factor=2)
        self.ls24 = Layer(c3, of(16), 1, factor=4)
        self.ls31 = Layer(c0, of(32), 1)
        self.ls32 = Layer(c1, of(16), 1, factor=2)
        self.ls33 = Layer(c2, of(16), 1, factor=4)
        side = of(32) + 2 * of(16)
        self.R1 = nn.Sequential(
            Layer(side + 2 * of(128) + 1, of(256)),
            Layer(of(256), of(256)),
            MultiScale(of(256), of(128)),
            ResidualBlock(of(128), of(64)),
            Upsample(2),
        )
        self.R2 = nn.Sequential(
            Layer(side + of(128), of(128)),
            Layer(of(128), of(64)),
            MultiScale(of(64), of(32)),
            ResidualBlock(of(32), of(16)),
            Upsample(2),
        )
        self.R3 = nn.Sequential(
            Layer(side + of(32), of(64)),
            Layer(of(64), of(32)),
            MultiScale(of(32), of(16)),
            Upsample(2),
            ResidualBlock(of(16), of(8)),
            nn.Conv2d(of(16), 1, 3, padding=1),
        )

    def encode(self, image: Tensor) -> Features:
        """Features of B×3×480×864, ImageNet-normalised."""
        stages: StageFeatures = self.base_model(image)
        third = F.max_pool2d(self.L3(stages.layer2), 2)
        fourth = self.L4(stages.layer3)
        height, width = third.shape[2:]
        fifth = resized(self.L5(stages.layer4), (height, width), corners=False)
        branches = [l2_normalise(x, NORM_EPSILON) for x in (third, fourth, fifth)]
        joined = torch.cat(branches, dim=1).to(image.dtype)
        return Features(stages, l2_normalise(self.L_g(joined), NORM_EPSILON))

    def make_template(self, features: Features, masks: Tensor) -> Template:
        """Template of K objects.

        Args:
            features: of the first frame's crop.
            masks: B×K×480×864, 0 or 1, disjoint.
        """
        background = 1 - masks.sum(dim=1, keepdim=True)
        planes = torch.cat([background, masks], dim=1).float()
        cells = F.adaptive_avg_pool2d(planes, self.config.grid).flatten(2)
        return Template(F.avg_pool2d(features.embedding, 2), cells)

    def match(self, features: Features, template: Template) -> Matched:
        """Compare a search crop with the template, for all objects at once."""
        stages = features.stages
        similarity = correlate(template.kernel, features.embedding)

        def learned_part(maps: Tensor) -> Tensor:
            ranked: Tensor = self.Ranking(maps.to(stages.layer1.dtype))
            return ranked.float().flatten(1)

        scored = candidates(
            similarity, template.cells, learned_part, single=self.wiring.rule == "single"
        )
        return Matched(
            similarity,
            scored,
            fine=_joined(
                self.ls31(stages.stem), self.ls32(stages.layer1), self.ls33(stages.layer2)
            ),
            middle=_joined(
                self.ls22(stages.layer1), self.ls23(stages.layer2), self.ls24(stages.layer3)
            ),
            coarse=_joined(
                self.ls13(stages.layer2), self.ls14(stages.layer3), self.ls15(stages.layer4)
            ),
        )

    def decode(
        self, matched: Matched, previous: Tensor, objects: tuple[int, ...] | None = None
    ) -> Tensor:
        """Logits of some of the objects.

        Args:
            matched: of the search crop.
            previous: B×k×480×864, 0 or 1, the previous masks of these objects.
            objects: their places among the template's objects; None means all.

        Returns:
            B×k×480×864, in the network's number type.
        """
        count, number = previous.shape[:2]
        places = list(range(number) if objects is None else objects)
        foreground, background = (self._merged(maps) for maps in self._chosen(matched, places))
        cells = F.avg_pool2d(previous.float().flatten(0, 1)[:, None], 8).to(foreground.dtype)
        if not self.wiring.previous_mask:
            cells = torch.zeros_like(cells)

        def each(side: Tensor) -> Tensor:
            return side.repeat_interleave(number, dim=0) if number > 1 else side

        x = self.R1(_joined(each(matched.coarse), foreground, background, cells))
        x = self.R2(_joined(each(matched.middle), x))
        x = self.R3(_joined(each(matched.fine), x))
        logits: Tensor = x.reshape(count, number, *x.shape[2:])
        return logits

    def forward(self, image: Tensor, template: Template, previous: Tensor) -> Tensor:
        """Logits B×K×480×864 of all objects in B×3×480×864."""
        return self.decode(self.match(self.encode(image), template), previous)

    def _chosen(self, matched: Matched, places: list[int]) -> tuple[Tensor, Tensor]:
        """Kept maps of foreground and background, (B·k)×256×30×54 each, in the network's type."""
        similarity, scored = matched.similarity, matched.candidates
        if len(places) > 1:
            similarity = similarity.repeat_interleave(len(places), dim=0)
        kept = []
        for weights, scores in (
            (scored.foreground, scored.foreground_score),
            (scored.background, scored.background_score),
        ):
            chosen = choose(
                similarity,
                weights[:, places].flatten(0, 1),
                scores[:, places].flatten(0, 1),
                kept=self.config.kept,
                by=self.wiring.order,
            )
            maps = chosen.maps.to(matched.coarse.dtype)
            kept.append(maps if self.wiring.matching else torch.zeros_like(maps))
        return kept[0], kept[1]

    def _merged(self, maps: Tensor) -> Tensor:
        """Merge kept maps 256×30×54 to 128×60×108."""
        height, width = maps.shape[2:]
        enlarged = resized(maps, (2 * height, 2 * width), corners=False)
        merged: Tensor = self.p_2(self.res_1(self.p_1(enlarged)))
        return merged


def _joined(*parts: Tensor) -> Tensor:
    return torch.cat(parts, dim=1)
