"""Training clips: frames and instance labels, from memory or from folders in the DAVIS layout.

A clip of one frame is a still image. Labels are H×W uint8: 0 background, 1..254 instances, 255 void
(read as background). Decoded frames stay in memory up to a limit, since decoding is what a small
machine can afford least.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, UnidentifiedImageError

from vosbench.errors import InputError

__all__ = [
    "ArrayClip",
    "Clip",
    "FolderClip",
    "FrameCache",
    "polygon_images",
    "sample_photos",
    "video_folders",
]

Bytes = NDArray[np.uint8]
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MAX_INSTANCE = 254


class Clip(Protocol):
    """Frames of one video, or one still image, with instance labels."""

    @property
    def name(self) -> str:
        """Name for logs."""
        ...

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def image(self, index: int) -> Bytes:
        """Frame: H×W×3 uint8. Not to be written to."""
        ...

    def labels(self, index: int) -> Bytes:
        """Instances: H×W uint8. Not to be written to."""
        ...


@dataclass(frozen=True)
class ArrayClip:
    """A clip held in memory.

    Attributes:
        name: for logs.
        images: T×H×W×3 uint8.
        instances: T×H×W uint8.
    """

    name: str
    images: Bytes
    instances: Bytes

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.images)

    def image(self, index: int) -> Bytes:
        """Frame: H×W×3 uint8."""
        return np.asarray(self.images[index])

    def labels(self, index: int) -> Bytes:
        """Instances: H×W uint8."""
        return np.asarray(self.instances[index])


class FrameCache:
    """Decoded arrays by path, kept until `limit` bytes are used; later ones are not kept.

    Samples are drawn at random, so evicting old entries would not save any decoding.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._arrays: dict[tuple[Path, str], Bytes] = {}
        self._lock = threading.Lock()

    def get(self, path: Path, kind: str, load: Callable[[Path], Bytes]) -> Bytes:
        """The array of a file, loaded at most once while there is room."""
        key = (path, kind)
        found = self._arrays.get(key)
        if found is not None:
            return found
        array = load(path)
        with self._lock:
            if key not in self._arrays and self.used + array.nbytes <= self.limit:
                self._arrays[key] = array
                self.used += array.nbytes
        return array


@dataclass(frozen=True)
class FolderClip:
    """A video on disk; frames without an annotation are left out when it is listed.

    Attributes:
        name: sequence.
        image_paths: one per annotated frame.
        label_paths: one per annotated frame.
        kind: `binary` = every non-zero value is instance 1; `ids` = values are instances.
        cache: shared by the clips of a run.
    """

    name: str
    image_paths: tuple[Path, ...]
    label_paths: tuple[Path, ...]
    kind: Literal["binary", "ids"]
    cache: FrameCache

    def __len__(self) -> int:
        """Number of annotated frames."""
        return len(self.image_paths)

    def image(self, index: int) -> Bytes:
        """Frame: H×W×3 uint8."""
        return self.cache.get(self.image_paths[index], "image", _read_image)

    def labels(self, index: int) -> Bytes:
        """Instances: H×W uint8."""
        load = _read_binary if self.kind == "binary" else _read_ids
        return self.cache.get(self.label_paths[index], self.kind, load)


def video_folders(
    images: Path,
    annotations: Path,
    *,
    sequences: Sequence[str] | None = None,
    kind: Literal["binary", "ids"],
    cache: FrameCache,
) -> tuple[FolderClip, ...]:
    """Clips of a dataset in the DAVIS or YouTube-VOS layout: one folder per sequence in both roots.

    Args:
        images: for example `DAVIS/JPEGImages/480p`.
        annotations: for example `DAVIS/Annotations/480p`.
        sequences: names to take; None takes every folder.
        kind: how masks are read.
        cache: decoded frames.

    Raises:
        InputError: a named sequence is missing or has no annotated frame.
    """
    if not images.is_dir():
        raise InputError(f"no folder of frames at {images}", hint="check the data root")
    names = sequences or sorted(path.name for path in images.iterdir() if path.is_dir())
    clips = []
    for name in names:
        by_stem = {
            path.stem: path
            for path in sorted((images / name).glob("*"))
            if path.suffix.lower() in SUFFIXES
        }
        pairs = [
            (by_stem[path.stem], path)
            for path in sorted((annotations / name).glob("*.png"))
            if path.stem in by_stem
        ]
        if not pairs:
            raise InputError(
                f"sequence {name}: no frame in {images / name} has a mask in {annotations / name}"
            )
        clips.append(
            FolderClip(name, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), kind, cache)
        )
    return tuple(clips)


def polygon_images(root: Path, *, min_area: float = 0.002) -> tuple[ArrayClip, ...]:
    """Still images with polygon labels in the YOLO layout (`images/*.jpg`, `labels/**/*.txt`).

    Each label line is `class x1 y1 x2 y2 ...` with coordinates relative to the image. Small
    instances are drawn over large ones, because a polygon file does not tell what is in front.

    Args:
        root: folder that holds `images` and `labels`.
        min_area: polygons below this fraction of the image are not instances.
    """
    labels = {path.stem: path for path in (root / "labels").rglob("*.txt")}
    clips = []
    for path in sorted((root / "images").rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.stem not in labels:
            continue
        image = _read_image(path)
        instances = _draw_polygons(labels[path.stem], image.shape[:2], min_area)
        if instances.any():
            clips.append(ArrayClip(path.stem, image[None], instances[None]))
    if not clips:
        raise InputError(f"no labelled image under {root}", hint="expected images/ and labels/")
    return tuple(clips)


def sample_photos() -> tuple[ArrayClip, ...]:
    """The photographs that scikit-image installs, without labels: backgrounds and textures."""
    from skimage import data  # noqa: PLC0415 - scikit-image is slow to import and used only here

    clips = []
    for name in (
        "astronaut",
        "chelsea",
        "coffee",
        "rocket",
        "cat",
        "colorwheel",
        "immunohistochemistry",
    ):
        try:
            image = np.ascontiguousarray(getattr(data, name)()[..., :3], dtype=np.uint8)
        except (AttributeError, OSError, ModuleNotFoundError):
            continue  # Which photographs an installation has depends on its version.
        clips.append(ArrayClip(name, image[None], np.zeros((1, *image.shape[:2]), np.uint8)))
    return tuple(clips)


def _draw_polygons(path: Path, size: tuple[int, int], min_area: float) -> Bytes:
    height, width = size
    polygons: list[tuple[float, NDArray[np.float64]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        values = line.split()
        try:
            points = np.array([float(value) for value in values[1:]]).reshape(-1, 2)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: not `class x1 y1 x2 y2 ...`") from error
        if len(points) < 3:
            continue
        x, y = points.T
        area = 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))
        if area >= min_area:
            polygons.append((area, points * [width, height]))
    polygons.sort(key=lambda pair: -pair[0])
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for instance, (_, points) in enumerate(polygons[:MAX_INSTANCE], start=1):
        draw.polygon([(float(px), float(py)) for px, py in points], fill=instance)
    return np.array(canvas, dtype=np.uint8)


def _read_image(path: Path) -> Bytes:
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: cannot be read as an image ({error})") from error


def _read_ids(path: Path) -> Bytes:
    try:
        with Image.open(path) as image:
            labels = np.array(image if image.mode in ("P", "L") else image.convert("L"))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: cannot be read as a mask ({error})") from error
    labels[labels == 255] = 0  # void
    return labels


def _read_binary(path: Path) -> Bytes:
    try:
        with Image.open(path) as image:
            return (np.array(image if image.mode in ("P", "L") else image.convert("L")) > 0).astype(
                np.uint8
            )
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: cannot be read as a mask ({error})") from error
