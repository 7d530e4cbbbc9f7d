"""What the baselines share."""

from __future__ import annotations

import numpy as np

from vosbench.errors import UsageError
from vosbench.types import BuildOptions, LabelMap

__all__ = ["VOID", "ids_in", "refuse_weights"]

VOID = 255


def refuse_weights(options: BuildOptions, name: str) -> None:
    """Say so when a weight file is given to a method that has no use for one.

    Raises:
        UsageError: a weight file is given.
    """
    if options.weights is not None:
        raise UsageError(f"{name} has no weights; remove the weight file {options.weights}")


def ids_in(labels: LabelMap) -> list[int]:
    """Object ids of a label map (H×W uint8), ascending; background and void are none."""
    return [int(value) for value in np.unique(labels) if value not in (0, VOID)]
