"""The frames that a reader can step through: which sequences get them, and their layers on disk.

A sequence has its own folder, `frames/<anchor>/`, with one picture per frame and layer, named by
position because a frame's name may be anything. The page loads a picture only when it is looked at.
"""

from __future__ import annotations

import fnmatch
import io
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vosbench.data import is_safe_name, read_frame
from vosbench.data.masks import read_labels
from vosbench.errors import InputError, UsageError
from vosbench.report.events import Span
from vosbench.report.layers import Layer, errors_layer, prediction_layer, soft_layer, truth_layer
from vosbench.report.source import ObjectCurve, RunSource
from vosbench.report.text import count, plain
from vosbench.store import RunPaths, read_self_report, read_soft
from vosbench.types import LabelMap
from vosbench.types import Sequence as VideoSequence

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "FRAMES_BY_DEFAULT",
    "LAYERS",
    "Choice",
    "ViewerSequence",
    "choose_sequences",
    "draw_sequence",
    "viewer_data",
]

FRAMES_BY_DEFAULT: Final = 250
"""With `auto`, sequences get frames while they have no more than this together."""
LAYERS: Final = ("image", "prediction", "soft", "errors", "truth")
"""From the ground up."""

_LONGEST_SIDE_PX: Final = 640
_WEBP_QUALITY: Final = 60
_MOST_OBJECTS: Final = 24
_TOLD: Final = ("crop_left", "crop_top", "crop_right", "crop_bottom", "centre_x", "centre_y")


@dataclass(frozen=True)
class Choice:
    """Which sequences get frames.

    Attributes:
        names: sequence names, in the order in which they are offered.
        note: what was left out and how to get it, or empty.
    """

    names: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class ViewerSequence:
    """One sequence with frames on disk.

    Attributes:
        name: sequence name.
        anchor: fragment of its curve on the page, and name of its folder.
        frames: file stems, T.
        height: px of the video.
        width: px of the video.
        drawn: by layer, one character per frame: `1` where there is a picture, else `0`.
        told: by object id, per frame the window (left, top, right, bottom) and voted centre (x, y),
            px of the video, or None; empty where the method tells nothing.
        size: bytes of the pictures.
    """

    name: str
    anchor: str
    frames: tuple[str, ...]
    height: int
    width: int
    drawn: Mapping[str, str]
    told: Mapping[int, tuple[tuple[float | None, ...] | None, ...]]
    size: int

    @property
    def has_layers(self) -> tuple[str, ...]:
        """Layers of which at least one frame has a picture."""
        return tuple(name for name in LAYERS if "1" in self.drawn[name])


def choose_sequences(request: str, lengths: Mapping[str, int]) -> Choice:
    """Choose by what was asked for.

    Args:
        request: `auto` (the first that have `FRAMES_BY_DEFAULT` frames together), `all`, `none`, a
            number of sequences, or patterns of names with commas between them.
        lengths: frames of the sequences that could get some, those to offer first in front.

    Raises:
        UsageError: the patterns match nothing.
    """
    names = tuple(lengths)
    if request == "none":
        return Choice((), "No frames were asked for." if names else "")
    if request == "all" or not names:
        return Choice(names)
    if request.isdecimal():
        chosen = names[: int(request)]
    elif request == "auto":
        chosen = _within(lengths, FRAMES_BY_DEFAULT)
    else:
        patterns = [one.strip() for one in request.split(",") if one.strip()]
        chosen = tuple(n for n in names if any(fnmatch.fnmatchcase(n, p) for p in patterns))
        if not chosen:
            raise UsageError(
                f"--frames {request}: no sequence of the run has such a name",
                hint="say auto, all, none, a number, or names such as 'dog,car-*'",
            )
    if len(chosen) == len(names):
        return Choice(chosen)
    which = "with the lowest J" if request == "auto" or request.isdecimal() else "asked for"
    return Choice(
        chosen,
        f"Frames of {len(chosen)} of {count(len(names), 'sequence')} are here, those {which}. "
        "For all: vosbench report RUN --frames all",
    )


def _within(lengths: Mapping[str, int], most: int) -> tuple[str, ...]:
    chosen: list[str] = []
    total = 0
    for name, frames in lengths.items():
        if total + frames <= most:
            chosen.append(name)
            total += frames
    return tuple(chosen)


def draw_sequence(
    source: RunSource, sequence: VideoSequence, anchor: str, folder: Path
) -> ViewerSequence:
    """Draw the frames of one sequence into `folder`/frames/`anchor`.

    Layers without a single pixel get no file. A frame whose mask is missing has no prediction.

    Args:
        source: the run.
        sequence: its images and annotations; every frame has an image.
        anchor: name of the folder, of our own making.
        folder: the report.

    Raises:
        InputError: an image, annotation or mask cannot be read.
    """
    target = folder / "frames" / anchor
    target.mkdir(parents=True)
    artist = _Artist(source, sequence, target)
    # encoding leaves the interpreter, so that threads help
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        drawn = list(pool.map(artist.draw, range(len(sequence.frames))))
    return ViewerSequence(
        name=sequence.name,
        anchor=anchor,
        frames=tuple(frame.name for frame in sequence.frames),
        height=sequence.height,
        width=sequence.width,
        drawn={layer: "".join("1" if layer in one else "0" for one in drawn) for layer in LAYERS},
        told=_told(source, sequence),
        size=sum(sum(one.values()) for one in drawn),
    )


class _Artist:
    """Draws single frames; holds nothing that changes, so that threads may share it."""

    def __init__(self, source: RunSource, sequence: VideoSequence, target: Path) -> None:
        self._source = source
        self._sequence = sequence
        self._target = target
        self._soft = RunPaths(source.root).sequence_soft(sequence.name)
        scale = min(1.0, _LONGEST_SIDE_PX / max(sequence.width, sequence.height))
        self._shown = (
            max(1, round(sequence.width * scale)),
            max(1, round(sequence.height * scale)),
        )

    def draw(self, position: int) -> dict[str, int]:
        """Write the pictures of a frame; gives their sizes in bytes by layer."""
        frame = self._sequence.frames[position]
        if frame.image is None:
            raise InputError(f"{self._sequence.name} has no image of frame {frame.name}")
        size = (self._sequence.height, self._sequence.width)
        found = {"image": self._image(position, frame.image, size)}
        prediction = truth = None
        mask = self._source.mask(self._sequence.name, frame.name)
        if is_safe_name(frame.name) and mask.exists():
            prediction = self._small(read_labels(mask, "ids", size=size))
            found["prediction"] = self._save(position, "prediction", prediction_layer(prediction))
        if frame.annotation is not None:
            truth = self._small(read_labels(frame.annotation, self._sequence.label_kind, size=size))
            found["truth"] = self._save(position, "truth", truth_layer(truth))
        if prediction is not None and truth is not None:
            found["errors"] = self._save(position, "errors", errors_layer(prediction, truth))
        if is_safe_name(frame.name) and (self._soft / f"{frame.name}.soft").exists():
            found["soft"] = self._save(position, "soft", self._soft_layer(frame.name))
        return {layer: size for layer, size in found.items() if size}

    def _small(self, labels: LabelMap) -> LabelMap:
        from PIL import Image

        if self._shown == (labels.shape[1], labels.shape[0]):
            return labels
        picture = Image.fromarray(labels).resize(self._shown, Image.Resampling.NEAREST)
        return np.asarray(picture)

    def _soft_layer(self, name: str) -> Layer:
        from PIL import Image

        stored = read_soft(self._soft, name)
        planes = [
            np.asarray(Image.fromarray(plane).resize(self._shown, Image.Resampling.BILINEAR))
            for plane in stored.probabilities()
        ]
        empty = np.zeros((0, self._shown[1], self._shown[0]), np.float32)
        return soft_layer(np.stack(planes) if planes else empty, stored.object_ids)

    def _image(self, position: int, image: Path, size: tuple[int, int]) -> int:
        from PIL import Image

        picture: Image.Image = Image.fromarray(read_frame(image, size=size))
        if picture.size != self._shown:
            picture = picture.resize(self._shown, Image.Resampling.BILINEAR)
        content = io.BytesIO()
        picture.save(content, "WEBP", quality=_WEBP_QUALITY, method=2)
        return self._write(f"{position:05d}-image.webp", content.getvalue())

    def _save(self, position: int, name: str, layer: Layer) -> int:
        return 0 if layer.empty else self._write(f"{position:05d}-{name}.png", layer.png())

    def _write(self, name: str, content: bytes) -> int:
        (self._target / name).write_bytes(content)
        return len(content)


def _told(
    source: RunSource, sequence: VideoSequence
) -> dict[int, tuple[tuple[float | None, ...] | None, ...]]:
    """Windows and centres, rounded to tenths of a pixel."""
    table = read_self_report(RunPaths(source.root).sequence_self(sequence.name))
    if table is None:
        return {}
    position = {frame.name: at for at, frame in enumerate(sequence.frames)}
    told: dict[int, list[tuple[float | None, ...] | None]] = {}
    values = table[list(_TOLD)].to_numpy(np.float64)
    rows = zip(table["frame"], table["object_id"].tolist(), values.tolist(), strict=True)
    for frame, object_id, row in rows:
        at = position.get(str(frame))
        numbers = tuple(round(one, 1) if math.isfinite(one) else None for one in row)
        if at is None or all(one is None for one in numbers):
            continue
        told.setdefault(object_id, [None] * len(position))[at] = numbers
    return {object_id: tuple(rows) for object_id, rows in sorted(told.items())}


def viewer_data(
    shown: ViewerSequence, curves: Sequence[ObjectCurve], spans: Sequence[Span]
) -> dict[str, Any]:
    """What the page's script needs of one sequence, as JSON.

    Of many objects the curves of those with the lowest mean J are told, and how many there are.
    """
    length = len(shown.frames)
    ordered = sorted(curves, key=lambda one: (_mean(one), one.object_id))[:_MOST_OBJECTS]
    return {
        "name": plain(shown.name),
        "folder": f"frames/{shown.anchor}",
        "width": shown.width,
        "height": shown.height,
        "frames": [plain(name) for name in shown.frames],
        "drawn": dict(shown.drawn),
        "objects": [
            {
                "id": one.object_id,
                "j": _placed(one, one.j.tolist(), length),
                "f": _placed(one, one.f.tolist(), length),
            }
            for one in sorted(ordered, key=lambda one: one.object_id)
        ],
        "objects_in_all": len(curves),
        "told": {str(object_id): rows for object_id, rows in shown.told.items()},
        "spans": [[one.group, one.first, one.last, one.text] for one in spans],
    }


def _mean(curve: ObjectCurve) -> float:
    known = curve.j[np.isfinite(curve.j)]
    return float(known.mean()) if known.size else math.inf


def _placed(curve: ObjectCurve, values: list[float], length: int) -> list[float | None]:
    placed: list[float | None] = [None] * length
    for at, value in zip(curve.index.tolist(), values, strict=True):
        if at < length and math.isfinite(value):
            placed[at] = round(value, 4)
    return placed
