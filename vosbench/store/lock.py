"""One writer per run directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vosbench.errors import InputError
from vosbench.store.paths import RunPaths

__all__ = ["exclusive"]


@contextmanager
def exclusive(paths: RunPaths) -> Iterator[None]:
    """Hold the run directory for writing.

    Raises:
        InputError: at once, if another process holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(paths.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"another process is writing the run {paths.root}",
            hint="wait for it, or choose another --out",
        ) from error
    try:
        yield
    finally:
        lock.release()
