"""PWC-Net against the authors' network under made-up weights, probe by probe."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vosbench_methods.premvos.pwcnet.network as network_module
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor
from vosbench_methods.premvos.pwcnet import (
    FlowEstimator,
    PWCNet,
    cost_volume,
    load_pwcnet,
    resize_image,
    warp_features,
)

from vosbench.errors import InputError

FLOW_TOLERANCE = 1e-4
PIXEL_TOLERANCE = 2e-3


@pytest.fixture(scope="session")
def maker(golden: Path) -> Any:
    """The fixtures' own generator of weights and images."""
    path = golden / "scripts" / "pwc_inputs.py"
    spec = importlib.util.spec_from_file_location("golden_pwc_inputs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shapes(golden: Path) -> dict[str, list[int]]:
    content: dict[str, list[int]] = json.loads((golden / "pwc" / "shapes.json").read_text())
    return content


@pytest.fixture(scope="session")
def weights(maker: Any, shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in maker.build(shapes).items()}


@pytest.fixture(scope="session")
def net(weights: dict[str, Tensor]) -> PWCNet:
    net = PWCNet()
    net.load_state_dict(weights)
    return net.eval()


def test_parameters_are_named_and_shaped_as_in_the_official_checkpoint(shared: Path) -> None:
    path = shared / "reference" / "state_dicts" / "pwcnet_state_dict_shapes.json"
    with torch.device("meta"):
        own = {key: list(value.shape) for key, value in PWCNet().state_dict().items()}
    assert own == json.loads(path.read_text())


class Probes:
    """Collects what the fixtures probed: outputs of modules, costs and warps, in order."""

    def __init__(self, net: PWCNet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: dict[str, Tensor] = {}
        self._calls: Counter[str] = Counter()
        self.handles = [
            module.register_forward_hook(
                lambda module, inputs, output, name=name: self.take(name, output)
            )
            for name, module in net.named_children()
        ]

        def cost(first: Tensor, second: Tensor) -> Tensor:
            return self.take("corr", cost_volume(first, second))

        def warp(features: Tensor, flow: Tensor) -> Tensor:
            self.take("warp_by", flow)
            return self.take("warp", warp_features(features, flow))

        monkeypatch.setattr(network_module, "cost_volume", cost)
        monkeypatch.setattr(network_module, "warp_features", warp)

    def take(self, name: str, value: Tensor) -> Tensor:
        self._calls[name] += 1
        self.seen[f"{name}#{self._calls[name]}"] = value.detach().clone()
        return value


@pytest.mark.parametrize("case", ["tiny_batch", "mid", "mid_signed"])
def test_flows_and_probes_are_those_of_the_official_network(  # noqa: PLR0917 - fixtures
    golden: Path,
    maker: Any,
    shapes: dict[str, list[int]],
    net: PWCNet,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    told = json.loads((golden / "pwc" / "expected.json").read_text())["cases"][case]
    batch, _, height, width = told["input_shape"]
    salts = (0, 5)[:batch]
    images = np.concatenate(
        [maker.network_input(*maker.pair(height, width, salt)) for salt in salts]
    )
    if told["signed_weights"]:
        signed = maker.build(shapes, signed=True)
        net = PWCNet().eval()
        net.load_state_dict({key: torch.from_numpy(value) for key, value in signed.items()})
    probes = Probes(net, monkeypatch)
    with torch.inference_mode():
        flows = net(torch.from_numpy(images))
    for handle in probes.handles:
        handle.remove()

    with np.load(golden / "pwc" / f"{case}.npz") as expected:
        for level, flow in enumerate(flows, start=2):
            assert_allclose(flow, expected[f"flow{level}"], rtol=0, atol=FLOW_TOLERANCE)
        for name, one in told["probes"].items():
            found = probes.seen[name].flatten()[:: one["step"]]
            assert list(probes.seen[name].shape) == one["shape"], name
            assert_allclose(found, expected[f"probe/{name}"], rtol=1e-4, atol=1e-4, err_msg=name)


def test_matching_is_that_of_the_official_network(golden: Path) -> None:
    with np.load(golden / "pwc" / "units.npz") as units:
        tensors = {name: torch.from_numpy(units[name]) for name in units.files}
    cost = cost_volume(tensors["cost_a"], tensors["cost_b"])
    assert_allclose(cost, tensors["cost"], rtol=0, atol=1e-5)
    warped = warp_features(tensors["warp_x"], tensors["warp_flow"])
    assert_allclose(warped, tensors["warped"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(120, 200), (97, 150)])
def test_the_whole_way_from_frames_to_a_flow_is_the_official_one(
    golden: Path, maker: Any, net: PWCNet, size: tuple[int, int]
) -> None:
    height, width = size
    first, second = maker.pair(height, width, 9)
    with np.load(golden / "pwc" / f"pipeline_{height}x{width}.npz") as expected:
        rows, columns, _ = expected["resized_first"].shape
        for image, name in ((first, "resized_first"), (second, "resized_second")):
            resized = resize_image(image, height=rows, width=columns)
            assert_array_equal(resized, expected[name])
        flow = FlowEstimator(net, torch.device("cpu"))(first, second)
        assert flow.dtype == np.float32
        assert_allclose(flow, expected["flow"], rtol=0, atol=PIXEL_TOLERANCE)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_flow(golden: Path, maker: Any, weights: dict[str, Tensor]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    net = PWCNet()
    net.load_state_dict(weights)
    flow = FlowEstimator(net, torch.device("cuda"))(*maker.pair(120, 200, 9))
    with np.load(golden / "pwc" / "pipeline_120x200.npz") as expected:
        assert_allclose(flow, expected["flow"], rtol=0, atol=PIXEL_TOLERANCE)


def test_a_checkpoint_is_loaded_and_one_of_another_network_refused(
    tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    path = tmp_path / "pwc_net.pth.tar"
    torch.save({"state_dict": weights}, path, _use_new_zipfile_serialization=False)
    loaded = load_pwcnet(path).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in weights.items())
    damaged = {key: value for key, value in weights.items() if key != "dc_conv7.bias"}
    torch.save(damaged, path)
    with pytest.raises(InputError, match=r"dc_conv7\.bias"):
        load_pwcnet(path)
