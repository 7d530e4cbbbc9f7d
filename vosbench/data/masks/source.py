"""Predicted masks of many sequences: in a run directory, a folder, an archive, or JSON.

A source is opened once, lists what it holds, and reads single masks. It can be sent to another
process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from vosbench.data.masks.burst import BurstMasks
from vosbench.data.masks.labels import MaskRead, VoidUse, decode_mask
from vosbench.data.masks.layout import MaskLayoutKind, find_layout
from vosbench.data.masks.png import MAX_PIXELS
from vosbench.data.masks.stores import FileStore, FolderStore, ZipStore
from vosbench.errors import InputError
from vosbench.types import LabelKind

__all__ = ["MaskSource", "StoredMasks", "open_masks", "read_object"]

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


class StoredMasks:
    """Masks in a folder or an archive.

    With one folder per object, the objects of a frame are put together into a label map: an object
    without a file is absent, and a pixel claimed by several objects goes to the lowest id, which
    the note says. That is also how SAM 2 merges its own per-object files.

    Args:
        store: the files.
        layout: how they are arranged.

    Raises:
        InputError: no masks, or an arrangement that is not understood.
    """

    def __init__(self, store: FileStore, *, layout: MaskLayoutKind = "auto") -> None:
        self._store = store
        self._folder = os.path.join(store.location, "")  # noqa: PTH118 - joined to each file as text
        self._layout = find_layout(store.names(), str(store.location), kind=layout)

    @property
    def location(self) -> Path:
        """The folder or file that was opened."""
        return self._store.location

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
        members = self._layout.files.get(sequence, {}).get(frame, {})
        between = "*/" if self._layout.per_object else ""
        one = next(iter(members.values())) if len(members) == 1 else None
        return f"{self._folder}{one or f'{sequence}/{between}{frame}.png'}"

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
        members = self._layout.files.get(sequence, {}).get(frame)
        if members is None:
            raise InputError(
                f"{self.describe(sequence, frame)}: the mask is missing.",
                hint="Every evaluated frame needs a mask; an all-zero mask says 'no object'.",
            )
        if self._layout.per_object:
            return self._merge(members, kind, size)
        member = members[0]
        return decode_mask(
            self._bytes(member, size),
            kind,
            size=size,
            void=void,
            where=f"{self._folder}{member}",
            single_object=single_object,
        )

    def read_object(
        self, sequence: str, frame: str, object_id: int, *, size: tuple[int, int]
    ) -> MaskRead | None:
        """Read the mask of one object as object 1; None where files are label maps.

        Raises:
            InputError: its mask is missing or cannot be used as it is.
        """
        if not self._layout.per_object:
            return None
        member = self._layout.files.get(sequence, {}).get(frame, {}).get(object_id)
        if member is None:
            raise InputError(
                f"{self.describe(sequence, frame)}: the mask of object {object_id} is missing.",
                hint="Every evaluated frame needs a mask; an all-zero mask says 'no object'.",
            )
        where = f"{self._folder}{member}"
        data = self._bytes(member, size)
        return decode_mask(data, "binary", size=size, void="refuse", where=where)

    def _merge(
        self, members: Mapping[int, str], kind: LabelKind, size: tuple[int, int] | None
    ) -> MaskRead:
        """Put the objects of a frame together, the lowest id on top."""
        labels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None = None
        overlap = False
        for object_id in sorted(members, reverse=True):
            member = members[object_id]
            where = f"{self._folder}{member}"
            data = self._bytes(member, size)
            read = decode_mask(data, "binary", size=size, void="refuse", where=where)
            size = (read.labels.shape[0], read.labels.shape[1])
            mask = read.labels != 0
            if labels is None:
                labels = np.zeros(size, np.uint8)
            overlap = overlap or bool(labels[mask].any())
            labels[mask] = 1 if kind == "binary" else object_id
        if labels is None:
            raise InputError(f"{self.location}: a frame without files.")
        merged = overlap and kind == "ids"
        note = "pixels claimed by several objects given to the lowest id" if merged else ""
        return MaskRead(labels, note)

    def _bytes(self, member: str, size: tuple[int, int] | None) -> bytes:
        limit = (MAX_PIXELS if size is None else size[0] * (size[1] + 1)) + _FILE_SLACK
        data = self._store.read(member, limit + 1)
        if len(data) > limit:
            raise InputError(
                f"{self.location / member}: the file is larger than {limit} bytes, more than a "
                "mask of this size can need.",
                hint="Write masks as plain 8-bit PNG without embedded data.",
            )
        return data


def read_object(
    source: MaskSource, sequence: str, frame: str, object_id: int, *, size: tuple[int, int]
) -> MaskRead:
    """Read the predicted mask of one object as object 1, pixels shared with others included.

    Args:
        source: predicted masks; from label maps the pixels of that id are taken.
        sequence: sequence name.
        frame: frame name.
        object_id: id of the object.
        size: (height, width) in px that the mask must have.

    Raises:
        InputError: the mask is missing or cannot be used as it is.
    """
    if isinstance(source, StoredMasks):
        alone = source.read_object(sequence, frame, object_id, size=size)
        if alone is not None:
            return alone
    read = source.read(sequence, frame, "ids", size=size)
    return MaskRead((read.labels == object_id).view(np.uint8), read.note)


def open_masks(path: Path | str, *, layout: MaskLayoutKind = "auto") -> MaskSource:
    """Open predicted masks.

    Args:
        path: a run directory (its `masks/` is used), a folder of sequence folders, a zip archive of
            one, or a JSON file in the form of BURST.
        layout: whether files are label maps or hold one object each; `auto` looks at the folders.

    Raises:
        InputError: nothing there, or no masks in it.
    """
    path = Path(path)
    if path.is_dir():
        inner = path / "masks"
        is_run = inner.is_dir() and not any(inner.glob("*.png"))
        return StoredMasks(FolderStore(inner if is_run else path), layout=layout)
    if not path.exists():
        raise InputError(
            f"{path}: no such folder or file.", hint="Check the path of the masks to score."
        )
    if path.suffix.lower() == ".json":
        return BurstMasks(path)
    return StoredMasks(ZipStore(path), layout=layout)
