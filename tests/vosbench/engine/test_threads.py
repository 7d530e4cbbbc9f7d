"""Decoding ahead and writing behind: order, bounds, and errors that are not lost."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vosbench.engine import prefetch as prefetch_module
from vosbench.engine import writer as writer_module
from vosbench.engine.prefetch import decode_ahead
from vosbench.engine.writer import MaskWriter
from vosbench.errors import InputError
from vosbench.timing import Trace
from vosbench.types import RGB, FrameRef


def frames(folder: Path, count: int) -> list[FrameRef]:
    made = []
    for index in range(count):
        path = folder / f"{index:05d}.png"
        Image.fromarray(np.full((4, 6, 3), index, np.uint8)).save(path)
        made.append(FrameRef(path.stem, path, None))
    return made


def test_frames_come_in_order_and_few_are_decoded_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = prefetch_module.read_frame
    decoded: list[str] = []

    def slow_for_even(path: Path) -> RGB:
        time.sleep(0.02 if int(path.stem) % 2 == 0 else 0)
        decoded.append(path.stem)
        return read(path)

    monkeypatch.setattr(prefetch_module, "read_frame", slow_for_even)
    source = decode_ahead(
        frames(tmp_path, 12),
        size=(4, 6),
        kind="ids",
        labels_for=frozenset(),
        trace=Trace("s"),
        ahead=3,
    )
    for index, item in enumerate(source):
        time.sleep(0.01)
        assert (item.rgb == index).all()
        assert len(decoded) <= index + 1 + 3
    assert len(decoded) == 12


def test_bad_frame_is_raised_at_its_place(tmp_path: Path) -> None:
    made = frames(tmp_path, 6)
    Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save(tmp_path / "00004.png")
    seen = []
    with pytest.raises(InputError, match=r"00004\.png is 6x5 px"):
        for item in decode_ahead(
            made, size=(4, 6), kind="ids", labels_for=frozenset(), trace=Trace("s")
        ):
            seen.append(item.ref.name)  # noqa: PERF401 - what was seen before the error matters
    assert seen == ["00000", "00001", "00002", "00003"]


def test_masks_are_written_with_their_digests(tmp_path: Path) -> None:
    with MaskWriter(tmp_path / "m", trace=Trace("s")) as writer:
        for index in range(5):
            writer.put(f"{index:05d}", np.full((4, 6), index, np.uint8))
        digests = writer.finish()
    assert list(digests) == [f"{index:05d}" for index in range(5)]
    for name, digest in digests.items():
        content = (tmp_path / "m" / f"{name}.png").read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert (np.asarray(Image.open(tmp_path / "m" / f"{name}.png")) == int(name)).all()


def test_a_mask_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer_module, "encode_labels", refuse)
    with pytest.raises(OSError, match="No space"), MaskWriter(tmp_path, trace=Trace("s")) as writer:
        writer.put("00000", np.zeros((4, 6), np.uint8))
        writer.finish()


def test_a_slow_disk_holds_the_loop_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def wait(_: object) -> bytes:
        release.wait(10)
        return b""

    monkeypatch.setattr(writer_module, "encode_labels", wait)
    put = []
    with MaskWriter(tmp_path, trace=Trace("s"), waiting=3) as writer:

        def fill() -> None:
            for index in range(6):
                writer.put(str(index), np.zeros((4, 6), np.uint8))
                put.append(index)

        thread = threading.Thread(target=fill)
        thread.start()
        time.sleep(0.2)
        assert len(put) == 3, "the fourth mask must wait for room"
        release.set()
        thread.join(10)
    assert len(put) == 6
