"""Tables on disk: Parquet with the schema version in its metadata; same rows, same bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.errors import InputError
from vosbench.store.atomic import write_bytes
from vosbench.store.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table", "write_table"]

_VERSION_KEY = b"vosbench.schema_version"


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table atomically."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    # pandas' own metadata names library versions, which would make equal tables differ in bytes
    arrow = arrow.replace_schema_metadata({_VERSION_KEY: str(SCHEMA_VERSION).encode()})
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd")
    write_bytes(path, buffer.getvalue())


def read_table(path: Path) -> pd.DataFrame:
    """Read a table.

    Raises:
        InputError: if the file is missing, damaged, or of a newer schema than this version knows.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing", hint="score the run again") from error
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is no readable Parquet table: {error}") from error
    version = int((arrow.schema.metadata or {}).get(_VERSION_KEY, b"1"))
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {version}; this vosbench reads up to {SCHEMA_VERSION}",
            hint="update vosbench",
        )
    table = arrow.to_pandas()
    assert isinstance(table, pd.DataFrame)  # noqa: S101 - narrows an untyped library's return
    return table
