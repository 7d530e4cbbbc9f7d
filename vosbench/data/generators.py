"""The data sets that vosbench draws itself: what the `generator` of a card may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["GENERATORS", "Drawn", "Generator"]

Generator: TypeAlias = Literal["std", "tiny", "full-tiny", "full-std", "full-480p"]


@dataclass(frozen=True)
class Drawn:
    """How a data set is drawn.

    Attributes:
        size: name of the size of its clips.
        clip_by_clip: only the clips that are asked for are drawn, because all of them take minutes;
            otherwise all are drawn at once.
        sample: name pattern of clips that stand for the set where drawing all would take too long.
    """

    size: Literal["tiny", "std", "480p"]
    clip_by_clip: bool
    sample: str


_FEW: Final = "crossing-[05]"
"""The control and the highest level of the factor with most objects."""

GENERATORS: Final[Mapping[Generator, Drawn]] = {
    "tiny": Drawn("tiny", False, "*"),
    "std": Drawn("std", False, "*"),
    "full-tiny": Drawn("tiny", True, _FEW),
    "full-std": Drawn("std", True, _FEW),
    "full-480p": Drawn("480p", True, _FEW),
}
