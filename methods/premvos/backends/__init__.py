"""The networks around the merging stage, as plug-ins. Importing this loads no torch."""

from .files import FlowFiles, ProposalFiles, folder_digest, official_folders
from .protocols import (
    BackEnds,
    Embedder,
    FlowSource,
    FrameView,
    ProposalSource,
    Refiner,
    Region,
)
from .simple import BorrowedEmbeddings, IdentityRefiner, NoEmbeddings, NoProposals, TVL1Flow

__all__ = [
    "BackEnds",
    "BorrowedEmbeddings",
    "Embedder",
    "FlowFiles",
    "FlowSource",
    "FrameView",
    "IdentityRefiner",
    "NoEmbeddings",
    "NoProposals",
    "ProposalFiles",
    "ProposalSource",
    "Refiner",
    "Region",
    "TVL1Flow",
    "folder_digest",
    "official_folders",
]
