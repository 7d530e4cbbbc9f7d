"""Neighbourhoods of boundary pixels, and growing masks by them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.morphology import disk as skimage_footprint

from vosbench.metrics.bits import pack_rows
from vosbench.metrics.disks import Disk, dilate, round_disk, skimage_disk


def grown_by(pixels: NDArray[np.bool_], disk: Disk) -> NDArray[np.bool_]:
    """`dilate` on an unpacked mask."""
    height, width = pixels.shape
    words = -(-(width + disk.reach) // 64)
    padded = np.zeros((1, height, words * 64), np.bool_)
    padded[0, :, :width] = pixels
    words_out = dilate(pack_rows(padded), disk)
    bits = np.unpackbits(words_out.astype("<u8").view(np.uint8), bitorder="little")
    return bits.reshape(height, -1)[:, :width].astype(np.bool_)


def grown_like_opencv(pixels: NDArray[np.bool_], footprint: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Dilation as OpenCV defines it: a pixel takes the maximum over source pixels under the
    footprint, whose anchor is at half its size, rounded down."""
    height, width = pixels.shape
    anchor = footprint.shape[0] // 2
    out = np.zeros_like(pixels)
    for dy, dx in np.argwhere(footprint) - anchor:
        for y, x in np.argwhere(pixels):
            if 0 <= y - dy < height and 0 <= x - dx < width:
                out[y - dy, x - dx] = True
    return out


DOTS = np.random.default_rng(5).random((45, 150)) < 0.004


@pytest.mark.parametrize("radius", [1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 18, 36, 70])
def test_growing_by_whole_radii(radius: int) -> None:
    expected = grown_like_opencv(DOTS, skimage_footprint(radius))
    assert np.array_equal(grown_by(DOTS, round_disk(radius)), expected)


@pytest.mark.parametrize("radius", [0.8, 2.5, 7.837, 8.0, 8.2, 9.79, 11.749, 12.3, 17.6])
def test_growing_by_fractional_radii_as_the_mosev2_tool(radius: float) -> None:
    expected = grown_like_opencv(DOTS, skimage_footprint(radius))
    assert np.array_equal(grown_by(DOTS, skimage_disk(radius)), expected)


@pytest.mark.parametrize("column", [0, 1, 2, 5])
@pytest.mark.parametrize("radius", [2, 9, 10, 12, 22, 36, 7.837, 9.79, 17.6])
def test_growing_from_the_first_row_beside_the_left_edge(radius: float, column: int) -> None:
    dot = np.zeros((40, 90), np.bool_)
    dot[0, column] = True
    disk = round_disk(radius) if isinstance(radius, int) else skimage_disk(radius)
    expected = grown_like_opencv(dot, skimage_footprint(radius))
    assert np.array_equal(grown_by(dot, disk), expected)


def test_the_fractional_disk_at_480p_is_smaller_and_off_centre() -> None:
    fractional = skimage_disk(0.008 * float(np.linalg.norm((480, 854))))
    assert sum(last - first + 1 for _, first, last in fractional.rows) == 191
    assert sum(last - first + 1 for _, first, last in round_disk(8).rows) == 197
    turned = {(-y, -last, -first) for y, first, last in fractional.rows}
    assert turned != set(fractional.rows)
