"""Four small kernels that say how fast a machine is, run in turns with what is measured.

Their purpose is ratios: a step that takes 12 times the convolution on one machine takes about as
many on another of the same kind, busy or not. They are no benchmark of a device.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from vosbench.timing.machine import processor_name

__all__ = [
    "KERNELS",
    "Calibration",
    "Calibrator",
    "Comparability",
    "Kernels",
    "comparability",
    "make_kernels",
]

KERNELS: Final = ("convolution", "matrix-product", "copy", "host-loop")
_AGREE: Final = 1.10
_SLOW: Final = 4 / 3
_HOST_LOOP: Final = 20_000
_LEAST_BEFORE: Final = 5


@dataclass(frozen=True)
class Calibration:
    """What the kernels took.

    Attributes:
        device: `cpu` or a GPU's name.
        architecture: of the GPU (`sm_90`) or the processor's name.
        precision: of convolution and matrix product.
        threads: on a CPU.
        ms: every time by kernel, in the order of measurement.
        sizes: what each kernel does, in words.
    """

    device: str
    architecture: str
    precision: str
    threads: int
    ms: Mapping[str, tuple[float, ...]]
    sizes: Mapping[str, str]

    @property
    def medians(self) -> dict[str, float]:
        """Median ms by kernel."""
        return {name: statistics.median(values) for name, values in self.ms.items() if values}

    def multiples(self, step_ms: float) -> dict[str, float]:
        """A time as multiples of each kernel's median."""
        return {name: step_ms / ms for name, ms in self.medians.items() if ms > 0}

    def slow_rounds(self) -> tuple[int, ...]:
        """Rounds in which all kernels took over 4/3 of their median: the machine was throttled.

        Or something else was using it: from inside the two look alike.
        """
        rounds = min((len(values) for values in self.ms.values()), default=0)
        medians = self.medians
        return tuple(
            at
            for at in range(rounds)
            if all(self.ms[name][at] > _SLOW * medians[name] for name in self.ms)
        )


@dataclass(frozen=True)
class Kernels:
    """The four kernels, ready to be run.

    Attributes:
        run: one call of each, by name; on a GPU it returns before the work is done.
        sizes: what each does, in words.
        wait: until the device has nothing left to do.
    """

    run: Mapping[str, Callable[[], object]]
    sizes: Mapping[str, str]
    wait: Callable[[], None]


def make_kernels(device: str, precision: str, *, small: bool = False) -> Kernels:
    """Put the kernels' operands on a device, and run each twice so that nothing is cold.

    Args:
        device: `cpu` or `cuda:N`.
        precision: of convolution and matrix product.
        small: well under a millisecond each on a CPU, for measuring the measurement itself.
    """
    import torch

    where = torch.device(device)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    side, megabytes = (1024, 64) if where.type == "cpu" else (4096, 256)
    channels, height, width, turns = 256, 60, 107, _HOST_LOOP
    if small:
        side, megabytes, channels, height, width = 256, 2, 48, 30, 54
        turns = _HOST_LOOP // 8
    random = torch.Generator().manual_seed(0)

    def made(*shape: int) -> Any:
        values = torch.rand(shape, generator=random) - 0.5
        return values.to(where, dtype)

    def wait() -> None:
        if where.type == "cuda":
            torch.cuda.synchronize(where)

    image = made(1, channels, height, width).contiguous(memory_format=torch.channels_last)
    kernel = made(channels, channels, 3, 3).contiguous(memory_format=torch.channels_last)
    left, right = made(side, side), made(side, side)
    source = torch.zeros(megabytes << 20, dtype=torch.uint8, device=where)
    target = torch.empty_like(source)
    host = np.random.default_rng(0).random(256)
    run: dict[str, Callable[[], object]] = {
        "convolution": lambda: torch.nn.functional.conv2d(image, kernel, padding=1),
        "matrix-product": lambda: left @ right,
        "copy": lambda: target.copy_(source),
        "host-loop": lambda: _host_loop(host, turns),
    }
    sizes = {
        "convolution": f"3x3, {channels} to {channels} channels at {height}x{width}, {precision}",
        "matrix-product": f"{side}x{side} by {side}x{side}, {precision}",
        "copy": f"{megabytes} MiB within the device's memory",
        "host-loop": f"{turns} turns of Python and {turns // 100} small NumPy sums, one thread",
    }
    with torch.inference_mode():
        for one in run.values():
            one()
            one()
    wait()
    return Kernels(run, sizes, wait)


class Calibrator:
    """Runs the kernels on one device.

    Args:
        device: `cpu` or `cuda:N`.
        precision: of convolution and matrix product.
    """

    def __init__(self, device: str, precision: str) -> None:
        import torch

        self._torch = torch
        self._device, self._precision = torch.device(device), precision
        self._kernels = make_kernels(device, precision)
        self._ms: dict[str, list[float]] = {name: [] for name in self._kernels.run}

    def measure(self) -> None:
        """Run every kernel once; on a GPU the device is waited for before and after each."""
        with self._torch.inference_mode():
            for name, run in self._kernels.run.items():
                self._kernels.wait()
                begin = time.perf_counter_ns()
                run()
                self._kernels.wait()
                self._ms[name].append((time.perf_counter_ns() - begin) / 1e6)

    def slow_now(self) -> bool:
        """Whether all kernels just took over 4/3 of their median so far; no below six rounds."""
        return all(
            len(values) > _LEAST_BEFORE and values[-1] > _SLOW * statistics.median(values[:-1])
            for values in self._ms.values()
        )

    def result(self) -> Calibration:
        """What was measured so far."""
        if self._device.type == "cuda":
            properties = self._torch.cuda.get_device_properties(self._device)
            name, architecture = properties.name, f"sm_{properties.major}{properties.minor}"
        else:
            name, architecture = "cpu", processor_name()
        return Calibration(
            device=name,
            architecture=architecture,
            precision=self._precision,
            threads=int(self._torch.get_num_threads()),
            ms={kernel: tuple(values) for kernel, values in self._ms.items()},
            sizes=self._kernels.sizes,
        )


def _host_loop(values: np.ndarray[Any, np.dtype[np.float64]], turns: int) -> float:
    total = 0
    for turn in range(turns):
        total += turn & 7
    return total + sum(float(values.sum()) for _ in range(turns // 100))


@dataclass(frozen=True)
class Comparability:
    """Whether times of two machines may be held against each other.

    Attributes:
        verdict: `comparable` as multiples of the kernels, or `ambiguous`.
        scale: how many times slower the second machine's kernels are, geometric mean; multiply the
            first one's times by it. None where the kernels were not the same.
        ratios: by kernel, second over first.
        reason: in words.
    """

    verdict: Literal["comparable", "ambiguous"]
    scale: float | None
    ratios: Mapping[str, float]
    reason: str


def comparability(first: Calibration, second: Calibration) -> Comparability:
    """Compare two machines by their kernels.

    Comparable if both are GPUs of one architecture, or if the kernels' ratios agree within 10 %:
    then one number carries times from one machine to the other. Otherwise a method that leans on
    another kernel would be carried by another number, and nothing can be said.
    """
    if first.precision != second.precision or dict(first.sizes) != dict(second.sizes):
        reason = "the kernels differ in size or precision, as between a CPU and a GPU"
        return Comparability("ambiguous", None, {}, reason)
    before, after = first.medians, second.medians
    ratios = {name: after[name] / before[name] for name in before if name in after}
    if len(ratios) < len(KERNELS):
        return Comparability("ambiguous", None, ratios, "not every kernel was measured on both")
    scale = float(np.exp(np.mean(np.log(list(ratios.values())))))
    spread = max(ratios.values()) / min(ratios.values())
    if first.device != "cpu" and first.architecture == second.architecture:
        reason = f"both are {first.architecture}"
        return Comparability("comparable", scale, ratios, reason)
    if spread <= _AGREE:
        reason = f"the four kernels agree on one factor within {100 * (spread - 1):.0f} %"
        return Comparability("comparable", scale, ratios, reason)
    listed = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    reason = f"the kernels disagree by {100 * (spread - 1):.0f} % ({listed}); 10 % is allowed"
    return Comparability("ambiguous", scale, ratios, reason)
