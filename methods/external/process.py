"""Running one process of a program: no shell, a group of its own, an end in any case.

Nothing that the program started is left running when this returns: not after its end, a timeout, an
interrupt, or an error here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

__all__ = ["Ended", "run_process"]

_LOOK_EVERY_S: Final = 0.01
_GRACE_S: Final = 3.0
"""How long a program may take to end after it was asked to."""
_MOST_LOG_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        seconds: wall time from its start to its end.
        exit_code: its exit status; negative for the signal that ended it.
        stopped: why it was stopped from here, or an empty string.
    """

    seconds: float
    exit_code: int
    stopped: str = ""

    @property
    def well(self) -> bool:
        """Whether it ended by itself and without complaint."""
        return not self.stopped and self.exit_code == 0


def run_process(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    log: Path,
) -> Ended:
    """Run a command to its end.

    Args:
        command: its words.
        folder: working directory.
        environment: all of it; nothing is inherited.
        timeout_s: after which it is stopped, s.
        log: takes what it prints, standard error included.

    Raises:
        OSError: if it cannot be started.
    """
    stopped = ""
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - the words come from a card the user named
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not _has_ended(process.pid):
                if time.perf_counter() - begin > timeout_s:
                    stopped = f"it took longer than {timeout_s:g} s"
                elif log.stat().st_size > _MOST_LOG_BYTES:
                    stopped = f"it printed more than {_MOST_LOG_BYTES >> 20} MiB"
                if stopped:
                    break
                time.sleep(_LOOK_EVERY_S)
            seconds = time.perf_counter() - begin
        finally:
            _end_all(process)
    return Ended(seconds, process.returncode, stopped)


def _has_ended(pid: int) -> bool:
    """Whether it ended. It is not collected yet, so that its group's number stays its own."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """End the process, its group, and descendants that left the group."""
    strays: list[psutil.Process] = []
    with suppress(psutil.Error):
        strays = psutil.Process(process.pid).children(recursive=True)
    if not _has_ended(process.pid):
        _signal_group(process.pid, signal.SIGTERM)
        deadline = time.perf_counter() + _GRACE_S
        while not _has_ended(process.pid) and time.perf_counter() < deadline:
            time.sleep(_LOOK_EVERY_S)
    # also after a good end: what still runs in the group would write on behind our back
    _signal_group(process.pid, signal.SIGKILL)
    for stray in strays:
        # psutil looks whether the number still belongs to the same process
        with suppress(psutil.Error):
            stray.kill()
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
