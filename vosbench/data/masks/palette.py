"""The colour table of DAVIS and PASCAL VOC masks."""

from __future__ import annotations

from typing import Final

__all__ = ["DAVIS_PALETTE"]


def _voc_colour(index: int) -> tuple[int, int, int]:
    """Colour of a label as PASCAL VOC has it: the bits dealt to R, G, B from the top."""
    red = green = blue = 0
    for position in range(7, -1, -1):
        red |= (index & 1) << position
        green |= (index >> 1 & 1) << position
        blue |= (index >> 2 & 1) << position
        index >>= 3
    return red, green, blue


DAVIS_PALETTE: Final[bytes] = bytes(value for index in range(256) for value in _voc_colour(index))
"""256 RGB triples; index 1 is dark red, 2 dark green, 3 olive, as in every DAVIS annotation."""
