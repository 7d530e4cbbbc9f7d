"""What a trace measures a device with, made once and used for every sequence."""

from __future__ import annotations

from vosbench.timing.clocks import DeviceClock, device_clock
from vosbench.timing.memory import MemoryProbe

__all__ = ["Meters"]


class Meters:
    """Clock and memory probe of a device.

    Attributes:
        device: the device's clock, None for the CPU.
        memory: the probe.

    Args:
        device: `cpu` or `cuda:N`.
    """

    def __init__(self, device: str) -> None:
        self.device: DeviceClock | None = device_clock(device)
        self.memory = MemoryProbe(device)
