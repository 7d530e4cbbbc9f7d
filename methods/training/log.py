"""The run's log: one JSON object per line, and TensorBoard events where wanted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vosbench.errors import UsageError

__all__ = ["TrainLog"]


class TrainLog:
    """Appends to `log.jsonl`; every line has `kind`, `step` and `active_seconds`.

    Args:
        folder: of the run.
        step: steps done; lines of later steps, left by an interrupted run, are dropped.
        tensorboard: also write events under `folder/tensorboard`.
    """

    def __init__(self, folder: Path, *, step: int, tensorboard: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"
        self._keep_until(step)
        self._writer: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - optional extra
            except ImportError as error:
                raise UsageError(
                    "TensorBoard is not installed", hint="pip install 'vosbench[train]'"
                ) from error
            self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def write(
        self, kind: str, *, step: int, active_seconds: float, values: Mapping[str, float]
    ) -> None:
        """Append one line; values that are not finite become null."""
        entry = {"kind": kind, "step": step, "active_seconds": round(active_seconds, 2)}
        entry |= {key: value if math.isfinite(value) else None for key, value in values.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        if self._writer is not None:
            for key, value in values.items():
                self._writer.add_scalar(f"{kind}/{key}", value, step)

    def close(self) -> None:
        """Flush TensorBoard's events."""
        if self._writer is not None:
            self._writer.close()

    def _keep_until(self, step: int) -> None:
        if not self.path.exists():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line and json.loads(line)["step"] <= step]
        if step == 0:
            kept = []
        self.path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
