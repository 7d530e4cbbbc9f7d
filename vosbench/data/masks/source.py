"""Predicted masks of many sequences: in a run directory, a folder, or a zip archive.

A source is opened once, lists what it holds, and reads single masks. It can be sent to another
process. Archives come from strangers: nothing is ever extracted, and members are read one by one,
bounded in size (see `ZipMasks`).
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from vosbench.data.masks.labels import MaskRead, VoidUse, decode_mask
from vosbench.data.masks.layout import MaskLayout, find_layout
from vosbench.data.masks.png import MAX_PIXELS
from vosbench.errors import InputError
from vosbench.types import LabelKind

__all__ = ["FolderMasks", "MaskSource", "ZipMasks", "open_masks"]

MAX_MEMBERS: Final = 2_000_000
_MAX_DEPTH: Final = 5
_FILE_SLACK: Final = 1 << 16
"""Bytes beyond one per pixel that a mask file may have for its palette, chunks and comments."""


class MaskSource(Protocol):
    """Masks by sequence and frame, read one at a time."""

    @property
    def location(self) -> Path:
        """The folder or file that was opened."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be looked through or skipped to find the masks, in words."""
        ...

    def sequences(self) -> tuple[str, ...]:
        """Names of the sequences present, sorted."""
        ...

    def frames(self, sequence: str) -> tuple[str, ...]:
        """Names of the frames present, sorted; empty for an unknown sequence."""
        ...

    def describe(self, sequence: str, frame: str) -> str:
        """How to name a mask in a message: its path, whether it exists or not."""
        ...

    def read(
        self,
        sequence: str,
        frame: str,
        kind: LabelKind,
        *,
        size: tuple[int, int] | None = None,
        single_object: bool = False,
        void: VoidUse = "refuse",
    ) -> MaskRead:
        """Read one predicted mask.

        Args:
            sequence: sequence name.
            frame: frame name, the file stem.
            kind: how values are meant.
            size: (height, width) in px that the mask must have.
            single_object: exactly one object is expected, so a 0/255 file may be read as object 1.
            void: what to do with 255 under the kind `ids`. Predictions have no void, so it is
                refused.

        Raises:
            InputError: the mask is missing or cannot be used as it is.
        """
        ...


class _IndexedMasks:
    """What folders and archives have in common: a layout, and bytes to decode."""

    def __init__(self, location: Path, layout: MaskLayout) -> None:
        self._location = location
        self._layout = layout

    @property
    def location(self) -> Path:
        """The folder or file that was opened."""
        return self._location

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be looked through or skipped to find the masks, in words."""
        return self._layout.notes

    def sequences(self) -> tuple[str, ...]:
        """Names of the sequences present, sorted."""
        return tuple(self._layout.files)

    def frames(self, sequence: str) -> tuple[str, ...]:
        """Names of the frames present, sorted; empty for an unknown sequence."""
        return tuple(self._layout.files.get(sequence, ()))

    def describe(self, sequence: str, frame: str) -> str:
        """How to name a mask in a message: its path, whether it exists or not."""
        member = self._layout.files.get(sequence, {}).get(frame, f"{sequence}/{frame}.png")
        return str(self._location / member)

    def read(
        self,
        sequence: str,
        frame: str,
        kind: LabelKind,
        *,
        size: tuple[int, int] | None = None,
        single_object: bool = False,
        void: VoidUse = "refuse",
    ) -> MaskRead:
        """Read one predicted mask; see `MaskSource.read`."""
        member = self._layout.files.get(sequence, {}).get(frame)
        if member is None:
            raise InputError(
                f"{self.describe(sequence, frame)}: the mask is missing.",
                hint="Every evaluated frame needs a mask; an all-zero mask says 'no object'.",
            )
        limit = (MAX_PIXELS if size is None else size[0] * (size[1] + 1)) + _FILE_SLACK
        data = self._bytes(member, limit)
        if len(data) > limit:
            raise InputError(
                f"{self.describe(sequence, frame)}: the file is larger than {limit} bytes, more "
                "than "
                "a mask of this size can need.",
                hint="Write masks as plain 8-bit PNG without embedded data.",
            )
        return decode_mask(
            data,
            kind,
            size=size,
            void=void,
            where=self.describe(sequence, frame),
            single_object=single_object,
        )

    def _bytes(self, member: str, limit: int) -> bytes:
        """Up to `limit` + 1 bytes of a file."""
        raise NotImplementedError


class FolderMasks(_IndexedMasks):
    """Masks in `<root>/<sequence>/<frame>.png`.

    Args:
        root: the folder.

    Raises:
        InputError: no masks, or sequences below different folders.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, find_layout(_walk(root), str(root)))

    def _bytes(self, member: str, limit: int) -> bytes:
        path = self._location / member
        try:
            with path.open("rb") as stream:
                return stream.read(limit + 1)
        except OSError as error:
            raise InputError(
                f"{path}: the mask cannot be read ({error.strerror or error})."
            ) from error


class ZipMasks(_IndexedMasks):
    """Masks in a zip archive, read in place.

    Members are found by exact name and read up to the size that a mask of the sequence can have,
    whatever the archive's directory claims, so neither `../` names nor zip bombs reach the disk or
    the memory. Archives with outward names, links, duplicates or encryption are refused as a whole:
    nobody packs masks that way by accident.

    Args:
        path: the archive.

    Raises:
        InputError: not a zip, refused as above, no masks, or sequences below different folders.
    """

    def __init__(self, path: Path) -> None:
        self._archive: zipfile.ZipFile | None = None
        archive = _open_zip(path)
        with archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise InputError(f"{path}: more than {MAX_MEMBERS} files in one archive.")
            for member in members:
                _check_member(member, path)
            names = [member.filename for member in members if not member.is_dir()]
        super().__init__(path, find_layout(names, str(path)))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open archive behind: another process opens its own."""
        return {**self.__dict__, "_archive": None}

    def close(self) -> None:
        """Close the archive; the next read opens it again."""
        if self._archive is not None:
            self._archive.close()
            self._archive = None

    def _bytes(self, member: str, limit: int) -> bytes:
        if self._archive is None:
            self._archive = _open_zip(self._location)
        try:
            with self._archive.open(member) as stream:
                return stream.read(limit + 1)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(
                f"{self._location / member}: the archive is damaged there ({error}).",
                hint="Download or pack the archive again.",
            ) from error


def open_masks(path: Path | str) -> MaskSource:
    """Open predicted masks.

    Args:
        path: a run directory (its `masks/` is used), a folder of sequence folders, or a zip archive
            of one.

    Raises:
        InputError: nothing there, or no masks in it.
    """
    path = Path(path)
    if path.is_dir():
        inner = path / "masks"
        is_run = inner.is_dir() and not any(inner.glob("*.png"))
        return FolderMasks(inner if is_run else path)
    if not path.exists():
        raise InputError(
            f"{path}: no such folder or archive.", hint="Check the path of the masks to score."
        )
    return ZipMasks(path)


def _walk(root: Path) -> Iterator[str]:
    """Relative paths of all files; links to folders are followed, a few levels deep."""
    pending: list[tuple[str, int]] = [("", 0)]
    while pending:
        folder, depth = pending.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                relative = f"{folder}{entry.name}"
                if entry.is_dir():
                    if depth < _MAX_DEPTH:
                        pending.append((f"{relative}/", depth + 1))
                else:
                    yield relative


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(
            f"{path}: this is no readable zip archive ({error}).",
            hint="Masks are read from folders and zip archives.",
        ) from error


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    name = PurePosixPath(member.filename)
    problem = ""
    if name.is_absolute() or ".." in name.parts or set("\\:") & set(member.filename):
        problem = "its name points outside the archive"
    elif stat.S_ISLNK(member.external_attr >> 16):
        problem = "it is a link"
    elif member.flag_bits & 0x1:
        problem = "it is encrypted"
    elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = "its compression is neither 'stored' nor 'deflated'"
    if problem:
        raise InputError(
            f"{path}: member {member.filename!r} is refused: {problem}.",
            hint="Pack the sequence folders again as a plain zip.",
        )
