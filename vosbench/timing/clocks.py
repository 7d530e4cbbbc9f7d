"""The two clocks of a trace: the host's, and the stream of a CUDA device.

A device clock records events without waiting for them. They are read once, after the sequence: a
synchronisation inside a frame would change what is measured (PyTorch, CUDA semantics: asynchronous
execution).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = ["Clock", "CudaClock", "DeviceClock", "HostClock", "device_clock"]


class Clock(Protocol):
    """The host's clock."""

    def now_ns(self) -> int:
        """Nanoseconds from an arbitrary zero; never goes back."""
        ...


class DeviceClock(Protocol):
    """Events on a device's stream."""

    def synchronise(self) -> None:
        """Wait until the device has nothing left to do. Never called inside a frame."""
        ...

    def record(self) -> Any:
        """Put an event into the current stream, without waiting."""
        ...

    def resolve(self, events: Sequence[Any]) -> list[float]:
        """When each event passed, ms after the first; waits for the last. Called once."""
        ...


class HostClock:
    """`time.perf_counter_ns`."""

    now_ns = staticmethod(time.perf_counter_ns)


class CudaClock:
    """CUDA events on the current stream of one device; events are used again.

    Args:
        device: `cuda:N`.
    """

    def __init__(self, device: str) -> None:
        import torch

        self._cuda = torch.cuda
        self._device = torch.device(device)
        self._new: Callable[..., Any] = torch.cuda.Event
        self._free: list[Any] = []

    def synchronise(self) -> None:
        """Wait for all streams of the device."""
        self._cuda.synchronize(self._device)

    def record(self) -> Any:
        """An event on the stream that is current on this device."""
        event = self._free.pop() if self._free else self._new(enable_timing=True)
        event.record(self._cuda.current_stream(self._device))
        return event

    def resolve(self, events: Sequence[Any]) -> list[float]:
        """Times from event to event, summed: each is exact to about half a microsecond."""
        if not events:
            return []
        events[-1].synchronize()
        passed = [0.0]
        for before, after in zip(events[:-1], events[1:], strict=True):
            passed.append(passed[-1] + float(before.elapsed_time(after)))
        self._free.extend(events)
        return passed


def device_clock(device: str) -> DeviceClock | None:
    """The clock of a device, None for the CPU, whose host clock is all there is."""
    return CudaClock(device) if device.startswith("cuda") else None
