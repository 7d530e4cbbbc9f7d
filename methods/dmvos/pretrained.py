"""ImageNet-pretrained ResNet-50 encoders in two forms: torchvision's state dict, and folded int8.

Only tensors are read: pickles go through `weights_only=True`, and archives without object arrays.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vosbench.errors import InputError

from ..nn import StrideOn, bias_only_norm, norm_of
from .network import DMVOSNet

__all__ = ["encoder_stride", "load_encoder"]

MOST_BYTES: Final = 1 << 30


def encoder_stride(path: Path) -> StrideOn:
    """Where an encoder file expects the stride: folded archives (`.npz`) are Caffe-style."""
    return "conv1" if path.suffix == ".npz" else "conv2"


def load_encoder(net: DMVOSNet, path: Path) -> None:
    """Load ImageNet weights into `net.encoder`, all but its reduction head.

    Args:
        net: changed in place.
        path: either a torchvision-named ResNet state dict (`.pth`, `.pt` or `.safetensors`; the
            classifier is ignored), or a folded 8-bit archive (`.npz`) with, for each convolution
            NAME, `w/NAME` int8, `s/NAME` (weight = w / 2^s) and `b/NAME` float bias. The archive
            strides on the first 1×1 convolution, so the network must have `stride_on="conv1"`.

    Raises:
        InputError: the file is missing, unreadable, incomplete or of another network.
    """
    if not path.is_file():
        raise InputError(f"encoder weights {path} do not exist")
    if path.suffix == ".npz":
        if net.config.stride_on != "conv1":
            raise InputError(
                f"{path.name} strides on the first 1×1 convolution of a stage, the network was "
                f"built with stride_on={net.config.stride_on!r}",
                hint='Build it with NetworkConfig(stride_on="conv1").',
            )
        state = _folded_state(net, path)
    else:
        state = _torchvision_state(path)
    _assign(net.encoder, state, path)


def _assign(encoder: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    own = {k: v for k, v in encoder.state_dict().items() if not k.startswith("reduce.")}
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(state.keys() - own.keys())
    if missing or unexpected:
        raise InputError(
            f"{path} is not a ResNet with blocks as in this encoder: {len(missing)} tensors are "
            f"missing {missing[:3]}, {len(unexpected)} are unexpected {unexpected[:3]}",
            hint="A ResNet-50 with torchvision's parameter names is expected.",
        )
    for key, value in own.items():
        given = state[key]
        if given.shape != value.shape:
            raise InputError(
                f"{path}: {key} is {tuple(given.shape)}, expected {tuple(value.shape)}"
            )
        if not torch.isfinite(given.float()).all():
            raise InputError(f"{path}: {key} holds values that are not finite")
    encoder.load_state_dict(state, strict=False)


def _torchvision_state(path: Path) -> dict[str, Tensor]:
    loaded: object
    try:
        if path.suffix == ".safetensors":
            loaded = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own text advises loading it without this protection, which runs the file's code
        raise InputError(
            f"{path} is no state dict, or a pickle that holds more than plain tensors",
            hint="Save the state dict alone: torch.save(model.state_dict(), path).",
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as a state dict: {str(error).splitlines()[0]}",
            hint="Only plain tensors are read from pickles; save the state dict alone.",
        ) from error
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise InputError(f"{path} is not a state dict: it holds a {type(loaded).__name__}")
    state = {str(key).removeprefix("module."): value for key, value in loaded.items()}
    return {
        key: value
        for key, value in state.items()
        if not key.startswith("fc.") and not key.endswith("num_batches_tracked")
    }


def _folded_state(net: DMVOSNet, path: Path) -> dict[str, Tensor]:
    arrays = _read_archive(path)
    names = {key.removeprefix("w/") for key in arrays if key.startswith("w/")} - {"fc"}
    state: dict[str, Tensor] = {}
    for name in sorted(names):
        try:
            weight, shift, bias = (arrays[f"{part}/{name}"] for part in "wsb")
        except KeyError as error:
            raise InputError(f"{path}: convolution {name} has no entry {error}") from error
        if weight.dtype != np.int8 or shift.size != 1:
            raise InputError(f"{path}: {name} is not int8 with one shift (found {weight.dtype})")
        norm = norm_of(name)
        if norm is None:
            raise InputError(f"{path}: {name} is not the name of a ResNet convolution")
        expanded = torch.from_numpy(weight).float() * 2.0 ** -int(shift.item())
        state[f"{name}.weight"] = expanded
        epsilon = float(net.encoder.bn1.epsilon)
        state.update(bias_only_norm(norm, torch.from_numpy(bias).float(), epsilon))
    return state


def _read_archive(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MOST_BYTES:
            raise InputError(f"{path} would unpack to {size} bytes, more than {MOST_BYTES}")
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise InputError(f"{path} is not a readable npz archive: {error}") from error
