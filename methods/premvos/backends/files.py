"""Back ends that read what the official pipeline wrote: `<folder>/<sequence>/<frame>.json|.flo`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from vosbench.errors import InputError

from ..formats import Proposal, combine_proposals, read_flow, read_proposals
from ..merging import Flow
from .protocols import FrameView

__all__ = ["FlowFiles", "ProposalFiles", "folder_digest", "official_folders"]


def official_folders(text: str, parameter: str) -> tuple[Path, ...]:
    """Folders of a parameter, separated as the system separates paths.

    Raises:
        InputError: none is named, or one is missing.
    """
    folders = tuple(Path(part).expanduser() for part in text.split(os.pathsep) if part)
    if not folders:
        raise InputError(
            f"{parameter} names no folder",
            hint=f"add --set {parameter}=FOLDER, which holds <sequence>/<frame> files",
        )
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{parameter}: {folder} is no folder")
    return folders


def folder_digest(folders: Iterable[Path]) -> str:
    """SHA-256 over the relative paths and contents of all `.json` and `.flo` files."""
    digest = hashlib.sha256()
    for folder in folders:
        digest.update(b"folder\0")
        for file in sorted(folder.rglob("*")):
            if file.suffix in {".json", ".flo"} and file.is_file():
                digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


class _Files:
    """Folders by sequence.

    Args:
        folders: hold one folder per sequence.
        strict: whether what is damaged or missing is an error. The official code goes on: damaged
            proposals are none, and without a flow everything stays where it is.
    """

    by_frame_name: Final = True

    def __init__(self, folders: Sequence[Path], *, strict: bool) -> None:
        self._folders = folders
        self._strict = strict

    def require(self, sequence: str) -> None:
        """Make sure that there is something of a sequence.

        Raises:
            InputError: a folder has nothing of it.
        """
        for folder in self._folders:
            if not (folder / sequence).is_dir():
                present = sorted(path.name for path in folder.iterdir() if path.is_dir())
                raise InputError(
                    f"{folder} has no folder {sequence!r}; it has {len(present)} others "
                    f"({', '.join(present[:3])})",
                    hint="name the folder above the sequences' own, and check --sequences",
                )


class ProposalFiles(_Files):
    """Proposals of any stage; those of several folders are put one behind the other.

    A frame without a file has no proposals: the official pipeline writes none for it.
    """

    def __init__(self, folders: Sequence[Path], *, strict: bool) -> None:
        super().__init__(folders, strict=strict)
        self.note = f"proposals: files in {', '.join(map(str, folders))}"

    def propose(self, frame: FrameView) -> Sequence[Proposal]:
        """Read the frame's files.

        Raises:
            InputError: a file is damaged.
        """
        proposals: Sequence[Proposal] = ()
        for folder in self._folders:
            path = folder / frame.sequence / f"{frame.name}.json"
            if path.exists():
                proposals = combine_proposals(proposals, self._read(path, frame))
        return proposals

    def _read(self, path: Path, frame: FrameView) -> Sequence[Proposal]:
        try:
            return read_proposals(path, size=frame.size)
        except InputError:
            if self._strict:
                raise
            return ()


class FlowFiles(_Files):
    """Flows, each under the name of the earlier of its two frames."""

    def __init__(self, folder: Path, *, strict: bool) -> None:
        super().__init__((folder,), strict=strict)
        self.note = f"flow: files in {folder}"

    def flow(self, earlier: FrameView, later: FrameView) -> Flow | None:
        """Read the flow; None where there is no file and the official code would go on.

        Raises:
            InputError: the file is damaged, or missing.
        """
        del later
        path = self._folders[0] / earlier.sequence / f"{earlier.name}.flo"
        if not self._strict and not path.exists():
            return None
        return read_flow(path, size=earlier.size)
