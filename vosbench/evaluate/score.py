"""What is known of one sequence after scoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics import (
    Figures,
    Protocol,
    extra_figures,
    figures_of,
    frame_values,
    mean_figures,
)

__all__ = ["SequenceScore"]


@dataclass(frozen=True, eq=False)
class SequenceScore:
    """Counts of one sequence and what follows from them.

    Attributes:
        sequence: name.
        protocol: the rules that were followed.
        frame_names: file stems of all frames of the sequence, in order.
        object_ids: ids that count, ascending.
        evaluated: objects×frames bool, whether the protocol counts this object on this frame.
        counts: objects×frames×6 int64, columns as in `COUNT_COLUMNS`; 0 where not evaluated.
        areas: objects×frames×2 int64, px of the predicted and the true mask; 0 where not evaluated.
        findings: warnings, in words.
        notes: normalisations applied to the predicted files, in words.
        seen_ids: objects of categories that training data show, where metadata tell.
    """

    sequence: str
    protocol: Protocol
    frame_names: tuple[str, ...]
    object_ids: tuple[int, ...]
    evaluated: NDArray[np.bool_]
    counts: NDArray[np.int64]
    areas: NDArray[np.int64]
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seen_ids: tuple[int, ...] = ()

    @cached_property
    def region(self) -> NDArray[np.float64]:
        """J, objects×frames float64; NaN where not evaluated."""
        values = frame_values(self.protocol.measures, self.counts)
        return np.where(self.evaluated, values.region, np.nan)

    @cached_property
    def boundary(self) -> NDArray[np.float64]:
        """F, objects×frames float64; NaN where not evaluated or not defined by the protocol."""
        values = frame_values(self.protocol.measures, self.counts)
        return np.where(self.evaluated, values.boundary, np.nan)

    @property
    def frames_evaluated(self) -> int:
        """Number of frames on which any object counts."""
        return int(self.evaluated.any(axis=0).sum())

    def object_figures(self, *, official_decay: bool = False) -> tuple[Figures, ...]:
        """The figures of each object, ordered like `object_ids`; NaN where undefined."""
        if official_decay not in self._known_figures:
            self._known_figures[official_decay] = tuple(
                figures_of(self.protocol.measures, counts[chosen], official_decay=official_decay)
                for counts, chosen in zip(self.counts, self.evaluated, strict=True)
            )
        return self._known_figures[official_decay]

    @cached_property
    def _known_figures(self) -> dict[bool, tuple[Figures, ...]]:
        """Figures that were computed, as they are asked for several times."""
        return {}

    def object_extras(self) -> tuple[Mapping[str, float], ...]:
        """Figures of each object that only this protocol has, by name; NaN where undefined."""
        return tuple(
            extra_figures(self.protocol.measures, counts[chosen], areas[chosen])
            for counts, areas, chosen in zip(self.counts, self.areas, self.evaluated, strict=True)
        )

    def figures(self, *, official_decay: bool = False) -> Figures:
        """Mean over the objects of the sequence."""
        figures = mean_figures(self.object_figures(official_decay=official_decay))
        if figures is None:
            raise ValueError(f"{self.sequence} has no objects.")
        return figures
