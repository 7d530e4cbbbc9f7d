"""Strict reading of the PNG files that hold masks, down to the raw pixel indices.

Image libraries are built to show something: they fill in what a truncated stream lacks, turn
palettes into colours and scale small bit depths. A mask must come back as it was written or be
refused, so the container is read here: every checksum is verified, the stream has to give exactly
the rows that the header promises, and nothing larger than promised is ever allocated.

Row filters follow the PNG specification, section 9. They are undone by compiled code. Where that
could not be built, NumPy undoes `Sub`, and the rows of files with other filters are handed to
Pillow after the same checks, cropped to where something is. Most mask writers use no filter.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Final, Literal, cast

import numpy as np
from numpy.typing import NDArray
from zlib_ng import zlib_ng

from vosbench.compiled import compiled_twin
from vosbench.errors import InputError

__all__ = ["MAX_PIXELS", "IndexImage", "PngHeader", "decode_png", "one_object", "read_header"]

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS: Final = 1 << 26
"""Largest mask read without a known size: 64 Mpx, twice the pixels of 8K video."""
HEADER_BYTES: Final = 33
OPAQUE: Final = 255
_ROWS: Final = compiled_twin("vosbench.data.masks._rows", version=1)
_HIGHEST_FILTER: Final = 4
_ONE_CALL_BYTES: Final = 1 << 16
"""Streams up to this size cannot inflate beyond 64 MiB, so they are inflated in one call."""
_StreamError: Final = cast("type[Exception]", zlib_ng.error)  # its stub declares an instance
_COLOURS: Final = {
    0: "grey",
    2: "RGB",
    3: "palette",
    4: "grey with alpha",
    6: "RGB with alpha",
}
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_INDEXED_HINT: Final = (
    "Write masks as 8-bit PNG whose pixel values are the object ids (palette or grey), never as "
    "colours; Pillow does it with Image.fromarray(labels) where labels is uint8."
)


@dataclass(frozen=True)
class PngHeader:
    """What the header chunk says.

    Attributes:
        height: px.
        width: px.
        depth: bits per sample.
        colour: `grey`, `palette`, or another PNG colour type in words.
        interlaced: whether the rows come in seven passes.
    """

    height: int
    width: int
    depth: int
    colour: str
    interlaced: bool


@dataclass(frozen=True, eq=False)
class IndexImage:
    """Pixel values as stored, before anything is read into them.

    Attributes:
        pixels: H×W uint8, palette indices or unscaled grey samples.
        colour: how the file says they are to be shown.
        highest: highest of the pixels.
    """

    pixels: NDArray[np.uint8]
    colour: Literal["grey", "palette"]
    highest: int


def read_header(data: bytes, where: str) -> PngHeader:
    """Parse signature and header chunk.

    Args:
        data: at least the first 33 bytes of the file.
        where: how to name the file in an error.

    Raises:
        InputError: not a PNG file, or a damaged header.
    """
    if not data.startswith(SIGNATURE):
        found = "is empty" if not data else "is not a PNG file"
        raise InputError(f"{where}: the file {found}.", hint=_INDEXED_HINT)
    if len(data) < HEADER_BYTES or data[8:16] != b"\x00\x00\x00\rIHDR":
        raise InputError(f"{where}: the PNG header is cut off.", hint="Copy or write it again.")
    if zlib_ng.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise InputError(f"{where}: the PNG header is damaged.", hint="Copy or write it again.")
    width, height, depth, colour, method, filters, interlace = struct.unpack(
        ">IIBBBBB", data[16:29]
    )
    valid = colour in _COLOURS and depth in _DEPTHS[colour] and interlace in (0, 1)
    if not valid or method or filters or not width or not height:
        raise InputError(f"{where}: the PNG header is invalid.", hint="Write the mask again.")
    return PngHeader(height, width, depth, _COLOURS[colour], bool(interlace))


def decode_png(data: bytes, where: str, *, size: tuple[int, int] | None = None) -> IndexImage:
    """Decode a mask file.

    Args:
        data: the whole file.
        where: how to name the file in an error.
        size: (height, width) in px that the mask must have; None allows any size up to
            `MAX_PIXELS`.

    Raises:
        InputError: anything but a complete, undamaged, non-interlaced grey or palette PNG of up to
            8 bits and of the size asked for; grey with an alpha that is opaque counts as grey.
    """
    header = read_header(data, where)
    _check_usable(header, where, size)
    stream = _idat(data, where)
    with_alpha = header.colour == _COLOURS[4]
    row_bytes = (header.width * header.depth + 7) // 8 * (2 if with_alpha else 1)
    rows = _inflate(stream, header.height, row_bytes, where)
    if with_alpha:
        grey = _opaque_grey(data, where)
        return IndexImage(grey, "grey", int(grey.max()))
    # Rows without filters are led by zeros, and whole arrays are searched faster than parts.
    whole = _undo(rows, where) if rows[:, 0].any() else rows
    packed = rows[:, 1:] if whole is rows else whole
    if header.depth < 8:
        whole = packed = _unpack(packed, header)
    colour: Literal["grey", "palette"] = "palette" if header.colour == "palette" else "grey"
    return IndexImage(packed, colour, int(whole.max()))


def one_object(pixels: NDArray[np.uint8], highest: int) -> tuple[NDArray[np.uint8], bool]:
    """All non-zero pixels as object 1.

    Args:
        pixels: H×W uint8.
        highest: highest of the pixels.

    Returns:
        H×W uint8, 0 or 1, and whether there are values other than 0 and the highest.
    """
    if _ROWS is not None and pixels.strides[1] == 1:
        labels = np.empty(pixels.shape, np.uint8)
        return labels, _ROWS.binary(pixels, labels, highest)
    used = pixels != 0
    return used.view(np.uint8), bool(np.any(used & (pixels != highest)))


def _check_usable(header: PngHeader, where: str, size: tuple[int, int] | None) -> None:
    if header.depth == 16:
        raise InputError(f"{where}: 16 bits per sample; masks have 8.", hint=_INDEXED_HINT)
    if header.colour not in ("grey", "palette", _COLOURS[4]):
        raise InputError(
            f"{where}: stored as {header.colour}; object ids cannot be read from colours.",
            hint=_INDEXED_HINT,
        )
    if header.interlaced:
        raise InputError(f"{where}: interlaced PNG is not supported.", hint="Save it plain.")
    if size is not None and (header.height, header.width) != size:
        raise InputError(
            f"{where}: the mask is {header.width}x{header.height} px, "
            f"the sequence is {size[1]}x{size[0]} px.",
            hint="Nothing is resized silently: write masks at the size of the ground truth, "
            "resizing labels with nearest neighbour.",
        )
    if header.height * header.width > MAX_PIXELS:
        raise InputError(
            f"{where}: the header claims {header.width}x{header.height} px, more than the "
            f"{MAX_PIXELS >> 20} Mpx that are read."
        )


def _opaque_grey(data: bytes, where: str) -> NDArray[np.uint8]:
    """Grey values of an image with alpha, if nothing in it is transparent.

    DAVIS-2016 itself has such a file (`bear/00077.png`). The stream was checked to be whole.
    """
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        planes = np.asarray(image, dtype=np.uint8)
    if planes[..., 1].min() < OPAQUE:
        raise InputError(
            f"{where}: stored as grey with alpha, and parts of it are transparent.",
            hint=_INDEXED_HINT,
        )
    return np.ascontiguousarray(planes[..., 0])


def _idat(data: bytes, where: str) -> bytes:
    """Join the image data chunks, checking every checksum on the way."""
    parts: list[bytes] = []
    position = len(SIGNATURE)
    end = len(data)
    while position + 12 <= end:
        (length,) = struct.unpack_from(">I", data, position)
        stop = position + 8 + length
        if stop + 4 > end:
            break
        body = data[position + 4 : stop]
        if zlib_ng.crc32(body) != int.from_bytes(data[stop : stop + 4], "big"):
            name = body[:4].decode("latin-1")
            raise InputError(
                f"{where}: the PNG is damaged (checksum of chunk {name!r}).",
                hint="Copy or write the file again.",
            )
        kind = body[:4]
        if kind == b"IDAT":
            parts.append(body[4:])
        elif kind == b"IEND":
            return parts[0] if len(parts) == 1 else b"".join(parts)
        position = stop + 4
    raise InputError(
        f"{where}: the PNG is cut off after {end} bytes.", hint="Copy or write the file again."
    )


def _inflate(stream: bytes, height: int, row_bytes: int, where: str) -> NDArray[np.uint8]:
    """Inflate to H×(1+row_bytes) uint8, the first column being the row filters."""
    expected = height * (row_bytes + 1)
    try:
        if len(stream) <= _ONE_CALL_BYTES:
            # An exact buffer is grown once more at the end of the stream; 64 bytes spare avoid it.
            raw = zlib_ng.decompress(stream, bufsize=expected + 64)
            complete = True
        else:
            inflater = zlib_ng.decompressobj()
            raw = inflater.decompress(stream, expected + 1)
            complete = inflater.eof or len(raw) > expected
    except _StreamError as error:
        raise InputError(
            f"{where}: the image data is cut off or damaged ({error}).",
            hint="Copy or write the file again.",
        ) from error
    if not complete or len(raw) != expected:
        problem = "more" if len(raw) > expected else "fewer"
        raise InputError(
            f"{where}: the image data holds {problem} rows than the {height} of the header.",
            hint="Copy or write the file again.",
        )
    return np.frombuffer(raw, np.uint8).reshape(height, row_bytes + 1)


def _undo(rows: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """From filtered rows, each led by its filter, to H×row_bytes uint8."""
    filters = rows[:, 0]
    highest = int(filters.max())
    if highest > _HIGHEST_FILTER:
        raise InputError(f"{where}: the image data is damaged (row filter {highest}).")
    if _ROWS is not None:
        pixels = np.empty((rows.shape[0], rows.shape[1] - 1), np.uint8)
        _ROWS.undo(rows, pixels)
        return pixels
    if highest == 1 == filters.min():
        return _undo_sub(rows)
    return _undo_any(rows, where)


def _undo_sub(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the `Sub` filter: a running sum modulo 256 along each row.

    Masks are runs of equal pixels, so only the few non-zero differences are summed and each sum is
    repeated up to the next. The filter column (all ones) marks the start of every row.
    """
    height, stride = rows.shape
    flat = rows.reshape(-1)
    events = np.flatnonzero(flat.view(np.bool_))
    if 8 * events.size > flat.size:
        return np.add.accumulate(rows[:, 1:], axis=1, dtype=np.uint8)
    ends = np.append(events[1:], flat.size)
    starts = np.searchsorted(events, np.arange(height + 1) * stride)
    sums = np.add.accumulate(flat[events], dtype=np.uint8)
    values = sums - np.repeat(sums[starts[:-1]], starts[1:] - starts[:-1])
    return np.repeat(values, ends - events).reshape(height, stride)[:, 1:]


def _undo_any(rows: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """Undo all filters, where possible inside the box of non-zero differences only.

    Every filter predicts 0 from zeros, so above and to the left of that box all pixels are 0. Below
    it and to its right they are if its last row and column come out as 0; otherwise, where an
    object touches the edge of the image, the whole image is done.
    """
    differences = rows[:, 1:]
    pixels = np.zeros(differences.shape, np.uint8)
    used_rows = np.flatnonzero(differences.max(axis=1))
    if not used_rows.size:
        return pixels
    used_columns = np.flatnonzero(differences.max(axis=0))
    height, width = differences.shape
    top, bottom = int(used_rows[0]), min(int(used_rows[-1]) + 2, height)
    left, right = int(used_columns[0]), min(int(used_columns[-1]) + 2, width)
    box = np.empty((bottom - top, right - left + 1), np.uint8)
    box[:, 0] = rows[top:bottom, 0]
    box[:, 1:] = differences[top:bottom, left:right]
    inside = _undo_with_pillow(box, where)
    open_below = bottom < height and inside[-1].any()
    open_right = right < width and inside[:, -1].any()
    if open_below or open_right:
        return _undo_with_pillow(rows, where)
    pixels[top:bottom, left:right] = inside
    return pixels


def _undo_with_pillow(rows: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """Let Pillow undo the filters, on the rows wrapped as a plain 8-bit grey image."""
    from PIL import Image

    height, stride = rows.shape
    header = struct.pack(">IIBBBBB", stride - 1, height, 8, 0, 0, 0, 0)
    stored = zlib_ng.compress(rows, 0)
    wrapped = SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib_ng.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", stored), (b"IEND", b""))
    )
    try:
        with Image.open(io.BytesIO(wrapped), formats=("PNG",)) as image:
            return np.asarray(image, np.uint8)
    except OSError as error:
        raise InputError(f"{where}: the image data is damaged ({error}).") from error


def _unpack(packed: NDArray[np.uint8], header: PngHeader) -> NDArray[np.uint8]:
    """Spread samples of 1, 2 or 4 bits over bytes; the first sample sits in the high bits."""
    depth = header.depth
    if depth == 1:
        return np.unpackbits(packed, axis=1, count=header.width)
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    spread = packed[:, :, None] >> shifts & np.uint8((1 << depth) - 1)
    return spread.reshape(packed.shape[0], -1)[:, : header.width]
