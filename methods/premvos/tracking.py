"""The merging stage with its back ends, one frame after the other. Strictly causal.

The official code carries the masks of a frame to the next one at the end of the frame's own turn,
looking at the next image. Here that is done at the start of the next frame's turn: the same
operations in the same order, and no image is needed before it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vosbench.types import LabelMap, Prediction, mark_stage

from .backends import BackEnds, FrameView, Region
from .formats import Proposal
from .merging import (
    Box,
    Candidate,
    Embedding,
    Mask,
    Merger,
    Selection,
    Weights,
    tight_box,
)

__all__ = ["Tracking"]


class Tracking:
    """All objects of one clip.

    Args:
        back_ends: in use.
        size: height and width of the clip, px.
        weights: of the sub-scores.
        reach: see `merging.score`.
    """

    def __init__(
        self, back_ends: BackEnds, size: tuple[int, int], *, weights: Weights, reach: float
    ) -> None:
        self._back_ends = back_ends
        self._merger = Merger(*size, weights=weights, reach=reach)
        self._last: FrameView | None = None

    def step(self, frame: FrameView, given: LabelMap | None = None) -> Prediction:
        """Segment the next frame.

        Args:
            frame: to segment.
            given: H×W uint8, masks of objects that start on it; those of the first frame, too.

        Returns:
            Labels, and in `aux` by object id: `final_score` (0..1) and `taken` (`carried`,
            `proposal` or `nothing`). Objects that start on this frame have their given masks.
        """
        mark_stage("propose")
        found = self._back_ends.proposals.propose(frame)
        mark_stage("refine")
        proposals = [self._refined(frame, one) for one in found]
        if self._last is not None:
            self._carry(self._last, frame, proposals)
        mark_stage("embed")
        if given is not None:
            self._add(frame, given, proposals)
        embeddings = self._back_ends.embedder.embed_proposals(frame, proposals)
        mark_stage("merge")
        candidates = [
            Candidate(one.mask, one.score, embedding)
            for one, embedding in zip(proposals, embeddings, strict=True)
            if one.mask is not None
        ]
        carried = len(self._merger.carried)
        selection = self._merger.select(candidates)
        self._last = frame
        labels = selection.labels if given is None else np.where(given > 0, given, selection.labels)
        return Prediction(labels, aux=_told(selection, carried))

    def _refined(self, frame: FrameView, proposal: Proposal) -> Proposal:
        """The proposal with a mask; the stage that refines leaves a confidence behind."""
        if proposal.mask is not None and proposal.confidence is not None:
            return proposal
        mask = self._back_ends.refiner.refine(frame, Region(proposal.box, proposal.mask))
        return replace(proposal, mask=mask)

    def _carry(self, last: FrameView, frame: FrameView, proposals: Sequence[Proposal]) -> None:
        mark_stage("flow")
        flow = self._back_ends.flow.flow(last, frame)
        mark_stage("carry")
        if flow is None:
            self._merger.hold()
            return

        def refine(mask: Mask, box: Box) -> Mask:
            return self._back_ends.refiner.refine(frame, Region(box, mask))

        def embed(masks: Sequence[Mask], boxes: Sequence[Box]) -> Sequence[Embedding | None]:
            regions = list(map(Region, boxes, masks))
            return self._back_ends.embedder.embed(frame, regions, proposals)

        self._merger.advance(flow, refine=refine, embed=embed)

    def _add(self, frame: FrameView, given: LabelMap, proposals: Sequence[Proposal]) -> None:
        """Start the objects whose masks are given; those masks are not refined."""
        object_ids = [int(one) for one in np.unique(given) if one]
        masks = [given == one for one in object_ids]
        regions = [Region(tight_box(mask), mask) for mask in masks]
        embeddings = self._back_ends.embedder.embed(frame, regions, proposals)
        self._merger.add(object_ids, masks, embeddings)


def _told(selection: Selection, carried: int) -> dict[str, dict[int, Any]]:
    """What became of each object, by its id."""
    taken = {
        one: "nothing" if j < 0 else "carried" if j < carried else "proposal"
        for one, j in zip(selection.object_ids, selection.choice.candidates, strict=True)
    }
    scores = dict(zip(selection.object_ids, selection.choice.scores, strict=True))
    return {"final_score": scores, "taken": taken}
