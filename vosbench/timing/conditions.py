"""Under what conditions times were taken: settings that stay, and what changes while measuring."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

__all__ = ["ConditionWatch", "Conditions", "Snapshot", "summarise_conditions"]

_THROTTLE_REASONS: Final = {
    0x0000000000000004: "software power cap",
    0x0000000000000008: "hardware slowdown",
    0x0000000000000020: "software thermal slowdown",
    0x0000000000000040: "hardware thermal slowdown",
    0x0000000000000080: "hardware power brake",
}
"""Bits of `nvmlDeviceGetCurrentClocksEventReasons` that slow the clocks below what was asked."""
_SLOW_CLOCK: Final = 0.75
_BUSY_OTHERS: Final = 0.25
_LEAST_INTERVAL: Final = 0.2


@dataclass(frozen=True)
class Snapshot:
    """The machine at one moment, or since the snapshot before; None where nothing tells.

    Attributes:
        at: seconds since the first snapshot.
        load: load average over one minute.
        others: processors that other processes kept busy since the snapshot before.
        stolen: processors' time that the hypervisor gave to others since the snapshot before.
        cpu_mhz: mean clock of the processors.
        temperature: degrees Celsius, of the device that computes.
        gpu_mhz: clock of the streaming multiprocessors.
        gpu_memory_mhz: clock of the device's memory.
        gpu_power: watts.
        gpu_processes: other processes that compute on the device.
        throttled: reasons why the device runs below the clock asked for.
    """

    at: float
    load: float | None = None
    others: float | None = None
    stolen: float | None = None
    cpu_mhz: float | None = None
    temperature: float | None = None
    gpu_mhz: float | None = None
    gpu_memory_mhz: float | None = None
    gpu_power: float | None = None
    gpu_processes: int | None = None
    throttled: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without what nothing told."""
        told = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {**told, **({"throttled": list(self.throttled)} if self.throttled else {})}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The reverse of `as_dict`; what is unknown here is passed over."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in stored.items() if name in known}
        return cls(**{**kept, "throttled": tuple(kept.get("throttled", ()))})


@dataclass(frozen=True)
class Conditions:
    """Everything recorded of the conditions.

    Attributes:
        label: `CPU` or `GPU`, which every figure carries.
        settings: device, threads, arithmetic switches, and what could not be read.
        load: largest load average.
        others: processors that other processes kept busy: mean over the snapshots.
        temperature: degrees Celsius, largest.
        gpu_mhz: lowest and highest clock read, or empty.
        warnings: what makes the figures doubtful, in words.
    """

    label: str
    settings: dict[str, Any]
    load: float | None
    others: float | None
    temperature: float | None
    gpu_mhz: tuple[float, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "gpu_mhz": list(self.gpu_mhz), "warnings": list(self.warnings)}


class ConditionWatch:
    """Takes snapshots between frames; nothing runs beside the measurement.

    Args:
        device: `cpu` or `cuda:N`.
    """

    def __init__(self, device: str) -> None:
        import psutil

        self._psutil: Any = psutil
        self._device = device
        self._unread = ""
        self._nvml: Any = None
        self._handle: Any = None
        self._gpu_max: float | None = None
        if device.startswith("cuda"):
            self._open_nvml(device)
        self._begin = time.monotonic()
        self._before = self._processor_times()

    def _open_nvml(self, device: str) -> None:
        try:
            import pynvml  # type: ignore[import-not-found, unused-ignore]
            import torch

            pynvml.nvmlInit()
            uuid = str(torch.cuda.get_device_properties(device).uuid)
            name = uuid if uuid.startswith("GPU-") else f"GPU-{uuid}"
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(name)
            self._gpu_max = float(
                pynvml.nvmlDeviceGetMaxClockInfo(self._handle, pynvml.NVML_CLOCK_SM)
            )
            self._nvml = pynvml
        except Exception as error:
            # no driver library, a MIG slice, a container without it: said so, and measured without
            self._unread = (
                f"GPU clocks, temperature and throttling: {type(error).__name__}: {error}; "
                "pip install nvidia-ml-py"
            )

    def settings(self) -> dict[str, Any]:
        """What stays while measuring: switches of torch, the highest clock, what is not read."""
        facts: dict[str, Any] = {"device": self._device, **_torch_settings(self._device)}
        if self._gpu_max is not None:
            facts["gpu_max_mhz"] = self._gpu_max
        if self._unread:
            facts["not_read"] = self._unread
        return facts

    def _processor_times(self) -> tuple[float, float, float, float]:
        """Seconds: now, busy in all processes, stolen, busy in this process and its children."""
        times = self._psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        stolen = getattr(times, "steal", 0.0)
        busy = sum(times) - idle - guest - stolen
        own = sum(os.times()[:4])
        return time.monotonic(), float(busy), float(stolen), float(own)

    def snapshot(self) -> Snapshot:
        """Read what can be read."""
        now = self._processor_times()
        passed = now[0] - self._before[0]
        others = stolen = None
        # the counters tick in hundredths of a second
        if passed > _LEAST_INTERVAL:
            busy, gone, own = (now[at] - self._before[at] for at in (1, 2, 3))
            others, stolen = max(0.0, busy - own) / passed, max(0.0, gone) / passed
            self._before = now
        facts: dict[str, Any] = {
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "others": others,
            "stolen": stolen,
            "cpu_mhz": self._cpu_clock(),
            "temperature": self._cpu_temperature() if self._device == "cpu" else None,
        }
        facts |= self._gpu() if self._nvml is not None else {}
        return Snapshot(at=round(now[0] - self._begin, 3), **facts)

    def _cpu_clock(self) -> float | None:
        with suppress(NotImplementedError, OSError):
            read = self._psutil.cpu_freq()
            return float(read.current) if read is not None and read.current else None
        return None

    def _cpu_temperature(self) -> float | None:
        read = getattr(self._psutil, "sensors_temperatures", None)
        sensors = read() if read is not None else {}
        found = [one.current for kind in ("coretemp", "k10temp") for one in sensors.get(kind, ())]
        return float(max(found)) if found else None

    def _gpu(self) -> dict[str, Any]:
        nvml, handle = self._nvml, self._handle
        facts: dict[str, Any] = {}
        readers: dict[str, Callable[[], Any]] = {
            "temperature": lambda: nvml.nvmlDeviceGetTemperature(handle, 0),
            "gpu_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
            "gpu_memory_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
            "gpu_power": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
        }
        for name, read in readers.items():
            with suppress(nvml.NVMLError):
                facts[name] = float(read())
        with suppress(nvml.NVMLError):
            running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            facts["gpu_processes"] = sum(one.pid != os.getpid() for one in running)
        with suppress(nvml.NVMLError):
            bits = int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
            facts["throttled"] = tuple(
                text for bit, text in _THROTTLE_REASONS.items() if bits & bit
            )
        return facts


def summarise_conditions(settings: Mapping[str, Any], snapshots: Sequence[Snapshot]) -> Conditions:
    """Judge snapshots: what of them makes figures doubtful.

    A throttle reason; a clock under 75 % of the highest (nvbench's threshold); other processes on
    the GPU; others, or the hypervisor, that kept over a quarter of a processor.

    Args:
        settings: of `ConditionWatch.settings`.
        snapshots: in any order.
    """
    warnings = []
    highest = settings.get("gpu_max_mhz")
    reasons = sorted({reason for one in snapshots for reason in one.throttled})
    if reasons:
        count = sum(bool(one.throttled) for one in snapshots)
        warnings.append(f"throttled in {count} of {len(snapshots)} readings: {', '.join(reasons)}")
    clocks = [one.gpu_mhz for one in snapshots if one.gpu_mhz is not None]
    # a device that rests lowers its clock without being throttled, so this is said of the best
    if highest and clocks and max(clocks) < _SLOW_CLOCK * highest:
        warnings.append(f"the GPU ran at {max(clocks):.0f} MHz at most, of {highest:.0f} MHz")
    shared = max((one.gpu_processes or 0 for one in snapshots), default=0)
    if shared:
        warnings.append(f"{shared} other process(es) computed on the GPU")
    others = [one.others for one in snapshots if one.others is not None]
    if others and max(others) > _BUSY_OTHERS:
        warnings.append(
            f"other processes kept {sum(others) / len(others):.1f} processors busy on average, "
            f"{max(others):.1f} at most"
        )
    stolen = [one.stolen for one in snapshots if one.stolen is not None]
    if stolen and max(stolen) > _BUSY_OTHERS:
        warnings.append(f"the hypervisor took up to {max(stolen):.1f} processors away")
    return Conditions(
        label="GPU" if str(settings.get("device", "cpu")).startswith("cuda") else "CPU",
        settings=dict(settings),
        load=max((one.load for one in snapshots if one.load is not None), default=None),
        others=sum(others) / len(others) if others else None,
        temperature=max(
            (one.temperature for one in snapshots if one.temperature is not None), default=None
        ),
        gpu_mhz=(min(clocks), max(clocks)) if clocks else (),
        warnings=tuple(warnings),
    )


def _torch_settings(device: str) -> dict[str, Any]:
    """Switches of torch that change times; empty where torch is not loaded."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return {}
    facts: dict[str, Any] = {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "threads_between_operators": torch.get_num_interop_threads(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
    if device.startswith("cuda"):
        facts["cudnn_benchmark"] = torch.backends.cudnn.benchmark
        facts["tf32_convolutions"] = torch.backends.cudnn.allow_tf32
        facts["tf32_matrix_products"] = torch.backends.cuda.matmul.allow_tf32
        facts["cuda"] = torch.version.cuda
    else:
        facts["mkldnn"] = torch.backends.mkldnn.is_available()
    return facts
