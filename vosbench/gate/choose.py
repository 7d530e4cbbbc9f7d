"""Finding the run or the baselines that a path means."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vosbench.errors import InputError
from vosbench.store import RunPaths

__all__ = ["find_baselines", "find_run"]

_PATTERNS: Final = ("*/run.json", "*/*/run.json", "*/*/*/run.json")


def find_run(path: Path) -> Path:
    """The run directory itself, or the only one below a folder.

    A run's directory is named after a digest, which a workflow cannot know before it ran.

    Raises:
        InputError: if there is none, or more than one.
    """
    if RunPaths(path).run.is_file():
        return path
    found = sorted({one.parent for pattern in _PATTERNS for one in path.glob(pattern)})
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            f"{path} is no run directory and holds none",
            hint="make one with: vosbench run --method NAME --dataset DATA",
        )
    raise InputError(
        f"{path} holds {len(found)} runs, such as {found[0]} and {found[1]}",
        hint="name the one that is meant",
    )


def find_baselines(folder: Path) -> list[Path]:
    """JSON files of a folder, by name.

    Raises:
        InputError: if there is no such folder, or no JSON file in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", hint="vosbench baseline set RUN --out FILE")
    found = sorted(folder.glob("*.json"))
    if not found:
        raise InputError(f"{folder} holds no baseline", hint="vosbench baseline set RUN --out FILE")
    return found
