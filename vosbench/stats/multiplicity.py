"""Several comparisons at once."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """p-values adjusted so that the chance of any false alarm among them stays at its level.

    Step-down procedure of Holm (Scand. J. Statist. 1979): the k-th smallest of m is multiplied by
    m - k + 1, made monotone, and cut at 1. It needs no independence. A comparison that is not
    significant after adjustment is not shown to be without effect; more comparisons cost power.

    Args:
        p_values: None where there was no test; such entries stay None and are not counted.

    Returns:
        Adjusted values in the order given.

    Raises:
        ValueError: for a value outside 0..1.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    if any(not 0 <= p <= 1 for p, _ in known):
        raise ValueError(f"p-values lie in 0..1: {list(p_values)}")
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = highest
    return tuple(adjusted)
