"""Reading and writing single mask files: exact round trips, and loud refusals."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from vosbench.data.masks import (
    DAVIS_PALETTE,
    decode_labels,
    encode_labels,
    read_labels,
    read_size,
)
from vosbench.errors import InputError

SCENE = np.zeros((23, 37), np.uint8)
SCENE[3:9, 5:20] = 1
SCENE[12:20, 30:37] = 2
SCENE[22, :] = 3


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    rows: bytes, width: int, height: int, *, depth: int = 8, colour: int = 0, interlace: int = 0
) -> bytes:
    """A PNG file from rows that carry their filter bytes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    palette = chunk(b"PLTE", DAVIS_PALETTE[: 3 << depth]) if colour == 3 else b""
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + data + chunk(b"IEND", b"")


def pillow_bytes(pixels: NDArray[np.uint8], **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", **options)
    return stream.getvalue()


def filtered(labels: NDArray[np.uint8], kinds: list[int]) -> bytes:
    """Rows filtered one by one as the PNG specification defines it."""
    height, width = labels.shape
    out = bytearray()
    for y in range(height):
        out.append(kinds[y])
        for x in range(width):
            a = int(labels[y, x - 1]) if x else 0
            b = int(labels[y - 1, x]) if y else 0
            c = int(labels[y - 1, x - 1]) if x and y else 0
            paeth = min((a, b, c), key=lambda v: abs(a + b - c - v))
            guess = (0, a, b, (a + b) // 2, paeth)[kinds[y]]
            out.append((int(labels[y, x]) - guess) % 256)
    return bytes(out)


@st.composite
def label_maps(draw: st.DrawFn) -> NDArray[np.uint8]:
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 40))
    labels = np.zeros((height, width), np.uint8)
    for _ in range(draw(st.integers(0, 5))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        labels[top : top + draw(st.integers(1, 9)), left : left + draw(st.integers(1, 20))] = draw(
            st.integers(0, 254)
        )
    if draw(st.booleans()):
        seed = draw(st.integers(0, 5))
        labels ^= np.random.default_rng(seed).integers(0, 120, labels.shape).astype(np.uint8)
    return np.minimum(labels, 254)


@settings(max_examples=60, deadline=None)
@given(label_maps())
def test_what_is_written_is_read_back_by_us_and_by_pillow(labels: NDArray[np.uint8]) -> None:
    data = encode_labels(labels)
    assert data == encode_labels(labels.copy())
    assert np.array_equal(decode_labels(data, "ids", size=labels.shape), labels)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "P"
        assert bytes(image.getpalette() or ()) == DAVIS_PALETTE
        assert np.array_equal(np.asarray(image), labels)


@settings(max_examples=200, deadline=None)
@given(label_maps(), st.data())
def test_every_row_filter_is_undone(labels: NDArray[np.uint8], data: st.DataObject) -> None:
    single = data.draw(st.one_of(st.none(), st.integers(0, 4)))
    kinds = [data.draw(st.integers(0, 4)) if single is None else single for _ in range(len(labels))]
    raw = png(filtered(labels, kinds), labels.shape[1], labels.shape[0])
    assert np.array_equal(decode_labels(raw, "ids"), labels)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("colour", [0, 3])
@pytest.mark.parametrize("kind", [0, 1, 2, 4])
def test_small_bit_depths_keep_their_values(depth: int, colour: int, kind: int) -> None:
    width = 13
    labels = np.random.default_rng(depth).integers(0, 1 << depth, (7, width)).astype(np.uint8)
    per_byte = 8 // depth
    padded = np.zeros((7, -(-width // per_byte) * per_byte), np.uint8)
    padded[:, :width] = labels
    packed = np.zeros((7, padded.shape[1] // per_byte), np.uint8)
    for k in range(per_byte):
        packed |= padded[:, k::per_byte] << (8 - depth * (k + 1))
    raw = png(filtered(packed, [kind] * 7), width, 7, depth=depth, colour=colour)
    assert np.array_equal(decode_labels(raw, "ids"), labels)


def test_labels_can_be_written_to_and_are_contiguous(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(encode_labels(SCENE))
    labels = read_labels(path, "ids", size=(23, 37))
    labels[0, 0] = 9
    assert labels.flags.c_contiguous
    assert read_size(path) == (23, 37)


def test_files_of_pillow_in_all_usual_modes() -> None:
    assert np.array_equal(decode_labels(pillow_bytes(SCENE), "ids"), SCENE)
    assert np.array_equal(decode_labels(pillow_bytes(SCENE, optimize=True), "ids"), SCENE)
    one_bit = io.BytesIO()
    Image.fromarray(SCENE > 0).save(one_bit, "PNG")
    assert np.array_equal(decode_labels(one_bit.getvalue(), "ids"), (SCENE > 0).astype(np.uint8))
    palette = io.BytesIO()
    image = Image.fromarray(SCENE).convert("P")
    image.putpalette(DAVIS_PALETTE)
    image.save(palette, "PNG", bits=2)
    assert np.array_equal(decode_labels(palette.getvalue(), "ids"), SCENE)


def test_binary_takes_every_value_but_zero_as_the_object() -> None:
    expected = (SCENE > 0).astype(np.uint8)
    for high in (1, 38, 255):
        assert np.array_equal(decode_labels(pillow_bytes(expected * high), "binary"), expected)
    assert np.array_equal(decode_labels(pillow_bytes(SCENE), "binary"), expected)
    with_void = SCENE.copy()
    with_void[0] = 255
    assert decode_labels(pillow_bytes(with_void), "binary")[0].all()


def test_void_is_background_unless_it_is_kept() -> None:
    with_void = SCENE.copy()
    with_void[0:2] = 255
    data = pillow_bytes(with_void)
    assert np.array_equal(decode_labels(data, "ids"), SCENE)
    assert np.array_equal(decode_labels(data, "ids", void="keep"), with_void)


def test_a_grey_binary_file_where_ids_are_expected_is_refused_with_the_fix() -> None:
    data = pillow_bytes((SCENE > 0).astype(np.uint8) * 255)
    with pytest.raises(InputError, match="0 and 255 only") as caught:
        decode_labels(data, "ids", where="seq/00001.png")
    assert "seq/00001.png" in str(caught.value)
    assert "davis2016" in caught.value.hint


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((4, 5, 3), np.uint8), "RGB"),
        (np.zeros((4, 5, 4), np.uint8), "RGB with alpha"),
        (np.zeros((4, 5, 2), np.uint8), "grey with alpha"),
        (np.zeros((4, 5), np.uint16), "16 bits"),
    ],
)
def test_colours_and_16_bits_are_refused(pixels: NDArray[np.uint8], words: str) -> None:
    with pytest.raises(InputError, match=words):
        decode_labels(pillow_bytes(pixels), "ids")


def test_another_size_is_refused_before_anything_is_decoded() -> None:
    with pytest.raises(InputError, match="37x23 px, the sequence is 36x23 px"):
        decode_labels(encode_labels(SCENE), "ids", size=(23, 36))


def test_every_truncation_is_found() -> None:
    data = encode_labels(SCENE)
    for length in range(len(data)):
        with pytest.raises(InputError, match="cut off|empty|not a PNG"):
            decode_labels(data[:length], "ids", where="m.png")


def test_a_stream_cut_inside_an_intact_container_is_found() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in SCENE)
    stream = zlib.compress(rows)
    header = struct.pack(">IIBBBBB", 37, 23, 8, 0, 0, 0, 0)
    for body in (stream[:-6], stream[: len(stream) // 2], zlib.compress(rows[:-38])):
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body)
        with pytest.raises(InputError, match="cut off|fewer rows"):
            decode_labels(data + chunk(b"IEND", b""), "ids")


def test_more_rows_than_promised_are_refused() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in SCENE)
    with pytest.raises(InputError, match="more rows"):
        decode_labels(png(rows + rows[:38], 37, 23), "ids")


def test_a_flipped_bit_is_found() -> None:
    data = bytearray(encode_labels(SCENE))
    at = data.index(b"IDAT") + 10
    data[at] ^= 4
    with pytest.raises(InputError, match="damaged"):
        decode_labels(bytes(data), "ids")


def test_a_decompression_bomb_is_stopped() -> None:
    bomb = zlib.compress(bytes(80_000_000), 9)
    header = struct.pack(">IIBBBBB", 37, 23, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bomb)
    with pytest.raises(InputError, match="more rows"):
        decode_labels(data + chunk(b"IEND", b""), "ids")


def test_a_header_that_claims_a_huge_image_is_refused() -> None:
    data = png(b"\0", 60_000, 60_000)
    with pytest.raises(InputError, match="Mpx"):
        decode_labels(data, "ids")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff\xe0 a JPEG", "not a PNG"),
        (png(b"\0\0", 1, 1, interlace=1), "interlaced"),
        (png(b"\0\0", 1, 0), "invalid"),
        (png(b"\7\0", 1, 1), "row filter 7"),
        (png(b"\0\0", 1, 1, depth=8, colour=5), "invalid"),
    ],
)
def test_what_is_no_mask_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        decode_labels(data, "ids")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"00007\.png"):
        read_labels(tmp_path / "00007.png", "ids")
    with pytest.raises(InputError, match=r"00007\.png"):
        read_size(tmp_path / "00007.png")


@pytest.mark.parametrize(
    "labels",
    [np.zeros((2, 3), np.int64), np.zeros((2, 3, 1), np.uint8), np.zeros((0, 3), np.uint8)],
)
def test_only_label_maps_are_written(labels: NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match="H×W uint8"):
        encode_labels(labels)


def test_grey_with_an_opaque_alpha_is_grey(tmp_path: Path) -> None:
    planes = np.full((6, 7, 2), 255, np.uint8)
    planes[:3, :, 0] = 0
    path = tmp_path / "mask.png"
    Image.fromarray(planes).save(path)
    labels = read_labels(path, "binary")
    np.testing.assert_array_equal(labels, planes[..., 0] > 0)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"mask\.png"):
        read_labels(path, "binary")


def test_a_mask_of_davis_with_alpha_is_read(shared: Path) -> None:
    path = shared / "data" / "DAVIS2016" / "Annotations" / "480p" / "bear" / "00077.png"
    labels = read_labels(path, "binary", size=(480, 854))
    assert labels.any()
    assert not labels.all()
