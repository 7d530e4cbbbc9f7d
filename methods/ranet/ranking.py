"""Similarity of every template cell with every position, and which of these maps are kept.

B crops, K objects, N template cells (15×27), h×w positions of the search features (30×54).
Everything here is float32: half precision would change the order of cells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .config import RankingOrder

__all__ = ["Candidates", "Choice", "candidates", "choose", "correlate", "exchanged"]

LEARNED_SHARE: Final = 0.2
BACKGROUND_FROM: Final = 0.9


class Candidates(NamedTuple):
    """Similarity maps that compete for one object's decoder, with what they count.

    M is N for the foreground. For the background it is N under the rule `single`, and K·N under
    `multi`: the background's cells, then those of every other object in ascending order.

    Attributes:
        foreground: B×K×N, weight of each cell's map.
        foreground_score: B×K×N.
        background: B×K×M.
        background_score: B×K×M.
        learned: B×2×N for foreground and background under `single`, B×1×N under `multi`: the
            ranking network's output before its ReLU.
    """

    foreground: Tensor
    foreground_score: Tensor
    background: Tensor
    background_score: Tensor
    learned: Tensor


class Choice(NamedTuple):
    """The maps that were kept, best first.

    Attributes:
        order: B×kept, index among the candidates.
        maps: B×kept×h×w, weighted.
    """

    order: Tensor
    maps: Tensor


def correlate(template: Tensor, search: Tensor) -> Tensor:
    """Inner product of every cell of B×C×rows×columns with every position of B×C×h×w: B×N×h×w."""
    height, width = search.shape[2:]
    flat = torch.bmm(template.flatten(2).transpose(1, 2), search.flatten(2))
    return flat.reshape(*flat.shape[:2], height, width)


def exchanged(maps: Tensor) -> Tensor:
    """Pooled maps with cells and positions exchanged, the ranking network's input.

    Args:
        maps: B×N×rows×columns; cell n is row-major in rows×columns too.

    Returns:
        B×N×rows×columns: channels are positions, space is the template's cells.
    """
    return maps.flatten(2).transpose(1, 2).reshape(maps.shape)


def candidates(
    similarity: Tensor, cells: Tensor, learned_part: Callable[[Tensor], Tensor], *, single: bool
) -> Candidates:
    """Weights and scores of all cells for every object.

    Score = peak of the weighted map + 0.2 · ReLU(ranking network). Under `single` the network
    sees the weighted maps and its part counts in full wherever the weight is not zero; under
    `multi` it sees the unweighted maps once, and its part is weighted as the peak is.

    Args:
        similarity: B×N×h×w.
        cells: B×(1+K)×N, each cell's share of background and of every object, 0..1.
        learned_part: the ranking network, from B×N×rows×columns to B×N.
        single: whether the rule is `single`; K is 1 then.
    """
    # A weight is not negative, so weighting commutes with both maxima, and exactly so.
    pooled = F.max_pool2d(similarity, 2)
    peaks = similarity.amax(dim=(2, 3))
    if single:
        foreground = cells[:, 1]
        background = (1 - foreground >= BACKGROUND_FROM).to(foreground.dtype)
        learned, scores = [], []
        for weight in (foreground, background):
            learned.append(learned_part(exchanged(pooled * weight[..., None, None])))
            part = LEARNED_SHARE * F.relu(learned[-1]) * (weight != 0)
            scores.append((peaks * weight + part)[:, None])
        return Candidates(
            foreground[:, None],
            scores[0],
            background[:, None],
            scores[1],
            torch.stack(learned, dim=1),
        )
    once = learned_part(exchanged(pooled))[:, None]
    weighted = peaks[:, None] * cells + LEARNED_SHARE * F.relu(once) * cells
    objects = cells.shape[1] - 1
    weights_of_others, scores_of_others = [], []
    for k in range(1, objects + 1):
        others = [j for j in range(objects + 1) if j != k]
        weights_of_others.append(cells[:, others].flatten(1))
        scores_of_others.append(weighted[:, others].flatten(1))
    return Candidates(
        cells[:, 1:],
        weighted[:, 1:],
        torch.stack(weights_of_others, dim=1),
        torch.stack(scores_of_others, dim=1),
        once,
    )


def choose(
    similarity: Tensor, weights: Tensor, scores: Tensor, *, kept: int, by: RankingOrder
) -> Choice:
    """Keep the maps with the highest scores.

    Args:
        similarity: B×N×h×w.
        weights: B×M; candidate m is cell m modulo N.
        scores: B×M.
        kept: how many maps.
        by: `score`; `peak` leaves the learned part out of it; `position` takes cells with a weight
            in the order they have.
    """
    cells = similarity.shape[1]
    if by == "peak":
        repeats = weights.shape[1] // cells
        scores = similarity.amax(dim=(2, 3)).repeat(1, repeats) * weights
    elif by == "position":
        scores = (weights > 0).to(scores.dtype)
    order = scores.sort(dim=1, descending=True, stable=True).indices[:, :kept]
    places = (order % cells)[..., None, None].expand(-1, -1, *similarity.shape[2:])
    maps = similarity.gather(1, places) * weights.gather(1, order)[..., None, None]
    return Choice(order, maps)
