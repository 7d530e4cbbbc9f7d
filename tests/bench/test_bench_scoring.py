"""Speed of the scoring path: writing and reading a mask, and counting a frame.

Run with `pytest tests/bench --benchmark-enable`; without it each is run once, as a test.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vosbench.data.masks import decode_labels, encode_labels
from vosbench.metrics import count_frame
from vosbench.types import LabelMap


def blob(shift: int) -> LabelMap:
    """Two ragged objects at 854x480, about as large as those of DAVIS."""
    y, x = np.mgrid[0:480, 0:854]
    angle = np.arctan2(y - 240, x - 300 - shift)
    distance = np.hypot(y - 240, x - 300 - shift)
    labels = (distance < 120 + 15 * np.sin(7 * angle)).astype(np.uint8)
    labels[(np.abs(y - 300) < 60 + 9 * np.sin(x / 11)) & (np.abs(x - 650 - shift) < 80)] = 2
    return labels


TRUTH, PREDICTION = blob(0), blob(4)


def test_encode(benchmark: Any) -> None:
    data = benchmark(encode_labels, TRUTH)
    assert len(data) < 10_000


def test_decode_unfiltered(benchmark: Any) -> None:
    labels = benchmark(decode_labels, encode_labels(TRUTH), "ids")
    assert np.array_equal(labels, TRUTH)


def test_decode_with_pillow_for_comparison(benchmark: Any) -> None:
    data = encode_labels(TRUTH)
    labels = benchmark(lambda: np.asarray(Image.open(io.BytesIO(data))))
    assert np.array_equal(labels, TRUTH)


@pytest.mark.parametrize("objects", [1, 2])
def test_count_frame(benchmark: Any, objects: int) -> None:
    ids = tuple(range(1, objects + 1))
    found = benchmark(count_frame, PREDICTION, TRUTH, ids)
    assert (found.counts > 0).all()
