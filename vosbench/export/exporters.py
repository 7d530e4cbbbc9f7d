"""Which exporters there are."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from vosbench.errors import UsageError
from vosbench.export.content import ExportedRun, read_exported
from vosbench.export.jsonl import JsonLines
from vosbench.export.tensorboard import TensorBoard
from vosbench.export.wandb import WeightsAndBiases
from vosbench.store import RunPaths

__all__ = ["EXPORTERS", "Exporter", "export_run"]


class Exporter(Protocol):
    """Writes a run in the format of another tool. It sends nothing anywhere."""

    @property
    def name(self) -> str:
        """What `--to` says."""
        ...

    def export(self, run: ExportedRun, out: Path) -> tuple[Path, ...]:
        """Write the run below `out` and return the files.

        Raises:
            vosbench.errors.UsageError: the tool is not installed; the hint names the extra.
        """
        ...


_ALL: Final[tuple[Exporter, ...]] = (JsonLines(), TensorBoard(), WeightsAndBiases())
EXPORTERS: Final = {exporter.name: exporter for exporter in _ALL}
"""By the name that `--to` takes."""


def export_run(root: Path, to: str, out: Path) -> tuple[Path, ...]:
    """Write a scored run in the format of another tool.

    Args:
        root: run directory.
        to: key of `EXPORTERS`.
        out: folder, made if it is missing; not a run directory.

    Raises:
        UsageError: there is no such exporter, its tool is missing, or `out` is a run directory.
        InputError: the run cannot be read or was not scored.
    """
    exporter = EXPORTERS.get(to)
    if exporter is None:
        raise UsageError(
            f"--to {to}: there is no such export", hint=f"one of {', '.join(EXPORTERS)}"
        )
    if RunPaths(out).run.exists():
        raise UsageError(
            f"{out} is a run directory; an export goes beside runs, not into one",
            hint="name another folder with --out",
        )
    return exporter.export(read_exported(root), out)
