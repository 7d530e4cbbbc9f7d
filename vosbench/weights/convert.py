"""From `torch.save` to safetensors: tensors only, digests kept, nothing executed.

Files of `torch.save` are pickles, and a pickle can run code when it is read. So they are read with
`weights_only=True` and a fixed list of harmless types that checkpoints of 2018 to 2020 hold beside
tensors. There is no way round it: a file that needs more is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vosbench.data.names import shortened
from vosbench.engine.environment import file_sha256
from vosbench.errors import InputError, UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["METADATA_KEY", "Converted", "convert_weights"]

METADATA_KEY: Final = "vosbench.converted"
_WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "net", "network")
_SUFFIX: Final = ".safetensors"


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        path: the safetensors file.
        sha256: its digest.
        source: name of the file that was read.
        source_sha256: its digest.
        tensors: how many were written.
        parameters: numbers in them.
        wrapper: key under which the tensors were, or an empty string.
        prefix: what was taken off the front of every name, or an empty string.
        dropped: entries that are no tensors, by name and type.
    """

    path: Path
    sha256: str
    source: str
    source_sha256: str
    tensors: int
    parameters: int
    wrapper: str
    prefix: str
    dropped: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "path": str(self.path)}


def convert_weights(
    source: Path, target: Path | None = None, *, key: str | None = None, prefix: str = ""
) -> Converted:
    """Write the tensors of a `torch.save` file as safetensors, by atomic replace.

    The same file gives the same bytes. The header keeps where it came from, under `METADATA_KEY`.

    Args:
        source: `.pth`, `.pt` or any other name.
        target: None means the source's name with the ending `.safetensors`.
        key: entry that holds the tensors; None means to look under the usual names.
        prefix: taken off the front of every name, such as `module.`.

    Raises:
        UsageError: the target has another ending, exists, or the prefix is not on every name.
        InputError: the source cannot be read, holds more than is allowed, or no tensors.
    """
    target = target or source.with_suffix(_SUFFIX)
    if target.suffix != _SUFFIX:
        raise UsageError(f"weights are written as {_SUFFIX}, not as {target.name!r}")
    if target.exists():
        raise UsageError(f"{target} exists; remove it or name another file with --out")
    if source.suffix == _SUFFIX:
        raise UsageError(f"{source} is a safetensors file already")
    content = _read(source)
    wrapper, state = _state_of(content, key, source)
    dropped = tuple(
        f"{name} ({type(value).__name__})" for name, value in state.items() if not _is_tensor(value)
    )
    tensors = {str(name): value for name, value in state.items() if _is_tensor(value)}
    if not tensors:
        raise InputError(f"{source}: there are no tensors in it; it holds {_kinds(state)}")
    if prefix:
        without = sorted(name for name in tensors if not name.startswith(prefix))
        if without:
            raise UsageError(f"{len(without)} names lack the prefix {prefix!r}: {without[0]!r}")
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    source_digest = file_sha256(source)
    origin = {
        "source": source.name,
        "source_sha256": source_digest,
        "wrapper": wrapper,
        "prefix": prefix,
        "dropped": list(dropped),
    }
    data = _serialised(tensors, origin, source)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(data)
    partial.replace(target)
    return Converted(
        path=target,
        sha256=hashlib.sha256(data).hexdigest(),
        source=source.name,
        source_sha256=source_digest,
        tensors=len(tensors),
        parameters=sum(value.numel() for value in tensors.values()),
        wrapper=wrapper,
        prefix=prefix,
        dropped=dropped,
    )


def _read(source: Path) -> Any:
    import torch

    if not source.is_file():
        raise InputError(f"{source}: there is no such file")
    try:
        with torch.serialization.safe_globals(_allowed()):
            return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own text advises to read it without this protection, which runs the file's code
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"it holds a {found[1]}" if found else "it is no pickle of tensors"
        raise _unreadable(source, what) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _unreadable(source, str(error)) from error
    except (TypeError, AttributeError, IndexError, zipfile.BadZipFile, OSError) as error:
        # damaged pickles end in whatever their last whole instruction leads to
        raise _unreadable(source, f"{type(error).__name__}: {error}") from error


def _allowed() -> list[Any]:
    """Types that old checkpoints hold beside tensors, and that do nothing when they are made."""
    import numpy as np

    number_types = {type(np.dtype(name)) for name in ("f2", "f4", "f8", "i4", "i8", "u1", "?")}
    scalar = np.float64(0).__reduce__()[0]
    # older versions of NumPy call the same function by another path
    old_path = "numpy.core.multiarray.scalar"
    return [argparse.Namespace, np.dtype, scalar, (scalar, old_path), *number_types]


def _unreadable(source: Path, reason: str) -> InputError:
    first = reason.strip().splitlines()[0] if reason.strip() else "no reason given"
    return InputError(
        f"{source} ({source.stat().st_size} bytes) cannot be read as tensors alone: {first[:300]}",
        hint="It is cut short, of another kind, or holds whole objects, which could run code. Load "
        "it where you trust it, and save the tensors alone: torch.save(model.state_dict(), path).",
    )


def _state_of(content: Any, key: str | None, source: Path) -> tuple[str, Mapping[str, Any]]:
    if key is not None:
        if not isinstance(content, Mapping) or not isinstance(content.get(key), Mapping):
            raise UsageError(f"{source} has no table {key!r}; it holds {_kinds(content)}")
        return key, content[key]
    if not isinstance(content, Mapping):
        raise InputError(f"{source} holds {_kinds(content)}, not a table of tensors")
    if not any(_is_tensor(value) for value in content.values()):
        for name in _WRAPPERS:
            if isinstance(content.get(name), Mapping):
                return name, content[name]
    return "", content


def _kinds(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    return shortened(
        (f"{name} ({type(value).__name__})" for name, value in content.items()), most=5
    )


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _serialised(
    tensors: Mapping[str, torch.Tensor], origin: Mapping[str, Any], source: Path
) -> bytes:
    import torch
    from safetensors.torch import save

    plain = {}
    for name, value in sorted(tensors.items()):
        if value.layout is not torch.strided or value.is_quantized or value.is_complex():
            raise InputError(
                f"{source}: {name} is sparse, quantised or complex; safetensors has no place for it"
            )
        # a copy of its own: tensors of one file may share memory, or be a part of a larger one
        plain[name] = value.detach().clone(memory_format=torch.contiguous_format)
    return bytes(save(plain, {METADATA_KEY: json.dumps(origin, sort_keys=True)}))
