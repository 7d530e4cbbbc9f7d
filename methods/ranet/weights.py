"""Weight files: the official checkpoints, and what this project's training exports.

Official: `RANet_video_single.pth`, `RANet_image_single.pth`, `RANet_video_multi.pth`, plain state
dicts of 396 tensors that must fit the full-size network exactly. Exported: a safetensors file with
the same names in float32, whose header's entry `vosbench` is JSON with `format`, `version`,
`config` (a `NetworkConfig`) and `metadata` (text the writer added).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise

from vosbench.errors import InputError

from ..nn import load_strictly, read_state_dict
from ..nn.headers import parse_header
from .config import NetworkConfig
from .network import RANet

__all__ = ["FORMAT", "FORMAT_VERSION", "SUFFIX", "Loaded", "load_weights", "save_weights"]

FORMAT: Final = "vosbench-ranet"
FORMAT_VERSION: Final = 1
SUFFIX: Final = ".safetensors"
ENTRY: Final = "vosbench"
LARGEST: Final = 4096


class Loaded(NamedTuple):
    """A network with what its file says of itself.

    Attributes:
        net: in evaluation mode.
        metadata: text of the writer; empty for official checkpoints.
        exported: whether the file is of this project's format.
    """

    net: RANet
    metadata: dict[str, str]
    exported: bool


def save_weights(net: RANet, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a network in the exported format, by atomic replace.

    Raises:
        ValueError: the suffix is not `.safetensors`, or a weight is not finite.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"{path} must end in {SUFFIX}")
    state = {k: v.detach().cpu().float().contiguous() for k, v in net.state_dict().items()}
    unfit = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if unfit:
        raise ValueError(f"{unfit[0]} is not finite, so {path.name} was not written")
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "config": asdict(net.config),
        "metadata": dict(metadata or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(serialise(state, {ENTRY: json.dumps(header, sort_keys=True)}))
    partial.replace(path)


def load_weights(path: Path) -> Loaded:
    """Build the network that a file is for, with its weights.

    Args:
        path: an official checkpoint, or an exported file. A file without the header's entry is
            taken for an official one and must fit the full-size network.

    Raises:
        InputError: the file cannot be read, is of another version or does not fit.
    """
    state = read_state_dict(path)
    header = _header(path) if path.suffix == SUFFIX else None
    config = NetworkConfig() if header is None else _config(header, path)
    with torch.device("meta"):
        net = RANet(config)
    load_strictly(net, state, source=str(path))
    extra = {} if header is None else header.get("metadata", {})
    if not isinstance(extra, dict):
        raise InputError(f"{path}: metadata is not a table of text")
    told = {str(key): str(value) for key, value in extra.items()}
    return Loaded(net.eval(), told, header is not None)


def _header(path: Path) -> dict[str, Any] | None:
    try:
        with safe_open(path, framework="pt") as file:
            entry = (file.metadata() or {}).get(ENTRY)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error
    if entry is None:
        return None
    return parse_header(path, entry, key=ENTRY, kind=FORMAT, version=FORMAT_VERSION)


def _config(header: Mapping[str, Any], path: Path) -> NetworkConfig:
    given = header.get("config")
    usual = asdict(NetworkConfig())
    if not isinstance(given, dict) or given.keys() - {
        field.name for field in fields(NetworkConfig)
    }:
        raise InputError(f"{path}: the header's network configuration is unusable: {given!r}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    for key, value in values.items():
        sizes = value if isinstance(value, tuple) else (value,)
        sane = all(not isinstance(size, int) or size <= LARGEST for size in sizes)
        if _kind(value) != _kind(usual[key]) or not sane:
            raise InputError(f"{path}: the network configuration's {key} is unusable: {value!r}")
    try:
        return NetworkConfig(**values)
    except ValueError as error:
        raise InputError(f"{path}: the network configuration is unusable: {error}") from error


def _kind(value: object) -> object:
    """Type of a configuration entry; of a tuple, the types of its items."""
    return tuple(map(_kind, value)) if isinstance(value, tuple) else type(value)
