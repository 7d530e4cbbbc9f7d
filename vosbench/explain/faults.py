"""Faults put into true masks on purpose, each with the cause that a diagnosis should name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.data.masks.labels import MaskRead, VoidUse
from vosbench.types import LabelKind
from vosbench.types import Sequence as Clip

__all__ = ["FAULTS", "ArrayMasks", "Fault", "Labels", "source_of"]

Labels: TypeAlias = NDArray[np.uint8]


class ArrayMasks:
    """Masks in memory, as `open_masks` would give them."""

    location = Path("memory")
    notes = ()

    def __init__(self, masks: dict[str, dict[str, Labels]]) -> None:
        self._masks = masks

    def sequences(self) -> tuple[str, ...]:
        """Names, sorted."""
        return tuple(sorted(self._masks))

    def frames(self, sequence: str) -> tuple[str, ...]:
        """Names of a sequence's frames, sorted."""
        return tuple(sorted(self._masks.get(sequence, {})))

    def describe(self, sequence: str, frame: str) -> str:
        """How a mask is named in messages."""
        return f"memory/{sequence}/{frame}.png"

    def read(
        self,
        sequence: str,
        frame: str,
        kind: LabelKind,
        *,
        size: tuple[int, int] | None = None,
        single_object: bool = False,
        void: VoidUse = "refuse",
    ) -> MaskRead:
        """The mask as it is."""
        return MaskRead(self._masks[sequence][frame], "")


def source_of(clip: Clip, masks: Sequence[Labels]) -> ArrayMasks:
    """Masks of one clip."""
    names = [frame.name for frame in clip.frames]
    return ArrayMasks({clip.name: dict(zip(names, masks, strict=True))})


def _erosion(truth: Sequence[Labels], one: int) -> list[Labels]:
    from scipy import ndimage

    masks = []
    for labels in truth:
        mask = ndimage.binary_erosion(labels == one)
        masks.append(np.where((labels == one) & ~mask, 0, labels).astype(np.uint8))
    return masks


def _shift(truth: Sequence[Labels], one: int) -> list[Labels]:
    from scipy import ndimage

    masks = []
    for labels in truth:
        mask = labels == one
        by = max(3, round(0.3 * np.sqrt(mask.sum())))
        moved = ndimage.shift(mask.astype(np.uint8), (by, 0), order=0) > 0
        free = np.where(mask, 0, labels)
        masks.append(np.where(moved & (free == 0), one, free).astype(np.uint8))
    return masks


def _swap(truth: Sequence[Labels], one: int) -> list[Labels]:
    table = np.arange(256, dtype=np.uint8)
    table[[one, one + 1]] = (one + 1, one)
    late = len(truth) // 2
    return [table[labels] if t >= late else labels for t, labels in enumerate(truth)]


def _drop(truth: Sequence[Labels], one: int) -> list[Labels]:
    late = len(truth) // 3
    return [np.where((t >= late) & (m == one), 0, m).astype(np.uint8) for t, m in enumerate(truth)]


def _hallucination(truth: Sequence[Labels], one: int) -> list[Labels]:
    masks: list[Labels] = []
    last = truth[0] == one
    for labels in truth:
        present = labels == one
        last = present if present.any() else last
        masks.append(np.where(last & (labels == 0), one, labels).astype(np.uint8))
    return masks


def _blob(truth: Sequence[Labels], one: int) -> list[Labels]:
    from scipy import ndimage

    masks = []
    for labels in truth:
        side = max(3, round(0.6 * np.sqrt((labels == one).sum())))
        # where it is farthest from everything else
        depth = ndimage.distance_transform_edt(np.pad(labels == 0, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), labels.shape)
        mask = labels.copy()
        window = (slice(max(y - side // 2, 0), y + side), slice(max(x - side // 2, 0), x + side))
        mask[window] = np.where(labels[window] == 0, one, labels[window])
        masks.append(mask)
    return masks


def _hole(truth: Sequence[Labels], one: int) -> list[Labels]:
    from scipy import ndimage

    masks = []
    for labels in truth:
        depth = ndimage.distance_transform_edt(labels == one)
        masks.append(np.where(depth > 0.4 * max(depth.max(), 1), 0, labels).astype(np.uint8))
    return masks


def _freeze(truth: Sequence[Labels], one: int) -> list[Labels]:
    late = len(truth) // 4
    masks = []
    for t, labels in enumerate(truth):
        if t < late:
            masks.append(labels)
            continue
        free = np.where(labels == one, 0, labels)
        masks.append(np.where(truth[late] == one, one, free).astype(np.uint8))
    return masks


def _lag(truth: Sequence[Labels], one: int) -> list[Labels]:
    masks = []
    for t, labels in enumerate(truth):
        free = np.where(labels == one, 0, labels)
        past = truth[max(t - 3, 0)] == one
        masks.append(np.where(past & (free == 0), one, free).astype(np.uint8))
    return masks


def _leak(truth: Sequence[Labels], one: int) -> list[Labels]:
    masks = []
    for labels in truth:
        other = labels == one + 1
        columns = np.flatnonzero(other.any(axis=0))
        part = other.copy()
        if columns.size:
            part[:, columns[0] + round(0.4 * columns.size) :] = False
        masks.append(np.where(part, one, labels).astype(np.uint8))
    return masks


def _merge(truth: Sequence[Labels], one: int) -> list[Labels]:
    return [np.where(labels == one + 1, one, labels).astype(np.uint8) for labels in truth]


@dataclass(frozen=True)
class Fault:
    """What is done to an object, and what should be found.

    Attributes:
        name: of the fault.
        make: from the true masks and the object's id to masks.
        cause: what a diagnosis should name.
        objects: how many objects it takes.
        absence: it takes an object that is absent for a while.
    """

    name: str
    make: Callable[[Sequence[Labels], int], list[Labels]]
    cause: str
    objects: int = 1
    absence: bool = False


FAULTS = (
    Fault("erosion", _erosion, "boundary"),
    Fault("shift", _shift, "displaced"),
    Fault("swap", _swap, "swap", objects=2),
    Fault("drop", _drop, "missed"),
    Fault("hallucination", _hallucination, "hallucinated", absence=True),
    Fault("stray blob", _blob, "background"),
    Fault("hole", _hole, "interior"),
    Fault("freeze", _freeze, "frozen"),
    Fault("lag", _lag, "lag"),
    Fault("leak", _leak, "identity", objects=2),
    Fault("merge", _merge, "merge", objects=2),
)
