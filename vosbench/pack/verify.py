"""Reading an archive back as a server would, without the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from vosbench.checks.findings import CheckReport, Finding
from vosbench.checks.headers import HEAD_BYTES, px, read_mask_header
from vosbench.data.masks import read_labels
from vosbench.data.masks.png import decode_png
from vosbench.data.masks.stores import ZipStore
from vosbench.data.names import shortened
from vosbench.errors import InputError
from vosbench.pack.plan import PackPlan, PlannedSequence
from vosbench.types import LabelMap

__all__ = ["verify_archive"]

_SLACK: Final = 1 << 16
_PACK: Final = "write it with vosbench pack"


def verify_archive(path: Path, plan: PackPlan) -> CheckReport:
    """Check layout, frame lists, sizes, palette and ids of an archive.

    Raises:
        InputError: the file is no zip archive, or one that is refused for its safety.
    """
    store = ZipStore(path)
    names = store.names()
    rows = list(plan.members())
    findings = [Finding("note", "unchecked", text) for text in plan.unchecked]
    findings += _layout(names, [row[0] for row in rows], plan.target.folder)
    present = set(names)
    looked = 0
    for member, planned, frame, object_id in rows:
        if member in present:
            looked += 1
            findings += _member(store, member, planned, frame, object_id, binary=plan.target.binary)
    facts: dict[str, str | int | None] = {
        "target": f"{plan.target.name}: {plan.target.title}",
        "data": f"{plan.dataset.card.name} {plan.dataset.split}",
        "sequences": len(plan.sequences),
        "masks": looked,
        "server": plan.target.server or "none",
    }
    return CheckReport(f"archive for {plan.target.name}", facts, tuple(findings))


def _layout(names: Sequence[str], wanted: Sequence[str], folder: str) -> Iterator[Finding]:
    """Compare what is there with what must be there, and name the usual mistake."""
    present, needed = set(names), set(wanted)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        detail = shortened(twice)
        yield Finding("error", "twice", "files are there twice", detail=detail, fix=_PACK)
    extra_folder = _folder_on_top(present, needed, folder)
    if extra_folder is not None:
        expected = f"in {folder}/" if folder else "directly in the archive"
        found = f"below {extra_folder}/" if extra_folder else "directly in the archive"
        yield Finding(
            "error",
            "layout",
            "sequence folders are in the wrong place",
            detail=f"{found}; the target wants them {expected}",
            fix=_PACK,
        )
        return
    for name in sorted(needed - present):
        parts = PurePosixPath(name.removeprefix(f"{folder}/"))
        text = "a mask that the target wants is missing"
        yield Finding("error", "missing", text, parts.parts[0], parts.stem, name)
    for name in sorted(present - needed):
        text = "a file that the target does not want"
        yield Finding("error", "extra", text, detail=name, fix=_PACK)


def _folder_on_top(present: set[str], needed: set[str], folder: str) -> str | None:
    """The folder that holds the sequences instead of `folder`, or None if that is not the case."""
    if present & needed:
        return None
    bare = {name.removeprefix(f"{folder}/") if folder else name for name in needed}
    for name in sorted(present):
        parts = name.split("/")
        for depth in range(len(parts)):
            if "/".join(parts[depth:]) in bare:
                return "/".join(parts[:depth])
    return None


def _member(
    store: ZipStore,
    member: str,
    planned: PlannedSequence,
    frame: str,
    object_id: int,
    *,
    binary: bool,
) -> Iterator[Finding]:
    place = (planned.clip.name, frame)
    size = planned.size
    try:
        data = store.read(member, size[0] * (size[1] + 1) + _SLACK)
        header = read_mask_header(data[:HEAD_BYTES], member)
        if header.size != size:
            text = "a mask has the wrong size"
            detail = f"{px(header.size)} instead of {px(size)}"
            yield Finding("error", "size", text, *place, detail, _PACK)
            return
        pixels = decode_png(data, member, size=size).pixels
    except InputError as error:
        text = "a mask cannot be read"
        yield Finding("error", "unreadable", text, *place, str(error), _PACK)
        return
    if header.mode != "palette":
        text = "a mask is not an 8-bit indexed PNG"
        yield Finding("error", "mode", text, *place, header.mode, _PACK)
    elif not header.davis_palette:
        text = "a mask does not have the palette of DAVIS"
        yield Finding("warning", "palette", text, *place, fix=_PACK)
    allowed = {0, 1} if object_id or binary else {0, *planned.object_ids}
    foreign = sorted(set(np.unique(pixels).tolist()) - allowed)
    if foreign:
        text = "a mask has values that the target does not want"
        detail = f"{foreign}, wanted are {sorted(allowed)}"
        yield Finding("error", "ids", text, *place, detail, _PACK)
    if frame == planned.clip.frames[0].name:
        yield from _first(pixels, planned, object_id, binary=binary)


def _first(
    pixels: LabelMap, planned: PlannedSequence, object_id: int, *, binary: bool
) -> Iterator[Finding]:
    """Note where the first frame is not the mask that was given: another release, or other ids."""
    clip = planned.clip
    given = clip.frames[0].annotation
    if given is None:
        return
    truth = read_labels(given, clip.label_kind, size=planned.size)
    if binary:
        truth = (truth != 0).view(np.uint8)
    elif object_id:
        truth = (truth == object_id).view(np.uint8)
    if not np.array_equal(truth, pixels):
        text = "the first frame is not the mask that was given"
        fix = "servers do not score it, but it may come from other data or other ids"
        yield Finding("warning", "first-differs", text, clip.name, clip.frames[0].name, fix=fix)
