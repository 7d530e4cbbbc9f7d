"""Numbers that somebody published: shown beside measured ones, never among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vosbench.method_card import MethodCard

__all__ = ["PublishedRow", "published_rows"]


@dataclass(frozen=True)
class PublishedRow:
    """One published result.

    Attributes:
        method: name of the method, with its variant where the source has several.
        dataset: dataset card that it was published for.
        split: split of the card.
        values: figures by their key in a method card (`J&F`, `J`, `J_recall`, `J_decay`, `F`,
            `F_recall`, `F_decay` in points, `ms_per_frame` in ms; other keys are shown by name).
        source: where the number stands.
        verified: whether somebody compared it with that source.
        conditions: what it was measured with, for example a GPU.
    """

    method: str
    dataset: str
    split: str
    values: Mapping[str, float]
    source: str
    verified: bool = False
    conditions: str = ""


def published_rows(card: MethodCard) -> tuple[PublishedRow, ...]:
    """The `[[published]]` tables of a method card, in the card's order."""
    return tuple(
        PublishedRow(
            method=f"{card.method.name} ({row.variant})" if row.variant else card.method.name,
            dataset=row.dataset,
            split=row.split,
            values=row.values,
            source=row.source,
            verified=row.verified,
            conditions=row.conditions,
        )
        for row in card.published
    )
