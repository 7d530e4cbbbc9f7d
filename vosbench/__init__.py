"""vosbench: run, score and explain semi-supervised video object segmentation methods.

The package's public face is small on purpose and imports nothing heavy; torch and pandas load only
where they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from vosbench.report import LoadedRun

__version__ = "0.1.0"

__all__ = ["__version__", "load_run"]


def load_run(path: str | Path) -> LoadedRun:
    """Read a run directory into tidy pandas tables: `frames`, `objects`, `sequences`, `trace`.

    Args:
        path: `runs/<dataset>/<method@variant>/<id>`.

    Returns:
        The tables with the run's records; `vosbench.report.COLUMNS` has every column's unit.

    Raises:
        vosbench.errors.InputError: if it is no run directory, or a file of it is damaged or newer
            than this version knows.
    """
    from vosbench.report import load_run as load

    return load(path)
