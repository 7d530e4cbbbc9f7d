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


def write_table(path: Path, table: pd.DataFrame, *, version: int = SCHEMA_VERSION) -> None:
    """Write a table atomically; `version` is of the table's own kind."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    # pandas' own metadata names library versions, which would make equal tables differ in bytes
    arrow = arrow.replace_schema_metadata({_VERSION_KEY: str(version).encode()})
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd")
    write_bytes(path, buffer.getvalue())


def read_table(path: Path, *, newest: int = SCHEMA_VERSION) -> pd.DataFrame:
    """Read a table; its version is in `attrs["schema_version"]`.

    Args:
        path: the file.
        newest: version of this kind of table that this vosbench knows.

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
    if version > newest:
        raise InputError(
            f"{path} has schema version {version}; this vosbench reads up to {newest}",
            hint="update vosbench",
        )
    table = arrow.to_pandas()
    assert isinstance(table, pd.DataFrame)  # noqa: S101 - narrows an untyped library's return
    table.attrs["schema_version"] = version
    return table
