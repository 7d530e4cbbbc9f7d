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
    refuse_nothing,
    write_record,
)
from vosbench.store.selfreport import SelfReport, read_self_report
from vosbench.store.soft import (
    CLAIMED,
    SoftFrame,
    SoftObject,
    encode_soft,
    read_soft,
    soft_digests,
)
from vosbench.store.tables import read_table, write_table

__all__ = [
    "CLAIMED",
    "RunPaths",
    "SelfReport",
    "SoftFrame",
    "SoftObject",
    "encode_soft",
    "exclusive",
    "find_runs",
    "read_record",
    "read_run",
    "read_scores",
    "read_self_report",
    "read_sequence",
    "read_soft",
    "read_table",
    "refuse_nothing",
    "soft_digests",
    "write_record",
    "write_table",
]
