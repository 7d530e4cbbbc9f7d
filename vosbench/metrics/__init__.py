"""Measures on arrays: pixel counts, J and F, their statistics, and the protocols that use them."""

from __future__ import annotations

from vosbench.metrics.boundary import boundary_radius
from vosbench.metrics.counts import (
    COUNT_COLUMNS,
    FrameCounts,
    Look,
    count_frame,
    frame_counts,
    look_at,
)
from vosbench.metrics.figures import FrameValues, extra_figures, figures_of, frame_values
from vosbench.metrics.pairs import pair_counts
from vosbench.metrics.protocols import PROTOCOLS, Protocol, get_protocol
from vosbench.metrics.scores import boundary_accuracy, region_similarity
from vosbench.metrics.statistics import (
    WRAPS_FROM,
    Figures,
    Statistics,
    decay,
    mean_figures,
    object_figures,
    statistics,
)

__all__ = [
    "COUNT_COLUMNS",
    "PROTOCOLS",
    "WRAPS_FROM",
    "Figures",
    "FrameCounts",
    "FrameValues",
    "Look",
    "Protocol",
    "Statistics",
    "boundary_accuracy",
    "boundary_radius",
    "count_frame",
    "decay",
    "extra_figures",
    "figures_of",
    "frame_counts",
    "frame_values",
    "get_protocol",
    "look_at",
    "mean_figures",
    "object_figures",
    "pair_counts",
    "region_similarity",
    "statistics",
]
