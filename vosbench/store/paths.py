"""Where everything of a run lies: the one place that builds these paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["RunPaths"]


@dataclass(frozen=True)
class RunPaths:
    """Paths below one run directory."""

    root: Path

    @property
    def run(self) -> Path:
        """`run.json`."""
        return self.root / "run.json"

    @property
    def scores(self) -> Path:
        """`scores.json`."""
        return self.root / "scores.json"

    @property
    def frames(self) -> Path:
        """`frames.parquet`."""
        return self.root / "frames.parquet"

    @property
    def trace(self) -> Path:
        """`trace.parquet`."""
        return self.root / "trace.parquet"

    @property
    def masks(self) -> Path:
        """Folder of masks, one folder per sequence."""
        return self.root / "masks"

    @property
    def partial(self) -> Path:
        """Masks of the sequence in flight; moved into `masks` when complete."""
        return self.root / ".partial"

    def kept(self, name: str) -> Path:
        """An older complete result of a sequence whose newer attempt failed."""
        return self.root / ".kept" / name

    @property
    def report(self) -> Path:
        """Folder of the report."""
        return self.root / "report"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes the run."""
        return self.root / ".lock"

    @property
    def sequences(self) -> Path:
        """Folder of sequence records."""
        return self.root / "sequences"

    @property
    def soft(self) -> Path:
        """Folder of soft masks, one folder per sequence; only where they were asked for."""
        return self.root / "soft"

    def derived(self) -> list[Path]:
        """Files that are computed from the masks, and stale once the masks change."""
        patterns = ("*_results-*.csv", "diagnosis.*", "videos/*")
        found = [path for pattern in patterns for path in self.root.glob(pattern)]
        return [self.scores, self.frames, self.trace, *found]

    def sequence(self, name: str) -> Path:
        """Record of one sequence."""
        return self.sequences / f"{name}.json"

    def sequence_trace(self, name: str) -> Path:
        """Trace of one sequence, joined into `trace.parquet` at the end."""
        return self.sequences / f"{name}.trace.parquet"

    def sequence_masks(self, name: str) -> Path:
        """Mask folder of one sequence."""
        return self.masks / name

    def sequence_soft(self, name: str) -> Path:
        """Soft-mask folder of one sequence."""
        return self.soft / name

    def sequence_self(self, name: str) -> Path:
        """What the method tells of itself on one sequence."""
        return self.sequences / f"{name}.self.parquet"
