"""From pixel values to label maps: what 0, 255 and everything between mean.

There are two kinds of mask files (`vosbench.types.LabelKind`), and mixing them up is the most
frequent cause of wrong scores: a binary file with values 0 and 255 read as object ids is background
plus void. So the kind is never guessed. Where the values contradict the kind, the file is refused
with the fix.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np

from vosbench.data.masks.png import (
    HEADER_BYTES,
    IndexImage,
    decode_png,
    one_object,
    read_header,
)
from vosbench.data.masks.stores import read_file
from vosbench.errors import InputError
from vosbench.types import LabelKind, LabelMap

__all__ = [
    "VOID",
    "MaskRead",
    "VoidUse",
    "decode_labels",
    "decode_mask",
    "read_labels",
    "read_size",
]

VOID: Final = 255
"""Pixel value that marks pixels without a label in annotations of the kind `ids`."""

VoidUse: TypeAlias = Literal["background", "keep", "refuse", "value"]
"""What to do with 255 under the kind `ids`: turn it into background, keep it as void, refuse the
file, or take it for an object id like others, as tools do that know no void."""


@dataclass(frozen=True, eq=False)
class MaskRead:
    """A label map together with what had to be read into it.

    Attributes:
        labels: H×W uint8.
        note: the normalisation that was applied, in words, or an empty string.
    """

    labels: LabelMap
    note: str = ""


def read_labels(
    path: Path | str,
    kind: LabelKind,
    *,
    size: tuple[int, int] | None = None,
    void: Literal["background", "keep"] = "background",
) -> LabelMap:
    """Read an annotation file.

    Args:
        path: PNG file.
        kind: `binary` makes every non-zero value object 1; `ids` takes values as object ids and 255
            as void.
        size: (height, width) in px that the file must have, or None.
        void: whether void pixels become background (as the DAVIS toolkit reads them) or stay 255.

    Returns:
        H×W uint8, 0 background, else object ids.

    Raises:
        InputError: missing, truncated, damaged, coloured, 16-bit, interlaced, of another size, or
            a binary mask where ids are expected.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: the mask cannot be read ({error.strerror or error}).",
            hint="Check the data folder.",
        ) from error
    return decode_labels(data, kind, size=size, void=void, where=str(path))


def decode_labels(
    data: bytes,
    kind: LabelKind,
    *,
    size: tuple[int, int] | None = None,
    void: Literal["background", "keep"] = "background",
    where: str = "mask in memory",
) -> LabelMap:
    """Do what `read_labels` does, from the bytes of a file; `where` names it in errors."""
    read = decode_mask(data, kind, size=size, void=void, where=where)
    return np.array(read.labels)  # contiguous and writable, which the decoder's view is not


def read_size(path: Path | str) -> tuple[int, int]:
    """Return (height, width) in px of a PNG file, from its first 33 bytes.

    Raises:
        InputError: the file is missing or is no PNG.
    """
    try:
        start = read_file(path, HEADER_BYTES)
    except OSError as error:
        raise InputError(f"{path}: the mask cannot be read ({error.strerror or error}).") from error
    header = read_header(start, str(path))
    return header.height, header.width


def decode_mask(
    data: bytes,
    kind: LabelKind,
    *,
    size: tuple[int, int] | None,
    void: VoidUse,
    where: str,
    single_object: bool = False,
) -> MaskRead:
    """Decode a mask and say what was normalised.

    Args:
        data: the whole file.
        kind: how values are meant.
        size: (height, width) in px, or None.
        void: what becomes of 255 under the kind `ids`. Predictions have no void: use `refuse`.
        where: how to name the file.
        single_object: exactly one object is expected, so that a file with values 0 and 255 only can
            have one meaning. It is then read as object 1, and the note says so.

    Raises:
        InputError: see `read_labels`.
    """
    image = decode_png(data, where, size=size)
    if kind == "binary":
        return _as_binary(image)
    return _as_ids(image, void=void, where=where, single_object=single_object)


def _as_binary(image: IndexImage) -> MaskRead:
    pixels, highest = image.pixels, image.highest
    if highest <= 1:
        return MaskRead(pixels)
    labels, several = one_object(pixels, highest)
    if several:
        return MaskRead(labels, f"several values up to {highest} merged into one object")
    return MaskRead(labels, f"value {highest} read as object 1")


def _as_ids(image: IndexImage, *, void: VoidUse, where: str, single_object: bool) -> MaskRead:
    pixels = image.pixels
    if void == "value" or image.highest != VOID:
        return MaskRead(pixels)
    is_void = pixels == VOID
    ids = np.where(is_void, np.uint8(0), pixels)
    if not ids.any() and (void == "refuse" or image.colour == "grey"):
        if single_object:
            return MaskRead(is_void.view(np.uint8), "value 255 read as object 1")
        raise InputError(
            f"{where}: the values are 0 and 255 only, a binary mask; object ids are expected.",
            hint="If the data has one object per sequence, declare the masks as binary "
            "(label_kind = 'binary' in the dataset card, protocol davis2016 for scoring); "
            "otherwise write the object ids themselves (1, 2, ...) as pixel values.",
        )
    if void == "refuse":
        raise InputError(
            f"{where}: value 255 beside object ids; predictions have no void pixels.",
            hint="Write 0 where no object is predicted.",
        )
    return MaskRead(ids if void == "background" else pixels)
