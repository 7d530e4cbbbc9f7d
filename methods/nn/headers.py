"""The header entry of weight files that this project writes: JSON with a format and a version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vosbench.errors import InputError

__all__ = ["parse_header"]


def parse_header(path: Path, entry: str, *, key: str, kind: str, version: int) -> dict[str, Any]:
    """Read the header entry of a weight file.

    Args:
        path: the file, for messages.
        entry: text of the entry.
        key: the entry's name in the file's metadata.
        kind: expected `format`.
        version: expected `version`.

    Raises:
        InputError: it is no JSON table, or of another format or version.
    """
    try:
        header = json.loads(entry)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: the header's {key!r} entry is not JSON: {error}") from error
    if not isinstance(header, dict) or header.get("format") != kind:
        raise InputError(f"{path} holds weights of another method, expected format {kind!r}")
    if header.get("version") != version:
        raise InputError(
            f"{path} has weight format version {header.get('version')!r}, "
            f"this vosbench reads version {version}",
            hint="Use the vosbench that wrote it, or export the checkpoint again.",
        )
    return header
