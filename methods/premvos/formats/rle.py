"""COCO run-length masks: `{"size": [height, width], "counts": "..."}`.

Reading is the harness's own; writing is its inverse. Of the forms that COCO knows only the
compressed text is used by PReMVOS and taken here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from vosbench.data.masks.rle import decode_runs, parse_runs
from vosbench.errors import InputError

from ..merging import Mask

__all__ = ["decode_segmentation", "encode_segmentation"]

_FIRST: Final = 48
_MOST_PIXELS: Final = 1 << 26


def encode_segmentation(mask: Mask) -> dict[str, Any]:
    """Run-length form of a mask (H×W), ready for JSON."""
    height, width = mask.shape
    return {"size": [height, width], "counts": _text(_runs(mask))}


def decode_segmentation(content: object, *, size: tuple[int, int] | None, where: str) -> Mask:
    """The mask (H×W) of a run-length form.

    Args:
        content: as JSON gives it.
        size: height and width in px that it must have, or None for any.
        where: file and place, for messages.

    Raises:
        InputError: it is of another form, of another size, or its runs do not fill it.
    """
    if not isinstance(content, dict) or not {"size", "counts"} <= content.keys():
        raise InputError(f"{where}: expected an object with size and counts")
    height, width = _checked_size(content["size"], where)
    if size is not None and (height, width) != size:
        raise InputError(
            f"{where}: the mask has {height}x{width} px, the frame {size[0]}x{size[1]}",
            hint="Masks must be made at the size of the frames they are used with.",
        )
    counts = content["counts"]
    if not isinstance(counts, str):
        raise InputError(
            f"{where}: counts are a {type(counts).__name__}, not COCO's compressed text",
            hint="pycocotools.mask.frPyObjects turns lists of counts into the compressed form.",
        )
    # in rows, for mixing the two orders of memory is slow
    return np.ascontiguousarray(decode_runs(parse_runs(counts, where), height, width, where))


def _checked_size(size: object, where: str) -> tuple[int, int]:
    sound = (
        isinstance(size, list)
        and len(size) == 2
        and all(type(side) is int and side > 0 for side in size)
        and size[0] * size[1] <= _MOST_PIXELS
    )
    if not isinstance(size, list) or not sound:
        raise InputError(f"{where}: size is {size!r}, not [height, width] in px")
    return size[0], size[1]


def _runs(mask: Mask) -> list[int]:
    """Lengths of the runs, column by column, background first."""
    flat = mask.ravel(order="F")
    borders = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths: list[int] = np.diff(np.concatenate(([0], borders, [flat.size]))).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def _text(runs: Sequence[int]) -> str:
    """Groups of five bits, lowest first; bit 6 announces another, the last one's top is the sign.

    From the fourth run on the difference to the run two before is written.
    """
    characters: list[str] = []
    for place, length in enumerate(runs):
        value = length - runs[place - 2] if place > 2 else length
        while not -16 <= value < 16:
            characters.append(chr(_FIRST + (value & 31 | 32)))
            value >>= 5
        characters.append(chr(_FIRST + (value & 31)))
    return "".join(characters)
