"""Golden fixtures of the official code, and the stand-ins they were computed with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vosbench_methods.premvos.merging import Box, Embed, Embedding, Mask, Refine, tight_box


@pytest.fixture(scope="session")
def golden(shared: Path) -> Path:
    folder = shared / "reference" / "golden" / "premvos"
    if not folder.is_dir():
        pytest.skip(f"no golden fixtures of PReMVOS under {folder}")
    return folder


@dataclass(frozen=True)
class StandIns:
    """Closed formulas in the place of the two networks, as the fixtures' README defines them."""

    refine: Refine
    embed: Embed


def _features(area: float, box: Box) -> Embedding:
    x, y, width, height = box
    if area <= 0:
        return np.zeros(128)
    values = np.array([np.sqrt(area), width, height, (x + width / 2) / 4, (y + height / 2) / 4]) / 2
    place, wave = np.arange(128)[:, None] + 0.5, np.arange(1, 6)[None]
    cosines: NDArray[np.float64] = np.cos(np.pi * place * wave / 128) / 8
    return cosines @ values


def _embed_mask(masks: Sequence[Mask], boxes: Sequence[Box]) -> list[Embedding | None]:
    del boxes
    return [_features(float(np.count_nonzero(mask)), tight_box(mask)) for mask in masks]


def _embed_box(masks: Sequence[Mask], boxes: Sequence[Box]) -> list[Embedding | None]:
    del masks
    return [_features(box.width * box.height, box) for box in boxes]


def _grow(mask: Mask, box: Box) -> Mask:
    del box
    grown = np.pad(mask, 1)
    return mask | grown[:-2, 1:-1] | grown[2:, 1:-1] | grown[1:-1, :-2] | grown[1:-1, 2:]


STAND_INS = {
    "identity": StandIns(lambda mask, box: mask, _embed_mask),
    "grow": StandIns(_grow, _embed_box),
}


@pytest.fixture(params=sorted(STAND_INS))
def variant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def stand_ins(variant: str) -> StandIns:
    return STAND_INS[variant]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def units(golden: Path) -> Any:
    """Read a golden of single functions: `units("scores")`."""
    return lambda name: read_json(golden / "units" / f"{name}.json")
