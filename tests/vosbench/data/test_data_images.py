from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vosbench.data import read_frame, read_image_size
from vosbench.errors import InputError


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_lossless_frames_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(pixels).save(path, lossless=True)
    frame = read_frame(path, size=(7, 9))
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert frame.flags.writeable
    np.testing.assert_array_equal(frame, pixels)
    assert read_image_size(path) == (7, 9)


def test_jpeg_is_close(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (16, 8), (200, 50, 20)).save(path, quality=95)
    assert np.abs(read_frame(path).astype(int) - (200, 50, 20)).max() <= 3


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("LA", (80, 10), (80, 80, 80)),
        ("RGBA", (10, 20, 30, 0), (10, 20, 30)),
        ("I;16", 0x1234, (0x12, 0x12, 0x12)),
    ],
)
def test_other_pixel_types_become_rgb(
    tmp_path: Path, mode: str, colour: int | tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    path = tmp_path / "a.png"
    Image.new(mode, (4, 3), colour).save(path)
    np.testing.assert_array_equal(read_frame(path), np.broadcast_to(expected, (3, 4, 3)))


@pytest.mark.parametrize("transparent", [False, True])
def test_palette_is_looked_up(tmp_path: Path, transparent: bool) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    extra = {"transparency": bytes([0, 128])} if transparent else {}
    image.save(tmp_path / "a.png", **extra)
    assert read_frame(tmp_path / "a.png").tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_cmyk_jpeg_is_converted(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)
    red, green, blue = read_frame(path)[8, 8].tolist()
    assert red > 230
    assert max(green, blue) < 25


def test_exif_orientation_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image = Image.new("RGB", (10, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    assert read_frame(path).shape == (4, 10, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=str(path)):
        read_frame(path)


@pytest.mark.parametrize("content", [b"", b"not an image", b"GIF89a" + bytes(50)])
def test_other_formats_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    for read in (read_frame, read_image_size):
        with pytest.raises(InputError, match="is no JPEG, PNG, WEBP image"):
            read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_frame(tmp_path / "a.jpg")


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="is 3x4 px, expected 4x3"):
        read_frame(tmp_path / "a.png", size=(4, 3))


@pytest.mark.parametrize("side", [9000, 60000])
def test_a_giant_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    data += struct.pack(">I", zlib.crc32(chunk))
    body = zlib.compress(b"\0")
    chunk = b"IDAT" + body
    data += struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InputError, match=r"px, more than|larger than"):
        read_frame(tmp_path / "a.png")


def test_an_animation_is_refused(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second])
    with pytest.raises(InputError, match="animation"):
        read_frame(tmp_path / "a.webp")
