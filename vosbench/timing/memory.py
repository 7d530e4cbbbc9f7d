"""How much memory the process and its device hold, cheap enough to ask after every frame."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["UNKNOWN", "MemoryProbe", "MemoryReading", "PeakMemory"]

_MB = float(1 << 20)
_DEVICE_EVERY = 8
"""Torch's statistics cost some 50 µs a reading, so the device is asked on every eighth call."""


class MemoryReading(NamedTuple):
    """MB of 2^20 bytes; NaN where not known.

    Attributes:
        process: resident memory of the process.
        allocated: device memory in live tensors.
        reserved: device memory that torch's allocator holds.
    """

    process: float
    allocated: float
    reserved: float


class PeakMemory(NamedTuple):
    """Largest values since the process or the counters started, MB of 2^20 bytes; NaN if unknown.

    Attributes:
        process: resident memory of the process, over its whole life.
        allocated: device memory in live tensors.
        reserved: device memory that torch's allocator held.
    """

    process: float
    allocated: float
    reserved: float


UNKNOWN = MemoryReading(math.nan, math.nan, math.nan)


class MemoryProbe:
    """Reads memory of this process and of one device.

    Args:
        device: `cpu` or `cuda:N`.
    """

    def __init__(self, device: str) -> None:
        self._cuda: Any = None
        self._device = device
        if device.startswith("cuda"):
            import torch

            self._cuda = torch.cuda
            self._cuda.reset_peak_memory_stats(device)
        self._calls = 0
        self._page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
        self._statm = Path("/proc/self/statm")
        self._linux = self._statm.is_file()

    def read(self) -> MemoryReading:
        """Memory now."""
        allocated = reserved = math.nan
        if self._cuda is not None and self._calls % _DEVICE_EVERY == 0:
            allocated = self._cuda.memory_allocated(self._device) / _MB
            reserved = self._cuda.memory_reserved(self._device) / _MB
        self._calls += 1
        return MemoryReading(self._resident() / _MB, allocated, reserved)

    def peak(self) -> PeakMemory:
        """Largest values so far."""
        allocated = reserved = math.nan
        if self._cuda is not None:
            allocated = self._cuda.max_memory_allocated(self._device) / _MB
            reserved = self._cuda.max_memory_reserved(self._device) / _MB
        return PeakMemory(_peak_resident() / _MB, allocated, reserved)

    def _resident(self) -> float:
        if self._linux:
            with self._statm.open("rb", buffering=0) as file:
                return float(file.read(64).split()[1]) * self._page
        import psutil

        return float(psutil.Process().memory_info().rss)


def _peak_resident() -> float:
    try:
        import resource
    except ImportError:
        import psutil

        return float(psutil.Process().memory_info().rss)
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
