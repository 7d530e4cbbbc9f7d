"""Reading and writing the JSON records of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from vosbench.errors import InputError
from vosbench.store.atomic import write_json
from vosbench.store.paths import RunPaths
from vosbench.store.schema import (
    SCHEMA_VERSION,
    Record,
    RunRecord,
    ScoreRecord,
    SequenceRecord,
)

__all__ = [
    "find_runs",
    "read_record",
    "read_run",
    "read_scores",
    "read_sequence",
    "refuse_nothing",
    "write_record",
]

_R = TypeVar("_R", bound=Record)
_PATTERNS: Final = ("*/run.json", "*/*/run.json", "*/*/*/run.json")
_A_RUN: Final = (
    "name a folder that vosbench run has written, runs/<dataset>/<method>/<id>, or, where masks "
    "are expected, a folder, zip or JSON of them"
)


def write_record(path: Path, record: Record) -> None:
    """Write a record atomically, under the names the format documents."""
    write_json(path, record.model_dump(mode="json", by_alias=True))


def read_record(path: Path, kind: type[_R]) -> _R:
    """Read a record and check it.

    Raises:
        InputError: if it is missing, damaged, or of a newer schema than this version knows.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if path == RunPaths(path.parent).run:
            refuse_nothing(path.parent)
            raise InputError(
                f"{path.parent} is no run directory: it has no run.json", hint=_A_RUN
            ) from error
        raise InputError(f"{path} is missing: {path.parent} is no complete run") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    version = content.get("schema_version", 1) if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {version}; this vosbench reads up to {SCHEMA_VERSION}",
            hint="update vosbench",
        )
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is no {kind.__name__}: {where}: {first['msg']}") from error


def read_run(root: Path) -> RunRecord:
    """`run.json` of a run directory."""
    return read_record(RunPaths(root).run, RunRecord)


def read_scores(root: Path) -> ScoreRecord:
    """`scores.json` of a run directory."""
    return read_record(RunPaths(root).scores, ScoreRecord)


def read_sequence(root: Path, name: str) -> SequenceRecord:
    """Record of one sequence of a run directory."""
    return read_record(RunPaths(root).sequence(name), SequenceRecord)


def refuse_nothing(path: Path) -> None:
    """Return for anything but a path at which there is nothing.

    Raises:
        InputError: the path does not exist, or is an empty folder.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", hint=_A_RUN)
    if path.is_dir() and next(path.iterdir(), None) is None:
        raise InputError(f"{path} is empty", hint=_A_RUN)


def find_runs(root: Path) -> list[Path]:
    """The run directory `root` itself, or those in it, oldest first.

    They are looked for as deep as `vosbench run` files them, `<dataset>/<method@variant>/<id>`.
    """
    if RunPaths(root).run.is_file():
        return [root]
    found = [path.parent for pattern in _PATTERNS for path in root.glob(pattern)]
    return sorted(found, key=lambda run: (run / "run.json").stat().st_mtime)
