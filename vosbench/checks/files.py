"""The files behind a source of masks, so that each can be looked at before it is decoded."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from vosbench.checks.findings import Finding
from vosbench.checks.headers import HEAD_BYTES, MaskHeader, px, read_mask_header
from vosbench.data.masks import MaskSource
from vosbench.data.masks.labels import decode_mask
from vosbench.data.masks.png import decode_png
from vosbench.data.masks.stores import FileStore, FolderStore, ZipStore
from vosbench.data.names import shortened
from vosbench.errors import InputError
from vosbench.types import LabelKind, LabelMap

__all__ = ["MaskFiles", "MaskLook"]

_SLACK: Final = 1 << 16
_AGAIN: Final = "write or copy the file again"
_INDEXED: Final = "write masks as 8-bit PNG whose pixel values are the object ids, never colours"
_NEAREST: Final = "write masks at the size of the ground truth, resized by nearest neighbour"
_BINARY: Final = (
    "write ids (1, 2, ...) as pixel values; for one object per sequence declare the masks binary "
    "(protocol davis2016)"
)


class MaskLook:
    """What looking at one mask gave.

    Attributes:
        labels: H×W uint8 as scoring would read it, or None where scoring would refuse it.
        raw: H×W uint8 as stored, or None where it could not be decoded.
        header: header and palette, or None where the file has none or is one of several.
        findings: what is wrong with the file.
    """

    def __init__(self) -> None:
        self.labels: LabelMap | None = None
        self.raw: LabelMap | None = None
        self.header: MaskHeader | None = None
        self.findings: list[Finding] = []


class MaskFiles:
    """Reads masks one by one and says what is wrong with each instead of failing.

    Args:
        source: an opened source of masks.
        kind: how scoring reads their values.
    """

    def __init__(self, source: MaskSource, kind: LabelKind) -> None:
        self._source = source
        self._kind: LabelKind = kind
        location = source.location
        self._store: FileStore = FolderStore(location) if location.is_dir() else ZipStore(location)

    def others(self) -> Finding | None:
        """A note about files that are no PNG, or None."""
        names = [PurePosixPath(name) for name in self._store.names()]
        other = [str(n) for n in names if n.suffix.lower() != ".png" and n.name[0] != "."]
        if not other:
            return None
        text = "files that are no PNG are ignored"
        return Finding("note", "other-files", text, detail=shortened(sorted(other)))

    def look(
        self, sequence: str, frame: str, size: tuple[int, int], *, single_object: bool
    ) -> MaskLook:
        """Look at one mask that is there.

        Args:
            sequence: sequence name.
            frame: frame name.
            size: height and width in px that scoring expects.
            single_object: exactly one object is expected.
        """
        look = MaskLook()
        place = (sequence, frame)
        location = self._source.location
        path = Path(self._source.describe(sequence, frame))
        member = path.relative_to(location).as_posix()
        if "*" in member:
            self._merged(look, place, size)
            return look
        try:
            data = self._store.read(member, size[0] * (size[1] + 1) + _SLACK)
            look.header = read_mask_header(data[:HEAD_BYTES], str(path))
        except InputError as error:
            text = "a mask file cannot be read"
            look.findings.append(Finding("error", "unreadable", text, *place, str(error), _AGAIN))
            return look
        if look.header.unusable:
            text = "object ids cannot be read from a mask of this kind"
            detail = look.header.unusable
            look.findings.append(Finding("error", "mode", text, *place, detail, _INDEXED))
        elif look.header.size != size:
            text = "a mask differs in size from the ground truth"
            detail = f"{px(look.header.size)} instead of {px(size)}"
            look.findings.append(Finding("error", "size", text, *place, detail, _NEAREST))
        else:
            self._decode(look, data, place, str(path), single_object=single_object, size=size)
        return look

    def _decode(
        self,
        look: MaskLook,
        data: bytes,
        place: tuple[str, str],
        where: str,
        *,
        single_object: bool,
        size: tuple[int, int],
    ) -> None:
        try:
            look.raw = decode_png(data, where, size=size).pixels
        except InputError as error:
            text = "a mask file is damaged or cut off"
            look.findings.append(Finding("error", "damaged", text, *place, str(error), _AGAIN))
            return
        try:
            read = decode_mask(
                data, self._kind, size=size, void="refuse", where=where, single_object=single_object
            )
        except InputError as error:
            binary = (
                set(map(int, (look.raw.min(), look.raw.max()))) <= {0, 255}
                and not ((look.raw != 0) & (look.raw != 255)).any()
            )
            text = "a mask has 0 and 255 only" if binary else "a mask has 255 beside object ids"
            code, fix = (
                ("binary-mask", _BINARY) if binary else ("void", "write 0 where no object is")
            )
            look.findings.append(Finding("error", code, text, *place, str(error), fix))
            return
        look.labels = read.labels
        if read.note:
            text = "values are normalised when scored"
            look.findings.append(Finding("note", "normalised", text, *place, read.note))

    def _merged(self, look: MaskLook, place: tuple[str, str], size: tuple[int, int]) -> None:
        """One file per object: read as scoring does."""
        try:
            look.labels = self._source.read(*place, self._kind, size=size).labels
        except InputError as error:
            text = "a mask file cannot be read"
            look.findings.append(Finding("error", "unreadable", text, *place, str(error), _AGAIN))
