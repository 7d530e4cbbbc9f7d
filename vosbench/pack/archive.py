"""Writing an archive: checked masks in, the same bytes out every time."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import numpy as np

from vosbench.checks import CheckReport, Finding, grouped
from vosbench.data.masks import MaskSource, encode_labels
from vosbench.errors import InputError
from vosbench.pack.plan import PackPlan, PlannedSequence
from vosbench.pack.verify import verify_archive
from vosbench.types import LabelKind, LabelMap

__all__ = ["pack_masks"]

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can state; a fixed one keeps equal content in equal bytes."""
_PERMISSIONS: Final = 0o100644 << 16
_UNIX: Final = 3
_MOST_LINES: Final = 12


def pack_masks(source: MaskSource, plan: PackPlan, out: Path) -> CheckReport:
    """Write the archive that a target wants and read it back.

    The file appears complete and verified, or not at all.

    Args:
        source: masks.
        plan: what the archive must hold.
        out: path of the archive; an existing file is replaced.

    Returns:
        The report of the verification.

    Raises:
        InputError: masks are missing or cannot be used, or the archive cannot be written.
    """
    if source.location.resolve() == out.resolve():
        raise InputError(f"{out} is where the masks are; give the archive another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".tmp")
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            _write(source, plan, archive)
        report = verify_archive(temporary, plan)
        if report.errors:
            lines = "\n".join(f"  {group.line}" for group in grouped(report.errors))
            raise InputError(f"the archive that was written does not verify:\n{lines}")
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return report


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write(source: MaskSource, plan: PackPlan, archive: zipfile.ZipFile) -> None:
    """Write every member; what is wrong with masks is collected before anything is refused."""
    kind: LabelKind = "binary" if plan.target.binary else "ids"
    problems: list[Finding] = []
    for path, planned, frame, object_id in plan.members():
        labels = _checked(source, planned, frame, kind, problems)
        if labels is None or problems:
            continue
        one = labels if object_id == 0 else (labels == object_id).view(np.uint8)
        _add(archive, path, encode_labels(one))
    if problems:
        lines = [f"  {group.line}" for group in grouped(dict.fromkeys(problems))[:_MOST_LINES]]
        raise InputError(
            "the masks cannot be packed:\n" + "\n".join(lines),
            hint="vosbench check masks says everything that is wrong with them",
        )


def _add(archive: zipfile.ZipFile, path: str, data: bytes) -> None:
    info = zipfile.ZipInfo(path, _EPOCH)
    # stored: PNG is compressed already, and other versions of zlib would give other bytes
    info.compress_type = zipfile.ZIP_STORED
    info.create_system = _UNIX
    info.external_attr = _PERMISSIONS
    archive.writestr(info, data)


def _checked(
    source: MaskSource,
    planned: PlannedSequence,
    frame: str,
    kind: LabelKind,
    problems: list[Finding],
) -> LabelMap | None:
    """Read a mask as it will be packed, or say why not."""
    name = planned.clip.name
    if frame not in source.frames(name):
        first = frame == planned.clip.frames[0].name
        fix = "put the given mask there" if first else "an all-zero mask says 'no object'"
        problems.append(Finding("error", "missing", "a mask is missing", name, frame, fix=fix))
        return None
    single = planned.object_ids == (1,)
    try:
        read = source.read(name, frame, kind, size=planned.size, single_object=single)
    except InputError as error:
        text = "a mask cannot be used"
        problems.append(Finding("error", "unusable", text, name, frame, str(error), error.hint))
        return None
    foreign = sorted(set(np.unique(read.labels).tolist()) - {0, *planned.object_ids})
    if foreign:
        text = "a mask has ids that the sequence does not have"
        detail = f"{foreign}; the sequence has {list(planned.object_ids)}"
        problems.append(Finding("error", "ids", text, name, frame, detail))
        return None
    return read.labels
