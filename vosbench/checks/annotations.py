"""The masks of one sequence: headers of all, pixels of the first, and on request of every one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vosbench.checks.findings import Finding, Severity
from vosbench.checks.headers import HEAD_BYTES, MaskHeader, px, read_mask_header
from vosbench.checks.listing import FrameList
from vosbench.data.cards import DatasetCard
from vosbench.data.masks import VOID
from vosbench.data.masks.png import decode_png
from vosbench.data.names import shortened
from vosbench.errors import InputError

__all__ = ["AnnotationScan", "scan_annotations"]

_AGAIN = "write or copy the file again"
_INDEXED = "write masks as 8-bit PNG whose pixel values are the object ids"


@dataclass(frozen=True)
class AnnotationScan:
    """What the masks of a sequence agree on.

    Attributes:
        size: height and width in px of most masks, or None where none could be read.
        values: non-zero values of the first mask, ascending.
    """

    size: tuple[int, int] | None
    values: tuple[int, ...] = ()


def scan_annotations(
    card: DatasetCard, frames: FrameList, findings: list[Finding], *, deep: bool
) -> AnnotationScan:
    """Look at the masks of a sequence and add what is wrong with them to `findings`."""
    headers = _headers(frames, findings)
    usable = {frame: header for frame, header in headers.items() if not header.unusable}
    sizes = Counter(header.size for header in usable.values())
    if not sizes:
        return AnnotationScan(None)
    size = sizes.most_common(1)[0][0]
    findings += _header_findings(frames.sequence, headers, size)
    chosen = list(usable) if deep else [frame for frame in frames.names[:1] if frame in usable]
    values = _decoded(frames, chosen, findings)
    first = values.get(frames.names[0]) if frames.names else None
    if first is None:
        return AnnotationScan(size)
    findings += _first_findings(card, frames.sequence, frames.names[0], first)
    if deep:
        findings += _later_findings(card, frames.sequence, first, values)
    return AnnotationScan(size, first)


def _headers(frames: FrameList, findings: list[Finding]) -> dict[str, MaskHeader]:
    headers: dict[str, MaskHeader] = {}
    for frame, path in frames.annotations.items():
        try:
            with path.open("rb") as stream:
                headers[frame] = read_mask_header(stream.read(HEAD_BYTES), str(path))
        except (InputError, OSError) as error:
            findings.append(_unreadable(frames.sequence, frame, error))
    return headers


def _unreadable(sequence: str, frame: str, error: Exception) -> Finding:
    text = "a mask cannot be read"
    return Finding("error", "mask-unreadable", text, sequence, frame, str(error), _AGAIN)


def _header_findings(
    sequence: str, headers: Mapping[str, MaskHeader], size: tuple[int, int]
) -> Iterator[Finding]:
    for frame, header in headers.items():
        if header.unusable:
            text = "object ids cannot be read from a mask of this kind"
            yield Finding("error", "mode", text, sequence, frame, header.unusable, _INDEXED)
        elif header.size != size:
            detail = f"{px(header.size)}, most of the sequence {px(size)}"
            text = "a mask differs in size from the others of its sequence"
            yield Finding("error", "mask-size", text, sequence, frame, detail, _AGAIN)
    modes = Counter(header.mode for header in headers.values())
    if len(modes) > 1:
        detail = ", ".join(f"{count} {mode}" for mode, count in modes.most_common())
        yield Finding(
            "note", "mixed-modes", "masks of one sequence differ in mode", sequence, None, detail
        )
    coloured = {frame: h for frame, h in headers.items() if h.png.colour == "palette"}
    if coloured and not all(header.davis_palette for header in coloured.values()):
        text = "masks have a palette other than that of DAVIS; ids are read all the same"
        yield Finding("note", "palette", text, sequence)
    if len({header.palette for header in coloured.values()}) > 1:
        text = "masks of one sequence have different palettes; ids are read all the same"
        yield Finding("note", "palettes-differ", text, sequence)


def _decoded(
    frames: FrameList, chosen: list[str], findings: list[Finding]
) -> dict[str, tuple[int, ...]]:
    """Non-zero values of the chosen masks."""
    values: dict[str, tuple[int, ...]] = {}
    for frame in chosen:
        path: Path = frames.annotations[frame]
        try:
            pixels = decode_png(path.read_bytes(), str(path)).pixels
        except (InputError, OSError) as error:
            findings.append(_unreadable(frames.sequence, frame, error))
            continue
        counts = np.bincount(pixels.ravel(), minlength=VOID + 1)
        values[frame] = tuple(int(value) for value in np.flatnonzero(counts) if value)
    return values


def _is_binary(card: DatasetCard, first: tuple[int, ...]) -> bool:
    return card.label_kind == "binary" or (card.label_kind == "auto" and first == (VOID,))


def _first_findings(
    card: DatasetCard, sequence: str, frame: str, first: tuple[int, ...]
) -> Iterator[Finding]:
    ids = [value for value in first if value != VOID]
    if not first:
        text = "the first mask is empty: there is no object to follow"
        fix = "leave the sequence out, or begin it where its objects are seen"
        yield Finding("error", "first-empty", text, sequence, frame, fix=fix)
    elif _is_binary(card, first):
        if len(first) > 1:
            text = "a first mask has several values, but the card says that masks are binary"
            fix = "they are read as one object; use a card with label_kind = 'ids' for several"
            yield Finding(
                "warning", "binary-values", text, sequence, frame, shortened(map(str, first)), fix
            )
    elif not ids:
        text = "the first mask is 0 and 255 only, but the card says that values are object ids"
        fix = "use a card with label_kind = 'binary' or 'auto'"
        yield Finding("error", "binary-mask", text, sequence, frame, fix=fix)
    else:
        gaps = sorted(set(range(1, ids[-1])) - set(ids))
        if gaps:
            text = "ids of the first mask have gaps; the official DAVIS tool counts phantom objects"
            fix = "number the objects 1, 2, 3, ... or score with a protocol that lists its ids"
            detail = f"{shortened(map(str, gaps))} of 1..{ids[-1]} missing"
            yield Finding("warning", "id-gaps", text, sequence, frame, detail, fix)
        if VOID in first:
            text = "the first mask has void pixels (255), which are given as background"
            yield Finding("note", "void", text, sequence, frame)


def _later_findings(
    card: DatasetCard,
    sequence: str,
    first: tuple[int, ...],
    values: Mapping[str, tuple[int, ...]],
) -> Iterator[Finding]:
    empty = [frame for frame, present in values.items() if not present]
    if empty and first:
        text = "some masks are empty: all objects are out of sight there"
        yield Finding("note", "empty-masks", text, sequence, None, shortened(empty))
    if _is_binary(card, first):
        return
    severity: Severity = "note" if card.late_objects else "warning"
    fix = "DAVIS protocols do not score them; a card with late_objects = true has them given"
    seen = {*first, VOID}
    for frame, present in values.items():
        late = [value for value in present if value not in seen]
        if late:
            seen.update(late)
            text = "objects first appear after the first frame"
            detail = f"ids {shortened(map(str, late))}"
            helpful = "" if card.late_objects else fix
            yield Finding(severity, "late-ids", text, sequence, frame, detail, helpful)
    void = [frame for frame, present in values.items() if VOID in present]
    if void and VOID not in first:
        text = "later masks have void pixels (255)"
        yield Finding("note", "void", text, sequence, None, shortened(void))
