"""Builds RANet: weights, parameters, precision and device, then sessions on clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap

from .config import NetworkConfig
from .network import Features, Matched, RANet, Template
from .parameters import Parameters
from .session import ORACLES, RANetSession
from .weights import load_weights

__all__ = ["OFFICIAL", "RANetMethod", "Runner", "build", "runner_of"]

BATCH = {True: 8, False: 1}
"""Objects per pass on an accelerator, and on a CPU, whose caches hold one crop better than many."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

OFFICIAL = (
    "The authors' checkpoints RANet_video_single.pth (DAVIS-2016, ranet@single) and "
    "RANet_video_multi.pth (DAVIS-2017, ranet) are linked from "
    "https://github.com/Storife/RANet; name one with --weights PATH. To run a random network, "
    "add --set weights.random=true."
)


@dataclass(frozen=True)
class Runner:
    """The network as a session uses it.

    Attributes:
        encode: `RANet.encode`, compiled or not.
        match: `RANet.match`, compiled or not.
        decode: `RANet.decode`, compiled or not.
        make_template: `RANet.make_template`.
        device: where it runs.
        dtype: type of its input.
        batch: most objects in one pass of the decoder.
    """

    encode: Callable[[Tensor], Features]
    match: Callable[[Features, Template], Matched]
    decode: Callable[[Matched, Tensor, tuple[int, ...]], Tensor]
    make_template: Callable[[Features, Tensor], Template]
    device: torch.device
    dtype: torch.dtype
    batch: int = 1

    def template(self, image: Tensor, masks: Tensor) -> Template:
        """See `session.Network`."""
        return self.make_template(self._encoded(image), masks)

    def segment(
        self, image: Tensor, template: Template, previous: Tensor, objects: tuple[int, ...]
    ) -> Tensor:
        """See `session.Network`."""
        matched = self.match(self._encoded(image), template)
        found = []
        for start in range(0, len(objects), self.batch):
            part = slice(start, start + self.batch)
            found.append(
                torch.sigmoid(self.decode(matched, previous[:, part], objects[part]).float())
            )
        return torch.cat(found, dim=1)

    def _encoded(self, image: Tensor) -> Features:
        return self.encode(image.to(dtype=self.dtype, memory_format=_layout(self.dtype)))


class RANetMethod:
    """RANet, ready for clips.

    Attributes:
        weights_path: file in use, or None.
        weights_note: what the weights are, for the run's record.
        untrained: whether the network is random.
        parameters: in effect.
    """

    def __init__(self, runner: Runner, parameters: Parameters, loaded: _Loaded) -> None:
        self._runner = runner
        self.parameters = parameters
        self.weights_path = loaded.path
        self.weights_note = loaded.note
        self.untrained = loaded.untrained

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> RANetSession:
        """Begin a clip; see `vosbench.types.Method`."""
        return RANetSession(self._runner, self.parameters, clip, frame, labels)


@dataclass(frozen=True)
class _Loaded:
    """A network with where it came from."""

    net: RANet
    path: Path | None
    note: str
    untrained: bool = False


def build(options: BuildOptions) -> RANetMethod:
    """Make the method.

    Raises:
        UsageError: a parameter or the precision cannot be used, or the input's size does not fit
            the weights.
        InputError: no weight file is named, or it cannot be used.
    """
    parameters = Parameters.parse(options.parameters)
    ORACLES.only_in_variants(options)
    dtype = DTYPES.get(options.precision)
    if dtype is None:
        raise UsageError(f"ranet has no precision {options.precision!r}; use one of {list(DTYPES)}")
    device = torch.device(options.device)
    loaded = _load(options, parameters)
    net = loaded.net.eval().requires_grad_(False)
    net.wiring = parameters.wiring
    _place(net, device, dtype)
    runner = runner_of(net, dtype=dtype, batch=parameters.batch, compiled=options.compile)
    return RANetMethod(runner, parameters, loaded)


def _layout(dtype: torch.dtype) -> torch.memory_format:
    """Memory order of the convolutions.

    Channels-last is faster, but its kernel of instance normalisation sums squares in one pass and
    loses two digits in float32 (measured on a CPU), more than the official network's own noise.
    """
    return torch.contiguous_format if dtype == torch.float32 else torch.channels_last


def _place(net: RANet, device: torch.device, dtype: torch.dtype) -> None:
    """Move to the device, with the number type and memory order of the run."""
    for parameter in net.parameters():
        layout = _layout(dtype) if parameter.ndim == 4 else torch.preserve_format
        parameter.data = parameter.data.to(device=device, dtype=dtype, memory_format=layout)


def runner_of(
    net: RANet, *, dtype: torch.dtype = torch.float32, batch: int = 0, compiled: bool = False
) -> Runner:
    """Wrap a network that is on its device and of its number type already.

    Args:
        net: in evaluation mode.
        dtype: type of its input.
        batch: most objects in one pass of the decoder; 0 leaves it to the device.
        compiled: use `torch.compile`.
    """
    device = next(net.parameters()).device
    encode, match, decode = net.encode, net.match, net.decode
    if compiled:
        encode, match, decode = torch.compile(encode), torch.compile(match), torch.compile(decode)
    most = batch or BATCH[device.type != "cpu"]
    return Runner(encode, match, decode, net.make_template, device, dtype, most)


def _load(options: BuildOptions, parameters: Parameters) -> _Loaded:
    path, size = options.weights, (parameters.height, parameters.width)
    if path is None:
        if not parameters.random_weights:
            raise InputError("ranet has no weights of its own, and none were named", hint=OFFICIAL)
        note = (
            f"NO TRAINED WEIGHTS: everything is random from seed {options.seed}; "
            "scores say nothing of RANet"
        )
        return _Loaded(_random(options.seed, size), None, note, untrained=True)
    loaded = load_weights(path)
    trained = (loaded.net.config.height, loaded.net.config.width_px)
    if trained != size:
        raise UsageError(
            f"{path.name} is for an input of {trained[0]}×{trained[1]} px, for the ranking network "
            f"counts template cells; asked for is {size[0]}×{size[1]}",
            hint=f"use --set input.height={trained[0]} --set input.width={trained[1]}",
        )
    if loaded.exported:
        return _Loaded(loaded.net, path, loaded.metadata.get("note") or f"{path.name}, no note")
    return _Loaded(loaded.net, path, _official_note(path, parameters))


def _official_note(path: Path, parameters: Parameters) -> str:
    """What an official checkpoint is, by its name: single- and multi-object ones look the same."""
    note = f"{path.name}, a checkpoint with the official network's names and shapes"
    other = {"single": "multi", "multi": "single"}[parameters.objects]
    if other in path.stem.split("_"):
        variant = "ranet@single" if other == "single" else "ranet"
        note += (
            f"; BY ITS NAME IT WAS TRAINED FOR objects={other}, but runs with "
            f"objects={parameters.objects}: run {variant} instead"
        )
    return note


def _random(seed: int, size: tuple[int, int]) -> RANet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return RANet(NetworkConfig(height=size[0], width_px=size[1]))
        except ValueError as error:
            raise UsageError(f"no network for input.height and input.width: {error}") from error
