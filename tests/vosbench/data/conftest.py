"""Small DAVIS-like trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 12, 20


def mask_of(*ids: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A mask with a 4x3 block per id, side by side."""
    labels = np.zeros((height, width), dtype=np.uint8)
    for place, value in enumerate(ids):
        labels[2:6, 1 + 4 * place : 4 + 4 * place] = value
    return labels


def save_mask(path: Path, labels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path)


def save_image(path: Path, *, height: int = HEIGHT, width: int = WIDTH) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = sum(path.as_posix().encode()) % 200
    Image.new("RGB", (width, height), (shade, 100, 50)).save(path)


@dataclass(frozen=True)
class Tree:
    """A data set on disk below `root`."""

    root: Path
    resolution: str = "480p"

    mask_of = staticmethod(mask_of)
    save_mask = staticmethod(save_mask)
    save_image = staticmethod(save_image)

    def images(self, sequence: str) -> Path:
        return self.root / "JPEGImages" / self.resolution / sequence

    def masks(self, sequence: str) -> Path:
        return self.root / "Annotations" / self.resolution / sequence

    def add(
        self,
        sequence: str,
        *,
        frames: int = 3,
        ids: Sequence[int] = (1,),
        suffix: str = ".jpg",
        annotated: int | None = None,
    ) -> Tree:
        """Write a sequence with masks for the first `annotated` frames (default: all)."""
        for number in range(frames):
            save_image(self.images(sequence) / f"{number:05d}{suffix}")
            if annotated is None or number < annotated:
                save_mask(self.masks(sequence) / f"{number:05d}.png", mask_of(*ids))
        return self

    def list_of(self, path: str, *lines: str) -> Tree:
        target = self.root / "ImageSets" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self


@pytest.fixture
def davis2016(tmp_path: Path) -> Tree:
    """Two sequences with masks 0/255 and a list of names."""
    tree = Tree(tmp_path / "DAVIS2016")
    tree.add("bear", ids=(255,)).add("camel", ids=(255,), frames=4)
    return tree.list_of("480p/val.txt", "bear", "camel")


@pytest.fixture
def davis2017(tmp_path: Path) -> Tree:
    """One sequence with two objects."""
    tree = Tree(tmp_path / "DAVIS2017")
    return tree.add("judo", ids=(1, 2)).list_of("2017/val.txt", "judo")


@pytest.fixture
def tree_at(tmp_path: Path) -> Callable[..., Tree]:
    """Make an empty tree in a folder of its own."""

    def make(name: str = "data", resolution: str = "480p") -> Tree:
        return Tree(tmp_path / name, resolution)

    return make
