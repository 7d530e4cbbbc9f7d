"""Data and masks whose objects are annotated apart: one folder per object, as those of SA-V."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from vosbench.checks.annotations import scan_annotations
from vosbench.checks.findings import Finding
from vosbench.checks.listing import FrameList, folder_files
from vosbench.data.cards import DatasetCard
from vosbench.data.listing import IMAGE_SUFFIXES, ListedSequence, sequence_folder
from vosbench.data.masks import MaskSource, read_labels
from vosbench.data.masks.source import read_object
from vosbench.data.names import natural_key, shortened
from vosbench.data.per_object import open_per_object
from vosbench.errors import InputError
from vosbench.evaluate.checks import MaskChecks
from vosbench.types import ObjectInfo, Sequence

__all__ = ["is_apart", "list_apart", "look_apart"]

_LEAST_COUNTED: Final = 3
"""An object counts where it is annotated on more than its first and its last frame."""


def is_apart(clip: Sequence) -> bool:
    """Whether the objects of a clip are annotated apart."""
    return any(one.annotations is not None for one in clip.objects)


def list_apart(
    card: DatasetCard,
    split: str,
    root: Path,
    entry: ListedSequence,
    findings: list[Finding],
    *,
    with_images: bool,
    deep: bool,
) -> tuple[FrameList, tuple[int, int] | None]:
    """List a sequence's frames, look at each object's masks, and add what is wrong to `findings`.

    Returns:
        The frames of the images, or of all objects where there are none, and the size of the masks.
    """
    name = entry.name
    images: dict[str, Path] = {}
    if with_images:
        images = folder_files(
            card.layout.images, root, name, findings, suffixes=IMAGE_SUFFIXES, what="image"
        )
    clip = _opened(card, split, root, name, findings)
    if clip is None:
        return FrameList(name, tuple(images), images), None
    for one in clip.objects:
        findings += _object_findings(card, clip, one, images, deep=deep)
    masks = {f.name: f.annotation for f in clip.frames if f.annotation is not None}
    names = tuple(sorted(images or masks, key=natural_key))
    return FrameList(name, names, images, masks), (clip.height, clip.width)


def _opened(
    card: DatasetCard, split: str, root: Path, name: str, findings: list[Finding]
) -> Sequence | None:
    text = "the object folders cannot be used"
    fix = "unpack the download again"
    try:
        folder = sequence_folder(root, card.layout.annotations, name)
        if folder is None:
            text = "a listed sequence has no mask folder"
            tried = " or ".join(p.format(sequence=name) for p in card.layout.annotations)
            findings.append(Finding("error", "mask-folder", text, name, None, tried, fix))
            return None
        return open_per_object(dataset=card.name, split=split, name=name, folder=folder)
    except (InputError, OSError) as error:
        findings.append(Finding("error", "object-folder", text, name, None, str(error), fix))
        return None


def _object_findings(
    card: DatasetCard, clip: Sequence, one: ObjectInfo, images: Mapping[str, Path], *, deep: bool
) -> list[Finding]:
    masks = {f.name: f.annotation for f in one.annotations or () if f.annotation is not None}
    place = f"{clip.name}, object {one.object_id}"
    found: list[Finding] = []
    scan_annotations(card, FrameList(place, tuple(masks), {}, masks), found, deep=deep)
    # An object may be out of sight at first: it counts from where it is first seen.
    found = [
        replace(
            finding,
            severity="note",
            text="the first mask of an object is empty: it counts from where it is seen",
            fix="",
        )
        if finding.code == "first-empty"
        else finding
        for finding in found
    ]
    bare = [frame for frame in masks if images and frame not in images]
    if bare:
        text = "masks have no image"
        fix = "masks and images must be of the same frames"
        found.append(Finding("error", "image-missing", text, place, None, shortened(bare), fix))
    if len(masks) < _LEAST_COUNTED:
        text = "an object is annotated on fewer than three frames and is not scored"
        found.append(Finding("note", "few-masks", text, place))
    return found


def look_apart(source: MaskSource, clip: Sequence, findings: list[Finding]) -> int:
    """Look at every mask of each object that scoring asks for; the number of masks read."""
    looked = 0
    for one in clip.objects:
        frames = one.annotations or ()
        if len(frames) < _LEAST_COUNTED:
            continue
        place = f"{clip.name}, object {one.object_id}"
        size = (clip.height, clip.width)
        checks = MaskChecks(_truth(frames[0].annotation, size), len(frames) - 2)
        whole = True
        for frame in frames[1:-1]:
            try:
                read = read_object(source, clip.name, frame.name, one.object_id, size=size)
                truth = _truth(frame.annotation, size)
            except InputError as error:
                text = "a mask of an object is missing or cannot be used"
                findings.append(
                    Finding("error", "object-mask", text, place, frame.name, str(error), error.hint)
                )
                whole = False
                continue
            looked += 1
            checks.add(read.labels, truth)
        if whole:
            findings += [
                Finding("warning", "meaningless", text, place)
                for text in checks.findings(ids_matter=False)
            ]
    return looked


def _truth(
    path: Path | None, size: tuple[int, int]
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    if path is None:
        return np.zeros(size, np.uint8)
    return read_labels(path, "binary", size=size)
