"""Choosing device and precision, and making a run repeatable.

torch is imported only when a method could use it: a method whose card lists the device `cpu` and
the precision `fp32` alone is run without it.
"""

from __future__ import annotations

import hashlib
import random
import re
import sys
from pathlib import Path
from typing import Literal, TypeAlias

from vosbench.errors import InputError, UsageError
from vosbench.method_card import Capabilities
from vosbench.types import Precision

__all__ = [
    "PrecisionChoice",
    "cpu_supports_bf16",
    "resolve_device",
    "resolve_precision",
    "seed_all",
]

PrecisionChoice: TypeAlias = Literal["auto", "fp32", "bf16", "fp16"]


def resolve_device(asked: str, capabilities: Capabilities) -> str:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into `cpu` or `cuda:N`.

    `auto` takes the first CUDA device if the method can use it and one is there, else the CPU.

    Raises:
        UsageError: for a device that does not exist by name or that the method cannot use.
        InputError: when a CUDA device was asked for and is not there.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", asked):
        raise UsageError(f"--device {asked!r} is none of auto, cpu, cuda, cuda:N")
    if asked != "auto" and asked.partition(":")[0] not in capabilities.devices:
        raise UsageError(
            f"--device {asked}: the method runs on {', '.join(capabilities.devices)} only"
        )
    if asked == "cpu" or "cuda" not in capabilities.devices:
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return "cuda:0" if count else "cpu"
    index = int(asked.partition(":")[2] or 0)
    if index >= count:
        raise InputError(
            f"--device {asked}: torch sees {count} CUDA device(s)",
            hint="`vosbench doctor` shows what torch sees; --device cpu always works",
        )
    return f"cuda:{index}"


def cpu_supports_bf16() -> bool:
    """Whether this processor multiplies bf16 in hardware (AVX-512 BF16 or AMX on x86, BF16 on Arm).

    Elsewhere bf16 is emulated and slower than fp32, so it is not the default there.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    for line in text.splitlines():
        if line.startswith(("flags", "Features")):
            flags = set(line.partition(":")[2].split())
            return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})
    return False


def resolve_precision(asked: str, device: str, capabilities: Capabilities) -> Precision:
    """Turn `auto` into the fastest precision that is safe on the device, or check what was asked.

    `auto`: bf16 on CUDA devices and processors that compute bf16 in hardware, if the method offers
    it; else fp32, or the method's first precision if it has no fp32.

    Raises:
        UsageError: for an unknown precision, one the method does not offer, or fp16 on a CPU.
    """
    if asked not in ("auto", "fp32", "bf16", "fp16"):
        raise UsageError(f"--precision {asked!r} is none of auto, fp32, bf16, fp16")
    offered = capabilities.precisions
    if asked != "auto":
        if asked not in offered:
            raise UsageError(f"--precision {asked}: the method offers {', '.join(offered)} only")
        if asked == "fp16" and device == "cpu":
            raise UsageError("--precision fp16 is for CUDA devices; on the CPU take bf16 or fp32")
        return asked
    if "bf16" in offered:
        if device == "cpu":
            fast = cpu_supports_bf16()
        else:
            import torch

            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        if fast:
            return "bf16"
    return "fp32" if "fp32" in offered else offered[0]


def seed_all(seed: int, sequence: str) -> None:
    """Seed Python, NumPy and (if loaded) torch for one sequence.

    The seed depends on the sequence's name and not on what ran before, so a resumed run draws the
    same numbers as an uninterrupted one.
    """
    import numpy as np

    digest = hashlib.sha256(f"{seed}:{sequence}".encode()).digest()
    value = int.from_bytes(digest[:4], "little")
    random.seed(value)
    np.random.seed(value)  # noqa: NPY002 - a method may draw from the global generator
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(value)
