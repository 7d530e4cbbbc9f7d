"""The network and the whole inference give what the official ones give, entry by entry.

The numbers were made by the official code with weights that follow from the parameters' names.
Cases of larger frames run only by the fixtures' own judge: see `golden_adapter`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from vosbench_methods.rgmp import network
from vosbench_methods.rgmp.network import Features, RGMPNet, fold

from tests.methods.rgmp.golden_adapter import loaded, sequence, single_scale


@pytest.fixture(scope="module")
def state(check_golden: ModuleType) -> dict[str, Tensor]:
    return {
        k: torch.from_numpy(np.asarray(v)) for k, v in check_golden.load_weights("rgmp").items()
    }


@pytest.fixture(scope="module")
def inputs(check_golden: ModuleType) -> dict[str, Tensor]:
    return {
        k: torch.from_numpy(np.ascontiguousarray(v))
        for k, v in check_golden.load_inputs().items()
        if k.startswith("rgmp/")
    }


@pytest.fixture(scope="module")
def net(state: dict[str, Tensor]) -> RGMPNet:
    return loaded(state)


def test_every_step_of_one_pass(
    check_golden: ModuleType, net: RGMPNet, inputs: Mapping[str, Tensor]
) -> None:
    entries = single_scale(net, "a", inputs)
    golden = check_golden.Golden("rgmp")
    assert entries.keys() == {name for name in golden.entries if name.startswith("a/")}
    assert golden.report(entries, verbose=False) == []


def test_two_objects_through_the_session(
    check_golden: ModuleType, state: Mapping[str, Tensor], inputs: Mapping[str, Tensor]
) -> None:
    net = loaded({key: value.clone() for key, value in state.items()})
    fold(net)
    entries = sequence(net, "mo", inputs)
    golden = check_golden.Golden("rgmp")
    assert entries.keys() == {name for name in golden.entries if name.startswith("mo/")}
    assert golden.report(entries, verbose=False) == []


Patch = Callable[[pytest.MonkeyPatch, RGMPNet], None]


def _aligned_otherwise(patch: pytest.MonkeyPatch, net: RGMPNet) -> None:
    def upsample(x: Tensor, factor: int) -> Tensor:
        return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)

    patch.setattr(network, "upsample", upsample)


def _reference_first(patch: pytest.MonkeyPatch, net: RGMPNet) -> None:
    match = net.Decoder.match
    patch.setattr(net.Decoder, "match", lambda current, reference: match(reference, current))


def _relu_in_global_convolution(patch: pytest.MonkeyPatch, net: RGMPNet) -> None:
    for name in ("conv_l1", "conv_r1"):
        module = getattr(net.Decoder.GC, name)
        plain = module.forward
        patch.setattr(module, "forward", lambda x, plain=plain: F.relu(plain(x)))


def _no_relu_before_second(patch: pytest.MonkeyPatch, net: RGMPNet) -> None:
    for level in (net.Decoder.RF4, net.Decoder.RF3, net.Decoder.RF2):

        def forward(skip: Tensor, coarse: Tensor, level: Any = level) -> Tensor:
            s = level.convFS1(skip)
            s = s + level.convFS3(F.relu(level.convFS2(s)))
            m = s + network.upsample(coarse, 2)
            return m + level.convMM2(F.relu(level.convMM1(F.relu(m))))

        patch.setattr(level, "forward", forward)


def _other_channel(patch: pytest.MonkeyPatch, net: RGMPNet) -> None:
    pred2 = net.Decoder.pred2
    plain = pred2.forward
    patch.setattr(pred2, "forward", lambda x: plain(x).flip(1))


DECODER_MISTAKES: dict[str, Patch] = {
    "align_corners=False": _aligned_otherwise,
    "reference first in the concatenation": _reference_first,
    "ReLU inside GC": _relu_in_global_convolution,
    "no ReLU before convFS2": _no_relu_before_second,
    "softmax channel 0": _other_channel,
}


def _mistakes(folder: Path) -> dict[str, float]:
    """How far each recorded mistake in the network throws the stored samples of `a/prob`."""
    rows = json.loads((folder / "mutations.json").read_text(encoding="utf-8"))["rows"]
    return {
        row["mutation"]: float(row["a/prob"].split()[0])
        for row in rows
        if row["net"] == "rgmp" and "a/prob" in row
    }


def _largest(golden: Any, probability: Tensor) -> float:
    where = tuple(slice(*s) for s in golden.entries["a/prob"]["slices"])
    return float(np.abs(probability.numpy()[where] - golden.data["a/prob"]).max())


@pytest.fixture(scope="module")
def encoded(net: RGMPNet, inputs: Mapping[str, Tensor]) -> tuple[Features, Tensor]:
    """Features of the current frame and of the reference, which the decoder's mistakes share."""
    with torch.inference_mode():
        current = net.Encoder(inputs["rgmp/a/current"], inputs["rgmp/a/previous"][:, None])
        mask = inputs["rgmp/a/reference_mask"][:, None]
        return current, net.encode_reference(inputs["rgmp/a/reference"], mask)


@pytest.mark.parametrize("name", DECODER_MISTAKES)
def test_a_mistake_in_the_decoder_shows_as_recorded(
    *,
    name: str,
    check_golden: ModuleType,
    golden_folder: Path,
    net: RGMPNet,
    encoded: tuple[Features, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    DECODER_MISTAKES[name](monkeypatch, net)
    with torch.inference_mode():
        logits = network.upsample(net.Decoder(*encoded), 4)
        probability = torch.softmax(logits, dim=1)[:, 1]
    golden = check_golden.Golden("rgmp")
    assert not golden.compare("a/prob", probability)[0]
    recorded = _mistakes(golden_folder)[name]
    assert _largest(golden, probability) == pytest.approx(recorded, rel=0.02)


@pytest.mark.parametrize(
    "name", ["BGR", "hard previous mask", "conv1_p without bias", "reference without mask"]
)
def test_a_mistake_in_the_input_shows_as_recorded(
    *,
    name: str,
    check_golden: ModuleType,
    golden_folder: Path,
    net: RGMPNet,
    inputs: Mapping[str, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = dict(inputs)
    if name == "BGR":
        for key in ("rgmp/a/reference", "rgmp/a/current"):
            given[key] = inputs[key].flip(1)
    elif name == "hard previous mask":
        given["rgmp/a/previous"] = (inputs["rgmp/a/previous"] > 0.5).float()
    elif name == "reference without mask":
        given["rgmp/a/reference_mask"] = torch.zeros_like(inputs["rgmp/a/reference_mask"])
    else:
        bias = net.Encoder.conv1_p.bias
        assert bias is not None
        monkeypatch.setattr(bias, "data", torch.zeros_like(bias))
    probability = single_scale(net, "a", given)["a/prob"]
    golden = check_golden.Golden("rgmp")
    assert not golden.compare("a/prob", probability)[0]
    recorded = _mistakes(golden_folder)[name]
    assert _largest(golden, probability) == pytest.approx(recorded, rel=0.02)
