"""How well every candidate mask fits every track: five sub-scores, their weighted sum, a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .masks import Mask, overlaps

__all__ = [
    "EMPTY_SCORE",
    "OFFICIAL_REACH",
    "OFFICIAL_WEIGHTS",
    "Candidate",
    "Choice",
    "Embedding",
    "SubScores",
    "Track",
    "Weights",
    "choose",
    "score",
    "without_overlap",
]

Embedding: TypeAlias = NDArray[np.float64]
"""E float64; 128 numbers in the original."""

EMPTY_SCORE: Final = 1e-10
"""Least score of a choice; below it the empty mask is taken, with this score."""

OFFICIAL_REACH: Final = 25.0
"""Distance of embeddings, from which on nothing is alike."""

Table: TypeAlias = NDArray[np.float64]
"""T×C: one row per track, one column per candidate."""


@dataclass(frozen=True)
class Weights:
    """Weights of the five sub-scores; only their ratios count.

    The defaults are those of the released code, found by 25,000 random trials on DAVIS-2017 val.
    """

    objectness: float = 0.25920137
    reid: float = 0.22541801
    inverse_reid: float = 0.0775609
    propagation: float = 0.12509281
    inverse_propagation: float = 0.3127269

    def normalised(self) -> NDArray[np.float64]:
        """The five weights, adding up to 1."""
        values = np.array(
            [
                self.objectness,
                self.reid,
                self.inverse_reid,
                self.propagation,
                self.inverse_propagation,
            ]
        )
        normalised: NDArray[np.float64] = values / values.sum()
        return normalised


OFFICIAL_WEIGHTS: Final = Weights()


@dataclass(frozen=True)
class Candidate:
    """A mask that a track may take on a frame.

    Attributes:
        mask: H×W.
        score: confidence that it is an object; 0.5 and less count as none.
        embedding: appearance, or None where nothing is known of it.
    """

    mask: Mask
    score: float
    embedding: Embedding | None = None


@dataclass(frozen=True)
class Track:
    """An object on its way.

    Attributes:
        object_id: pixel value in the annotations.
        mask: H×W, where it is expected on this frame.
        score: 0.5 plus half of its last final score; 1 at its start.
        embedding: appearance where it started; never updated.
    """

    object_id: int
    mask: Mask
    score: float
    embedding: Embedding | None = None


@dataclass(frozen=True)
class SubScores:
    """Fit of C candidates to T tracks, T×C float64 each, in 0..1 for scores up to 1."""

    objectness: Table
    reid: Table
    inverse_reid: Table
    propagation: Table
    inverse_propagation: Table

    def weighted(self, weights: Weights = OFFICIAL_WEIGHTS) -> Table:
        """The weighted mean."""
        parts = (
            self.objectness,
            self.reid,
            self.inverse_reid,
            self.propagation,
            self.inverse_propagation,
        )
        total = np.zeros_like(self.objectness)
        for weight, part in zip(weights.normalised(), parts, strict=True):
            total += weight * part
        return total


def score(
    tracks: Sequence[Track], candidates: Sequence[Candidate], *, reach: float = OFFICIAL_REACH
) -> SubScores:
    """All sub-scores of a frame (Luiten et al., ACCV 2018, with the constants of the code).

    With s' = max(s - 1/2, 0) / (1/2), track i and candidate j:

    - objectness = s'_j;
    - reid = max(0, 1 - |e_j - e_i| / reach), 0 where one has no embedding;
    - inverse reid = 1 - the largest reid of the other tracks, 1 where there are none;
    - propagation = IoU(mask_j, mask_i) s'_i;
    - inverse propagation = 1 - the largest propagation of the other tracks, 1 where there are none.

    Args:
        tracks: T.
        candidates: C.
        reach: distance of embeddings at which reid becomes 0.
    """
    objectness = np.tile(_above_half([one.score for one in candidates]), (len(tracks), 1))
    reid = _likeness(tracks, candidates, reach)
    trusted = _above_half([track.score for track in tracks])
    overlap = overlaps([track.mask for track in tracks], [one.mask for one in candidates])
    propagation = overlap * trusted[:, None]
    return SubScores(
        objectness, reid, _left_by_others(reid), propagation, _left_by_others(propagation)
    )


@dataclass(frozen=True)
class Choice:
    """What the tracks took.

    Attributes:
        candidates: index of the candidate that each track took; -1 where it took the empty mask.
        scores: final score of each track.
    """

    candidates: tuple[int, ...]
    scores: tuple[float, ...]


def choose(weighted: Table) -> Choice:
    """Each track for itself takes its best candidate, the first of equals.

    Two tracks may take the same one. What is not finite counts as 0.
    """
    finite = np.where(np.isfinite(weighted), weighted, 0.0)
    candidates: list[int] = []
    scores: list[float] = []
    for row in finite:
        best = int(row.argmax()) if row.size else -1
        usable = best >= 0 and row[best] >= EMPTY_SCORE
        candidates.append(best if usable else -1)
        scores.append(float(row[best]) if usable else EMPTY_SCORE)
    return Choice(tuple(candidates), tuple(scores))


def without_overlap(masks: Sequence[Mask], scores: Sequence[float]) -> list[Mask]:
    """Give each pixel to the mask with the highest score; of equal scores the later one has it."""
    result = [mask.copy() for mask in masks]
    order = np.argsort(np.array(scores), kind="stable")
    for place, stronger in enumerate(order):
        for weaker in order[:place]:
            result[weaker] &= ~masks[stronger]
    return result


def _above_half(scores: Sequence[float]) -> NDArray[np.float64]:
    return np.maximum(np.array(scores, np.float64) - 0.5, 0.0) / 0.5


def _likeness(tracks: Sequence[Track], candidates: Sequence[Candidate], reach: float) -> Table:
    result = np.zeros((len(tracks), len(candidates)))
    known = [j for j, one in enumerate(candidates) if one.embedding is not None]
    if not known:
        return result
    theirs = np.stack([one.embedding for one in candidates if one.embedding is not None])
    for i, track in enumerate(tracks):
        if track.embedding is not None:
            distance = np.linalg.norm(theirs - track.embedding, axis=1)
            result[i, known] = np.maximum(0.0, 1.0 - distance / reach)
    return result


def _left_by_others(table: Table) -> Table:
    result = np.ones_like(table)
    if len(table) > 1:
        for i in range(len(table)):
            result[i] -= np.delete(table, i, axis=0).max(axis=0)
    return result
