"""Isometric correlation: from similarities to template cells to a fixed number of channels.

Reconstruction. The paper's operator is not published; this one joins four readings of its name:
unit vectors (cosine similarity), a response that keeps the search grid, a descriptor of equal
length with equal rank intervals, and a supervised similarity map. See README.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..nn import ConvBlock, ResidualBlock, l2_normalise
from .config import NetworkConfig

__all__ = [
    "BACKGROUND_AT_MOST",
    "FOREGROUND_AT_LEAST",
    "FOREGROUND_CELLS",
    "CellSets",
    "IsometricCorrelation",
    "RankedSimilarity",
    "partition_cells",
    "rank_similarity",
]

FOREGROUND_AT_LEAST = 0.5
BACKGROUND_AT_MOST = 0.1
FOREGROUND_CELLS = 4
NO_SIMILARITY = -1.0


class CellSets(NamedTuple):
    """Which template cells are foreground and background, B×J bool each, disjoint."""

    foreground: Tensor
    background: Tensor


class RankedSimilarity(NamedTuple):
    """Similarities in rank order at every search position.

    Attributes:
        foreground: B×P×K.
        background: B×P×K.
        foreground_top: B×P, mean of the largest few.
        background_top: B×P.
    """

    foreground: Tensor
    background: Tensor
    foreground_top: Tensor
    background_top: Tensor


def partition_cells(coverage: Tensor) -> CellSets:
    """Split template cells by how much of each the object covers.

    Foreground cells are covered by at least 0.5. If fewer than 4 are, all cells at least as covered
    as the fourth count, but none that the object does not touch. Background cells are covered by at
    most 0.1 (RANet's rule); if there is none, all that are not foreground. The sets do not depend
    on the order of the cells.

    Args:
        coverage: B×J in 0..1.
    """
    foreground = coverage >= FOREGROUND_AT_LEAST
    few = foreground.sum(dim=1, keepdim=True) < FOREGROUND_CELLS
    largest = coverage.topk(min(FOREGROUND_CELLS, coverage.shape[1]), dim=1).values
    widened = (coverage >= largest[:, -1:]) & (coverage > 0)
    foreground = torch.where(few, widened, foreground)
    background = (coverage <= BACKGROUND_AT_MOST) & ~foreground
    none = ~background.any(dim=1, keepdim=True)
    return CellSets(foreground, torch.where(none, ~foreground, background))


def rank_similarity(
    similarity: Tensor, cells: CellSets, *, samples: int, top: int, spread: bool
) -> RankedSimilarity:
    """Take fixed ranks of the similarities of each set, per search position.

    One sort serves both sets: foreground is lifted above background, and what is in neither set is
    lowered below both, before sorting; values are then gathered from the unlifted similarities.
    A set without cells gives -1 everywhere.

    Args:
        similarity: B×P×J float32 in -1..1.
        cells: which of the J cells belong to each set.
        samples: ranks to take (K).
        top: how many of the largest are averaged.
        spread: ranks round(k(n-1)/(K-1)) of the n cells if true, else the K largest (the last is
            repeated where n < K).
    """
    if similarity.device.type == "cpu" and not similarity.requires_grad and not _compiling():
        return _rank_on_host(similarity, cells, samples=samples, top=top, spread=spread)
    foreground, background = cells
    lift = 4.0 * foreground - 8.0 * ~(foreground | background)
    order = (similarity.detach() + lift[:, None]).argsort(dim=2, descending=True)
    n_foreground = foreground.sum(dim=1, keepdim=True)
    n_background = background.sum(dim=1, keepdim=True)
    ranks = torch.cat(
        [
            _ranks(n_foreground, samples, spread=spread),
            n_foreground + _ranks(n_background, samples, spread=spread),
            _first(n_foreground, top),
            n_foreground + _first(n_background, top),
        ],
        dim=1,
    ).clamp(max=similarity.shape[2] - 1)
    picked = order.gather(2, ranks[:, None].expand(-1, order.shape[1], -1))
    values = similarity.gather(2, picked)
    fg, bg, fg_top, bg_top = torch.split(values, [samples, samples, top, top], dim=2)
    fg_empty, bg_empty = n_foreground[:, None] == 0, n_background[:, None] == 0
    return RankedSimilarity(
        fg.masked_fill(fg_empty, NO_SIMILARITY),
        bg.masked_fill(bg_empty, NO_SIMILARITY),
        _mean_of_first(fg_top, n_foreground),
        _mean_of_first(bg_top, n_background),
    )


def _compiling() -> bool:
    return bool(torch.compiler.is_compiling())


def _rank_on_host(
    similarity: Tensor, cells: CellSets, *, samples: int, top: int, spread: bool
) -> RankedSimilarity:
    """The same on a CPU without gradient: NumPy sorts in 1 ms what torch sorts in 20."""
    stacks: dict[bool, list[Tensor]] = {True: [], False: []}
    tops: dict[bool, list[Tensor]] = {True: [], False: []}
    for item, *members in zip(similarity, *cells, strict=True):
        for is_foreground, member in zip((True, False), members, strict=True):
            own = item[:, member]
            count = torch.tensor([[own.shape[1]]])
            if not own.shape[1]:
                own = torch.full_like(item[:, :1], NO_SIMILARITY)
            ascending = torch.from_numpy(np.sort(own.numpy(), axis=1))
            ranks = ascending.shape[1] - 1 - _ranks(count, samples, spread=spread)[0]
            stacks[is_foreground].append(ascending[:, ranks])
            tops[is_foreground].append(ascending[:, -top:].mean(dim=1))
    return RankedSimilarity(
        torch.stack(stacks[True]),
        torch.stack(stacks[False]),
        torch.stack(tops[True]),
        torch.stack(tops[False]),
    )


def _ranks(count: Tensor, samples: int, *, spread: bool) -> Tensor:
    """B×K ranks within a set of B×1 `count` cells."""
    step = torch.arange(samples, device=count.device)
    last = (count - 1).clamp(min=0)
    if not spread:
        return torch.minimum(step.expand(count.shape[0], -1), last)
    # Integer arithmetic: round half up, so that no device's floating point can pick another rank.
    return (2 * step * last + samples - 1) // (2 * (samples - 1))


def _first(count: Tensor, top: int) -> Tensor:
    """B×top ranks 0, 1, ... of a set, the last cell repeated where the set is smaller."""
    step = torch.arange(top, device=count.device)
    return torch.minimum(step.expand(count.shape[0], -1), (count - 1).clamp(min=0))


def _mean_of_first(values: Tensor, count: Tensor) -> Tensor:
    """Mean over the first min(n, top) of B×P×top, -1 where n is 0."""
    used = torch.arange(values.shape[2], device=values.device) < count
    total = (values * used[:, None]).sum(dim=2)
    mean = total / count.clamp(min=1, max=values.shape[2])
    return mean.masked_fill(count == 0, NO_SIMILARITY)


class IsometricCorrelation(nn.Module):
    """Matches every search position with every template cell.

    Its output has 2·match_width + 1 channels: the embedded foreground stack, the embedded
    background stack, and the similarity logit scale·(mean top foreground - mean top background) +
    bias.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.rank_samples
        if config.isometric_mode == "ranked_maps":
            channels = config.ranked_maps
        self.scale = nn.Parameter(torch.tensor(10.0))
        self.bias = nn.Parameter(torch.tensor(0.0))
        self.embed = nn.Sequential(
            ConvBlock(channels, config.match_width),
            ResidualBlock(config.match_width, config.match_inner),
        )
        if config.isometric_mode == "raw":
            self.raw = nn.Conv2d(config.raw_cells, config.rank_samples, 1)

    def forward(self, embed: Tensor, z: Tensor, coverage: Tensor) -> tuple[Tensor, Tensor]:
        """Correlate search features with a template.

        Args:
            embed: B×C×h×w search features, or 1×C×h×w where all items search the same crop.
            z: B×C×h'×w' template features.
            coverage: B×1×h'×w' template mask in 0..1.

        Returns:
            B×(2·match_width + 1)×h×w channels for the fusion, and the B×1×h×w float32 similarity
            logit.
        """
        batch, (height, width) = len(z), embed.shape[2:]
        with torch.autocast(embed.device.type, enabled=False):
            foreground, background, difference = self._stacks(embed, z, coverage)
            logit = (self.scale.float() * difference + self.bias.float()).view(
                batch, 1, height, width
            )
            stacks = torch.cat([foreground, background]).transpose(1, 2)
            stacks = stacks.reshape(2 * batch, -1, height, width)
        kind = next(self.embed.parameters()).dtype
        stacks = stacks.to(dtype=kind, memory_format=_format_of(embed))
        if self.config.isometric_mode == "raw":
            stacks = self.raw(stacks)
        first, second = self.embed(stacks).chunk(2)
        return torch.cat([first, second, logit.to(first.dtype)], dim=1), logit

    def _stacks(self, embed: Tensor, z: Tensor, coverage: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Foreground and background B×P×K and the B×P difference of their means, float32."""
        config = self.config
        if config.isometric_mode == "none":
            shape = (len(z), embed.shape[2] * embed.shape[3], config.rank_samples)
            flat = torch.zeros(shape, device=embed.device)
            return flat, flat, flat[..., 0]
        search = l2_normalise(embed).flatten(2).transpose(1, 2)
        similarity = search @ l2_normalise(z).flatten(2)
        cells = partition_cells(coverage.float().flatten(1))
        ranked = rank_similarity(
            similarity,
            cells,
            samples=config.rank_samples,
            top=1 if config.isometric_mode == "max" else config.top,
            spread=config.isometric_mode != "topk",
        )
        difference = ranked.foreground_top - ranked.background_top
        foreground, background = ranked.foreground, ranked.background
        if config.isometric_mode == "max":
            foreground = foreground[..., :1].expand_as(foreground)
            background = background[..., :1].expand_as(background)
        elif config.isometric_mode == "ranked_maps":
            foreground = _ranked_maps(similarity, cells.foreground, config.ranked_maps)
            background = _ranked_maps(similarity, cells.background, config.ranked_maps)
        elif config.isometric_mode == "raw":
            if similarity.shape[2] != config.raw_cells:
                raise ValueError(
                    f"mode 'raw' was built for {config.raw_cells} template cells, "
                    f"got {similarity.shape[2]}; use the input size it was trained with"
                )
            foreground = similarity * cells.foreground[:, None]
            background = similarity * cells.background[:, None]
        return foreground, background, difference


def _ranked_maps(similarity: Tensor, members: Tensor, keep: int) -> Tensor:
    """The `keep` maps of a set with the largest peaks, in order; zero maps where it is smaller.

    Args:
        similarity: B×P×J.
        members: B×J bool.
        keep: channels of the result.

    Returns:
        B×P×keep.
    """
    peak = similarity.detach().amax(dim=1).masked_fill(~members, -torch.inf)
    best = peak.topk(min(keep, peak.shape[1]), dim=1)
    index = best.indices[:, None].expand(-1, similarity.shape[1], -1)
    maps = similarity.gather(2, index) * torch.isfinite(best.values)[:, None]
    return nn.functional.pad(maps, (0, keep - maps.shape[2]))


def _format_of(x: Tensor) -> torch.memory_format:
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format
