"""What the stages of the official pipeline write for each other, read strictly and written."""

from .flow import read_flow, write_flow
from .proposals import (
    EMBEDDING_LENGTH,
    Proposal,
    combine_proposals,
    read_proposals,
    write_proposals,
)
from .rle import decode_segmentation, encode_segmentation

__all__ = [
    "EMBEDDING_LENGTH",
    "Proposal",
    "combine_proposals",
    "decode_segmentation",
    "encode_segmentation",
    "read_flow",
    "read_proposals",
    "write_flow",
    "write_proposals",
]
