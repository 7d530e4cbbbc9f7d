"""PReMVOS' merging stage in NumPy, exact to the released code."""

from .masks import Box, Flow, Mask, MaskWarp, overlaps, tight_box
from .merger import Carried, Embed, Merger, Refine, Selection
from .scores import (
    EMPTY_SCORE,
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

__all__ = [
    "EMPTY_SCORE",
    "OFFICIAL_REACH",
    "OFFICIAL_WEIGHTS",
    "Box",
    "Candidate",
    "Carried",
    "Choice",
    "Embed",
    "Embedding",
    "Flow",
    "Mask",
    "MaskWarp",
    "Merger",
    "Refine",
    "Selection",
    "SubScores",
    "Track",
    "Weights",
    "choose",
    "overlaps",
    "score",
    "tight_box",
    "without_overlap",
]
