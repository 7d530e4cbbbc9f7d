"""When a method has warmed up, and what it cost until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

__all__ = ["ColdCost", "cold_cost", "is_settled"]

WINDOW: Final = 10
TOLERANCE: Final = 0.02
MOST_FRAMES: Final = 50


def is_settled(durations: Sequence[float]) -> bool:
    """Whether the last ten frames' median is within 2 % of the ten before, or 50 frames passed."""
    if len(durations) >= MOST_FRAMES:
        return True
    if len(durations) < 2 * WINDOW:
        return False
    last, before = median(durations[-WINDOW:]), median(durations[-2 * WINDOW : -WINDOW])
    return abs(last - before) <= TOLERANCE * before


@dataclass(frozen=True)
class ColdCost:
    """What starting cold cost more than the same frames warm.

    Attributes:
        build_ms: building the method: reading weights, moving them, wrapping compilers.
        first_start_ms: the first call of `start`.
        first_step_ms: the first call of `step`, where compilers and tuners work.
        extra_ms: first start and warm-up frames, minus as many warm ones.
        frames: warm-up frames.
        settled: whether the times came to rest within 50 frames.
    """

    build_ms: float
    first_start_ms: float
    first_step_ms: float
    extra_ms: float
    frames: int
    settled: bool


def cold_cost(
    *,
    build_ms: float,
    first_start_ms: float,
    warm_start_ms: float,
    warm_up: Sequence[float],
    warm_step_ms: float,
) -> ColdCost:
    """Take warm-up frames against what came after.

    Args:
        build_ms: of building the method.
        first_start_ms: of the first start.
        warm_start_ms: median of later starts.
        warm_up: ms of the warm-up frames in order, at least one.
        warm_step_ms: median of the measured frames.
    """
    over = sum(ms - warm_step_ms for ms in warm_up) + first_start_ms - warm_start_ms
    last, before = warm_up[-WINDOW:], warm_up[-2 * WINDOW : -WINDOW]
    rested = bool(before) and abs(median(last) - median(before)) <= TOLERANCE * median(before)
    return ColdCost(build_ms, first_start_ms, warm_up[0], max(0.0, over), len(warm_up), rested)
