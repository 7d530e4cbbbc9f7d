"""What the merging stage asks of the networks around it, and how others plug theirs in.

A back end is any object with the right function; nothing has to be inherited. `premvos-merge` takes
the name of one that it has, or `package.module:factory` of one that it has not: `factory` is called
with the `vosbench.types.BuildOptions` and returns the back end.

A back end may also have these attributes:

- `note`: what it is and where its weights come from, for the run's record;
- `untrained = True` where its weights are random;
- `content_sha256`: digest of its weights and other files, so that a run is not reused with others;
- `by_frame_name = True` if it finds something by `FrameView.name`. Clips are then run as a whole,
  by the names of their files, and no speed is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from vosbench.types import RGB

from ..formats import Proposal
from ..merging import Box, Embedding, Flow, Mask

__all__ = [
    "BackEnds",
    "Embedder",
    "FlowSource",
    "FrameView",
    "ProposalSource",
    "Refiner",
    "Region",
]


@dataclass(frozen=True)
class FrameView:
    """One frame, whose image is only decoded if a back end looks at it.

    Attributes:
        sequence: name of the clip.
        name: file stem of the frame, such as `00042`; its number where it has no file.
        size: height and width, px.
        load: reads the image.
    """

    sequence: str
    name: str
    size: tuple[int, int]
    load: Callable[[], RGB]

    @cached_property
    def rgb(self) -> RGB:
        """H×W×3 uint8."""
        return self.load()


@dataclass(frozen=True)
class Region:
    """A place on a frame.

    Attributes:
        box: px. For masks that were warped and refined it is the box from before the refinement.
        mask: H×W, or None where only the box is known.
    """

    box: Box
    mask: Mask | None


class ProposalSource(Protocol):
    """Finds everything on a frame that may be an object."""

    def propose(self, frame: FrameView) -> Sequence[Proposal]:
        """Proposals, with or without masks, best known first: of equals the first is taken."""
        ...


class Refiner(Protocol):
    """Makes the mask of a region, or a better one."""

    def refine(self, frame: FrameView, region: Region) -> Mask:
        """H×W bool."""
        ...


class Embedder(Protocol):
    """Tells how regions look, as points whose distances tell how unlike they are."""

    def embed(
        self, frame: FrameView, regions: Sequence[Region], proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """Appearance of given or carried masks; `proposals` are those of the same frame."""
        ...

    def embed_proposals(
        self, frame: FrameView, proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """Appearance of the frame's proposals, which all have masks."""
        ...


class FlowSource(Protocol):
    """Tells how pixels move."""

    def flow(self, earlier: FrameView, later: FrameView) -> Flow | None:
        """H×W×2 float32 from the earlier to the later frame, px; None where it is not known."""
        ...


@dataclass(frozen=True)
class BackEnds:
    """One of each."""

    proposals: ProposalSource
    refiner: Refiner
    embedder: Embedder
    flow: FlowSource

    def all(self) -> tuple[object, ...]:
        """In the order of the pipeline."""
        return (self.proposals, self.refiner, self.embedder, self.flow)
