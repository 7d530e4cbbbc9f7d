"""`trace.parquet`: writing it, and reading it in every version there ever was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.errors import InputError
from vosbench.store.schema import TRACE_COLUMNS, TRACE_VERSION
from vosbench.store.tables import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_trace", "write_trace"]

_FIRST_VERSION = ("sequence", "frame", "stage", "ms")


def write_trace(path: Path, table: pd.DataFrame) -> None:
    """Write a table with the columns of `TRACE_COLUMNS`, atomically."""
    write_table(path, table[list(TRACE_COLUMNS)], version=TRACE_VERSION)


def read_trace(path: Path) -> pd.DataFrame:
    """Read a trace; one of version 1 gets the columns it did not have, as unknown.

    Raises:
        InputError: if the file is missing, damaged, of a newer version, or has not the columns of
            its version.
    """
    table = read_table(path, newest=TRACE_VERSION)
    version = int(table.attrs["schema_version"])
    wanted = TRACE_COLUMNS if version >= TRACE_VERSION else _FIRST_VERSION
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}", hint="run again")
    return table if version >= TRACE_VERSION else _from_first(table)


def _from_first(table: pd.DataFrame) -> pd.DataFrame:
    """Version 1 knew neither times of beginning nor a device; its names of frames are in order."""
    order = table.groupby("sequence")["frame"].rank(method="dense").astype("int64") - 1
    filled = table.assign(round=0, index=order, inside="", objects=-1)
    for name in TRACE_COLUMNS:
        if name not in filled.columns:
            filled[name] = float("nan")
    return filled[list(TRACE_COLUMNS)]
