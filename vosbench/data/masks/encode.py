"""Writing label maps as the indexed PNG files that DAVIS and its toolkits use."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from zlib_ng import zlib_ng

from vosbench.data.masks.palette import DAVIS_PALETTE
from vosbench.data.masks.png import SIGNATURE
from vosbench.errors import InputError
from vosbench.types import LabelMap

__all__ = ["encode_labels"]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib_ng.crc32(body, zlib_ng.crc32(kind)))
    )


_PALETTE_CHUNK: Final = _chunk(b"PLTE", DAVIS_PALETTE)
_END_CHUNK: Final = _chunk(b"IEND", b"")
_INDEXED_8_BIT: Final = (8, 3, 0, 0, 0)


def encode_labels(labels: LabelMap) -> bytes:
    """Encode a label map as an 8-bit indexed PNG with the DAVIS palette.

    Rows are unfiltered, so any reader gets them back with one inflate. Run-length matching is the
    fastest strategy of zlib and on masks also gives the smallest files. Equal label maps give equal
    bytes.

    Args:
        labels: H×W uint8; 0 is background.

    Returns:
        A complete PNG file.

    Raises:
        InputError: the array is not H×W uint8 with at least one pixel.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8 or labels.size == 0:
        raise InputError(
            f"A label map must be H×W uint8, not {labels.shape} {labels.dtype}.",
            hint="Convert it with labels.astype(numpy.uint8) after checking that all ids fit.",
        )
    height, width = labels.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = labels
    deflater = zlib_ng.compressobj(1, zlib_ng.DEFLATED, 15, 9, zlib_ng.Z_RLE)
    stream = deflater.compress(rows) + deflater.flush()
    header = struct.pack(">II5B", width, height, *_INDEXED_8_BIT)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", header),
            _PALETTE_CHUNK,
            _chunk(b"IDAT", stream),
            _END_CHUNK,
        )
    )
