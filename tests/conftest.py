"""Fixtures that many tests share."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

REPOSITORY = Path(__file__).parent.parent
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(autouse=True)
def _no_user_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test sees the user's configuration, data or cache."""
    for name in list(os.environ):
        if name.startswith("VOSBENCH_DATA") or name == "VOSBENCH_CACHE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real data; the test is skipped where it is missing."""
    folder = Path(os.environ.get("VOSBENCH_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "DAVIS2016").is_dir():
        pytest.skip(f"no real data under {folder}; set VOSBENCH_SHARED to their place")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Playwright's handle of Chromium as the system has it; none is downloaded.

    One for all tests: Playwright runs its own event loop, and a process can have one at a time.
    """
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright here: pip install vosbench[dev]"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here: install one of {', '.join(names)}")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=found, args=BROWSER_FLAGS)
        yield launched
        launched.close()


MakeDavis = Callable[..., Path]


@pytest.fixture
def make_davis(tmp_path: Path) -> MakeDavis:
    """Make a small DAVIS-2017-like tree of moving squares: `make_davis({"name": frames})`."""

    def make(
        sequences: dict[str, int],
        *,
        objects: int = 2,
        size: tuple[int, int] = (48, 64),
        root: Path | None = None,
        split: str = "val",
    ) -> Path:
        root = root or tmp_path / "DAVIS"
        for at, (name, frames) in enumerate(sequences.items()):
            _sequence(root, name, frames, objects=objects, size=size, seed=at)
        listing = root / "ImageSets" / "2017" / f"{split}.txt"
        listing.parent.mkdir(parents=True, exist_ok=True)
        listing.write_text("".join(f"{name}\n" for name in sequences))
        return root

    return make


def _sequence(
    root: Path, name: str, frames: int, *, objects: int, size: tuple[int, int], seed: int
) -> None:
    images = root / "JPEGImages" / "480p" / name
    masks = root / "Annotations" / "480p" / name
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    random = np.random.default_rng(seed)
    background = random.integers(0, 120, (*size, 3), dtype=np.uint8)
    palette = [*random.integers(0, 256, 3 * 256).tolist()]
    for index in range(frames):
        labels = np.zeros(size, np.uint8)
        for one in range(1, objects + 1):
            top = 4 + (one - 1) * (size[0] - 8) // objects
            left = 4 + 2 * index + 3 * one
            labels[top : top + 14, left : left + 16] = one
        rgb = background.copy()
        rgb[labels > 0] = 130 + 40 * labels[labels > 0, None]
        Image.fromarray(rgb).save(images / f"{index:05d}.jpg", quality=92)
        _save_indexed(masks / f"{index:05d}.png", labels, palette)


def _save_indexed(path: Path, labels: NDArray[np.uint8], palette: list[int]) -> None:
    image = Image.fromarray(labels)
    image.putpalette(palette)
    image.save(path)


@pytest.fixture(scope="session")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third party's package, installed by pip into a folder of its own; put it on PYTHONPATH."""
    source = tmp_path_factory.mktemp("thirdparty") / "source"
    shutil.copytree(REPOSITORY / "tests" / "support" / "thirdparty", source)
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(site), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return site


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class RunVosbench:
    """Runs `vosbench` as a user does: in a process of its own."""

    def __init__(self, folder: Path, site: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(site), "CUDA_VISIBLE_DEVICES": ""}

    def __call__(self, *words: str | Path, check: int | None = 0) -> Result:
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        if check is not None:
            assert process.returncode == check, f"exit {process.returncode}\n{out}\n{err}"
        return Result(process.returncode, out, err)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "vosbench", *map(str, words)]
        # A shell starts background jobs with Ctrl-C ignored, and children inherit that. Popen takes
        # over what is set at this moment, so a test can interrupt wherever the suite itself runs.
        inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, inherited)


@pytest.fixture
def vosbench(tmp_path: Path, third_party: Path) -> RunVosbench:
    """The command, run in `tmp_path` with a third party's method installed beside it."""
    return RunVosbench(tmp_path, third_party)
