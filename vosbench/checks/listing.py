"""The frame lists of one sequence: what is there, what is missing, what does not belong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vosbench.checks.findings import Finding
from vosbench.data.cards import DatasetCard
from vosbench.data.listing import IMAGE_SUFFIXES, ListedSequence, sequence_folder
from vosbench.data.names import is_safe_name, natural_key, shortened
from vosbench.errors import InputError

__all__ = ["FrameList", "folder_files", "list_frames"]

_FEW_STEPS = 3


@dataclass(frozen=True)
class FrameList:
    """Frames of a sequence as far as they could be made out.

    Attributes:
        sequence: name.
        names: frame names in order.
        images: image files by frame name, in order.
        annotations: mask files by frame name, in order.
    """

    sequence: str
    names: tuple[str, ...] = ()
    images: Mapping[str, Path] = field(default_factory=dict)
    annotations: Mapping[str, Path] = field(default_factory=dict)


def list_frames(
    card: DatasetCard,
    split: str,
    root: Path,
    entry: ListedSequence,
    findings: list[Finding],
    *,
    with_images: bool,
) -> FrameList:
    """List a sequence's frames and add what is wrong with them to `findings`."""
    name = entry.name
    annotations = folder_files(
        card.layout.annotations, root, name, findings, suffixes=(".png",), what="mask"
    )
    images: dict[str, Path] = {}
    if with_images:
        images = folder_files(
            card.layout.images, root, name, findings, suffixes=IMAGE_SUFFIXES, what="image"
        )
    every = card.splits[split].annotated == "every"
    if entry.frames is not None:
        listed = set(entry.frames)
        _beyond(name, (set(images) | set(annotations)) - listed, findings)
        names = list(entry.frames)
        images = {frame: path for frame, path in images.items() if frame in listed}
        annotations = {frame: path for frame, path in annotations.items() if frame in listed}
    else:
        names = sorted(images or annotations, key=natural_key)
    _missing(name, names, images, annotations, findings, every=every, with_images=with_images)
    _jumps(name, names, findings)
    return FrameList(name, tuple(names), images, annotations)


def folder_files(
    patterns: tuple[str, ...],
    root: Path,
    sequence: str,
    findings: list[Finding],
    *,
    suffixes: tuple[str, ...],
    what: str,
) -> dict[str, Path]:
    """Files of one folder by frame name; unlike opening, this goes on where types are mixed."""
    try:
        folder = sequence_folder(root, patterns, sequence)
        entries = [] if folder is None else sorted(folder.iterdir())
    except (InputError, OSError) as error:
        text = f"the {what} folder cannot be used"
        findings.append(Finding("error", f"{what}-folder", text, sequence, detail=str(error)))
        return {}
    if folder is None:
        tried = " or ".join(pattern.format(sequence=sequence) for pattern in patterns)
        text = f"a listed sequence has no {what} folder"
        fix = "unpack the download again"
        findings.append(Finding("error", f"{what}-folder", text, sequence, None, tried, fix))
        return {}
    files = [path for path in entries if not path.name.startswith(".")]
    wanted = [path for path in files if path.suffix.lower() in suffixes]
    other = [path.name for path in files if path not in set(wanted)]
    if other:
        text = f"files in the {what} folder are no {what}s and are ignored"
        findings.append(Finding("note", "other-files", text, sequence, None, shortened(other)))
    kinds = Counter(path.suffix for path in wanted)
    if len(kinds) > 1:
        detail = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        text = f"the {what} folder mixes file types"
        fix = "keep one file type per sequence"
        findings.append(Finding("error", "mixed-types", text, sequence, None, detail, fix))
    refused = [path.name for path in wanted if not is_safe_name(path.stem)]
    if refused:
        text = f"{what} names are refused"
        fix = "names may hold letters, digits and _ . + -; rename them"
        detail = shortened(refused)
        findings.append(Finding("error", "frame-name", text, sequence, None, detail, fix))
    if not wanted:
        text = f"the {what} folder has no {what}"
        findings.append(Finding("error", f"{what}-folder", text, sequence, None, str(folder)))
    return {path.stem: path for path in sorted(wanted, key=lambda path: natural_key(path.stem))}


def _beyond(sequence: str, extra: Iterable[str], findings: list[Finding]) -> None:
    findings += [
        Finding(
            "note",
            "frame-beyond-list",
            "frames on disk are not in the split's list and are ignored",
            sequence,
            frame,
        )
        for frame in sorted(extra, key=natural_key)
    ]


def _missing(
    sequence: str,
    names: list[str],
    images: Mapping[str, Path],
    annotations: Mapping[str, Path],
    findings: list[Finding],
    *,
    every: bool,
    with_images: bool,
) -> None:
    known = set(names)
    unmasked = [frame for frame in names if frame not in annotations]
    if with_images and images:
        for frame in names:
            if frame not in images:
                text = "a listed frame has no image"
                fix = "unpack the images again"
                findings.append(Finding("error", "image-missing", text, sequence, frame, fix=fix))
        for frame in annotations:
            if frame not in known:
                text = "a mask has no image"
                fix = "masks and images must be of the same frames"
                findings.append(Finding("error", "image-missing", text, sequence, frame, fix=fix))
    if names and annotations and names[0] not in annotations:
        text = "the first frame has no mask, so no objects are given"
        fix = "semi-supervised segmentation starts from the first frame's mask"
        findings.append(Finding("error", "first-mask", text, sequence, names[0], fix=fix))
    if not every or not annotations:
        return
    if len(annotations) == 1 and unmasked:
        text = "only the first frame is annotated, but the card says that every frame is"
        fix = "use a card with annotated = 'some' for this split, or fetch the full annotations"
        findings.append(Finding("error", "first-frame-only", text, sequence, fix=fix))
        return
    for frame in unmasked:
        text = "a frame has no mask, but the card says that every frame is annotated"
        fix = "unpack the annotations again"
        findings.append(Finding("error", "mask-missing", text, sequence, frame, fix=fix))


def _jumps(sequence: str, names: list[str], findings: list[Finding]) -> None:
    """Say where numbered frames skip numbers that the others do not skip."""
    if len(names) < _FEW_STEPS or not all(name.isascii() and name.isdigit() for name in names):
        return
    numbers = [int(name) for name in names]
    steps = [after - before for before, after in zip(numbers[:-1], numbers[1:], strict=True)]
    usual = Counter(steps).most_common(1)[0][0]
    for name, step in zip(names[1:], steps, strict=True):
        if step > usual:
            findings.append(
                Finding(
                    "warning",
                    "frame-jump",
                    "frame numbers skip some: frames may be missing",
                    sequence,
                    name,
                    f"{step} after the frame before, elsewhere {usual}",
                    "compare with the original download",
                )
            )
