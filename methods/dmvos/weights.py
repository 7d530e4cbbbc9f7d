"""Weight files: the shipped format, and ResNet-50 encoders from elsewhere.

Shipped format: one safetensors file. Every encoder convolution is stored as `<name>.weight` int8
with `<name>.scale` float32 per output channel (weight = int8 · scale) and `<name>.bias` float32;
the frozen batch normalisation behind it is folded into scale and bias, which loses nothing because
its statistics never change. Everything else is float16, scalars float32. The header has one
metadata entry, `vosbench`: JSON with `format`, `version`, `config` (a `NetworkConfig`) and
`metadata` (text the writer added).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn

from vosbench.errors import InputError

from ..nn import FrozenBatchNorm2d, bias_only_norm, norm_of
from ..nn.headers import parse_header
from .config import NetworkConfig
from .network import DMVOSNet
from .pretrained import load_encoder

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "SUFFIX",
    "is_shipped_format",
    "load_encoder",
    "load_weights",
    "read_metadata",
    "save_weights",
]

FORMAT: Final = "vosbench-dmvos"
FORMAT_VERSION: Final = 1
SUFFIX: Final = ".safetensors"
ENTRY: Final = "vosbench"
LEVELS: Final = 127
LARGEST: Final = 4096
NORM_PARTS: Final = ("weight", "bias", "running_mean", "running_var")


def save_weights(net: DMVOSNet, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a network in the shipped format, by atomic replace.

    Args:
        net: on any device; it is not changed.
        path: target, ending in `.safetensors`.
        metadata: text to keep with the weights, such as the training's data and digest.

    Raises:
        InputError: the network holds a value that is not finite, or the name has another ending.
    """
    if path.suffix != SUFFIX:
        raise InputError(f"weights are written as {SUFFIX}, not as {path.name!r}")
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "config": asdict(net.config),
        "metadata": dict(metadata or {}),
    }
    tensors = _compact(net)
    unfit = sorted(key for key, value in tensors.items() if not torch.isfinite(value).all())
    if unfit:
        raise InputError(f"{unfit[0]} is not finite (in float16), so {path.name} was not written")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(serialise(tensors, {ENTRY: json.dumps(header, sort_keys=True)}))
    partial.replace(path)


def load_weights(path: Path) -> DMVOSNet:
    """Build the network that a shipped-format file describes, with its weights, in evaluation mode.

    Raises:
        InputError: the file is missing, cut short, of another kind or version, or does not match
            the configuration it names.
    """
    header = _header(path)
    config = _config(header, path)
    with torch.device("meta"):
        net = DMVOSNet(config)
    try:
        with safe_open(path, framework="pt") as file:
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    net.load_state_dict(_expand(net, stored, path), assign=True)
    return net.eval()


def read_metadata(path: Path) -> dict[str, str]:
    """The text that the writer of a shipped-format file added.

    Raises:
        InputError: the file is not of the shipped format.
    """
    extra = _header(path).get("metadata", {})
    if not isinstance(extra, dict):
        raise InputError(f"{path}: metadata is not a table of text")
    return {str(key): str(value) for key, value in extra.items()}


def is_shipped_format(path: Path) -> bool:
    """Whether a safetensors file claims to be of the shipped format, whatever its version."""
    if path.suffix != SUFFIX:
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return ENTRY in (file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    if not path.exists():
        return InputError(f"weight file {path} does not exist")
    size = os.stat(path).st_size  # noqa: PTH116 - follows what safetensors opened
    return InputError(
        f"{path} ({size} bytes) is not a readable safetensors file: {error}",
        hint="The file is cut short or of another kind; copy or download it again.",
    )


def _header(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            entry = (file.metadata() or {}).get(ENTRY)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    if entry is None:
        raise InputError(
            f"{path} is a safetensors file, but not DMVOS weights: it has no entry {ENTRY!r}",
            hint="Files of this kind are written by `vosbench train`.",
        )
    return parse_header(path, entry, key=ENTRY, kind=FORMAT, version=FORMAT_VERSION)


def _config(header: Mapping[str, Any], path: Path) -> NetworkConfig:
    given = header.get("config")
    if not isinstance(given, dict):
        raise InputError(f"{path}: the header has no network configuration")
    unknown = sorted(given.keys() - {field.name for field in fields(NetworkConfig)})
    if unknown:
        raise InputError(f"{path}: the network configuration has unknown entries {unknown}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    usual = NetworkConfig()
    for key, value in values.items():
        if _kind(value) != _kind(getattr(usual, key)) or not _sane(value):
            raise InputError(f"{path}: the network configuration's {key} is unusable: {value!r}")
    try:
        return NetworkConfig(**values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the network configuration is unusable: {error}") from error


def _sane(value: object) -> bool:
    """Whether a size is one that somebody could have trained; a hostile header asks for more."""
    if isinstance(value, tuple):
        return all(map(_sane, value))
    return not isinstance(value, int) or value <= LARGEST


def _kind(value: object) -> object:
    """Type of a configuration entry; of a tuple, the types of its items."""
    return tuple(map(_kind, value)) if isinstance(value, tuple) else type(value)


def _encoder_convolutions(net: DMVOSNet) -> list[tuple[str, str | None]]:
    """Each encoder convolution with the batch normalisation behind it, if it has one."""
    return [
        (name, norm_of(name))
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d) and name.startswith("encoder.")
    ]


def _compact(net: DMVOSNet) -> dict[str, Tensor]:
    state = {key: value.detach().cpu().float() for key, value in net.state_dict().items()}
    tensors: dict[str, Tensor] = {}
    for name, norm in _encoder_convolutions(net):
        weight = state.pop(f"{name}.weight")
        if norm is None:
            bias = state.pop(f"{name}.bias")
        else:
            factor, bias = _norm(net, norm).affine()
            factor, bias = factor.cpu(), bias.cpu()
            for part in NORM_PARTS:
                del state[f"{norm}.{part}"]
            weight = weight * factor[:, None, None, None]
        scale = weight.abs().amax(dim=(1, 2, 3)).clamp(min=torch.finfo(torch.float32).tiny) / LEVELS
        tensors[f"{name}.weight"] = (weight / scale[:, None, None, None]).round().to(torch.int8)
        tensors[f"{name}.scale"] = scale
        tensors[f"{name}.bias"] = bias
    for key, value in state.items():
        tensors[key] = value.half() if value.ndim else value
    return {key: value.contiguous() for key, value in tensors.items()}


def _expected(net: DMVOSNet) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Names, shapes and types that a file for this network has."""
    state = dict(net.state_dict())
    expected: dict[str, tuple[torch.Size, torch.dtype]] = {}
    for name, norm in _encoder_convolutions(net):
        weight = state.pop(f"{name}.weight")
        state.pop(f"{name}.bias", None)
        if norm is not None:
            for part in NORM_PARTS:
                state.pop(f"{norm}.{part}")
        channels = weight.shape[:1]
        expected[f"{name}.weight"] = (weight.shape, torch.int8)
        expected[f"{name}.scale"] = (channels, torch.float32)
        expected[f"{name}.bias"] = (channels, torch.float32)
    for key, value in state.items():
        expected[key] = (value.shape, torch.float16 if value.ndim else torch.float32)
    return expected


def _expand(net: DMVOSNet, stored: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    expected = _expected(net)
    missing = sorted(expected.keys() - stored.keys())
    unexpected = sorted(stored.keys() - expected.keys())
    if missing or unexpected:
        raise InputError(
            f"{path} does not match its own network configuration: {len(missing)} tensors are "
            f"missing {missing[:3]}, {len(unexpected)} are unexpected {unexpected[:3]}"
        )
    for key, (shape, kind) in expected.items():
        found = stored[key]
        if found.shape != shape or found.dtype != kind:
            raise InputError(
                f"{path}: {key} is {tuple(found.shape)} {found.dtype}, "
                f"expected {tuple(shape)} {kind}"
            )
        if kind.is_floating_point and not torch.isfinite(found).all():
            raise InputError(f"{path}: {key} holds values that are not finite")
    state: dict[str, Tensor] = {}
    for name, norm in _encoder_convolutions(net):
        scale = stored.pop(f"{name}.scale")
        weight = stored.pop(f"{name}.weight").float().mul_(scale[:, None, None, None])
        bias = stored.pop(f"{name}.bias")
        state[f"{name}.weight"] = weight
        if norm is None:
            state[f"{name}.bias"] = bias
        else:
            state.update(bias_only_norm(norm, bias, _norm(net, norm).epsilon))
    state.update({key: value.float() for key, value in stored.items()})
    return state


def _norm(net: DMVOSNet, name: str) -> FrozenBatchNorm2d:
    module = net.get_submodule(name)
    assert isinstance(module, FrozenBatchNorm2d)  # noqa: S101 - follows from the names in ResNet
    return module
