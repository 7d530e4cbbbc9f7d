"""What the first bytes of a mask file tell: mode, size, palette. Nothing is decoded here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vosbench.data.masks import DAVIS_PALETTE
from vosbench.data.masks.png import PngHeader, read_header

__all__ = ["HEAD_BYTES", "MaskHeader", "px", "read_mask_header"]

HEAD_BYTES: Final = 1 << 12
"""Bytes of a file that are looked at for the palette, which stands before the image data."""
_FIRST_CHUNK: Final = 8


@dataclass(frozen=True)
class MaskHeader:
    """Header and palette of a mask file.

    Attributes:
        png: the header chunk.
        palette: RGB triples, or None where the file has none in its first bytes.
    """

    png: PngHeader
    palette: bytes | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.png.height, self.png.width

    @property
    def mode(self) -> str:
        """Colour type in words, with the depth where it is not 8 bits."""
        return self.png.colour if self.png.depth == 8 else f"{self.png.depth}-bit {self.png.colour}"

    @property
    def unusable(self) -> str:
        """Why ids cannot be read from such a file, or an empty string."""
        if self.png.colour not in ("grey", "palette") or self.png.depth == 16:
            return f"stored as {self.mode}"
        return "interlaced" if self.png.interlaced else ""

    @property
    def davis_palette(self) -> bool:
        """Whether the colours are those of DAVIS, as far as the file states them."""
        palette = self.palette
        return bool(palette) and DAVIS_PALETTE.startswith(palette or b"")


def read_mask_header(start: bytes, where: str) -> MaskHeader:
    """Read the header and, where there is one, the palette.

    Args:
        start: the first `HEAD_BYTES` bytes of the file, or all of it.
        where: how to name the file in an error.

    Raises:
        InputError: no PNG file, or a damaged header.
    """
    png = read_header(start, where)
    position = _FIRST_CHUNK
    while position + 8 <= len(start):
        length = int.from_bytes(start[position : position + 4], "big")
        kind = start[position + 4 : position + 8]
        if kind in (b"IDAT", b"IEND"):
            break
        if kind == b"PLTE":
            return MaskHeader(png, start[position + 8 : position + 8 + length])
        position += 12 + length
    return MaskHeader(png, None)


def px(size: tuple[int, int]) -> str:
    """Width x height in words."""
    return f"{size[1]}x{size[0]} px"
