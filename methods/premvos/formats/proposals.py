"""Proposal files of the official pipeline: one JSON list per frame.

Every stage adds keys to the objects of the list (folders below `output/intermediate`):

| folder | keys |
|---|---|
| `general_proposals`, `specific_proposals`, `combined_proposals` | `bbox` [x, y, w, h], `score` |
| `refined_proposals` | + `segmentation` (COCO run lengths), `conf_score` (a number as text) |
| `ReID_proposals` | + `ReID` (128 numbers; absent for empty masks) |

Other keys are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np

from vosbench.errors import InputError

from ..merging import Box, Embedding, Mask
from .rle import decode_segmentation, encode_segmentation

__all__ = ["EMBEDDING_LENGTH", "Proposal", "combine_proposals", "read_proposals", "write_proposals"]

EMBEDDING_LENGTH: Final = 128
_MOST_BYTES: Final = 1 << 28


@dataclass(frozen=True)
class Proposal:
    """Something on a frame that may be an object.

    Attributes:
        box: as the detector gave it, not the mask's.
        score: of the detector; 0.5 and less count as no object in the merging.
        mask: H×W, or None before refinement.
        confidence: of the refinement, as the text it is stored as; the merging does not use it.
        embedding: appearance, or None where it was not computed.
    """

    box: Box
    score: float
    mask: Mask | None = None
    confidence: str | None = None
    embedding: Embedding | None = None


def read_proposals(path: Path, *, size: tuple[int, int] | None = None) -> list[Proposal]:
    """Read the proposals of a frame, of any stage.

    Args:
        path: JSON file.
        size: height and width in px that the masks must have, or None for any.

    Raises:
        InputError: the file is missing or damaged, or an entry is not what its stage writes.
    """
    content = _json(path)
    if not isinstance(content, list):
        raise InputError(f"{path}: expected a list of proposals, found {_kind(content)}")
    return [
        _proposal(entry, size=size, where=f"{path}: proposal {place}")
        for place, entry in enumerate(content)
    ]


def write_proposals(path: Path, proposals: Sequence[Proposal]) -> None:
    """Write the proposals of a frame; keys of stages that are still to come are left out."""
    content = []
    for one in proposals:
        entry: dict[str, Any] = {"bbox": list(one.box), "score": one.score}
        if one.mask is not None:
            entry["segmentation"] = encode_segmentation(one.mask)
        if one.confidence is not None:
            entry["conf_score"] = one.confidence
        if one.embedding is not None:
            entry["ReID"] = one.embedding.tolist()
        content.append(entry)
    path.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def combine_proposals(
    general: Sequence[Proposal], specific: Sequence[Proposal]
) -> tuple[Proposal, ...]:
    """The `combined_proposals` of a frame; the order counts, for equals are told apart by it."""
    return (*general, *specific)


def _json(path: Path) -> object:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is larger than {_MOST_BYTES} bytes, which no frame needs")
        content: object = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except OSError as error:
        raise InputError(f"proposals {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not valid JSON: {error}", hint="The file is damaged; write it again."
        ) from error
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _proposal(entry: object, *, size: tuple[int, int] | None, where: str) -> Proposal:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: expected an object, found {_kind(entry)}")
    missing = sorted({"bbox", "score"} - entry.keys())
    if missing:
        raise InputError(f"{where} has no {' and no '.join(missing)}")
    mask = confidence = embedding = None
    if "segmentation" in entry:
        mask = decode_segmentation(entry["segmentation"], size=size, where=f"{where}, segmentation")
    if "conf_score" in entry:
        confidence = _number_as_text(entry["conf_score"], f"{where}, conf_score")
    if "ReID" in entry:
        embedding = np.array(_numbers(entry["ReID"], EMBEDDING_LENGTH, f"{where}, ReID"))
    box = Box(*_numbers(entry["bbox"], 4, f"{where}, bbox"))
    if box.width < 0 or box.height < 0:
        raise InputError(f"{where}, bbox: width {box.width} and height {box.height} are below 0")
    return Proposal(box, _number(entry["score"], f"{where}, score"), mask, confidence, embedding)


def _number(value: object, where: str) -> float:
    number = float("nan")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{where}: expected a finite number, found {str(value)[:40]!r}")
    return number


def _numbers(value: object, count: int, where: str) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        found = f"{len(value)}" if isinstance(value, list) else _kind(value)
        raise InputError(f"{where}: expected {count} numbers, found {found}")
    return [_number(one, f"{where}[{place}]") for place, one in enumerate(value)]


def _number_as_text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: expected a number as text, found {_kind(value)}")
    try:
        float(value)
    except ValueError as error:
        raise InputError(f"{where}: expected a number as text, found {value[:40]!r}") from error
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a number")
