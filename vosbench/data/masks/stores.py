"""Named files in a folder or a zip archive, read one at a time and bounded in size.

Archives come from strangers: nothing is ever extracted. Members are found by exact name and read up
to the size asked for, whatever the archive's directory claims, so neither `../` names nor zip bombs
reach the disk or the memory.
"""

from __future__ import annotations

import os
import stat
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from vosbench.errors import InputError

__all__ = ["FileStore", "FolderStore", "ZipStore", "read_file"]

MAX_MEMBERS: Final = 2_000_000
_MAX_DEPTH: Final = 5


class FileStore(Protocol):
    """Files by relative path with forward slashes."""

    @property
    def location(self) -> Path:
        """The folder or archive."""
        ...

    def names(self) -> list[str]:
        """Paths of all files."""
        ...

    def read(self, name: str, limit: int) -> bytes:
        """Up to `limit` bytes of a file.

        Raises:
            InputError: the file cannot be read.
        """
        ...


class FolderStore:
    """A folder; links to folders are followed, a few levels deep.

    Args:
        location: the folder.
    """

    def __init__(self, location: Path) -> None:
        self.location = location
        self._folder = os.path.join(location, "")  # noqa: PTH118 - joined to each file as text

    def names(self) -> list[str]:
        """Paths of all files."""
        found: list[str] = []
        pending: list[tuple[str, int]] = [("", 0)]
        while pending:
            folder, depth = pending.pop()
            with os.scandir(self.location / folder) as entries:
                for entry in entries:
                    relative = f"{folder}{entry.name}"
                    if not entry.is_dir():
                        found.append(relative)
                    elif depth < _MAX_DEPTH:
                        pending.append((f"{relative}/", depth + 1))
        return found

    def read(self, name: str, limit: int) -> bytes:
        """Up to `limit` bytes of a file."""
        path = f"{self._folder}{name}"
        try:
            return read_file(path, limit)
        except OSError as error:
            raise InputError(
                f"{path}: the mask cannot be read ({error.strerror or error})."
            ) from error


def read_file(path: str | Path, limit: int = sys.maxsize) -> bytes:
    """Up to `limit` bytes of a file, with no more calls than that takes.

    Raises:
        OSError: the file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        wanted = min(os.fstat(descriptor).st_size, limit)
        data = os.read(descriptor, wanted)
        while len(data) < wanted:
            more = os.read(descriptor, wanted - len(data))
            if not more:
                break
            data += more
        return data
    finally:
        os.close(descriptor)


class ZipStore:
    """A zip archive.

    Archives with outward names, links or encryption are refused as a whole: nobody packs masks that
    way by accident.

    Args:
        location: the archive.

    Raises:
        InputError: not a zip, or refused as above.
    """

    def __init__(self, location: Path) -> None:
        self.location = location
        self._archive: zipfile.ZipFile | None = None
        self._opened_by = 0
        with _open(location) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise InputError(f"{location}: more than {MAX_MEMBERS} files in one archive.")
            for member in members:
                _check_member(member, location)
            self._names = [member.filename for member in members if not member.is_dir()]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open archive behind: another process opens its own."""
        return {**self.__dict__, "_archive": None}

    def names(self) -> list[str]:
        """Paths of all files."""
        return list(self._names)

    def read(self, name: str, limit: int) -> bytes:
        """Up to `limit` bytes of a file."""
        if self._archive is None or self._opened_by != os.getpid():
            # A copy of this process would share the place in the file with it.
            self._archive, self._opened_by = _open(self.location), os.getpid()
        try:
            with self._archive.open(name) as stream:
                return stream.read(limit)
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(
                f"{self.location / name}: the archive is damaged there ({error}).",
                hint="Download or pack the archive again.",
            ) from error


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(
            f"{path}: this is no readable zip archive ({error}).",
            hint="Masks are read from folders, zip archives and BURST JSON files.",
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
