"""Where the sequences are in a tree of PNG files.

Results come with habits: an extra folder on top (`rgmp/`), `__MACOSX` copies, a stray preview, one
folder per object. Two layouts are known, below any number of folders that are the same for all
sequences: `<sequence>/<frame>.png` with label maps, and `<sequence>/<object>/<frame>.png` with one
mask per object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from vosbench.data.names import counted
from vosbench.errors import InputError

__all__ = ["MaskLayout", "MaskLayoutKind", "find_layout"]

MaskLayoutKind: TypeAlias = Literal["auto", "label-maps", "per-object"]
"""`auto` takes a tree for per-object folders only where the folder names leave little doubt: all
are numbers, and several sequences have them."""

_IGNORED_FOLDERS = frozenset({"__MACOSX"})
_Folder: TypeAlias = PurePosixPath
_Frames: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class MaskLayout:
    """Mask files by sequence and frame.

    Attributes:
        files: sequence name to frame name (file stem) to object id to path inside the folder or
            archive; a label map has the one key 0.
        per_object: whether each file holds one object.
        notes: what was skipped, looked through or renumbered, in words.
    """

    files: Mapping[str, Mapping[str, Mapping[int, str]]]
    per_object: bool
    notes: tuple[str, ...]


def find_layout(paths: Iterable[str], where: str, *, kind: MaskLayoutKind = "auto") -> MaskLayout:
    """Sort PNG paths into sequences, frames and objects.

    Args:
        paths: relative paths with forward slashes; anything but `.png` is ignored.
        where: how to name the folder or archive in an error.
        kind: which layout to look for.

    Raises:
        InputError: no masks, sequences below different folders, or object folders that are no ids.
    """
    folders = _by_folder(paths, where)
    levels = 1
    if kind == "per-object" or (kind == "auto" and _has_object_folders(folders)):
        levels = 2
    sequences = {
        folder: frames for folder, frames in folders.items() if len(folder.parts) >= levels
    }
    if not sequences:
        form = "<sequence>/<object>/<frame>.png" if levels == 2 else "<sequence>/<frame>.png"
        raise InputError(
            f"{where}: there are no masks of the form {form}.",
            hint="Name the folder or zip that holds one folder of PNG files per sequence.",
        )
    root = _common_root(sequences, levels, where)
    inside = {f: frames for f, frames in sequences.items() if f.parents[levels - 1] == root}
    notes = []
    if root.parts:
        notes.append(f"masks found below the extra folder {root.as_posix()}/")
    stray = sum(len(frames) for folder, frames in folders.items() if folder not in inside)
    if stray:
        notes.append(f"{counted(stray, 'PNG file')} outside the sequence folders ignored")
    if levels == 2:
        notes.append("one folder per object, merged into label maps")
    files: dict[str, dict[str, dict[int, str]]] = {}
    ids = _object_ids(inside, where, notes) if levels == 2 else dict.fromkeys(inside, 0)
    for folder, frames in sorted(inside.items()):
        name = folder.name if levels == 1 else folder.parent.name
        sequence = files.setdefault(name, {})
        for frame, path in sorted(frames.items()):
            sequence.setdefault(frame, {})[ids[folder]] = path
    ordered = {name: dict(sorted(frames.items())) for name, frames in sorted(files.items())}
    return MaskLayout(ordered, levels == 2, tuple(notes))


def _by_folder(paths: Iterable[str], where: str) -> dict[_Folder, _Frames]:
    folders: dict[_Folder, _Frames] = {}
    known: dict[str, _Frames | None] = {}
    for text in paths:
        parent, _, file = text.rpartition("/")
        stem, _, suffix = file.rpartition(".")
        if suffix.lower() != "png" or not stem or stem.startswith("."):
            continue
        if parent not in known:
            folder = PurePosixPath(parent)
            known[parent] = None if _hidden(folder) else folders.setdefault(folder, {})
        frames = known[parent]
        if frames is None:
            continue
        if stem in frames:
            raise InputError(
                f"{where}: frame {stem} of {parent or '.'} is there more than once.",
                hint="Keep one file per frame.",
            )
        frames[stem] = text
    return folders


def _hidden(folder: _Folder) -> bool:
    return any(part in _IGNORED_FOLDERS or part.startswith(".") for part in folder.parts)


def _has_object_folders(folders: Mapping[_Folder, _Frames]) -> bool:
    """Whether all folders with masks are numbered and lie below several folders of one parent."""
    deep = [folder for folder in folders if len(folder.parts) > 1]
    return (
        bool(deep)
        and all(_is_number(folder.name) for folder in deep)
        and len({folder.parent for folder in deep}) > 1
        and len({folder.parent.parent for folder in deep}) == 1
    )


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _common_root(sequences: Mapping[_Folder, _Frames], levels: int, where: str) -> _Folder:
    """The folder above the sequences; masks in folders above it are strays.

    Raises:
        InputError: sequences lie below different folders.
    """
    roots = Counter[_Folder]()
    for folder, frames in sequences.items():
        roots[folder.parents[levels - 1]] += len(frames)
    root = roots.most_common(1)[0][0]
    foreign = [
        folder
        for folder in sequences
        if folder.parents[levels - 1] != root and folder != root and folder not in root.parents
    ]
    if foreign:
        other = foreign[0].parents[levels - 1]
        raise InputError(
            f"{where}: sequences lie below different folders ({root.as_posix()} and "
            f"{other.as_posix()}).",
            hint="Score one set of results at a time: name the folder right above the sequences.",
        )
    return root


def _object_ids(folders: Iterable[_Folder], where: str, notes: list[str]) -> dict[_Folder, int]:
    """Object id of each object folder; numbers that start at 0 are all raised by one.

    Raises:
        InputError: a folder name is no id.
    """
    folders = list(folders)
    for folder in folders:
        if not _is_number(folder.name) or int(folder.name) > 253:
            raise InputError(
                f"{where}: {folder.as_posix()} is no object folder.",
                hint="Object folders are named by the object id, 0..253 or 1..253.",
            )
    numbers = {folder: int(folder.name) for folder in folders}
    if 0 in numbers.values():
        notes.append("object folders are numbered from 0; ids are taken as number + 1")
        return {folder: number + 1 for folder, number in numbers.items()}
    return numbers
