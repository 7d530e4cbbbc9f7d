"""RGMP as this project runs it, under the entry names of the golden fixtures.

For the fixtures' own judge, from the repository's root:

    check_golden.py --network rgmp --adapter tests.methods.rgmp.golden_adapter:adapter
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from vosbench_methods.nn.state_dicts import load_strictly
from vosbench_methods.rgmp.geometry import Frame, resize
from vosbench_methods.rgmp.network import RGMPNet, fold, upsample
from vosbench_methods.rgmp.parameters import Parameters
from vosbench_methods.rgmp.passes import Model
from vosbench_methods.rgmp.session import RGMPSession

from vosbench.types import ClipInfo

SCALES = Parameters().factors
NAMES = [f"x{scale:g}" for scale in SCALES]


def adapter(network: str, state: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> dict:
    """All entries, as `check_golden.py` asks for them."""
    assert network == "rgmp"
    net = loaded(state)
    entries: dict[str, Tensor] = {}
    for case in "abcd":
        entries |= single_scale(net, case, inputs)
    fold(net)
    return entries | sequence(net, "so", inputs) | sequence(net, "mo", inputs)


def loaded(state: Mapping[str, Tensor]) -> RGMPNet:
    """The official network's size with the given weights."""
    with torch.device("meta"):
        net = RGMPNet()
    load_strictly(net, state, source="golden weights")
    return net.eval().requires_grad_(False)


@torch.inference_mode()
def single_scale(net: RGMPNet, case: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One pass at one size. Case `a` has every step, the others the main ones."""
    given = {
        name: inputs[f"rgmp/{case}/{name}"]
        for name in ("reference", "reference_mask", "current", "previous")
    }
    reference = net.encode_reference(given["reference"], given["reference_mask"][:, None])
    encoder, decoder = net.Encoder, net.Decoder
    modules: dict[str, nn.Module] = {f"r{n}": getattr(encoder, f"res{n}") for n in (2, 3, 4, 5)}
    modules |= {"GC": decoder.GC, "m4": decoder.RF4, "m3": decoder.RF3, "m2": decoder.RF2}
    modules |= {"p2": decoder.pred2}
    if case == "a":
        modules |= {"stem_rgb": encoder.conv1, "stem_mask": encoder.conv1_p}
        modules |= {"convG2": decoder.convG2}
        modules |= {f"GC.{name}": module for name, module in decoder.GC.named_children()}
        for n in (4, 3, 2):
            for name in ("convFS1", "convFS3", "convMM1", "convMM2"):
                modules[f"RF{n}.{name}"] = getattr(getattr(decoder, f"RF{n}"), name)
    with recorded(modules) as got:
        got["prob"] = net(given["current"], given["previous"][:, None], reference)
    got["ref_r5"] = reference
    got["c1"] = encoder.stem(given["current"], given["previous"][:, None])
    got["m5"] = decoder.match(got["r5"], reference)
    got["logits"] = upsample(got["p2"], 4)
    if case == "a":
        for n in (5, 4, 3):
            got[f"p{n}"] = getattr(decoder, f"pred{n}")(F.relu(got[f"m{n}"]))
    return {f"{case}/{name}": value for name, value in got.items()}


@contextmanager
def recorded(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """What modules return, by name."""
    got: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        # cloned, for later steps may work in place
        return lambda module, given, output: got.update({name: output.clone()})

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield got
    finally:
        for handle in handles:
            handle.remove()


class Spy(RGMPSession):
    """The session, with what its passes gave."""

    def _compete(self, pyramid: object) -> tuple[Tensor, Tensor]:
        answer = super()._compete(pyramid)  # type: ignore[arg-type]
        self.merged = answer[1]
        self.own = answer[0]
        return answer


def sequence(
    net: RGMPNet, name: str, inputs: Mapping[str, Tensor], *, steps: int = 2
) -> dict[str, Tensor | np.ndarray]:
    """A whole sequence from uint8 frames and a label map, by the session that users run."""
    encoded: list[tuple[Tensor, Tensor, Tensor]] = []
    passes: list[tuple[Tensor, Tensor, Tensor]] = []

    def encode_reference(image: Tensor, mask: Tensor) -> Tensor:
        result = net.encode_reference(image, mask)
        encoded.append((image, mask, result))
        return result

    def segment(image: Tensor, mask: Tensor, reference: Tensor) -> Tensor:
        result = net(image, mask, reference)
        passes.append((image, mask, result))
        return result

    frames = [inputs[f"rgmp/{name}/frame{t}"].numpy() for t in range(3)]
    labels = inputs[f"rgmp/{name}/mask0"].numpy()
    height, width = labels.shape
    ids = tuple(int(one) for one in np.unique(labels) if one)
    model = Model(encode_reference, segment, torch.device("cpu"), SCALES, batch=1)
    clip = ClipInfo(name, height, width, ids)
    session = Spy(model, Parameters(), clip, frames[0], labels)
    frame = Frame(height, width)
    out: dict[str, Tensor | np.ndarray] = {f"{name}/pad": np.array(frame.margins)}
    masks = torch.stack([torch.from_numpy(labels) == one for one in ids]).float()
    out[f"{name}/padded_mask_0"] = frame.pad(masks[None])
    maps = [labels]
    for step in range(1, steps + 1):
        before = len(passes)
        maps.append(session.step(frames[step]).labels)
        seen = passes[before : before + len(SCALES)]
        if step == 1:
            out[f"{name}/padded_frame_1"] = passes[-1][0]
        if name == "mo":
            *objects, union = torch.cat(
                [_mean(passes[before:], k, len(ids) + 1, frame) for k in range(len(ids) + 1)]
            )
            out |= {f"mo/{step}/object{k}": one[None] for k, one in enumerate(objects, start=1)}
            out |= {f"mo/{step}/union": union[None], f"mo/{step}/merged": session.merged[None]}
            continue
        out[f"so/{step}/prob"] = session.own
        for scale, (image, mask, result) in zip(NAMES, seen, strict=True):
            out[f"so/{step}/small_prob_{scale}"] = result
            if scale == "x1":
                continue
            out[f"so/{step}/prob_{scale}"] = resize(result[:, None], frame.padded)[:, 0]
            if step == 1:
                out[f"so/1/frame_{scale}"] = image
            else:
                out[f"so/2/previous_{scale}"] = mask[:, 0]
    if name == "so":
        for scale, (_, mask, result) in zip(NAMES, encoded, strict=True):
            out[f"so/ref_r5_{scale}"] = result
            if scale != "x1":
                out[f"so/reference_mask_{scale}"] = mask[:, 0]
    if steps == 2:
        out[f"{name}/labels"] = np.stack(maps)
    return out


def _mean(passes: list[tuple[Tensor, Tensor, Tensor]], k: int, count: int, frame: Frame) -> Tensor:
    """Mean over the scales of item `k`; the passes of one step are scale by scale."""
    small = [passes[level * count + k][2] for level in range(len(SCALES))]
    full = [resize(one[:, None], frame.padded)[:, 0] for one in small]
    return torch.stack(full).mean(dim=0)
