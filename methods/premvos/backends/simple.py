"""Back ends without weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from vosbench.errors import InputError

from ..formats import Proposal
from ..merging import Embedding, Flow, Mask, overlaps
from .protocols import FrameView, Region

__all__ = ["BorrowedEmbeddings", "IdentityRefiner", "NoEmbeddings", "NoProposals", "TVL1Flow"]


class NoProposals:
    """Proposes nothing: only the carried masks remain."""

    note: Final = "proposals: none"

    def propose(self, frame: FrameView) -> Sequence[Proposal]:
        """Nothing."""
        del frame
        return ()


class IdentityRefiner:
    """Leaves masks as they are. The original refines every mask with a segmentation network."""

    note: Final = "refiner: none, masks stay as they are"

    def refine(self, frame: FrameView, region: Region) -> Mask:
        """The mask.

        Raises:
            InputError: there is only a box.
        """
        if region.mask is None:
            raise InputError(
                f"{frame.sequence}, frame {frame.name}: a proposal is a box without a mask, and "
                "the refiner `identity` makes none",
                hint="name a folder of refined proposals, or a refiner that turns boxes into masks",
            )
        return region.mask


class NoEmbeddings:
    """Knows nothing of appearance: reid is 0 for all, inverse reid 1."""

    note: Final = "embeddings: none"

    def embed(
        self, frame: FrameView, regions: Sequence[Region], proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """None of each."""
        del frame, proposals
        return [None] * len(regions)

    def embed_proposals(
        self, frame: FrameView, proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """None of each."""
        del frame
        return [None] * len(proposals)


class BorrowedEmbeddings:
    """Proposals keep the embeddings they come with; masks borrow that of a proposal.

    Files of proposals hold no embeddings of given and of carried masks: the original computes those
    while it merges. The proposal of the same frame that overlaps such a mask most is taken in its
    place, if the overlap is large enough; else the mask has no embedding.

    Args:
        least_overlap: least intersection over union, 0..1.
    """

    def __init__(self, least_overlap: float = 0.5) -> None:
        self._least = least_overlap
        self.note = (
            "embeddings: those in the files; a given or carried mask borrows that of the proposal "
            f"that overlaps it most, from IoU {least_overlap:g} on"
        )

    def embed(
        self, frame: FrameView, regions: Sequence[Region], proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """Embedding of the proposal that overlaps most."""
        del frame
        masks = [proposal.mask for proposal in proposals if proposal.mask is not None]
        known = [proposal.embedding for proposal in proposals if proposal.mask is not None]
        if not masks:
            return [None] * len(regions)
        empty = np.zeros_like(masks[0])
        ours = [empty if region.mask is None else region.mask for region in regions]
        overlap = overlaps(ours, masks)
        overlap[:, [embedding is None for embedding in known]] = -1.0
        best = overlap.argmax(axis=1)
        return [
            known[j] if overlap[i, j] >= max(self._least, 1e-9) else None
            for i, j in enumerate(best)
        ]

    def embed_proposals(
        self, frame: FrameView, proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """What they came with."""
        del frame
        return [proposal.embedding for proposal in proposals]


class TVL1Flow:
    """Dense flow by total variation with robust data term, as scikit-image has it.

    It needs no weights and takes seconds per frame. (Zach, Pock, Bischof, "A Duality Based Approach
    for Realtime TV-L1 Optical Flow", DAGM 2007; `skimage.registration.optical_flow_tvl1`.)
    """

    note: Final = "flow: TV-L1 of scikit-image"

    def flow(self, earlier: FrameView, later: FrameView) -> Flow | None:
        """Flow on the grey images."""
        from skimage.registration import optical_flow_tvl1

        estimate: Any = optical_flow_tvl1  # it has no types
        down, right = estimate(_grey(earlier), _grey(later), dtype=np.float32)
        return np.stack([right, down], axis=2).astype(np.float32)


def _grey(frame: FrameView) -> np.ndarray:
    """Luma of BT.601, 0..1."""
    shares = np.array([0.299, 0.587, 0.114], np.float32) / 255
    grey: np.ndarray = frame.rgb.astype(np.float32) @ shares
    return grey
