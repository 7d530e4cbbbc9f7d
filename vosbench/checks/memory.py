"""What a session keeps from frame to frame: bytes, and steps of a recorded gradient."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Held", "growth", "held", "watching_memory"]

_MOST_NODES: Final = 20_000


@dataclass(frozen=True)
class Held:
    """What is held at one moment.

    Attributes:
        bytes: of Python objects, NumPy arrays and tensors made since watching began, and of all
            tensors on CUDA devices.
        gradient_steps: operations that autograd remembers for tensors that are still held.
    """

    bytes: int
    gradient_steps: int


@contextmanager
def watching_memory() -> Iterator[None]:
    """Let `held` see what the body allocates, and nothing older; the body runs slower meanwhile."""
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    # with a large library loaded, looking through all that was there before takes seconds
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if not already:
            tracemalloc.stop()


def held() -> Held:
    """What is held now, garbage collected."""
    gc.collect()
    total = tracemalloc.get_traced_memory()[0]
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return Held(total, 0)
    storages: dict[int, int] = {}
    roots: list[Any] = []
    for one in gc.get_objects():
        # type() and not isinstance(): proxies of other libraries answer that with work of their own
        if not issubclass(type(one), torch.Tensor) or one.layout is not torch.strided:
            continue
        if one.device.type == "cpu":
            storage = one.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        if one.grad_fn is not None:
            roots.append(one.grad_fn)
    total += sum(storages.values())
    if torch.cuda.is_available():
        total += torch.cuda.memory_allocated()
    return Held(total, _nodes(roots))


def _nodes(roots: list[Any]) -> int:
    """Nodes of the gradient's graph behind some of its ends, up to a bound."""
    seen = set(roots)
    pending = list(seen)
    while pending and len(seen) < _MOST_NODES:
        for node, _ in pending.pop().next_functions:
            if node is not None and node not in seen:
                seen.add(node)
                pending.append(node)
    return len(seen)


def growth(first: Held, second: Held, third: Held, *, frames: int) -> tuple[float, float]:
    """Least growth of two stretches of as many frames: bytes and gradient steps per frame.

    A cache that fills up grows in one stretch only.
    """
    stretches = ((first, second), (second, third))
    return (
        min(b.bytes - a.bytes for a, b in stretches) / frames,
        min(b.gradient_steps - a.gradient_steps for a, b in stretches) / frames,
    )
