"""Batches prepared ahead by threads, in step order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from .config import Phase
from .sampling import PairBatch, Sampler

__all__ = ["Prefetcher"]


class Prefetcher:
    """Hands out the batches of consecutive steps.

    Threads share the decoded frames, which processes would copy. A batch depends on its step and
    phase alone, so neither the number of threads nor a restart changes it.

    Args:
        sampler: draws the batches.
        start: first step.
        phase_of: the phase of a step, asked when the batch is ordered.
        workers: threads; 0 draws in the caller's thread.
        ahead: batches ordered beyond the one handed out.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        start: int,
        phase_of: Callable[[int], Phase],
        workers: int,
        ahead: int,
    ) -> None:
        self._sampler = sampler
        self._next = start
        self._phase_of = phase_of
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(workers, "batches") if workers else None
        self._orders: deque[Future[PairBatch]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self) -> PairBatch:
        """The next step's batch; an error of its preparation is raised here."""
        if self._pool is None:
            step, self._next = self._next, self._next + 1
            return self._sampler.batch(step, self._phase_of(step))
        while len(self._orders) <= self._ahead:
            phase = self._phase_of(self._next)
            self._orders.append(self._pool.submit(self._sampler.batch, self._next, phase))
            self._next += 1
        return self._orders.popleft().result()
