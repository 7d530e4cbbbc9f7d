"""Soft masks on disk: each object's own probability, from before objects compete for pixels.

`soft/<sequence>/<frame>.soft`, one file per frame. All integers are little-endian.

    8 bytes   magic, `VOSSOFT` and the version 1
    32 bytes  SHA-256 of the frame's mask file, so that it is known which masks they led to
    uint32    height, width, K, s, b
    and for each of K objects in the order of the method:
      uint32  object id; top, bottom, left, right of the box beyond which the probability is 0 (ends
              excluded); bytes that follow
      bytes   zlib of the box's levels, row by row, each as its difference to the level above minus
              that of their left neighbours (modulo 256)
    uint32    bytes that follow
    bytes     zlib of the fractions: of each object in order, row by row, one byte for each pixel
              that it claims and another one claims too; nothing if b is 0
    uint32    CRC-32 of all that comes before

A level is 0 for a probability below 1/50, else 128 + floor(s · ln(p / (1 - p))) within 1..255; so
p >= 0.5 if and only if the level is 128 or more, which is called a claim. Where two objects claim a
pixel it matters which is larger, and both are often next to 1: there the next b bits of the log
odds are kept too. Read again as float32, they are as good as those of a network in float32.

s is 7 and b is 8, or less where a file would otherwise be larger than 40 kB for each object at
854x480. s = 7 reaches up to the largest probability below 1 that float32 has.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import InputError
from vosbench.types import SoftMasks

__all__ = [
    "CLAIMED",
    "SOFT_SUFFIX",
    "SoftFrame",
    "SoftObject",
    "decode_soft",
    "encode_soft",
    "read_soft",
    "soft_digests",
]

SOFT_SUFFIX: Final = ".soft"
CLAIMED: Final = 128
"""The lowest level of a probability of 0.5 or more."""

_MAGIC: Final = b"VOSSOFT\x01"
_HEAD: Final = struct.Struct("<8s32s5I")
_OBJECT: Final = struct.Struct("<6I")
_COUNT: Final = struct.Struct("<I")
_PRECISIONS: Final = ((7, 8), (7, 6), (7, 4), (7, 2), (7, 0), (4, 0), (2, 0))
"""Steps per unit of log odds and further bits, in the order in which they are tried."""
_LEAST: Final = 0.02
_BUDGET: Final = 40_000
"""Bytes of an object on a frame of 854x480 px or less; more for larger frames, by their area."""


@dataclass(frozen=True, eq=False)
class SoftObject:
    """One object on one frame.

    Attributes:
        object_id: id.
        box: top, bottom, left, right (ends excluded), px; beyond it the probability is 0.
        levels: h×w uint8, the box's levels.
        fractions: h×w uint8, the next bits; 0 where no other object claims the pixel.
    """

    object_id: int
    box: tuple[int, int, int, int]
    levels: NDArray[np.uint8]
    fractions: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SoftFrame:
    """All objects of one frame.

    Attributes:
        height: px.
        width: px.
        objects: in the order of the method.
        labels_sha256: digest of the mask file that was written with them.
        steps: levels per unit of log odds.
        bits: further bits where several objects claim a pixel.
    """

    height: int
    width: int
    objects: tuple[SoftObject, ...]
    labels_sha256: str
    steps: int
    bits: int

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids in the order of the method."""
        return tuple(one.object_id for one in self.objects)

    def probabilities(self) -> SoftMasks:
        """K×H×W float32; the middle of what is stored, exactly 0 for level 0 and 1 for 255."""
        soft = np.zeros((len(self.objects), self.height, self.width), np.float32)
        shared = _finer([(one.box, one.levels) for one in self.objects], soft.shape[1:])
        values = _values(self.steps)
        for plane, one, finer in zip(soft, self.objects, shared, strict=True):
            top, bottom, left, right = one.box
            inner = plane[top:bottom, left:right]
            inner[...] = values[one.levels]
            if self.bits and finer.any():
                part = (one.fractions[finer] + 0.5) / (1 << self.bits)
                odds = (one.levels[finer].astype(np.float64) - CLAIMED + part) / self.steps
                inner[finer] = np.where(one.levels[finer] < 255, 1 / (1 + np.exp(-odds)), 1)
        return soft


@lru_cache(maxsize=len(_PRECISIONS))
def _values(steps: int) -> NDArray[np.float32]:
    odds = (np.arange(256) - CLAIMED + 0.5) / steps
    values: NDArray[np.float32] = (1 / (1 + np.exp(-odds))).astype(np.float32)
    values[0], values[255] = 0, 1
    return values


_Placed: TypeAlias = tuple[tuple[int, int, int, int], NDArray[np.uint8]]
"""Box and levels."""


def _contested(objects: Sequence[_Placed], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """H×W, where two or more claim."""
    number = np.zeros(size, np.uint8)
    for (top, bottom, left, right), levels in objects:
        number[top:bottom, left:right] += levels >= CLAIMED
    return number > 1


def encode_soft(soft: SoftMasks, object_ids: Sequence[int], *, labels_sha256: str) -> bytes:
    """Content of a soft-mask file.

    Args:
        soft: K×H×W float in 0..1.
        object_ids: K ids in the same order.
        labels_sha256: hex digest of the mask file of the frame.

    Raises:
        ValueError: the shapes do not fit, or a value is not within 0..1.
    """
    if soft.ndim != 3 or len(soft) != len(object_ids):
        raise ValueError(f"soft masks have shape {soft.shape} for {len(object_ids)} objects")
    count, height, width = soft.shape
    boxes = [_bounds(plane) for plane in soft]
    odds = [
        _log_odds(plane[box[0] : box[1], box[2] : box[3]])
        for plane, box in zip(soft, boxes, strict=True)
    ]
    budget = count * _BUDGET * max(1.0, height * width / (854 * 480))
    content = b""
    for steps, bits in _PRECISIONS:
        parts = [
            _HEAD.pack(_MAGIC, bytes.fromhex(labels_sha256), height, width, count, steps, bits)
        ]
        levels = [_levels(one, steps) for one in odds]
        for object_id, box, own in zip(object_ids, boxes, levels, strict=True):
            packed = _packed(own)
            parts += [_OBJECT.pack(object_id, *box, len(packed)), packed]
        fractions = b""
        if bits:
            finer = _finer(list(zip(boxes, levels, strict=True)), (height, width))
            pairs = zip(odds, finer, strict=True)
            fractions = zlib.compress(b"".join(_fractions(*pair, steps, bits) for pair in pairs))
        content = b"".join([*parts, _COUNT.pack(len(fractions)), fractions])
        if len(content) + _COUNT.size <= budget:
            break
    return content + _COUNT.pack(zlib.crc32(content))


def _bounds(plane: NDArray[np.float32]) -> tuple[int, int, int, int]:
    # a NaN fails both comparisons, so it is found here and not stored as something else
    if not (plane.min() >= 0 and plane.max() <= 1):
        raise ValueError("soft masks must lie within 0..1")
    kept = plane >= _LEAST
    rows = np.flatnonzero(kept.any(axis=1))
    if not rows.size:
        return 0, 0, 0, 0
    columns = np.flatnonzero(kept[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _log_odds(inner: NDArray[np.float32]) -> NDArray[np.float64]:
    """ln(p / (1 - p)); -inf below what is kept."""
    values = inner.astype(np.float64)
    with np.errstate(divide="ignore"):
        odds = np.log(values / (1 - values))
    odds[inner < _LEAST] = -np.inf
    return odds


def _levels(odds: NDArray[np.float64], steps: int) -> NDArray[np.uint8]:
    levels = np.clip(CLAIMED + np.floor(odds * steps), 1, 255)
    levels[np.isneginf(odds)] = 0
    quantised: NDArray[np.uint8] = levels.astype(np.uint8)
    return quantised


def _fractions(odds: NDArray[np.float64], finer: NDArray[np.bool_], steps: int, bits: int) -> bytes:
    # log odds of a certain pixel are infinite, and its level alone says so
    scaled = np.where(np.isfinite(odds[finer]), odds[finer], 0.0) * steps
    parts: NDArray[np.uint8] = np.floor((scaled - np.floor(scaled)) * (1 << bits)).astype(np.uint8)
    return parts.tobytes()


def _finer(placed: Sequence[_Placed], size: tuple[int, ...]) -> list[NDArray[np.bool_]]:
    """Of each object, which pixels of its box it claims together with another one."""
    contested = _contested(placed, size)
    return [
        contested[top:bottom, left:right] & (levels >= CLAIMED)
        for (top, bottom, left, right), levels in placed
    ]


def _packed(levels: NDArray[np.uint8]) -> bytes:
    difference = levels.copy()
    difference[:, 1:] -= levels[:, :-1]
    difference[1:] -= difference[:-1].copy()
    return zlib.compress(difference.tobytes(), 6)


def decode_soft(content: bytes, *, where: str) -> SoftFrame:
    """Read what `encode_soft` wrote.

    Args:
        content: of the file.
        where: how to name it in an error.

    Raises:
        InputError: it is damaged, or of another version.
    """
    try:
        return _decoded(content)
    except (struct.error, zlib.error, ValueError) as error:
        raise InputError(
            f"{where} is no readable soft mask: {error}",
            hint="run the same command again with --fresh to renew it",
        ) from error


def _decoded(content: bytes) -> SoftFrame:
    if not content.startswith(_MAGIC):
        raise ValueError(f"it begins with {content[:8]!r}, not {_MAGIC!r}")
    content, check = content[: -_COUNT.size], content[-_COUNT.size :]
    if _COUNT.pack(zlib.crc32(content)) != check:
        raise ValueError("its checksum is wrong")
    _, digest, height, width, count, steps, bits = _HEAD.unpack_from(content)
    if (steps, bits) not in _PRECISIONS:
        raise ValueError(f"it has {steps} steps and {bits} bits")
    at = _HEAD.size
    placed: list[tuple[int, _Placed]] = []
    for _ in range(count):
        object_id, top, bottom, left, right, size = _OBJECT.unpack_from(content, at)
        at += _OBJECT.size
        if not (top <= bottom <= height and left <= right <= width):
            raise ValueError(f"object {object_id} lies beyond the frame")
        plain = _inflated(content[at : at + size], (bottom - top) * (right - left))
        at += size
        levels = np.frombuffer(plain, np.uint8).reshape(bottom - top, right - left)
        levels = np.add.accumulate(levels, axis=0, dtype=np.uint8)
        levels = np.add.accumulate(levels, axis=1, dtype=np.uint8)
        placed.append((object_id, ((top, bottom, left, right), levels)))
    (size,) = _COUNT.unpack_from(content, at)
    at += _COUNT.size
    finer = _finer([one for _, one in placed], (height, width))
    total = sum(int(np.count_nonzero(one)) for one in finer) if bits else 0
    plain = _inflated(content[at : at + size], total) if bits else b""
    objects = []
    used = 0
    for (object_id, (box, levels)), own in zip(placed, finer, strict=True):
        fractions = np.zeros(levels.shape, np.uint8)
        if bits:
            number = int(np.count_nonzero(own))
            fractions[own] = np.frombuffer(plain, np.uint8, number, used)
            used += number
        objects.append(SoftObject(object_id, box, levels, fractions))
    return SoftFrame(height, width, tuple(objects), digest.hex(), steps, bits)


def _inflated(packed: bytes, size: int) -> bytes:
    # never more than is expected, whatever the stream claims to hold
    plain = zlib.decompressobj().decompress(packed, size + 1)
    if len(plain) != size:
        raise ValueError(f"there are {len(plain)} values for {size} px")
    return plain


def read_soft(folder: Path, frame: str) -> SoftFrame:
    """Read one frame of a sequence's folder, `RunPaths.sequence_soft`.

    Raises:
        InputError: it is missing or damaged.
    """
    path = folder / f"{frame}{SOFT_SUFFIX}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}",
            hint="soft masks are stored by `vosbench run --store-soft`",
        ) from error
    return decode_soft(content, where=str(path))


def soft_digests(folder: Path) -> dict[str, str]:
    """Digest of the mask file that each soft mask of a folder led to, by frame name.

    Reads the head of each file only. Files that are no soft masks of this version are left out.
    """
    found = {}
    for path in sorted(folder.glob(f"*{SOFT_SUFFIX}")):
        with path.open("rb") as file:
            head = file.read(len(_MAGIC) + 32)
        if head.startswith(_MAGIC) and len(head) == len(_MAGIC) + 32:
            found[path.stem] = head[len(_MAGIC) :].hex()
    return found
