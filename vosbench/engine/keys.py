"""Digests that decide what a run may reuse.

Two runs share masks only if everything that decides the masks is equal: the method's code and
parameters, the weights' bytes, the harness's own code, the arithmetic, the seed, and the bytes of
the images and of the given masks. Names and modification times decide nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from vosbench.errors import InputError
from vosbench.types import Sequence

__all__ = ["digest_of", "inputs_sha256"]


def digest_of(content: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def inputs_sha256(sequence: Sequence, annotated: Iterable[str]) -> str:
    """Digest of the files a method sees: every image, and the annotations of the frames named.

    Raises:
        InputError: if a file cannot be read.
    """
    wanted = set(annotated)
    digest = hashlib.sha256()
    for ref in sequence.frames:
        digest.update(ref.name.encode() + b"\0")
        for path in (ref.image, ref.annotation if ref.name in wanted else None):
            if path is None:
                digest.update(b"none\0")
                continue
            try:
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
