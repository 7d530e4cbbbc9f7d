"""Writing behind: masks are encoded and written on worker threads while the method goes on.

The number of masks that wait is bounded; a slow disk slows the loop instead of filling the memory.
The first error of a worker is raised in the loop, so no mask is lost in silence.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from vosbench.data.masks import encode_labels
from vosbench.store.soft import SOFT_SUFFIX, encode_soft
from vosbench.timing import Trace
from vosbench.types import LabelMap, SoftMasks

__all__ = ["MaskWriter"]


class MaskWriter:
    """Writes the masks of one sequence into a folder; use as a context manager.

    Soft masks go into a folder of their own, and are left out where none is given.
    """

    def __init__(
        self,
        folder: Path,
        *,
        trace: Trace,
        soft_folder: Path | None = None,
        workers: int = 2,
        waiting: int = 16,
    ) -> None:
        self._folder = folder
        self._soft_folder = soft_folder
        self._trace = trace
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="vosbench-write")
        self._room = threading.BoundedSemaphore(waiting)
        self._jobs: dict[str, Future[str]] = {}
        self._unchecked: deque[Future[str]] = deque()
        folder.mkdir(parents=True, exist_ok=True)
        if soft_folder is not None:
            soft_folder.mkdir(parents=True, exist_ok=True)

    def put(
        self,
        frame: str,
        labels: LabelMap,
        *,
        soft: SoftMasks | None = None,
        object_ids: tuple[int, ...] = (),
    ) -> None:
        """Queue a copy of one mask (H×W uint8): a method may use its array again.

        Args:
            frame: file stem.
            labels: H×W uint8.
            soft: K×H×W, stored only where there is a folder for it.
            object_ids: K ids.

        Raises:
            OSError: if an earlier mask could not be written.
        """
        self._room.acquire()
        kept = soft.copy() if soft is not None and self._soft_folder is not None else None
        job = self._pool.submit(self._write, frame, labels.copy(), kept, object_ids)
        job.add_done_callback(lambda _: self._room.release())
        self._jobs[frame] = job
        self._unchecked.append(job)
        self._raise_finished_errors()

    def _write(
        self, frame: str, labels: LabelMap, soft: SoftMasks | None, object_ids: tuple[int, ...]
    ) -> str:
        with self._trace.measure(frame, "write"):
            content = encode_labels(labels)
            (self._folder / f"{frame}.png").write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            if soft is not None and self._soft_folder is not None:
                stored = encode_soft(soft, object_ids, labels_sha256=digest)
                (self._soft_folder / f"{frame}{SOFT_SUFFIX}").write_bytes(stored)
        return digest

    def _raise_finished_errors(self) -> None:
        while self._unchecked and self._unchecked[0].done():
            self._unchecked.popleft().result()

    def finish(self) -> dict[str, str]:
        """Wait for all masks; SHA-256 of each written file by frame name."""
        return {frame: job.result() for frame, job in self._jobs.items()}

    def __enter__(self) -> MaskWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
