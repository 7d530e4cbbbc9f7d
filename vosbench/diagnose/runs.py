"""Intervals in which something holds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Run", "runs"]


class Run(NamedTuple):
    """Positions `onset` to `end`, both included."""

    onset: int
    end: int

    @property
    def length(self) -> int:
        """Number of positions."""
        return self.end - self.onset + 1


def runs(happens: NDArray[np.bool_], *, gap: int = 0, least: int = 1) -> list[Run]:
    """Intervals of True.

    Args:
        happens: (T,) bool.
        gap: intervals with so few False between them are one.
        least: shorter intervals are left out, after joining.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], happens, [False])).astype(np.int8)))
    joined: list[Run] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        if joined and start - joined[-1].end - 1 <= gap:
            joined[-1] = Run(joined[-1].onset, stop - 1)
        else:
            joined.append(Run(start, stop - 1))
    return [run for run in joined if run.length >= least]
