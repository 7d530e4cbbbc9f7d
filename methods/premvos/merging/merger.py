"""The merging stage: tracks are carried from frame to frame and take the proposals that fit them.

The order of a frame is: `add` the objects whose masks are given on it, `select`, and then, with the
next frame in hand, `advance` along the flow or `hold` where there is none. Nothing looks further
than one frame ahead, and what `advance` does with the next frame can as well be done when that
frame arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .masks import Box, Flow, Mask, MaskWarp, tight_box
from .scores import (
    OFFICIAL_REACH,
    OFFICIAL_WEIGHTS,
    Candidate,
    Choice,
    Embedding,
    SubScores,
    Track,
    Weights,
    choose,
    score,
    without_overlap,
)

__all__ = ["Carried", "Embed", "Merger", "Refine", "Selection"]

Refine = Callable[[Mask, Box], Mask]
"""Makes a better mask of a mask and its tight box."""
Embed = Callable[[Sequence[Mask], Sequence[Box]], Sequence[Embedding | None]]
"""Appearance of masks. The boxes are those of the masks before they were refined."""


@dataclass(frozen=True)
class Selection:
    """What became of one frame.

    Attributes:
        object_ids: of the T tracks.
        sub_scores: T×C each.
        weighted: T×C float64.
        choice: what each track took. Candidates are numbered with the carried ones first.
        masks: of the tracks, without overlap.
        labels: H×W uint8.
    """

    object_ids: tuple[int, ...]
    sub_scores: SubScores
    weighted: NDArray[np.float64]
    choice: Choice
    masks: tuple[Mask, ...]
    labels: NDArray[np.uint8]

    @property
    def object_scores(self) -> tuple[float, ...]:
        """Largest sum of objectness and reid per track; reported by the original, never used."""
        both = self.sub_scores.objectness + self.sub_scores.reid
        return tuple(float(value) for value in both.max(axis=1, initial=0.0))


@dataclass(frozen=True)
class Carried:
    """A track's mask on its way to the next frame.

    Attributes:
        warped: H×W, moved along the flow.
        box: of the warped mask.
        refined: H×W, what is carried on.
        score: 0.5 plus half of the final score.
        embedding: of the refined mask in `box`.
    """

    warped: Mask
    box: Box
    refined: Mask
    score: float
    embedding: Embedding | None


@dataclass
class Merger:
    """State of the merging on one clip.

    Attributes:
        height: px.
        width: px.
        weights: of the sub-scores.
        reach: see `score`.
        tracks: where the objects are expected on the current frame.
        carried: the same masks as candidates, with their appearance on the current frame.
    """

    height: int
    width: int
    weights: Weights = OFFICIAL_WEIGHTS
    reach: float = OFFICIAL_REACH
    tracks: list[Track] = field(default_factory=list)
    carried: list[Candidate] = field(default_factory=list)
    _selected: Selection | None = None

    def add(
        self,
        object_ids: Sequence[int],
        masks: Sequence[Mask],
        embeddings: Sequence[Embedding | None],
    ) -> None:
        """Start tracks from masks that are given on the current frame.

        Raises:
            ValueError: the arguments differ in length, or an object is known already.
        """
        for object_id, mask, embedding in zip(object_ids, masks, embeddings, strict=True):
            if any(track.object_id == object_id for track in self.tracks):
                raise ValueError(f"object {object_id} was started before")
            self.tracks.append(Track(object_id, mask, 1.0, embedding))
            self.carried.append(Candidate(mask, 1.0, embedding))

    def select(self, proposals: Sequence[Candidate]) -> Selection:
        """Let every track take one of the carried masks or of the frame's proposals."""
        candidates = [*self.carried, *proposals]
        sub_scores = score(self.tracks, candidates, reach=self.reach)
        weighted = sub_scores.weighted(self.weights)
        choice = choose(weighted)
        empty = np.zeros((self.height, self.width), np.bool_)
        taken = [candidates[j].mask if j >= 0 else empty for j in choice.candidates]
        masks = without_overlap(taken, choice.scores)
        labels = np.zeros((self.height, self.width), np.uint8)
        for track, mask in zip(self.tracks, masks, strict=True):
            labels[mask] = track.object_id
        object_ids = tuple(track.object_id for track in self.tracks)
        self._selected = Selection(object_ids, sub_scores, weighted, choice, tuple(masks), labels)
        return self._selected

    def advance(self, flow: Flow, *, refine: Refine, embed: Embed) -> tuple[Carried, ...]:
        """Carry what was selected to the next frame.

        Args:
            flow: H×W×2 from the current to the next frame.
            refine: of masks on the next frame.
            embed: of masks on the next frame.

        Raises:
            ValueError: nothing was selected since the last call, or the flow has another size.
        """
        if self._selected is None:
            raise ValueError("select() comes before advance()")
        if flow.shape != (self.height, self.width, 2):
            raise ValueError(f"flow has shape {flow.shape}, masks {self.height}x{self.width}")
        warp = MaskWarp(flow)
        warped = [warp(mask) for mask in self._selected.masks]
        boxes = [tight_box(mask) for mask in warped]
        refined = [refine(mask, box) for mask, box in zip(warped, boxes, strict=True)]
        # not the boxes of the refined masks: so does the original
        embeddings = embed(refined, boxes)
        scores = [0.5 * (final + 1.0) for final in self._selected.choice.scores]
        carried = tuple(map(Carried, warped, boxes, refined, scores, embeddings))
        self.carried = [Candidate(one.refined, one.score, one.embedding) for one in carried]
        self.tracks = [
            replace(track, mask=one.refined, score=one.score)
            for track, one in zip(self.tracks, carried, strict=True)
        ]
        self._selected = None
        return carried

    def hold(self) -> None:
        """Keep carried masks and tracks as they are, for there is no flow to the next frame."""
        self._selected = None
