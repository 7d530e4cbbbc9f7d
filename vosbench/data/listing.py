"""What the disk and the image-set files say: sequences and their frames, nothing decoded.

Image-set files come in two styles: sequence names, one per line, or the pairs of DAVIS 2016
(`/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png`), which list frames.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vosbench.data.cards import DatasetCard
from vosbench.data.names import checked_name, in_natural_order, natural_key, shortened
from vosbench.data.roots import folder_content, layout_base
from vosbench.errors import InputError

__all__ = ["IMAGE_SUFFIXES", "ListedSequence", "list_files", "list_sequences", "sequence_folder"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_MAX_LIST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ListedSequence:
    """A sequence of a split.

    Attributes:
        name: checked name.
        frames: frame names that the split lists, in order; None means all on disk.
    """

    name: str
    frames: tuple[str, ...] | None = None


def list_sequences(card: DatasetCard, split: str, root: Path) -> list[ListedSequence]:
    """Sequences of a split, in the order of its list file, or of names where there is none.

    Raises:
        InputError: if the list is missing, unreadable, empty, or names something refused.
    """
    part = card.splits[split]
    if not part.image_sets and not part.parts:
        return _sub_folders(card, root)
    for candidate in part.image_sets:
        if (root / candidate).is_file():
            return _read_list(root / candidate, card)
    if part.parts:
        joined = [entry for name in part.parts for entry in list_sequences(card, name, root)]
        return _without_doubles(joined, " and ".join(part.parts))
    found = "; ".join(
        f"{folder} {folder_content(folder)}"
        for folder in dict.fromkeys((root / path).parent for path in part.image_sets)
    )
    raise InputError(
        f"{card.name} {split}: no image-set file {' or '.join(part.image_sets)} below {root}; "
        f"{found}",
        hint="the list of sequences belongs to the data set's download",
    )


def _sub_folders(card: DatasetCard, root: Path) -> list[ListedSequence]:
    names: set[str] = set()
    for patterns in (card.layout.annotations, card.layout.images):
        base = layout_base(root, patterns)
        if base is not None:
            names |= {p.name for p in base.iterdir() if p.is_dir() and not p.name.startswith(".")}
    return [
        ListedSequence(checked_name(name, kind="sequence", where=root))
        for name in sorted(names, key=natural_key)
    ]


def _read_list(path: Path, card: DatasetCard) -> list[ListedSequence]:
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise InputError(f"image-set file {path} is larger than {_MAX_LIST_BYTES >> 20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"image-set file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"image-set file {path} is not text: {error}") from error
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, fields) for number, fields in lines if fields and fields[0][0] != "#"]
    if not lines:
        raise InputError(f"image-set file {path} lists no sequence")
    by_frames = ["/" in fields[0] for _, fields in lines]
    if all(by_frames):
        return _from_pairs(path, card, lines)
    if any(by_frames):
        raise InputError(
            f"image-set file {path}, line {lines[by_frames.index(True)][0]}: mixes lines of paths "
            "with lines of sequence names"
        )
    entries = []
    for number, fields in lines:
        where = f"image-set file {path}, line {number}"
        if len(fields) > 1:
            raise InputError(
                f"{where}: {shortened(fields)} is neither one name nor a pair of paths"
            )
        entries.append(ListedSequence(checked_name(fields[0], kind="sequence", where=where)))
    return _without_doubles(entries, str(path))


def _without_doubles(entries: list[ListedSequence], where: str) -> list[ListedSequence]:
    counts = Counter(entry.name for entry in entries)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise InputError(f"{where}: listed twice: {shortened(twice)}")
    return entries


def _from_pairs(
    path: Path, card: DatasetCard, lines: list[tuple[int, list[str]]]
) -> list[ListedSequence]:
    frames: dict[str, list[str]] = {}
    layouts = (card.layout.images, card.layout.annotations)
    for number, fields in lines:
        where = f"image-set file {path}, line {number}"
        if len(fields) > len(layouts):
            raise InputError(f"{where}: holds {len(fields)} paths, expected image and annotation")
        named = {
            _sequence_and_frame(field, patterns, where, resolution=path.parent.name)
            for field, patterns in zip(fields, layouts, strict=False)
        }
        if len(named) > 1:
            raise InputError(f"{where}: image and annotation are of different frames")
        sequence, frame = named.pop()
        frames.setdefault(sequence, []).append(frame)
    for sequence, names in frames.items():
        if len(set(names)) < len(names):
            raise InputError(f"image-set file {path}: lists a frame of {sequence} twice")
    return [
        ListedSequence(sequence, tuple(sorted(names, key=natural_key)))
        for sequence, names in frames.items()
    ]


def _sequence_and_frame(
    field: str, patterns: tuple[str, ...], where: str, *, resolution: str
) -> tuple[str, str]:
    """Take `/JPEGImages/480p/bear/00000.jpg` apart; the folders must be those of the card.

    A card may use the list of another resolution, whose lines then name that one's folder.
    """
    folder, _, file = field.lstrip("/").rpartition("/")
    base, _, sequence = folder.rpartition("/")
    expected = [pattern.rpartition("/")[0] for pattern in patterns]
    listed = [str(PurePosixPath(one).parent / resolution) for one in expected]
    if base not in (*expected, *listed):
        raise InputError(
            f"{where}: {field[:140]!r} is not below {' or '.join(expected)}",
            hint="the list may belong to another resolution or another data set",
        )
    return (
        checked_name(sequence, kind="sequence", where=where),
        checked_name(PurePosixPath(file).stem, kind="frame", where=where),
    )


def sequence_folder(root: Path, patterns: tuple[str, ...], sequence: str) -> Path | None:
    """Folder of a sequence, or None where it does not exist.

    Raises:
        InputError: if it is a link that leads out of the data set.
    """
    base = layout_base(root, patterns)
    if base is None or not (base / sequence).is_dir():
        return None
    folder = base / sequence
    if not folder.resolve().is_relative_to(base.resolve()):
        raise InputError(
            f"{folder} is a link that leads out of the data set, to {folder.resolve()}",
            hint="link the whole data set or its JPEGImages and Annotations folders instead",
        )
    return folder


def list_files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Frame files of a folder by frame name, in natural order; other and hidden files are ignored.

    Raises:
        InputError: if the folder cannot be read, mixes file types, or holds a name that is refused.
    """
    # as text: there may be many thousands of names, and taking paths apart is ten times as slow
    try:
        found = [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror}") from error
    split = [name.rpartition(".") for name in found]
    files = [(stem, f".{end}") for stem, _, end in split if stem and f".{end.lower()}" in suffixes]
    kinds = sorted({suffix for _, suffix in files})
    if len(kinds) > 1:
        raise InputError(
            f"{folder} mixes {' and '.join(kinds)} files", hint="keep one file type per sequence"
        )
    if not files:
        raise InputError(f"{folder}: no {' or '.join(suffixes)} file; it {folder_content(folder)}")
    stems = [checked_name(stem, kind="frame", where=folder) for stem, _ in files]
    return {stem: folder / f"{stem}{kinds[0]}" for stem in in_natural_order(stems)}
