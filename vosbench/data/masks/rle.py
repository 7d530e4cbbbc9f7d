"""Run-length masks as COCO writes them.

A mask is read column by column as the lengths of alternating runs, background first. In compressed
form each length (from the fourth on, its difference to the one two before) is written in groups of
five bits, lowest first, as the characters from `0` on; bit 6 says that another group follows, and
the highest bit of the last group is the sign. (pycocotools, `maskApi.c`, `rleFrString`.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import InputError

__all__ = ["decode_runs", "parse_runs"]

_FIRST: Final = 48
_GROUP_BITS: Final = 5
_MORE: Final = 0x20
_SIGN: Final = 0x10
_MAX_GROUPS: Final = 7


def parse_runs(text: str, where: str) -> list[int]:
    """Run lengths from the compressed form.

    Raises:
        InputError: the text is no run-length mask.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - _FIRST
        if not 0 <= group < 2 * _MORE or shift >= _GROUP_BITS * _MAX_GROUPS:
            raise InputError(f"{where}: {character!r} does not belong in a run-length mask.")
        value |= (group & (_MORE - 1)) << shift
        shift += _GROUP_BITS
        if group & _MORE:
            continue
        if group & _SIGN:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise InputError(f"{where}: the run-length mask is cut off.")
    return runs


def decode_runs(runs: Sequence[int], height: int, width: int, where: str) -> NDArray[np.bool_]:
    """The mask (H×W bool) from its run lengths.

    Raises:
        InputError: a run is negative, or the runs do not fill the mask exactly.
    """
    lengths = np.array(runs, np.int64)
    if lengths.size and lengths.min() < 0 or int(lengths.sum()) != height * width:
        raise InputError(
            f"{where}: the runs do not add up to {width}x{height} px.",
            hint="Check that the sizes in the file are those of the masks.",
        )
    values = np.arange(lengths.size) % 2 == 1
    return np.repeat(values, lengths).reshape(width, height).T
