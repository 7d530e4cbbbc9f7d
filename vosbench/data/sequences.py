"""From a listed sequence to a checked one: frames matched, sizes compared, first objects found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vosbench.data.cards import DatasetCard
from vosbench.data.images import read_image_size
from vosbench.data.listing import IMAGE_SUFFIXES, ListedSequence, list_files, sequence_folder
from vosbench.data.masks import VOID, read_labels, read_size
from vosbench.data.masks.png import decode_png, one_object
from vosbench.data.names import shortened
from vosbench.data.per_object import open_per_object
from vosbench.errors import InputError
from vosbench.types import FrameRef, LabelKind, LabelMap, Sequence

__all__ = ["late_objects", "open_sequence"]

_FEW_VALUES = 8


def open_sequence(
    card: DatasetCard, split: str, root: Path, entry: ListedSequence, *, need_images: bool
) -> Sequence:
    """Check one sequence and describe it.

    Args:
        card: card of the data set.
        split: name of the split.
        root: folder of the data set.
        entry: the sequence as the split lists it.
        need_images: whether every frame must have an image file.

    Raises:
        InputError: naming the sequence and what is wrong with it.
    """
    if card.layout.per_object:
        return _open_per_object(card, split, root, entry, need_images=need_images)
    frames = _frames(card, split, root, entry, need_images=need_images)
    if card.late_objects:
        frames = _from_first_mask(frames)
    first = frames[0]
    if first.annotation is None:
        raise InputError(
            f"sequence {entry.name}: its first frame {first.name} has no annotation",
            hint="semi-supervised segmentation starts from the mask of the first frame",
        )
    height, width = _common_size(entry.name, frames, all_masks=need_images)
    kind, ids = _first_objects(card, first.annotation, (height, width))
    if not ids:
        raise InputError(f"sequence {entry.name}: {first.annotation} holds no object")
    return Sequence(
        dataset=card.name,
        split=split,
        name=entry.name,
        frames=frames,
        height=height,
        width=width,
        object_ids=ids,
        label_kind=kind,
    )


def _open_per_object(
    card: DatasetCard, split: str, root: Path, entry: ListedSequence, *, need_images: bool
) -> Sequence:
    if need_images:
        raise InputError(
            f"sequence {entry.name}: {card.name!r} has annotations in one folder per object, where "
            "objects may overlap; methods start from label maps",
            hint="masks that are already there can be scored: vosbench score",
        )
    folder = sequence_folder(root, card.layout.annotations, entry.name)
    if folder is None:
        tried = " or ".join(p.format(sequence=entry.name) for p in card.layout.annotations)
        raise InputError(f"sequence {entry.name}: no folder {tried} below {root}")
    return open_per_object(dataset=card.name, split=split, name=entry.name, folder=folder)


def _frames(
    card: DatasetCard, split: str, root: Path, entry: ListedSequence, *, need_images: bool
) -> tuple[FrameRef, ...]:
    """Frames in order: of the list file, else of the images, else of the annotations."""
    annotations = _files(card.layout.annotations, root, entry.name, (".png",), needed=True)
    images = _files(card.layout.images, root, entry.name, IMAGE_SUFFIXES, needed=need_images)
    every = card.splits[split].annotated == "every"
    if entry.frames is not None:
        names = list(entry.frames)
        wanted = set(names)
        annotations = {name: path for name, path in annotations.items() if name in wanted}
        images = {name: path for name, path in images.items() if name in wanted}
    else:
        names = list(images if images and (need_images or not every) else annotations)
    listed = set(names)
    complaints = []
    if need_images:
        complaints.append(("no image", [name for name in names if name not in images]))
        complaints.append(("a mask but no image", [n for n in annotations if n not in listed]))
    if every:
        complaints.append(("no annotation", [name for name in names if name not in annotations]))
    for what, wrong in complaints:
        if wrong:
            raise InputError(
                f"sequence {entry.name}: {len(wrong)} of {len(names)} frames have {what}: "
                f"{shortened(wrong)}"
            )
    return tuple(FrameRef(name, images.get(name), annotations.get(name)) for name in names)


def _from_first_mask(frames: tuple[FrameRef, ...]) -> tuple[FrameRef, ...]:
    """The frames from the first annotated one on: before it there is nothing to segment."""
    for position, frame in enumerate(frames):
        if frame.annotation is not None:
            return frames[position:]
    return frames


def _files(
    patterns: tuple[str, ...], root: Path, sequence: str, suffixes: tuple[str, ...], *, needed: bool
) -> Mapping[str, Path]:
    folder = sequence_folder(root, patterns, sequence)
    if folder is None:
        if not needed:
            return {}
        tried = " or ".join(pattern.format(sequence=sequence) for pattern in patterns)
        raise InputError(f"sequence {sequence}: no folder {tried} below {root}")
    return list_files(folder, suffixes)


def _common_size(
    sequence: str, frames: tuple[FrameRef, ...], *, all_masks: bool
) -> tuple[int, int]:
    """Height and width of the masks and of the first image; later images are checked when read.

    Where only masks are scored, all later ones are read in any case and checked then.
    """
    annotated = [frame.annotation for frame in frames if frame.annotation is not None]
    size = read_size(annotated[0])
    for path in annotated[1:] if all_masks else ():
        other = read_size(path)
        if other != size:
            raise InputError(
                f"sequence {sequence}: {path} is {_px(other)}, but "
                f"{annotated[0].name} is {_px(size)}"
            )
    image = frames[0].image
    if image is not None:
        other = read_image_size(image)
        if other != size:
            raise InputError(
                f"sequence {sequence}: {image} is {_px(other)}, but its mask is {_px(size)}",
                hint="images and annotations may be of different resolutions of the data set",
            )
    return size


def _px(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]} px (height x width)"


def _first_objects(
    card: DatasetCard, path: Path, size: tuple[int, int]
) -> tuple[LabelKind, tuple[int, ...]]:
    # the raw values, because `read_labels` already has to know the kind that is decided here
    try:
        values = _values(decode_png(path.read_bytes(), str(path), size=size).pixels)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    only_void = values == (VOID,)
    if card.label_kind == "binary" or (card.label_kind == "auto" and only_void):
        return "binary", (1,) if values else ()
    if only_void:
        raise InputError(
            f"{path} holds only the values 0 and 255, a binary mask, but the card {card.name!r} "
            "says that values are object ids",
            hint="use a card with label_kind = 'binary' or 'auto'",
        )
    return "ids", tuple(value for value in values if value != VOID)


def _values(labels: LabelMap) -> tuple[int, ...]:
    """Non-zero values present; looking for a few is faster than counting all, or sorting."""
    highest = int(labels.max())
    if highest <= _FEW_VALUES:
        return tuple(value for value in range(1, highest + 1) if np.any(labels == value))
    if not one_object(labels, highest)[1]:
        return (highest,)
    counts = np.bincount(labels.ravel(), minlength=256)
    return tuple(int(value) for value in np.flatnonzero(counts) if value != 0)


def late_objects(sequence: Sequence) -> Mapping[str, tuple[int, ...]]:
    """Objects that start after the first frame: frame name to the ids first seen there.

    Reads every annotation of the sequence; call it only where the card says `late_objects`.

    Raises:
        InputError: if an annotation cannot be read.
    """
    if sequence.label_kind == "binary":
        return {}
    seen = set(sequence.object_ids)
    late: dict[str, tuple[int, ...]] = {}
    for frame in sequence.frames[1:]:
        if frame.annotation is None:
            continue
        size = (sequence.height, sequence.width)
        labels = read_labels(frame.annotation, sequence.label_kind, size=size)
        new = tuple(v for v in _values(labels) if v != VOID and v not in seen)
        if new:
            late[frame.name] = new
            seen.update(new)
    return late
