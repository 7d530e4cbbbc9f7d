"""Clips in memory: a benchmark times methods, not the decoding of images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vosbench.data import read_frame
from vosbench.data.masks import read_labels
from vosbench.errors import InputError
from vosbench.types import RGB, ClipInfo, LabelMap, Sequence

__all__ = ["BenchClip", "load_clip", "with_objects"]

_VOID = 255


@dataclass(frozen=True, eq=False)
class BenchClip:
    """Decoded frames of one sequence.

    Attributes:
        info: what a method may know.
        frames: H×W×3 uint8 each.
        labels: H×W uint8, the given masks of the first frame.
    """

    info: ClipInfo
    frames: tuple[RGB, ...]
    labels: LabelMap

    def frame(self, index: int) -> RGB:
        """Frame `index` of the clip played back and forth without end."""
        last = len(self.frames) - 1
        if last == 0:
            return self.frames[0]
        at = index % (2 * last)
        return self.frames[at if at <= last else 2 * last - at]


def load_clip(sequence: Sequence, frames: int) -> BenchClip:
    """Decode the first frames of a sequence and its first masks.

    Raises:
        InputError: for an image or mask that cannot be read.
    """
    first = sequence.frames[0]
    if first.annotation is None:
        raise InputError(f"{sequence.name}: frame {first.name} has no annotation to start from")
    decoded = []
    for ref in sequence.frames[:frames]:
        if ref.image is None:
            raise InputError(f"{sequence.name}: frame {ref.name} has no image")
        decoded.append(np.ascontiguousarray(read_frame(ref.image)))
    size = (sequence.height, sequence.width)
    labels = read_labels(first.annotation, sequence.label_kind, size=size)
    known = np.isin(labels, sequence.object_ids) & (labels != _VOID)
    info = ClipInfo(sequence.name, sequence.height, sequence.width, sequence.object_ids)
    return BenchClip(info, tuple(decoded), np.where(known, labels, np.uint8(0)))


def with_objects(clip: BenchClip, count: int) -> BenchClip:
    """The clip with `count` made-up objects: ellipses on a grid, a sixth of the frame in size.

    They are no objects of the video; what is measured is the cost of following so many.
    """
    height, width = clip.labels.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = int(np.ceil(count / columns))
    y, x = np.mgrid[0:height, 0:width]
    labels = np.zeros((height, width), np.uint8)
    for one in range(count):
        centre_x = (one % columns + 0.5) * width / columns
        centre_y = (one // columns + 0.5) * height / rows
        radius_x = min(width / 12, width / columns / 2.2)
        radius_y = min(height / 12, height / rows / 2.2)
        inside = ((x - centre_x) / radius_x) ** 2 + ((y - centre_y) / radius_y) ** 2 <= 1
        labels[inside] = one + 1
    name = f"{clip.info.name} with {count} made-up objects"
    info = replace(clip.info, name=name, object_ids=tuple(range(1, count + 1)))
    return BenchClip(info, clip.frames, labels)
