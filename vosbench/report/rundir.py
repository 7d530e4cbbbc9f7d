"""Telling a run directory from what is taken for one, and what to do instead."""

from __future__ import annotations

import shlex
from itertools import islice
from pathlib import Path
from typing import Final

from vosbench.errors import InputError
from vosbench.report.text import plain
from vosbench.store import RunPaths

__all__ = ["check_run_directory"]

_ARCHIVES: Final = (".zip", ".tar", ".tgz", ".gz", ".json")
_MASKS: Final = ("*.png", "*/*.png", "*/*/*.png")
_RUNS: Final = ("*/run.json", "*/*/run.json", "*/*/*/run.json", "*/*/*/*/run.json")
_MOST_RUNS: Final = 3


def check_run_directory(path: Path) -> None:
    """Return for a folder with a `run.json`, else say what the path is.

    Raises:
        InputError: the path is no run directory; the hint says how to get one from what it is.
    """
    if RunPaths(path).run.is_file():
        return
    shown = plain(str(path))
    if not path.exists():
        raise InputError(
            f"{shown} does not exist", hint="runs are under runs/<dataset>/<method>/<id>"
        )
    if path.is_file():
        _refuse_file(path, shown)
    # a bounded look: the first match of each pattern, never a walk of a whole data set
    runs = [one for pattern in _RUNS for one in islice(path.glob(pattern), _MOST_RUNS)]
    if runs:
        names = ", ".join(plain(str(one.parent)) for one in sorted(runs)[:_MOST_RUNS])
        raise InputError(
            f"{shown} is no run directory but a folder of runs",
            hint=f"name the run itself, such as {names}",
        )
    if any(next(path.glob(pattern), None) is not None for pattern in _MASKS):
        raise InputError(
            f"{shown} is a folder of masks, not a run directory: it has no run.json",
            hint=_make_run(path),
        )
    raise InputError(
        f"{shown} is no run directory: it has no run.json",
        hint="name a folder that vosbench run has written, runs/<dataset>/<method>/<id>",
    )


def _refuse_file(path: Path, shown: str) -> None:
    if path.name in ("run.json", "scores.json"):
        raise InputError(
            f"{shown} is a file of a run, not its directory",
            hint=f"name the folder: {plain(str(path.parent))}",
        )
    if path.suffix.lower() in _ARCHIVES:
        raise InputError(
            f"{shown} is an archive, not a run directory; if it holds masks, make a run of it",
            hint=_make_run(path),
        )
    raise InputError(f"{shown} is a file, not a run directory")


def _make_run(path: Path) -> str:
    masks = plain(shlex.quote(str(path)))
    return (
        f"vosbench run --method precomputed --masks {masks} --name NAME --dataset DATASET "
        "scores them and leaves a run directory"
    )
