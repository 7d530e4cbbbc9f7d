"""What an earlier start of the same run left, and what of it still holds.

A sequence is complete when its record says so, its key is the one asked for, every mask has the
recorded digest, and its trace can be read. A new attempt that fails does not destroy it: the older
masks move to `.kept/<sequence>/` and come back when their key is asked for again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from vosbench.engine.environment import file_sha256
from vosbench.errors import InputError
from vosbench.store import RunPaths, read_record, read_sequence, write_record
from vosbench.store.schema import SequenceRecord
from vosbench.store.soft import soft_digests
from vosbench.timing import read_trace

__all__ = [
    "adopt",
    "clear_leftovers",
    "holds_soft",
    "is_complete",
    "refuse_changed",
    "set_aside",
]


def clear_leftovers(paths: RunPaths) -> None:
    """Remove what a killed process left half-written."""
    shutil.rmtree(paths.partial, ignore_errors=True)
    for path in paths.root.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def is_complete(paths: RunPaths, name: str, key: str) -> bool:
    """Whether the sequence's masks can be kept; older ones that were set aside may come back."""
    if _holds(paths.sequence(name), paths.sequence_masks(name), paths.sequence_trace(name), key):
        return True
    kept = paths.kept(name)
    if not _holds(kept / "record.json", kept / "masks", kept / "trace.parquet", key):
        return False
    paths.sequence(name).unlink(missing_ok=True)
    adopt(paths, name, masks=kept / "masks")
    (kept / "trace.parquet").replace(paths.sequence_trace(name))
    write_record(paths.sequence(name), read_record(kept / "record.json", SequenceRecord))
    shutil.rmtree(kept)
    return True


def _holds(record_file: Path, masks: Path, trace: Path, key: str) -> bool:
    if not record_file.is_file():
        return False
    try:
        record = read_record(record_file, SequenceRecord)
        read_trace(trace)
    except InputError:
        return False  # a damaged file is no proof of work done; the sequence is segmented again
    if record.status != "complete" or record.run_key != key:
        return False
    return not _changed_masks(record, masks)


def _changed_masks(record: SequenceRecord, masks: Path) -> list[str]:
    """Names of the frames whose mask file is missing or is not the recorded one."""
    return [
        frame
        for frame, digest in record.masks_sha256.items()
        if not (masks / f"{frame}.png").is_file() or file_sha256(masks / f"{frame}.png") != digest
    ]


def holds_soft(paths: RunPaths, name: str) -> bool:
    """Whether every mask of a complete sequence but the first has the soft masks it came from."""
    masks = read_sequence(paths.root, name).masks_sha256
    first = min(masks, default="")
    wanted = {frame: digest for frame, digest in masks.items() if frame != first}
    return soft_digests(paths.sequence_soft(name)) == wanted


def refuse_changed(paths: RunPaths, name: str) -> None:
    """Make sure that a sequence's masks are the ones the run wrote.

    Raises:
        InputError: naming the first that is not.
    """
    record = read_sequence(paths.root, name)
    changed = _changed_masks(record, paths.sequence_masks(name))
    if changed:
        raise InputError(
            f"{paths.sequence_masks(name) / changed[0]}.png is not the mask that the run wrote "
            f"({len(changed)} of {len(record.masks_sha256)} masks of {name} differ or are missing)",
            hint="run the same command again to renew it, or take the masks folder by itself with "
            "--dataset",
        )


def adopt(paths: RunPaths, name: str, *, masks: Path, soft: Path | None = None) -> None:
    """Make a folder of masks the sequence's own, and one of soft masks if there is one."""
    paths.masks.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(paths.sequence_masks(name), ignore_errors=True)
    masks.rename(paths.sequence_masks(name))
    _remove_extras(paths, name)
    if soft is not None:
        paths.soft.mkdir(exist_ok=True)
        soft.rename(paths.sequence_soft(name))


def _remove_extras(paths: RunPaths, name: str) -> None:
    """What tells of masks that are no longer the sequence's own."""
    shutil.rmtree(paths.sequence_soft(name), ignore_errors=True)
    paths.sequence_self(name).unlink(missing_ok=True)


def set_aside(paths: RunPaths, name: str) -> None:
    """Move a complete sequence out of the way of a failed attempt; anything less is removed."""
    try:
        record = read_sequence(paths.root, name)
    except InputError:
        record = None
    if record is not None and record.status == "complete":
        kept = paths.kept(name)
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        if paths.sequence_masks(name).is_dir():
            paths.sequence_masks(name).rename(kept / "masks")
        if paths.sequence_trace(name).is_file():
            paths.sequence_trace(name).rename(kept / "trace.parquet")
        write_record(kept / "record.json", record)
    shutil.rmtree(paths.sequence_masks(name), ignore_errors=True)
    _remove_extras(paths, name)
    paths.sequence_trace(name).unlink(missing_ok=True)
    paths.sequence(name).unlink(missing_ok=True)
