"""The report of a small run that has all that a report can show."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

FRAMES = 14
NAMES = ("ant", "bear", "cat", "dog")
SIZE = (72, 96)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report of a run by the command line: diagnosed, with frames, soft masks and a video."""
    root = tmp_path_factory.mktemp("drawn")
    data = root / "DAVIS"
    for number, name in enumerate(NAMES):
        _sequence(data, name, shift=number)
    listing = data / "ImageSets" / "2017" / "val.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("".join(f"{name}\n" for name in NAMES))
    runs = root / "runs"
    dataset = ("--dataset", "davis2017", "--data", data)
    _vosbench("run", "--method", "baseline-first-mask", *dataset, "--out", runs)
    (run,) = (path.parent for path in runs.rglob("run.json"))
    _vosbench("diagnose", run, "--data", data, "--attributes")
    _tell_more(run)
    _vosbench("report", run, "--data", data, "--frames", "all")
    return run / "report"


def _vosbench(*words: str | Path) -> None:
    from typer.testing import CliRunner

    from vosbench.cli.app import app

    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"


def _sequence(root: Path, name: str, *, shift: int) -> None:
    images = root / "JPEGImages" / "480p" / name
    masks = root / "Annotations" / "480p" / name
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    random = np.random.default_rng(shift)
    ground = random.integers(40, 160, (*SIZE, 3), dtype=np.uint8)
    for index in range(FRAMES):
        labels = np.zeros(SIZE, np.uint8)
        left = 4 + index * (1 + shift % 4)
        labels[8:32, left : left + 22] = 1
        labels[40:64, 60 - index : 84 - index] = 2
        frame = ground.copy()
        frame[labels == 1] = (220, 60, 60)
        frame[labels == 2] = (60, 200, 80)
        Image.fromarray(frame).save(images / f"{index:05d}.jpg", quality=90)
        _save_labels(masks / f"{index:05d}.png", labels)


def _save_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    picture = Image.fromarray(labels)
    picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    picture.save(path)


def _tell_more(run: Path) -> None:
    """What only some methods leave: soft masks, windows and centres; and a video."""
    import pandas as pd

    from vosbench.store import RunPaths, encode_soft, write_table
    from vosbench.store.selfreport import SELF_COLUMNS

    paths = RunPaths(run)
    paths.sequence_soft("ant").mkdir(parents=True)
    rows = []
    for index in range(FRAMES):
        soft = np.zeros((2, *SIZE), np.float32)
        soft[0, 8:40, 4:40] = 0.8
        soft[1, 30:64, 30:84] = 0.9
        content = encode_soft(soft, [1, 2], labels_sha256="0" * 64)
        (paths.sequence_soft("ant") / f"{index:05d}.soft").write_bytes(content)
        rows.append((f"{index:05d}", 1, 2.0, 4.0, 50.0, 40.0, 20.0, 20.0, *[np.nan] * 3))
    write_table(paths.sequence_self("ant"), pd.DataFrame(rows, columns=list(SELF_COLUMNS)))
    av = pytest.importorskip("av", reason="no PyAV here: pip install vosbench[video]")
    (run / "videos").mkdir()
    with av.open(str(run / "videos" / "ant.webm"), "w") as file:
        stream = file.add_stream("libvpx-vp9", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for level in range(8):
            picture = np.full((*SIZE, 3), 20 * level, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    video = {
        "file": "ant.webm",
        "title": "Failure of ant",
        "caption": "object 1 is lost at frame 00007",
        "sequence": "ant",
        "first": 0,
        "last": 7,
        "poster": None,
        "width": 96,
        "height": 72,
        "seconds": 0.8,
    }
    (run / "videos" / "videos.json").write_text(json.dumps([video]))


class Watch:
    """What a page did while it was looked at."""

    def __init__(self, page: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda one: self.requests.append(one.url))
        page.on("requestfailed", lambda one: self.complaints.append(f"failed: {one.url}"))
        page.on("pageerror", lambda one: self.complaints.append(str(one)))
        page.on("dialog", lambda one: (self.complaints.append(one.message), one.dismiss()))
        page.on(
            "console",
            lambda one: (
                self.complaints.append(one.text) if one.type in ("error", "warning") else None
            ),
        )


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., tuple[Any, Watch]]]:
    """Open an address in a window of its own, and watch what it does."""
    contexts = []

    def open_(address: str, **settings: Any) -> tuple[Any, Watch]:
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        watch = Watch(page)
        page.goto(address)
        return page, watch

    yield open_
    for context in contexts:
        context.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder on this machine alone; gives its address."""
    servers = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
