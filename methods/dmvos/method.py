"""Builds DMVOS: weights, configuration, precision and device, then sessions on clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap

from ..nn import can_pack, fold_norms, pack_convolutions
from .config import NetworkConfig
from .network import DMVOSNet
from .parameters import Parameters
from .pretrained import encoder_stride, load_encoder
from .session import ORACLES, DMVOSSession, Model
from .weights import is_shipped_format, load_weights, read_metadata

__all__ = ["SHIPPED_WEIGHTS", "DMVOSMethod", "build"]

SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "dmvos.safetensors"

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class _Loaded:
    """A network with where it came from."""

    net: DMVOSNet
    path: Path | None
    note: str
    untrained: bool = False


class DMVOSMethod:
    """DMVOS, ready for clips.

    Attributes:
        weights_path: file in use, or None.
        weights_note: what the weights are, for the run's record.
        untrained: whether parts of the network are random.
        parameters: in effect.
    """

    def __init__(self, model: Model, parameters: Parameters, loaded: _Loaded) -> None:
        self._model = model
        self.parameters = parameters
        self.weights_path = loaded.path
        self.weights_note = loaded.note
        self.untrained = loaded.untrained

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> DMVOSSession:
        """Begin a clip; see `vosbench.types.Method`."""
        return DMVOSSession(self._model, self.parameters, clip, frame, labels)


def build(options: BuildOptions) -> DMVOSMethod:
    """Make the method.

    Raises:
        UsageError: a parameter or the precision cannot be used.
        InputError: the weight file cannot be used.
    """
    parameters = Parameters.parse(options.parameters)
    ORACLES.only_in_variants(options)
    device = torch.device(options.device)
    loaded = _configured(_load(options, parameters), parameters)
    dtype = DTYPES.get(options.precision)
    if dtype is None:
        raise UsageError(f"dmvos has no precision {options.precision!r}; use one of {list(DTYPES)}")
    net = loaded.net.eval().requires_grad_(False)
    fold_norms(net)
    _place(net, device, dtype)
    if device.type == "cpu" and not options.compile and can_pack(dtype):
        pack_convolutions(net)
    model = Model(net.encode, net.segment, net.make_template, device, dtype)
    if options.compile:
        model = _compiled(model)
    return DMVOSMethod(model, parameters, loaded)


def _compiled(model: Model) -> Model:
    """The model with its two networks compiled; on CUDA they are replayed as CUDA graphs.

    Every number of objects is compiled for itself: shapes are static, as graphs need them.
    """
    if model.device.type != "cuda":
        encode, segment = torch.compile(model.encode), torch.compile(model.segment)
        return replace(model, encode=encode, segment=segment)
    return replace(
        model,
        encode=torch.compile(model.encode, mode="reduce-overhead", dynamic=False),
        segment=torch.compile(model.segment, mode="reduce-overhead", dynamic=False),
        # memory of a frame's graphs is used again by the next frame's, and by no earlier call
        begin_frame=torch.compiler.cudagraph_mark_step_begin,
    )


def _place(net: DMVOSNet, device: torch.device, dtype: torch.dtype) -> None:
    """Move to the device; kernels channels-last, everything but the scalars in `dtype`."""
    for parameter in net.parameters():
        kind = dtype if parameter.ndim else torch.float32
        layout = torch.channels_last if parameter.ndim == 4 else torch.preserve_format
        parameter.data = parameter.data.to(device=device, dtype=kind, memory_format=layout)


def _load(options: BuildOptions, parameters: Parameters) -> _Loaded:
    path = options.weights
    if path is None and SHIPPED_WEIGHTS.is_file():
        path = SHIPPED_WEIGHTS
    if path is None:
        note = (
            f"NO TRAINED WEIGHTS: everything, the encoder too, is random from seed {options.seed}; "
            "scores say nothing of DMVOS"
        )
        return _Loaded(_seeded(options.seed, parameters), None, note, untrained=True)
    if not path.is_file():
        what = "is a folder, not a weight file" if path.is_dir() else "does not exist"
        raise InputError(f"--weights {path} {what}")
    if is_shipped_format(path):
        about = read_metadata(path).get("note", "")
        return _Loaded(load_weights(path), path, about or f"{path.name}, no note by its writer")
    net = _seeded(options.seed, parameters, encoder_stride(path))
    load_encoder(net, path)
    note = (
        f"ENCODER ONLY: {path.name} gives the ResNet, all other parts are random from seed "
        f"{options.seed}; scores say nothing of DMVOS"
    )
    return _Loaded(net, path, note, untrained=True)


def _seeded(seed: int, parameters: Parameters, stride_on: str = "conv2") -> DMVOSNet:
    config = NetworkConfig(
        isometric_mode=parameters.isometric_mode,
        previous_mask=parameters.previous_mask,
        template_pool=parameters.template_pool,
        stride_on="conv1" if stride_on == "conv1" else "conv2",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DMVOSNet(config)


def _configured(loaded: _Loaded, parameters: Parameters) -> _Loaded:
    """Switch parts of the network as the parameters ask, by the rules in README.md."""
    trained = loaded.net.config
    notes = [loaded.note]
    if parameters.isometric_mode != trained.isometric_mode:
        notes.append(
            f"trained with isometric.mode={trained.isometric_mode}, "
            f"runs with {parameters.isometric_mode}"
        )
    if parameters.template_pool != trained.template_pool:
        notes.append(
            f"trained with template.pool={trained.template_pool}, "
            f"runs with {parameters.template_pool}"
        )
    substitute = parameters.previous_mask and not trained.previous_mask
    if substitute:
        notes.append("no channel for the previous mask: averaged into closeness")
    try:
        net = loaded.net.reconfigured(
            isometric_mode=parameters.isometric_mode,
            template_pool=parameters.template_pool,
            offset=parameters.offset,
            mask_in_closeness=substitute,
        )
    except ValueError as error:
        raise InputError(
            f"the weights do not fit the parameters: {error}",
            hint="Choose the isometric.mode that the weights were trained with, or other weights.",
        ) from error
    return replace(loaded, net=net, note="; ".join(notes))
