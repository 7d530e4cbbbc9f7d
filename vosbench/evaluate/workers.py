"""Doing one job on many items in several processes."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from vosbench.errors import RunIncomplete

__all__ = ["in_processes"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_worker_jobs: list[Callable[[Any], Any]] = []
"""In a worker process, its one job."""


def in_processes(
    job: Callable[[_Item], _Result], items: Sequence[_Item], processes: int
) -> Iterator[_Result]:
    """Results in the order in which they are ready; items start in the order given.

    Raises:
        RunIncomplete: a process was killed.
    """
    context = multiprocessing.get_context(_start_method())
    pool = ProcessPoolExecutor(
        processes, mp_context=context, initializer=_start_worker, initargs=(job,)
    )
    try:
        for future in as_completed(_submitted(pool, items)):
            yield future.result()
    except BrokenProcessPool as error:
        raise RunIncomplete(
            "A scoring process was killed, most likely for lack of memory.",
            hint="Score with fewer processes.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_method() -> str:
    """`fork` where it is safe, else `spawn`, which costs each worker the start of a whole Python.

    A copy of a process lacks its threads, so locks that they hold stay locked: only a process of
    one thread is copied, and none that may use an accelerator.
    """
    alone = threading.active_count() == 1 and "torch" not in sys.modules
    return "fork" if sys.platform == "linux" and alone else "spawn"


def _submitted(pool: ProcessPoolExecutor, items: Sequence[Any]) -> list[Future[Any]]:
    with warnings.catch_warnings():
        # Python 3.12 warns of idle threads of the linear algebra library, which sees to itself.
        warnings.filterwarnings("ignore", r".*fork\(\)", DeprecationWarning)
        return [pool.submit(_work, item) for item in items]


def _start_worker(job: Callable[[Any], Any]) -> None:
    """Keep the job, and leave Ctrl-C to the parent process, which stops the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker_jobs.append(job)


def _work(item: Any) -> Any:
    return _worker_jobs[0](item)
