"""Which data set masks may be of, told by the names of their sequences alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from vosbench.data.cards import DatasetCard, list_cards
from vosbench.data.listing import list_sequences
from vosbench.data.roots import find_root
from vosbench.errors import VosbenchError

__all__ = ["likely_data", "looks_like"]

_SHARE: Final = 0.5
"""Of the masks' sequences that a split must have to be named."""
_MOST: Final = 3


def likely_data(names: Iterable[str], roots: Sequence[Path] = ()) -> list[tuple[str, str]]:
    """Data set and split of shipped cards that have most of the sequences, best first.

    Only data that are at hand are looked at, and only their lists: below `roots` and where
    `find_root` finds them. Of those that fit equally well the smaller come first.

    Args:
        names: sequences of the masks.
        roots: further folders that may hold data sets.
    """
    wanted = frozenset(names)
    fits: dict[tuple[str, str], tuple[float, int]] = {}
    for card in list_cards():
        if card.generator is not None or not wanted:
            continue
        for split, part in card.splits.items():
            if not part.image_sets and not part.parts:
                # every folder is a sequence: nothing to recognise it by
                continue
            for root in (None, *roots):
                there = _listed(card, split, root)
                share = len(wanted & there) / len(wanted)
                if share >= _SHARE:
                    fits[card.name, split] = (-share, len(there))
    return sorted(fits, key=lambda one: (fits[one], one))[:_MOST]


def looks_like(names: Iterable[str], asked: str, roots: Sequence[Path] = ()) -> str:
    """Say whose sequences the masks have, where that is other data than was asked for.

    Args:
        names: sequences of the masks.
        asked: data set and split.
        roots: further folders that may hold data sets.

    Returns:
        A sentence, or nothing where it cannot be told.
    """
    likely = [f"{name} {split}" for name, split in likely_data(names, roots)]
    if not likely or asked in likely:
        return ""
    return (
        f"these masks have the sequences of {' or '.join(likely)}, not of {asked}: say so with "
        "--dataset and --split"
    )


def _listed(card: DatasetCard, split: str, root: Path | None) -> frozenset[str]:
    """Sequences of a split, or none where this machine does not have it."""
    card = card.for_split(split)
    try:
        found = find_root(card, root, split=split, need_images=False)
        return frozenset(entry.name for entry in list_sequences(card, split, found))
    except VosbenchError:
        # a guess is a courtesy beside the error that is being told
        return frozenset()
