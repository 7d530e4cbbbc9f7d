"""Copies between host and device that never make the host wait before the end of a frame.

On a CUDA device a copy from ordinary memory, and making a tensor from Python numbers, waits for all
work enqueued before it. Pinned memory makes both asynchronous; torch's host allocator keeps a block
until the copies from it are done. On a CPU all of this is no copy at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["download", "numbers", "upload"]


def upload(array: NDArray[np.uint8], device: torch.device) -> Tensor:
    """An array on the device; on a CPU it may share memory with the array."""
    # torch warns about arrays it must not write to, such as views of a memory map
    plain = np.ascontiguousarray(array)
    source = torch.from_numpy(plain if plain.flags.writeable else plain.copy())
    if device.type != "cuda":
        return source.to(device)
    pinned = torch.empty(source.shape, dtype=source.dtype, pin_memory=True)
    return pinned.copy_(source).to(device, non_blocking=True)


def numbers(values: Any, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """A small tensor of Python numbers on the device."""
    if device.type != "cuda":
        return torch.tensor(values, device=device, dtype=dtype)
    return torch.tensor(values, dtype=dtype, pin_memory=True).to(device, non_blocking=True)


def download(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Arrays on the host, after one wait for all of them; on a CPU they share the tensors' memory.

    The wait is for an event: torch's check for hidden synchronisation
    (`torch.cuda.set_sync_debug_mode`) counts waiting for a stream as one, but not this.
    """
    if not any(tensor.is_cuda for tensor in tensors):
        return [tensor.cpu().numpy() for tensor in tensors]
    copies = [
        torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(
            tensor, non_blocking=True
        )
        for tensor in tensors
    ]
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record()
    done.synchronize()
    return [copy.numpy() for copy in copies]
