"""The folder that a program is let loose in: the data as it expects them, and nothing more.

Images are linked. Masks are written anew, and only those that a method may see, so a program that
looks for later annotations finds none.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from vosbench.data.masks import encode_labels, read_labels
from vosbench.errors import InputError
from vosbench.types import Sequence

from .card import Program, filled

__all__ = ["Scratch", "check_program", "frame_names", "lay_out", "lay_program"]

_SETS: Final = ("ImageSets/2016/val.txt", "ImageSets/2017/val.txt", "ImageSets/480p/val.txt")
_SIDE: Final = 16


@dataclass(frozen=True)
class Scratch:
    """Paths of a laid-out folder."""

    root: Path

    @property
    def davis(self) -> Path:
        """Tree with the layout of DAVIS-2017."""
        return self.root / "davis"

    @property
    def images(self) -> Path:
        """Folder of image folders."""
        return self.davis / "JPEGImages" / "480p"

    @property
    def annotations(self) -> Path:
        """Folder of mask folders."""
        return self.davis / "Annotations" / "480p"

    @property
    def image_set(self) -> Path:
        """Names of the sequences, one a line."""
        return self.davis / _SETS[1]

    @property
    def output(self) -> Path:
        """Empty folder for masks."""
        return self.root / "output"

    def values(self) -> dict[str, str]:
        """What the placeholders of paths stand for."""
        return {
            "scratch": str(self.root),
            "davis": str(self.davis),
            "images": str(self.images),
            "annotations": str(self.annotations),
            "image_set": str(self.image_set),
            "output": str(self.output),
        }


def frame_names(program: Program, sequence: Sequence) -> dict[str, str]:
    """What the program knows each frame as."""
    numbered = program.frame_names == "numbered"
    return {
        frame.name: f"{index:05d}" if numbered else frame.name
        for index, frame in enumerate(sequence.frames)
    }


def lay_out(
    root: Path, program: Program, sequences: tuple[Sequence, ...], *, late_objects: bool
) -> Scratch:
    """Make the folder anew and lay out the data.

    Args:
        root: removed first.
        program: how it wants the data.
        sequences: with the annotations that a method may see.
        late_objects: whether masks of objects that start later are handed over too.

    Raises:
        InputError: if an image or a mask is missing.
    """
    shutil.rmtree(root, ignore_errors=True)
    scratch = Scratch(root)
    for folder in (scratch.images, scratch.annotations, scratch.output, root / "tmp"):
        folder.mkdir(parents=True)
    names = "".join(f"{sequence.name}\n" for sequence in sequences)
    for listing in _SETS:
        path = scratch.davis / listing
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(names, encoding="utf-8")
    for sequence in sequences:
        _lay_sequence(scratch, program, sequence, late_objects=late_objects)
    for name in program.palette_sequences:
        blank = scratch.annotations / name / "00000.png"
        if not blank.exists():
            blank.parent.mkdir(exist_ok=True)
            blank.write_bytes(encode_labels(np.zeros((_SIDE, _SIDE), np.uint8)))
    for name in program.folders:
        (root / name).mkdir(parents=True, exist_ok=True)
    return scratch


def _lay_sequence(
    scratch: Scratch, program: Program, sequence: Sequence, *, late_objects: bool
) -> None:
    images, masks = scratch.images / sequence.name, scratch.annotations / sequence.name
    images.mkdir()
    masks.mkdir()
    names = frame_names(program, sequence)
    for index, frame in enumerate(sequence.frames):
        if frame.image is None:
            raise InputError(
                f"{sequence.name}: frame {frame.name} has no image file; a program needs them"
            )
        suffix = program.image_suffix or frame.image.suffix
        (images / f"{names[frame.name]}{suffix}").symlink_to(frame.image.resolve())
        if frame.annotation is None or (index and not late_objects):
            continue
        size = (sequence.height, sequence.width)
        labels = read_labels(frame.annotation, sequence.label_kind, size=size)
        if not index:
            labels = np.where(np.isin(labels, sequence.object_ids), labels, np.uint8(0))
        if program.mask_values == "0-255":
            labels = (labels != 0) * np.uint8(255)
        (masks / f"{names[frame.name]}.png").write_bytes(encode_labels(labels))


def check_program(root: Path, program: Program, values: Mapping[str, str]) -> None:
    """Look whether everything is there that will be copied and linked from outside the folder.

    Raises:
        InputError: if something is not.
    """
    for target, text in (program.copies | program.links).items():
        source = filled(text, values)
        if not source.startswith(str(root)):
            _there(source, target)


def lay_program(
    root: Path, program: Program, values: Mapping[str, str], sequences: Iterable[str]
) -> None:
    """Copy, link and list what the card says into the folder.

    Args:
        root: the folder.
        program: of the card.
        values: what placeholders stand for.
        sequences: names of those that this process does.

    Raises:
        InputError: if something to copy or link is not there.
    """
    for target, text in program.copies.items():
        source = _there(filled(text, values), target)
        place = root / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, place)
    for target, line in program.lists.items():
        place = root / target
        place.parent.mkdir(parents=True, exist_ok=True)
        lines = (filled(line, dict(values) | {"sequence": name}) for name in sequences)
        place.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    # single links first: entries of a whole folder give way to them
    for target, text in sorted(program.links.items(), key=lambda item: item[0].endswith("/*")):
        source = _there(filled(text, values), target)
        if target.endswith("/*"):
            for entry in sorted(source.iterdir()):
                _link(root / target.removesuffix("*") / entry.name, entry, instead=False)
        else:
            _link(root / target, source, instead=True)


def _there(text: str, target: str) -> Path:
    source = Path(text)
    if not text or not source.exists():
        raise InputError(
            f"the card wants {text or 'nothing'!r} as {target!r} in the program's folder, but "
            "there is no such file or folder",
            hint="say with --set where the program's files are",
        )
    return source


def _link(place: Path, source: Path, *, instead: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not (place.exists() or place.is_symlink()):
        place.symlink_to(source.resolve())
    elif instead:
        raise InputError(f"the card lays two things at {place.name!r} in the program's folder")
