"""What machine, packages and code a run was made with."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vosbench.timing.machine import processor_name

__all__ = ["engine_code_sha256", "file_sha256", "hardware", "packages", "threads_in_use"]

_PACKAGES = ("torch", "numpy", "pandas", "scikit-image", "pillow", "pyarrow", "zlib-ng")
# what decides masks; a change of the report or of the scoring leaves finished masks valid
_ENGINE_PARTS = ("types.py", "engine", "data")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def engine_code_sha256() -> str:
    """Digest of the harness's own source that decides masks."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for part in _ENGINE_PARTS:
        root = package / part
        for path in [root] if root.is_file() else sorted(root.rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def packages() -> dict[str, str]:
    """Versions of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def threads_in_use() -> int:
    """Threads that a CPU network uses: torch's, if it is loaded, else the usable processors."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware(device: str) -> dict[str, Any]:
    """Processor, memory and, where the run uses one, the CUDA device."""
    import psutil

    facts: dict[str, Any] = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor_name(),
        "processors_usable": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "device": device,
    }
    if device.startswith("cuda"):
        import torch

        properties = torch.cuda.get_device_properties(device)
        facts["gpu"] = properties.name
        facts["gpu_memory_gib"] = round(properties.total_memory / 2**30, 1)
        facts["cuda"] = torch.version.cuda
        facts["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return facts
