"""State dicts of other people's checkpoints: reading them safely and loading them strictly.

Only tensors are read: pickles go through `weights_only=True`, so a file cannot run code. What does
not fit a network is listed by kind (missing, extra, misshapen, not finite), for a user who named
the wrong file must be able to see which file it is.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vosbench.errors import InputError

__all__ = ["load_strictly", "read_state_dict"]

MOST_LISTED: Final = 8
COUNTER: Final = "num_batches_tracked"
WRAPPERS: Final = ("state_dict", "model", "model_state_dict")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict onto the CPU.

    Args:
        path: `.safetensors`, or a file of `torch.save` under any other name, of the present zip
            format or the older one. A dictionary under `state_dict`, `model` or
            `model_state_dict` is unwrapped; a leading `module.` on every key is stripped.

    Raises:
        InputError: the file is missing, a folder, cut short, of another kind, or holds more than
            tensors.
    """
    if not path.is_file():
        what = "is a folder, not a weight file" if path.is_dir() else "does not exist"
        raise InputError(f"weight file {path} {what}")
    loaded = _unwrapped(_loaded(path))
    if not isinstance(loaded, Mapping) or not loaded:
        found = "nothing" if isinstance(loaded, Mapping) else f"a {type(loaded).__name__}"
        raise InputError(f"{path} is not a state dict: it holds {found}")
    strange = [str(key) for key, value in loaded.items() if not isinstance(value, Tensor)]
    if strange:
        raise InputError(
            f"{path} is not a state dict: {_count(strange, 'entry', 'entries')} no tensor "
            f"({_listed(strange)})",
            hint="Save the state dict alone: torch.save(model.state_dict(), path).",
        )
    state = {str(key): value for key, value in loaded.items()}
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load a state dict that must fit a module exactly; values take the module's number type.

    Counters of batch normalisation (`num_batches_tracked`) may be there or not: files written
    before PyTorch 0.4.1 lack them and no network's output depends on them.

    Args:
        module: changed in place; a module on the meta device gets real tensors.
        state: by the module's own parameter and buffer names.
        source: where the state comes from, for the message, such as the file's path.

    Raises:
        InputError: tensors are missing, extra, of another shape or not finite; the module is left
            as it was.
    """
    own = module.state_dict()
    missing = sorted(key for key in own.keys() - state.keys() if not _is_counter(key))
    extra = sorted(key for key in state.keys() - own.keys() if not _is_counter(key))
    common = [key for key in own if key in state]
    misshapen = [
        f"{key} is {_shape(state[key])}, expected {_shape(own[key])}"
        for key in common
        if state[key].shape != own[key].shape
    ]
    unfit = [key for key in common if not torch.isfinite(state[key]).all()]
    faults = [
        f"{_count(names, 'tensor', 'tensors')} {what} ({_listed(names)})"
        for names, what in (
            (missing, "missing"),
            (extra, "extra"),
            (misshapen, "misshapen"),
            (unfit, "not finite"),
        )
        if names
    ]
    if faults:
        shared = f"{len(common)} of {len(own)} expected names are in it"
        raise InputError(
            f"{source} does not fit the network: {'; '.join(faults)}; {shared}",
            hint="Check that it is the checkpoint of this method and of this variant.",
        )
    fitting = {key: state[key].to(own[key].dtype) for key in common}
    on_meta = any(value.is_meta for value in own.values())
    if on_meta:
        counters = [key for key in own if key not in state]
        fitting.update((key, torch.zeros((), dtype=own[key].dtype)) for key in counters)
    module.load_state_dict(fitting, strict=False, assign=on_meta)


def _loaded(path: Path) -> object:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own text advises loading it without this protection, which runs the file's code
        raise InputError(
            f"{path} is no state dict, or a pickle that holds more than plain tensors",
            hint="Save the state dict alone: torch.save(model.state_dict(), path).",
        ) from error
    except (
        SafetensorError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as error:
        # a damaged or hostile pickle can end torch's reader in any of these
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path} ({path.stat().st_size} bytes) cannot be read as a state dict: {reason}",
            hint="The file is cut short or of another kind; copy or download it again.",
        ) from error


def _unwrapped(loaded: object) -> object:
    if isinstance(loaded, Mapping):
        for name in WRAPPERS:
            inner = loaded.get(name)
            if isinstance(inner, Mapping):
                return inner
    return loaded


def _is_counter(key: str) -> bool:
    return key.rpartition(".")[2] == COUNTER


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a scalar"


def _count(names: list[str], one: str, many: str) -> str:
    return f"{len(names)} {one} is" if len(names) == 1 else f"{len(names)} {many} are"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    rest = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")
