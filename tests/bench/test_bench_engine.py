"""What the harness costs: frames per second from JPEG to PNG masks, the method doing nothing.

python -m pytest tests/bench/test_bench_engine.py --benchmark-enable --benchmark-only
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data as photos

from vosbench.data import open_dataset
from vosbench.engine import Listener, RunRequest, execute
from vosbench.plugins import resolve_methods

FRAMES = 60


class Silent(Listener):
    """Hears nothing."""


@pytest.fixture
def clip_root(tmp_path: Path) -> Path:
    """A 480x854 clip: a photograph that moves, stored as JPEG, with one object."""
    images = tmp_path / "data" / "JPEGImages" / "480p" / "clip"
    masks = tmp_path / "data" / "Annotations" / "480p" / "clip"
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    photo = np.tile(photos.astronaut(), (2, 3, 1))
    labels = np.zeros((480, 854), np.uint8)
    labels[100:300, 200:500] = 1
    for index in range(FRAMES):
        frame = photo[index : index + 480, 2 * index : 2 * index + 854]
        Image.fromarray(np.ascontiguousarray(frame)).save(images / f"{index:05d}.jpg", quality=90)
        Image.fromarray(labels).save(masks / f"{index:05d}.png")
    listing = tmp_path / "data" / "ImageSets" / "2017" / "val.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("clip\n")
    return tmp_path / "data"


def test_frames_per_second_of_the_harness(benchmark: Any, clip_root: Path, tmp_path: Path) -> None:
    method = resolve_methods(["baseline-first-mask"])[0]
    dataset = open_dataset("davis2017", split="val", root=clip_root)
    request = RunRequest(method=method, dataset=dataset, out=tmp_path / "runs", fresh=True)
    root, record = benchmark(execute, request, Silent())
    assert record.status == "complete"
    assert len(list(root.glob("masks/clip/*.png"))) == FRAMES
    if benchmark.stats is not None:
        benchmark.extra_info["frames_per_second"] = FRAMES / benchmark.stats.stats.median
