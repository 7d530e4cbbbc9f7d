"""Values of objects, summed by the sequence they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Clusters", "cluster"]


@dataclass(frozen=True)
class Clusters:
    """Sums over the objects of each sequence; all that the mean over objects depends on.

    Attributes:
        names: S sequence names, ascending.
        sums: S float64, sum of the values of the sequence's objects.
        counts: S float64, number of the sequence's objects, each at least 1.
    """

    names: tuple[str, ...]
    sums: NDArray[np.float64]
    counts: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mean(self) -> float:
        """Mean over objects, every object counting the same (DAVIS 2017). NaN without objects."""
        return float(self.sums.sum() / self.counts.sum()) if len(self) else float("nan")

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean over the objects of each sequence, S float64."""
        return self.sums / self.counts

    @property
    def tolerance(self) -> float:
        """What is rounding and no spread, in the unit of `sums`."""
        return 1e-12 * float(np.abs(self.sums).max(initial=0.0) + np.abs(self.mean))


def cluster(values: ArrayLike, sequences: Sequence[str]) -> Clusters:
    """Sum values by sequence. The order of the objects does not matter, to the last bit.

    Args:
        values: N finite floats, one per object.
        sequences: N names, the sequence of each object.

    Raises:
        ValueError: for another shape, unequal lengths, or a value that is not finite.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or len(array) != len(sequences):
        raise ValueError(f"{array.shape} values for {len(sequences)} names of sequences.")
    if not np.isfinite(array).all():
        raise ValueError("Values must be finite; leave undefined objects out.")
    if not len(array):
        return Clusters((), np.zeros(0), np.zeros(0))
    names, codes = np.unique(np.asarray(sequences, np.str_), return_inverse=True)
    order = np.lexsort((array, codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sums = np.add.reduceat(array[order], starts)
    counts = np.bincount(codes, minlength=len(names)).astype(np.float64)
    return Clusters(tuple(names.tolist()), sums, counts)
