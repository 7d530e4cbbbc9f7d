"""The run directory: schema, paths, atomic writing, loading."""

from __future__ import annotations

from vosbench.store.lock import exclusive
from vosbench.store.paths import RunPaths
from vosbench.store.records import (
    find_runs,
    read_record,
    read_run,
    read_scores,
    read_sequence,
    write_record,
)
from vosbench.store.tables import read_table, write_table

__all__ = [
    "RunPaths",
    "exclusive",
    "find_runs",
    "read_record",
    "read_run",
    "read_scores",
    "read_sequence",
    "read_table",
    "write_record",
    "write_table",
]
