"""Reading and writing the JSON records of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

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
    "write_record",
]

_R = TypeVar("_R", bound=Record)


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


def find_runs(root: Path) -> list[Path]:
    """Run directories under `root` (`<dataset>/<method@variant>/<id>`), oldest first."""
    found = [path.parent for path in root.glob("*/*/*/run.json")]
    return sorted(found, key=lambda run: (run / "run.json").stat().st_mtime)
