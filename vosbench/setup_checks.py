"""The checks behind `vosbench doctor`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from vosbench.errors import VosbenchError

__all__ = ["Check", "inspect_setup"]

State: TypeAlias = Literal["ok", "note", "broken"]


@dataclass(frozen=True)
class Check:
    """One finding. `note` is something to know that stops nothing; `broken` stops a run."""

    name: str
    state: State
    text: str

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def inspect_setup() -> list[Check]:
    """All checks, in the order a user would mend them."""
    return [*_packages(), *_devices(), *_methods(), *_datasets(), *_folders()]


def _packages() -> Iterator[Check]:
    from vosbench.engine.environment import packages

    found = packages()
    yield Check("packages", "ok", ", ".join(f"{name} {at}" for name, at in found.items()))


def _devices() -> Iterator[Check]:
    from vosbench.engine.device import cpu_supports_bf16
    from vosbench.report.text import count

    try:
        import torch
    except ImportError as error:
        yield Check("torch", "broken", f"cannot be imported: {error}")
        return
    kind = "bf16 in hardware" if cpu_supports_bf16() else "no bf16 in hardware, so fp32 by default"
    yield Check("cpu", "ok", f"{count(torch.get_num_threads(), 'thread')}, {kind}")
    if not torch.cuda.is_available():
        yield Check("cuda", "note", "no CUDA device that torch can use; runs go to the CPU")
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        free, total = torch.cuda.mem_get_info(index)
        text = f"{properties.name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
        yield Check(f"cuda:{index}", "ok", text)


def _methods() -> Iterator[Check]:
    from vosbench.plugins import BrokenMethod, find_methods
    from vosbench.report.text import count

    for found in find_methods():
        if isinstance(found, BrokenMethod):
            text = f"package {found.distribution}: {found.reason}"
            yield Check(f"method {found.name}", "broken", text)
            continue
        weights = [path.name for path in sorted(found.plugin.card.parent.glob("weights/*"))]
        files = [name for name in weights if name.endswith(".safetensors")]
        shipped = f", ships {', '.join(files)}" if files else ""
        variants = count(len(found.card.variants), "variant")
        yield Check(f"method {found.name}", "ok", f"{variants}{shipped}")


def _datasets() -> Iterator[Check]:
    from vosbench.data import list_cards, open_dataset
    from vosbench.report.text import count

    for card in list_cards():
        name = f"data set {card.name}"
        if card.drawn is not None and card.drawn.clip_by_clip:
            # Opening it would draw its clips, which takes minutes.
            yield Check(name, "ok", "drawn clip by clip when asked for")
            continue
        try:
            opened = open_dataset(card.name)
        except VosbenchError as error:
            yield Check(name, "note", str(error).splitlines()[0])
            continue
        text = f"{opened.split}: {count(len(opened.sequences), 'sequence')} under {opened.root}"
        yield Check(name, "ok", "; ".join([text, *opened.warnings]))


def _folders() -> Iterator[Check]:
    for name, folder in (
        ("working folder", Path.cwd()),
        ("temporary", Path(tempfile.gettempdir())),
    ):
        if os.access(folder, os.W_OK):
            yield Check(name, "ok", f"{folder} can be written")
        else:
            yield Check(name, "broken", f"{folder} cannot be written")
