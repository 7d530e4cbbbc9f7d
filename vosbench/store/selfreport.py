"""What a method tells of itself on each frame: `sequences/<sequence>.self.parquet`.

One row per frame and object, columns `SELF_COLUMNS`; NaN where the method tells nothing. A method
that tells nothing at all leaves no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vosbench.store.tables import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SELF_COLUMNS", "SelfReport", "read_self_report"]

SELF_COLUMNS: Final = (
    "frame",  # str
    "object_id",  # int64
    "crop_left",  # float64 px, the window the method looked at; may lie beyond the frame
    "crop_top",
    "crop_right",
    "crop_bottom",
    "centre_x",  # float64 px, the object's centre as the method voted for it
    "centre_y",
    "previous_x",  # float64 px, the centre that it held the votes against
    "previous_y",
    "empty_streak",  # float64, frames in a row without a pixel
)
_GROUPS: Final = {
    "crop_box": SELF_COLUMNS[2:6],
    "voted_centre": SELF_COLUMNS[6:8],
    "previous_centre": SELF_COLUMNS[8:10],
    "empty_streak": SELF_COLUMNS[10:],
}


class SelfReport:
    """Collects what a method tells, in `Prediction.aux`, over one sequence."""

    def __init__(self) -> None:
        self._rows: list[tuple[object, ...]] = []

    def add(self, frame: str, aux: Mapping[str, Any]) -> None:
        """Take one frame. Keys that are not known, or are not as documented, are left out."""
        told = {key: aux[key] for key in _GROUPS if isinstance(aux.get(key), Mapping)}
        ids = {one for values in told.values() for one in values if isinstance(one, int)}
        for object_id in sorted(ids):
            row: list[object] = [frame, object_id]
            for key, columns in _GROUPS.items():
                row += _numbers(told.get(key, {}).get(object_id), len(columns))
            self._rows.append(tuple(row))

    def write(self, path: Path) -> None:
        """Write the table, or remove an older one where there is nothing to tell."""
        if not self._rows:
            path.unlink(missing_ok=True)
            return
        import pandas as pd

        table = pd.DataFrame(self._rows, columns=list(SELF_COLUMNS))
        floats = dict.fromkeys(SELF_COLUMNS[2:], "float64")
        write_table(path, table.astype({"frame": "str", "object_id": "int64", **floats}))


def _numbers(value: Any, count: int) -> list[float]:
    values = list(value) if isinstance(value, Iterable) else [value]
    if len(values) != count:
        return [math.nan] * count
    try:
        return [float(one) for one in values]
    except (TypeError, ValueError):
        return [math.nan] * count


def read_self_report(path: Path) -> pd.DataFrame | None:
    """The table of one sequence, `RunPaths.sequence_self`, or None where the method tells nothing.

    Raises:
        InputError: it cannot be read.
    """
    return read_table(path) if path.is_file() else None
