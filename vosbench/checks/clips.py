"""Tiny drawn clips on which any method must behave: made in memory, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vosbench.types import RGB, LabelMap

__all__ = [
    "ProbeClip",
    "long_clip",
    "one_object_of",
    "probe_clips",
    "shortened_clip",
    "with_other_future",
    "with_other_ids",
]


@dataclass(frozen=True)
class ProbeClip:
    """A clip with its whole truth.

    Attributes:
        name: for messages, and the seed of the clip.
        frames: H×W×3 uint8 each.
        truth: H×W uint8 each; frame 0 holds `object_ids` and no others.
        object_ids: ids given with the first frame.
        late: ids that start on a later frame, by frame index.
    """

    name: str
    frames: tuple[RGB, ...]
    truth: tuple[LabelMap, ...]
    object_ids: tuple[int, ...]
    late: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, px."""
        height, width = self.truth[0].shape
        return height, width


def probe_clips() -> tuple[ProbeClip, ...]:
    """One object, several with a gap in their ids, odd sizes and borders, absence, a late object.

    Two more are at the edge of what data hold: an object of a single pixel, which vanishes in the
    first resizing, and a first mask with none at all. Every clip has 5 frames.
    """
    return (
        _draw("one-object", (96, 160), {1: _path(30, 20, 40, 44, right=6)}, seed=1),
        _draw(
            "several-objects",
            (96, 160),
            {1: _path(10, 8, 30, 30, right=4), 3: _path(50, 60, 34, 40, right=-5)},
            seed=2,
        ),
        _draw("odd-size-at-border", (75, 101), {1: _path(0, 0, 31, 27, right=3)}, seed=3),
        _draw("object-leaves", (96, 160), {1: _path(20, 120, 40, 36, right=25)}, seed=4),
        _draw(
            "late-object",
            (96, 160),
            {1: _path(12, 10, 36, 36, right=5), 2: _path(52, 96, 32, 36, right=-4, start=2)},
            seed=5,
        ),
        _draw("one-pixel-object", (96, 160), {1: _path(40, 70, 1, 1, right=2)}, seed=6),
        _draw("empty-first-mask", (96, 160), {1: _path(0, 0, 0, 0, right=0)}, seed=7),
    )


def long_clip(frames: int) -> ProbeClip:
    """One object that hardly moves, for looking at what a session keeps."""
    return _draw("long", (96, 160), {1: _path(30, 20, 40, 44, right=1)}, seed=8, frames=frames)


@dataclass(frozen=True)
class _Path:
    """A rectangle that moves: top, left, height, width in px, px to the right per frame."""

    top: int
    left: int
    height: int
    width: int
    right: int
    start: int = 0


def _path(top: int, left: int, height: int, width: int, *, right: int, start: int = 0) -> _Path:
    return _Path(top, left, height, width, right, start)


def _draw(
    name: str, size: tuple[int, int], paths: dict[int, _Path], *, seed: int, frames: int = 5
) -> ProbeClip:
    random = np.random.default_rng(seed)
    background = random.integers(20, 120, (*size, 3), dtype=np.uint8)
    shown: list[RGB] = []
    truth: list[LabelMap] = []
    for index in range(frames):
        labels = np.zeros(size, np.uint8)
        for object_id, path in paths.items():
            left = path.left + path.right * index
            if index >= path.start and left < size[1]:
                rows = slice(path.top, path.top + path.height)
                labels[rows, max(left, 0) : max(left + path.width, 0)] = object_id
        rgb: NDArray[np.uint8] = background.copy()
        for object_id in paths:
            colour = np.array([80 * object_id % 256, 230, 255 - 60 * object_id], np.uint8)
            rgb[labels == object_id] = colour
        shown.append(rgb)
        truth.append(labels)
    given = tuple(one for one, path in paths.items() if path.start == 0)
    late: dict[int, tuple[int, ...]] = {}
    for one, path in paths.items():
        if path.start:
            late[path.start] = (*late.get(path.start, ()), one)
    return ProbeClip(name, tuple(shown), tuple(truth), given, late)


def shortened_clip(clip: ProbeClip, frames: int) -> ProbeClip:
    """The first frames of a clip."""
    late = {index: ids for index, ids in clip.late.items() if index < frames}
    return replace(clip, frames=clip.frames[:frames], truth=clip.truth[:frames], late=late)


def one_object_of(clip: ProbeClip, object_id: int) -> ProbeClip:
    """The clip as a single-object method gets it for one of its objects, which becomes object 1."""
    truth = tuple((labels == object_id).astype(np.uint8) for labels in clip.truth)
    return replace(clip, truth=truth, object_ids=(1,), late={})


def with_other_ids(clip: ProbeClip, ids: dict[int, int]) -> ProbeClip:
    """The clip with its objects called otherwise; it must have no late objects."""
    table = np.arange(256, dtype=np.uint8)
    for before, after in ids.items():
        table[before] = after
    renamed = tuple(sorted(int(table[one]) for one in clip.object_ids))
    return replace(clip, truth=tuple(table[labels] for labels in clip.truth), object_ids=renamed)


def with_other_future(clip: ProbeClip, *, after: int) -> ProbeClip:
    """The clip with other images and no objects from frame `after` + 1 on."""
    random = np.random.default_rng(99)
    frames = list(clip.frames)
    truth = list(clip.truth)
    for index in range(after + 1, len(frames)):
        frames[index] = random.integers(0, 256, frames[index].shape, dtype=np.uint8)
        truth[index] = np.zeros_like(truth[index])
    late = {index: ids for index, ids in clip.late.items() if index <= after}
    return replace(clip, frames=tuple(frames), truth=tuple(truth), late=late)
