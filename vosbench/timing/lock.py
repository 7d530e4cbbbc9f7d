"""Who works on a device: many runs may share it, a measurement wants it alone.

A lock file per host and device lies in the user's cache folder. A run holds it shared, a benchmark
alone. The operating system lets go of it when a process ends, however it ends.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from vosbench.errors import InputError

__all__ = ["alone_on", "device_lock_path", "working_on"]


def device_lock_path(device: str, folder: Path) -> Path:
    """The lock file of a device on this host.

    Args:
        device: `cpu` or `cuda:N`; N is looked up in `CUDA_VISIBLE_DEVICES`, since two processes may
            number one device differently.
        folder: of lock files; it may be shared between hosts.
    """
    kind, _, number = device.partition(":")
    name = kind
    if kind != "cpu":
        visible = [one for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
        index = int(number or 0)
        name = f"{kind}-{visible[index] if index < len(visible) else index}"
    host = "".join(c if c.isalnum() or c in "-." else "_" for c in socket.gethostname())
    return folder / f"{host}-{''.join(c if c.isalnum() or c == '-' else '_' for c in name)}.lock"


@contextmanager
def working_on(device: str, folder: Path) -> Iterator[None]:
    """Work on a device beside others.

    Raises:
        InputError: while a measurement wants the device alone.
    """
    with _held(device_lock_path(device, folder), alone=False) as held:
        if not held:
            raise InputError(
                f"`vosbench bench` is measuring on {device}, and other work would spoil it",
                hint="wait until it is done, or stop it",
            )
        yield


@contextmanager
def alone_on(device: str, folder: Path) -> Iterator[None]:
    """Have a device for oneself, as far as vosbench is concerned.

    Raises:
        InputError: while another vosbench process works on it.
    """
    with _held(device_lock_path(device, folder), alone=True) as held:
        if not held:
            raise InputError(
                f"another vosbench process is working on {device}: times measured beside it would "
                "be of both",
                hint="wait for it, or measure on another device",
            )
        yield


def _opened(path: Path) -> IO[str]:
    """The lock file, in the temporary folder where the cache cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError:
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return (Path(tempfile.gettempdir()) / f"vosbench-{user}-{path.name}").open("a")


@contextmanager
def _held(path: Path, *, alone: bool) -> Iterator[bool]:
    try:
        import fcntl
    except ImportError:
        # not a POSIX system: nothing tells whether others are at work
        yield True
        return
    with _opened(path) as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
