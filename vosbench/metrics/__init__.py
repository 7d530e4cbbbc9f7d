"""Measures on arrays: pixel counts, J and F, their statistics, and the protocols that use them."""

from __future__ import annotations

from vosbench.metrics.boundary import boundary_radius
from vosbench.metrics.counts import COUNT_COLUMNS, frame_counts
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
    "Protocol",
    "Statistics",
    "boundary_accuracy",
    "boundary_radius",
    "decay",
    "frame_counts",
    "get_protocol",
    "mean_figures",
    "object_figures",
    "region_similarity",
    "statistics",
]
