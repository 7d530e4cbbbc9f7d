"""From folders to training data: which frames a run learns from, and which it must not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vosbench.errors import InputError, UsageError

from .clips import (
    ArrayClip,
    Clip,
    FolderClip,
    FrameCache,
    polygon_images,
    sample_photos,
    video_folders,
)

__all__ = ["TrainData", "VideoSource", "davis_source", "open_data", "youtube_vos_source"]

CACHE_BYTES = 8_000_000_000


@dataclass(frozen=True)
class TrainData:
    """What a run learns from.

    Attributes:
        clips: videos and still images with labels.
        held_out: clips for validation; none of them may be among `clips`.
        backgrounds: images without labels, used as texture.
    """

    clips: Sequence[Clip]
    held_out: Sequence[Clip] = ()
    backgrounds: Sequence[Clip] = ()


@dataclass(frozen=True)
class VideoSource:
    """Videos in the DAVIS layout.

    Attributes:
        images: folder with one folder of frames per sequence.
        annotations: folder with one folder of masks per sequence.
        kind: `binary` = every non-zero value is the object; `ids` = values are instances.
        sequences: names to take; None takes all.
    """

    images: Path
    annotations: Path
    kind: Literal["binary", "ids"]
    sequences: tuple[str, ...] | None = None


def davis_source(root: Path, *, year: Literal[2016, 2017] = 2016) -> VideoSource:
    """The training split of DAVIS at 480p; other splits cannot be asked for.

    Args:
        root: folder with `JPEGImages`, `Annotations` and `ImageSets`.
        year: 2016 has one object per sequence, 2017 several.

    Raises:
        InputError: the split's list is missing or empty.
    """
    path = root / "ImageSets" / ("480p" if year == 2016 else "2017") / "train.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"{path}: the list of training sequences cannot be read ({error})",
            hint="give the folder that holds JPEGImages, Annotations and ImageSets",
        ) from error
    # The 2016 list has a line per frame in the original download, and a name per line elsewhere.
    names = [line.split()[0].removeprefix("/") for line in lines if line.strip()]
    names = [name.split("/")[2] if "/" in name else name for name in names]
    if not names:
        raise InputError(f"{path}: no sequence is listed")
    return VideoSource(
        root / "JPEGImages" / "480p",
        root / "Annotations" / "480p",
        "binary" if year == 2016 else "ids",
        tuple(dict.fromkeys(names)),
    )


def youtube_vos_source(root: Path) -> VideoSource:
    """The training split of YouTube-VOS; of its frames, the annotated ones are used.

    Args:
        root: folder `train` of the download, with `JPEGImages` and `Annotations`.
    """
    return VideoSource(root / "JPEGImages", root / "Annotations", "ids")


def open_data(
    videos: Sequence[VideoSource] = (),
    *,
    stills: Sequence[Path] = (),
    held_out: Sequence[str] = (),
    photos: bool = True,
    cache_bytes: int = CACHE_BYTES,
) -> TrainData:
    """Open the data of a run.

    Args:
        videos: sources of clips.
        stills: folders of still images with polygon labels; see `polygon_images`.
        held_out: names of sequences that are validated on and never learnt from.
        photos: use scikit-image's photographs as texture of pasted shapes.
        cache_bytes: decoded frames kept in memory.

    Raises:
        InputError: a folder or a sequence cannot be used.
        UsageError: a held-out name is in none of the sources, or nothing is left to learn from.
    """
    cache = FrameCache(cache_bytes)
    clips: list[Clip] = []
    kept: list[FolderClip] = []
    for source in videos:
        found = video_folders(
            source.images,
            source.annotations,
            sequences=source.sequences,
            kind=source.kind,
            cache=cache,
        )
        clips += [clip for clip in found if clip.name not in held_out]
        kept += [clip for clip in found if clip.name in held_out]
    missing = sorted(set(held_out) - {clip.name for clip in kept})
    if missing:
        raise UsageError(f"held-out sequence {missing[0]!r} is in none of the training data")
    for root in stills:
        clips += polygon_images(root)
    if not clips:
        raise UsageError(
            "there is nothing to train on", hint="give a video or still-image data root"
        )
    backgrounds: tuple[ArrayClip, ...] = sample_photos() if photos else ()
    return TrainData(tuple(clips), tuple(kept), backgrounds)
