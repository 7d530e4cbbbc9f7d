"""Hostile mask files and archives, made from a number: the same number gives the same input."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vosbench.data.masks import encode_labels
from vosbench.types import LabelKind, LabelMap

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB_COLOUR, PALETTE = 0, 2, 3
_GREY_ALPHA, _RGB_ALPHA = 4, 6


@dataclass(frozen=True, eq=False)
class HostileFile:
    """One input.

    Attributes:
        name: what was done, for messages.
        data: the file.
        labels: what the file showed before; whoever reads it must get this or an error.
        kind: how it is meant.
    """

    name: str
    data: bytes
    labels: LabelMap
    kind: LabelKind


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int, height: int, *rest: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">II5B", width, height, *rest))


def parts(data: bytes) -> list[tuple[bytes, bytes]]:
    """Chunks of an undamaged PNG."""
    found, at = [], len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def joined(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return SIGNATURE + b"".join(chunk(kind, body) for kind, body in chunks)


def with_body(data: bytes, wanted: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return joined([(k, change(body) if k == wanted else body) for k, body in parts(data)])


def filtered(pixels: LabelMap, filters: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Rows with the given row filters, as the PNG specification (section 9) defines them."""
    height, width = pixels.shape
    rows = []
    above = np.zeros(width, np.int64)
    for y in range(height):
        row = pixels[y].astype(np.int64)
        left = np.concatenate(([0], row[:-1]))
        corner = np.concatenate(([0], above[:-1]))
        estimate = left + above - corner
        distances = np.abs(estimate[None] - np.stack((left, above, corner)))
        nearest = np.stack((left, above, corner))[distances.argmin(axis=0), np.arange(width)]
        guess = (0 * row, left, above, (left + above) // 2, nearest)[int(filters[y]) % 5]
        rows.append(bytes([int(filters[y])]) + ((row - guess) % 256).astype(np.uint8).tobytes())
        above = row
    return b"".join(rows)


def by_pillow(pixels: LabelMap, form: str = "PNG", mode: str | None = None) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    if mode == "P":
        image.putpalette([5 * k % 256 for k in range(768)])
    elif mode is not None:
        image = image.convert(mode)
    image.save(stream, form)
    return stream.getvalue()


def interlaced(pixels: LabelMap) -> bytes:
    """A correct file in seven passes."""
    passes = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2))
    passes += ((0, 2, 1, 2), (1, 2, 0, 1))
    raw = b"".join(
        b"\0" + row.tobytes() for y, dy, x, dx in passes for row in pixels[y::dy, x::dx] if row.size
    )
    height, width = pixels.shape
    start = header(width, height, 8, GREY, 0, 0, 1)
    return SIGNATURE + start + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def good_file(rng: np.random.Generator, pixels: LabelMap) -> bytes:
    """An undamaged file by one of several writers."""
    writer = int(rng.integers(5))
    if writer == 0:
        return encode_labels(pixels)
    if writer in (1, 2):
        return by_pillow(pixels, mode="P" if writer == 1 else None)
    height, width = pixels.shape
    filters = rng.integers(0, 5, height).astype(np.uint8) if writer == 3 else np.ones(height, "u1")
    stream = zlib.compress(filtered(pixels, filters), int(rng.integers(10)))
    start = header(width, height, 8, GREY, 0, 0, 0)
    return SIGNATURE + start + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def scene(rng: np.random.Generator, kind: LabelKind) -> LabelMap:
    height, width = int(rng.integers(12, 40)), int(rng.integers(12, 40))
    pixels = np.zeros((height, width), np.uint8)
    for value in (1, 2, 3)[: 1 if kind == "binary" else int(rng.integers(1, 4))]:
        top, left = int(rng.integers(height - 4)), int(rng.integers(width - 4))
        pixels[top : top + int(rng.integers(3, 12)), left : left + int(rng.integers(3, 12))] = value
    pixels[0, 0] = 1  # the first object is never hidden
    return pixels * np.uint8(255) if kind == "binary" else pixels


def _changed_header(rng: np.random.Generator, data: bytes, pixels: LabelMap) -> bytes:
    """A header that lies, with a right checksum."""
    height, width = pixels.shape
    lies = (
        (width + 1, height, 8, GREY, 0, 0, 0),
        (width, height - 1, 8, GREY, 0, 0, 0),
        (height, width + 1, 8, PALETTE, 0, 0, 0),
        (60_000, 60_000, 8, GREY, 0, 0, 0),
        (0xFFFFFFFF, 0xFFFFFFFF, 8, GREY, 0, 0, 0),
        (0, height, 8, GREY, 0, 0, 0),
        (width, height, 16, GREY, 0, 0, 0),
        (width, height, 4, PALETTE, 0, 0, 0),
        (width, height, 3, GREY, 0, 0, 0),
        (width, height, 8, RGB_COLOUR, 0, 0, 0),
        (width, height, 8, _GREY_ALPHA, 0, 0, 0),
        (width, height, 8, _RGB_ALPHA, 0, 0, 0),
        (width, height, 8, 9, 0, 0, 0),
        (width, height, 8, GREY, 1, 0, 0),
        (width, height, 8, GREY, 0, 1, 0),
        (width, height, 8, GREY, 0, 0, 1),
        (width, height, 8, GREY, 0, 0, 7),
    )
    lie = lies[int(rng.integers(len(lies)))]
    return with_body(data, b"IHDR", lambda _: struct.pack(">II5B", *lie))


def _changed_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        at = int(rng.integers(len(changed)))
        how = int(rng.integers(4))
        if how == 0:
            changed[at] ^= 1 << int(rng.integers(8))
        elif how == 1:
            changed[at] = int(rng.integers(256))
        elif how == 2:
            del changed[at]
        else:
            changed.insert(at, int(rng.integers(256)))
    return bytes(changed)


def _changed_chunks(rng: np.random.Generator, data: bytes) -> bytes:
    """Chunks that are lost, doubled, moved, cut in pieces or added, all with right checksums."""
    chunks = parts(data)
    at = int(rng.integers(len(chunks)))
    how = int(rng.integers(6))
    if how == 0:
        del chunks[at]
    elif how == 1:
        chunks.insert(at, chunks[at])
    elif how == 2:
        chunks[at], chunks[-1] = chunks[-1], chunks[at]
    elif how == 3:
        pieces = []
        for kind, body in chunks:
            step = max(1, int(rng.integers(1, 40))) if kind == b"IDAT" else max(1, len(body))
            cuts = range(0, max(1, len(body)), step)
            pieces += [(kind, body[cut : cut + step]) for cut in cuts]
        chunks = pieces
    elif how == 4:
        added = (b"tEXt", b"tRNS", b"gAMA", b"PLTE", b"IDAT", b"ABCD", b"acTL")[
            int(rng.integers(7))
        ]
        chunks.insert(max(1, at), (added, rng.bytes(int(rng.integers(30)))))
    else:
        return joined(chunks) + (data if rng.integers(2) else rng.bytes(50))
    return joined(chunks)


def _changed_stream(rng: np.random.Generator, data: bytes, pixels: LabelMap) -> bytes:
    """Image data that are wrong inside, with right checksums outside."""
    height, width = pixels.shape
    raw = filtered(pixels, np.zeros(height, np.uint8))
    how = int(rng.integers(7))
    if how == 0:
        stream = zlib.compress(raw)[:-4] + rng.bytes(4)
    elif how == 1:
        stream = zlib.compress(raw)[: int(rng.integers(1, len(zlib.compress(raw))))]
    elif how == 2:
        stream = zlib.compress(raw[: int(rng.integers(len(raw)))])
    elif how == 3:
        stream = zlib.compress(raw + rng.bytes(int(rng.integers(1, 99))))
    elif how == 4:
        stream = zlib.compress(filtered(pixels, np.full(height, rng.integers(5, 256), np.uint8)))
    elif how == 5:
        stream = zlib.compress(raw)[2:-4]
    else:
        stream = rng.bytes(int(rng.integers(200)))
    start = header(width, height, 8, GREY, 0, 0, 0)
    return SIGNATURE + start + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


_BOMB = zlib.compress(bytes(1 << 24), 9)


def _bomb(rng: np.random.Generator, pixels: LabelMap) -> bytes:
    height, width = pixels.shape
    if rng.integers(2):
        height, width = 1 << int(rng.integers(10, 31)), 1 << int(rng.integers(10, 31))
    start = header(width, height, 8, GREY, 0, 0, 0)
    return SIGNATURE + start + chunk(b"IDAT", _BOMB) + chunk(b"IEND", b"")


def _other_mode(rng: np.random.Generator, pixels: LabelMap) -> bytes:
    """A whole and correct file of another kind."""
    how = int(rng.integers(11))
    if how < 4:
        return by_pillow(pixels, mode=("RGB", "RGBA", "LA", "I;16")[how])
    if how < 8:
        return by_pillow(pixels, ("JPEG", "BMP", "GIF", "TIFF")[how - 4])
    if how == 8:
        return interlaced(pixels)
    if how == 9:
        return by_pillow(np.ascontiguousarray(np.pad(pixels, int(rng.integers(1, 4)))))
    return by_pillow(np.ascontiguousarray(pixels[::2, ::2]))


def _half_transparent(pixels: LabelMap) -> bytes:
    stream = io.BytesIO()
    planes = np.stack((pixels, np.where(pixels, 255, 0).astype(np.uint8)), axis=2)
    Image.fromarray(planes, "LA").save(stream, "PNG")
    return stream.getvalue()


def _nothing(rng: np.random.Generator, data: bytes) -> bytes:
    how = int(rng.integers(5))
    if how == 0:
        return b""
    if how == 1:
        return bytes(len(data))
    if how == 2:
        return rng.bytes(int(rng.integers(200)))
    if how == 3:
        return SIGNATURE + rng.bytes(int(rng.integers(200)))
    start = int(rng.integers(len(data)))
    return data[:start] + bytes(len(data) - start)


def _other_palette(rng: np.random.Generator, pixels: LabelMap) -> bytes:
    """Indices are what counts, whatever the palette says."""
    data = encode_labels(pixels)
    size = int(rng.integers(0, 300))
    return with_body(data, b"PLTE", lambda _: rng.bytes(size if rng.integers(2) else 3 * size))


FILE_TRICKS = (
    "nothing done",
    "cut off",
    "bytes changed",
    "header lies",
    "chunks changed",
    "stream changed",
    "bomb",
    "other mode",
    "transparent",
    "no image",
    "palette",
)


def hostile_file(number: int) -> HostileFile:
    rng = np.random.default_rng(number)
    kind: LabelKind = "binary" if number % 5 == 0 else "ids"
    pixels = scene(rng, kind)
    data = good_file(rng, pixels)
    trick = FILE_TRICKS[number % len(FILE_TRICKS)]
    if trick == "cut off":
        data = data[: int(rng.integers(len(data)))]
    elif trick == "bytes changed":
        data = _changed_bytes(rng, data)
    elif trick == "header lies":
        data = _changed_header(rng, data, pixels)
    elif trick == "chunks changed":
        data = _changed_chunks(rng, data)
    elif trick == "stream changed":
        data = _changed_stream(rng, data, pixels)
    elif trick == "bomb":
        data = _bomb(rng, pixels)
    elif trick == "other mode":
        data = _other_mode(rng, pixels)
    elif trick == "transparent":
        data = _half_transparent(pixels)
    elif trick == "no image":
        data = _nothing(rng, data)
    elif trick == "palette":
        data = _other_palette(rng, pixels)
    labels = (pixels != 0).astype(np.uint8) if kind == "binary" else pixels
    return HostileFile(f"{number}: {trick}", data, labels, kind)


def _info(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def hostile_archive(number: int, good: bytes, names: list[str]) -> bytes:
    """A zip of undamaged masks that is hostile itself."""
    rng = np.random.default_rng((number, 1))
    stream = io.BytesIO()
    how = number % 8
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, good)
        if how == 0:
            tricks = ("../s/{}", "/s/{}", "C:/s/{}", "s\\{}", "..\\{}", "s/../s/{}", "a/../../{}")
            archive.writestr(tricks[int(rng.integers(len(tricks)))].format("00001.png"), good)
        elif how == 1:
            link = _info("s/00001.png" if rng.integers(2) else "s/link", stat.S_IFLNK | 0o777)
            archive.writestr(link, "/etc/passwd")
        elif how == 2:
            doubles = ("s/00001.png", "S/00001.png", "s/00001.PNG", "t/s/00001.png", "00001.png")
            archive.writestr(
                doubles[int(rng.integers(len(doubles)))], by_pillow(np.zeros((9, 9), "u1"))
            )
        elif how == 3:
            archive.writestr("__MACOSX/s/._00001.png", rng.bytes(40))
            archive.writestr("s/._00002.png", rng.bytes(40))
        elif how == 4:
            method = zipfile.ZIP_BZIP2 if rng.integers(2) else zipfile.ZIP_LZMA
            archive.writestr(_info("s/00009.png"), good, method)
        elif how == 5:
            archive.writestr("s/bomb.png", bytes(1 << 22))
    data = stream.getvalue()
    if how == 6:
        return data[: int(rng.integers(len(data)))]
    if how == 7:
        return _changed_bytes(rng, data)
    return data
