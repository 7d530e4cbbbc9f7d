"""A run as JSON lines: for any tool that has no exporter of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vosbench.export.content import ExportedRun
from vosbench.store.atomic import write_text

__all__ = ["JsonLines"]


class JsonLines:
    """Writes `run.jsonl`: one object a line, its `kind` first.

    Kinds: `run` (settings), `summary`, `sequence`, `object`, `frame`, `picture`. Scores are 0..1,
    undefined ones null in frames and missing elsewhere.
    """

    name = "jsonl"

    def export(self, run: ExportedRun, out: Path) -> tuple[Path, ...]:
        """Write the file."""
        lines: list[dict[str, Any]] = [
            {"kind": "run", "name": run.name, "settings": run.settings()},
            {"kind": "summary", **run.summary()},
        ]
        lines += [{"kind": "sequence", "sequence": name, **values}
                  for name, values in run.sequences()]  # fmt: skip
        lines += [
            {"kind": "object", "sequence": name, "object_id": object_id, **values}
            for name, object_id, values in run.objects()
        ]
        lines += [
            {
                "kind": "frame",
                "sequence": one.sequence,
                "object_id": one.object_id,
                "index": one.index,
                "frame": one.frame,
                "J": one.j,
                "F": one.f,
            }
            for one in run.frames()
        ]
        lines += [{"kind": "picture", "name": one.name, "path": str(one.path)}
                  for one in run.pictures]  # fmt: skip
        path = out / "run.jsonl"
        # ASCII: line separators of Unicode inside a name would break lines for some readers
        write_text(path, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))
        return (path,)
