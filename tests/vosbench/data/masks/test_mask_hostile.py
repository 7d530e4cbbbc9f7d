"""Damaged and malicious mask files give a named error or the right mask, never anything else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vosbench.data.masks import decode_labels, encode_labels, open_masks
from vosbench.errors import InputError

LABELS = np.zeros((19, 33), np.uint8)
LABELS[3:9, 4:20] = 1
LABELS[10:15, 8:30] = 3
GOOD = encode_labels(LABELS)


def pillow_file() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(LABELS).save(stream, "PNG", optimize=True)
    return stream.getvalue()


@settings(max_examples=250, deadline=None)
@given(st.data(), st.sampled_from([GOOD, pillow_file()]))
def test_changed_bytes_never_change_the_mask_silently(data: st.DataObject, good: bytes) -> None:
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    try:
        labels = decode_labels(bytes(changed), "ids")
    except InputError:
        return
    assert np.array_equal(labels, LABELS)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    for prefix in (b"", GOOD[:8], GOOD[:33]):
        with pytest.raises(InputError):
            decode_labels(prefix + data, "ids")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_changed_archives_never_change_a_mask_silently(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/00000.png", GOOD)
        archive.writestr("a/00001.png", GOOD)
    changed = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    path: Path = tmp_path_factory.mktemp("zip") / "masks.zip"
    path.write_bytes(changed)
    try:
        labels = open_masks(path).read("a", "00000", "ids", size=LABELS.shape).labels
    except InputError:
        return
    assert np.array_equal(labels, LABELS)
