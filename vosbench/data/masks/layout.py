"""Where the sequences are in a tree of PNG files.

Results come with habits: an extra folder on top (`rgmp/`), `__MACOSX` copies, a stray preview. The
layout looked for is `<any folders>/<sequence>/<frame>.png`, with one and the same folder above all
sequences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from vosbench.errors import InputError

__all__ = ["MaskLayout", "find_layout"]

_IGNORED_FOLDERS = frozenset({"__MACOSX"})


@dataclass(frozen=True)
class MaskLayout:
    """Mask files by sequence and frame.

    Attributes:
        files: sequence name to frame name (file stem) to path inside the folder or archive.
        notes: what was skipped or looked through, in words.
    """

    files: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...]


def find_layout(paths: Iterable[str], where: str) -> MaskLayout:
    """Sort PNG paths into sequences and frames.

    Args:
        paths: relative paths with forward slashes; anything but `.png` is ignored.
        where: how to name the folder or archive in an error.

    Raises:
        InputError: no masks, or sequences below different folders.
    """
    by_folder: dict[PurePosixPath, dict[str, str]] = {}
    for text in paths:
        path = PurePosixPath(text)
        if path.suffix.lower() != ".png" or _hidden(path):
            continue
        frames = by_folder.setdefault(path.parent, {})
        if path.stem in frames:
            raise InputError(
                f"{where}: frame {path.stem} of {path.parent} is there more than once.",
                hint="Keep one file per frame.",
            )
        frames[path.stem] = text
    roots = Counter[PurePosixPath]()
    for folder, frames in by_folder.items():
        if folder.parts:
            roots[folder.parent] += len(frames)
    if not roots:
        raise InputError(
            f"{where}: there are no masks of the form <sequence>/<frame>.png.",
            hint="Name the folder or zip that holds one folder of PNG files per sequence.",
        )
    root = roots.most_common(1)[0][0]
    stray = [folder for folder in by_folder if not folder.parts or folder.parent != root]
    foreign = [folder for folder in stray if folder != root and folder not in root.parents]
    if foreign:
        raise InputError(
            f"{where}: sequences lie below different folders ({root.as_posix()} and "
            f"{foreign[0].parent.as_posix()}).",
            hint="Score one set of results at a time: name the folder right above the sequences.",
        )
    notes = []
    if root.parts:
        notes.append(f"masks found below the extra folder {root.as_posix()}/")
    if stray:
        count = sum(len(by_folder[folder]) for folder in stray)
        notes.append(f"{count} PNG file(s) outside the sequence folders ignored")
    files = {
        folder.name: dict(sorted(frames.items()))
        for folder, frames in sorted(by_folder.items())
        if folder.parts and folder.parent == root
    }
    return MaskLayout(files, tuple(notes))


def _hidden(path: PurePosixPath) -> bool:
    return any(part in _IGNORED_FOLDERS or part.startswith(".") for part in path.parts)
