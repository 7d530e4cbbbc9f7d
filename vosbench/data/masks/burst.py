"""Masks in one JSON file with run-length masks, in the form of the BURST benchmark.

`sequences` is a list; each entry has `seq_name`, `height`, `width`, `annotated_image_paths`, and
`segmentations`: one mapping per annotated image from object id to `{"rle": "<COCO counts>"}`. An
object without an entry is absent.
(Athar et al., WACV 2023; BURST-benchmark, ANNOTATION_FORMAT.md.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from vosbench.data.masks.labels import MaskRead, VoidUse
from vosbench.data.masks.png import MAX_PIXELS
from vosbench.data.masks.rle import decode_runs, parse_runs
from vosbench.errors import InputError
from vosbench.types import LabelKind

__all__ = ["BurstMasks"]

MAX_BYTES: Final = 1 << 31
_MAX_ID: Final = 254


@dataclass(frozen=True)
class _Clip:
    """Run-length masks of a sequence: frame name to object id to compressed counts."""

    height: int
    width: int
    frames: Mapping[str, Mapping[int, str]]


class BurstMasks:
    """Masks from a JSON file.

    Args:
        location: the file.

    Raises:
        InputError: the file is no such JSON.
    """

    def __init__(self, location: Path) -> None:
        self.location = location
        self.notes: tuple[str, ...] = ()
        try:
            if location.stat().st_size > MAX_BYTES:
                raise InputError(f"{location}: the file is larger than {MAX_BYTES >> 30} GiB.")
            content = json.loads(location.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{location}: this is no readable JSON file ({error}).") from error
        try:
            self._clips = _clips(content)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(
                f"{location}: the file does not have the form of BURST results ({error!r}).",
                hint="Expected: sequences, each with seq_name, height, width, "
                "annotated_image_paths and segmentations.",
            ) from error

    def sequences(self) -> tuple[str, ...]:
        """Names of the sequences present, sorted."""
        return tuple(sorted(self._clips))

    def frames(self, sequence: str) -> tuple[str, ...]:
        """Names of the frames present, sorted; empty for an unknown sequence."""
        clip = self._clips.get(sequence)
        return tuple(sorted(clip.frames)) if clip else ()

    def describe(self, sequence: str, frame: str) -> str:
        """How to name a mask in a message."""
        return f"{self.location}: {sequence}, frame {frame}"

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
        """Read one predicted mask; see `MaskSource.read`.

        Files like this one have neither void nor binary values, so `single_object` and `void`
        change nothing. A pixel claimed by several objects goes to the lowest id, which the note
        says.
        """
        del single_object, void
        where = self.describe(sequence, frame)
        clip = self._clips.get(sequence)
        if clip is None or frame not in clip.frames:
            raise InputError(f"{where}: the mask is missing.")
        if size is not None and (clip.height, clip.width) != size:
            raise InputError(
                f"{where}: the mask is {clip.width}x{clip.height} px, the sequence is "
                f"{size[1]}x{size[0]} px.",
                hint="Nothing is resized silently: write masks at the size of the ground truth.",
            )
        labels = np.zeros((clip.height, clip.width), np.uint8)
        overlap = False
        for object_id, counts in sorted(clip.frames[frame].items(), reverse=True):
            runs = parse_runs(counts, f"{where}, object {object_id}")
            mask = decode_runs(runs, clip.height, clip.width, f"{where}, object {object_id}")
            overlap = overlap or bool(labels[mask].any())
            labels[mask] = 1 if kind == "binary" else object_id
        merged = overlap and kind == "ids"
        note = "pixels claimed by several objects given to the lowest id" if merged else ""
        return MaskRead(labels, note)


def _clips(content: Any) -> dict[str, _Clip]:
    """Check and pick out what is needed.

    Raises:
        ValueError: contradictions in the file; other exceptions for missing or mistyped entries.
    """
    clips: dict[str, _Clip] = {}
    for entry in content["sequences"]:
        name, height, width = str(entry["seq_name"]), int(entry["height"]), int(entry["width"])
        if name in clips:
            raise ValueError(f"sequence {name} is there twice")
        if not (height > 0 and width > 0 and height * width <= MAX_PIXELS):
            raise ValueError(f"sequence {name} is {width}x{height} px")
        paths, masks = entry["annotated_image_paths"], entry["segmentations"]
        if len(paths) != len(masks):
            raise ValueError(f"sequence {name} has {len(paths)} images and {len(masks)} masks")
        frames: dict[str, dict[int, str]] = {}
        for path, objects in zip(paths, masks, strict=True):
            stem = PurePosixPath(path).stem
            if stem in frames:
                raise ValueError(f"frame {stem} of sequence {name} is there twice")
            frames[stem] = {int(key): str(value["rle"]) for key, value in objects.items()}
            if len(frames[stem]) < len(objects):
                raise ValueError(f"an object of {name}, frame {stem}, is there twice")
            if any(not 1 <= key <= _MAX_ID for key in frames[stem]):
                raise ValueError(f"object ids of {name}, frame {stem}, are not 1..{_MAX_ID}")
        clips[name] = _Clip(height, width, frames)
    return clips
