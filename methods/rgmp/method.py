"""Builds RGMP: weights, precision and device, then sessions on clips."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap

from ..nn.state_dicts import load_strictly, read_state_dict
from .network import NetworkConfig, RGMPNet, fold
from .parameters import Parameters
from .passes import Model
from .session import ORACLES, RGMPSession

__all__ = ["RGMPMethod", "build", "load_network"]

NETWORK: Final = NetworkConfig()
SOURCE: Final = "github.com/seoungwugoh/RGMP"
DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
BATCH: Final = {True: 8, False: 1}
"""Objects per pass on an accelerator, and on a CPU, which gains nothing from more."""


class RGMPMethod:
    """RGMP, ready for clips.

    Attributes:
        weights_path: file in use.
        weights_note: what the weights are, for the run's record.
        parameters: in effect.
    """

    def __init__(self, model: Model, parameters: Parameters, weights: Path) -> None:
        self._model = model
        self.parameters = parameters
        self.weights_path = weights
        self.weights_note = (
            f"{weights.name} has every tensor of the official checkpoint's layout; whether it is "
            "the authors' file is not known"
        )

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> RGMPSession:
        """Begin a clip; see `vosbench.types.Method`."""
        return RGMPSession(self._model, self.parameters, clip, frame, labels)


def build(options: BuildOptions) -> RGMPMethod:
    """Make the method.

    Raises:
        UsageError: a parameter or the precision cannot be used.
        InputError: no weight file is named, or it cannot be used.
    """
    parameters = Parameters.parse(options.parameters)
    ORACLES.only_in_variants(options)
    dtype = DTYPES.get(options.precision)
    if dtype is None:
        raise UsageError(f"rgmp has no precision {options.precision!r}; use one of {list(DTYPES)}")
    if options.weights is None:
        raise InputError(
            "rgmp needs the weights of its authors, and none were named; none are shipped, for "
            "their licence allows non-commercial research only",
            hint=f"download weights.pth as {SOURCE} says, then add --weights PATH/weights.pth",
        )
    net = load_network(options.weights).requires_grad_(False)
    fold(net)
    device = torch.device(options.device)
    _place(net, device, dtype)
    encode_reference, segment = net.encode_reference, net.forward
    if options.compile:
        encode_reference, segment = torch.compile(encode_reference), torch.compile(segment)
    batch = parameters.batch or BATCH[device.type != "cpu"]
    model = Model(encode_reference, segment, device, parameters.factors, batch)
    return RGMPMethod(model, parameters, options.weights)


def load_network(path: Path, config: NetworkConfig | None = None) -> RGMPNet:
    """The network with the weights of a file, in evaluation mode, on the CPU.

    Args:
        path: a state dict with the official names, with or without their `module.` prefix.
        config: shape of the network; None is the authors'.

    Raises:
        InputError: the file cannot be read, or has not exactly the network's tensors.
    """
    state = read_state_dict(path)
    with torch.device("meta"):
        net = RGMPNet(config or NETWORK)
    load_strictly(net, state, source=str(path))
    return net.eval()


def _place(net: RGMPNet, device: torch.device, dtype: torch.dtype) -> None:
    """Move to the device; kernels channels-last and in `dtype`, image statistics in float32."""
    net.to(device)
    for parameter in net.parameters():
        layout = torch.channels_last if parameter.ndim == 4 else torch.preserve_format
        parameter.data = parameter.data.to(dtype=dtype, memory_format=layout)
