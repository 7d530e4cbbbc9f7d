"""What the baselines share."""

from __future__ import annotations

from vosbench.errors import UsageError
from vosbench.types import BuildOptions

__all__ = ["refuse_weights"]


def refuse_weights(options: BuildOptions, name: str) -> None:
    """Say so when a weight file is given to a method that has no use for one.

    Raises:
        UsageError: a weight file is given.
    """
    if options.weights is not None:
        raise UsageError(f"{name} has no weights; remove the weight file {options.weights}")
