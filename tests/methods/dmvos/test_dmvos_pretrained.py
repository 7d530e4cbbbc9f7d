"""Encoders from elsewhere."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from safetensors.torch import save_file
from vosbench_methods.dmvos.network import DMVOSNet, NetworkConfig
from vosbench_methods.dmvos.pretrained import encoder_stride
from vosbench_methods.dmvos.weights import load_encoder

from vosbench.errors import InputError

SMALL: dict[str, Any] = {
    "encoder_blocks": (1, 1, 1, 1),
    "encoder_width": 4,
    "embed_width": 16,
    "offset_widths": (8, 8),
}


def small(stride_on: Any = "conv2") -> DMVOSNet:
    torch.manual_seed(0)
    return DMVOSNet(NetworkConfig(stride_on=stride_on, **SMALL)).eval()


def torchvision_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    own = small().encoder.state_dict()
    state = {k: torch.rand_like(v) for k, v in own.items() if not k.startswith("reduce.")}
    state["bn1.num_batches_tracked"] = torch.tensor(5)
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, 128), torch.zeros(1000)
    return state


@pytest.mark.parametrize("form", ["pth", "wrapped", "module", "safetensors"])
def test_torchvision_state_dicts(tmp_path: Path, form: str) -> None:
    state = torchvision_state()
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(state, path)
    elif form == "wrapped":
        torch.save({"state_dict": state, "epoch": 3}, path)
    elif form == "module":
        torch.save({f"module.{key}": value for key, value in state.items()}, path)
    else:
        torch.save(state, path)
    net = small()
    head = net.encoder.reduce[0].weight.clone()  # type: ignore[operator]
    load_encoder(net, path)
    loaded = net.encoder.state_dict()
    assert all(
        torch.equal(loaded[key], value)
        for key, value in state.items()
        if not key.startswith("fc.") and not key.endswith("tracked")
    )
    assert torch.equal(net.encoder.reduce[0].weight, head)  # type: ignore[arg-type]
    assert encoder_stride(path) == "conv2"


def archive(path: Path, **changes: Any) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for name, value in small().encoder.state_dict().items():
        if value.ndim == 4 and not name.startswith("reduce."):
            key = name.removesuffix(".weight")
            arrays[f"w/{key}"] = random.integers(-128, 128, tuple(value.shape), dtype=np.int8)
            arrays[f"s/{key}"] = np.array(random.integers(4, 9))
            arrays[f"b/{key}"] = random.normal(size=value.shape[0]).astype(np.float32)
    arrays["w/fc"] = np.zeros((10, 4, 1, 1), np.int8)
    arrays.update(changes)
    np.savez(path, **arrays)
    return arrays


def test_folded_archive_is_convolution_plus_bias(tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    arrays = archive(path)
    net = small("conv1")
    load_encoder(net, path)
    assert encoder_stride(path) == "conv1"
    x = torch.randn(1, 16, 6, 6)
    block = net.encoder.layer2[0]
    with torch.no_grad():
        ours = block.bn1(block.conv1(x))
    weight = arrays["w/layer2.0.conv1"] / 2.0 ** arrays["s/layer2.0.conv1"]
    bias = torch.from_numpy(arrays["b/layer2.0.conv1"])
    expected = F.conv2d(x, torch.from_numpy(weight).float(), bias, stride=2)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_folded_archive_needs_its_stride(tmp_path: Path) -> None:
    archive(tmp_path / "r.npz")
    with pytest.raises(InputError, match="built with stride_on='conv2'") as caught:
        load_encoder(small("conv2"), tmp_path / "r.npz")
    assert "conv1" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"w/layer9.0.conv1": np.zeros((1, 1, 1, 1), np.int8)}, "no entry"),
        ({"w/conv1": np.zeros((4, 3, 7, 7), np.float32)}, "not int8"),
        ({"w/conv1": np.zeros((4, 3, 5, 5), np.int8)}, r"\(4, 3, 5, 5\), expected \(4, 3, 7, 7\)"),
        ({"b/conv1": np.full(4, np.nan, np.float32)}, "not finite"),
    ],
)
def test_folded_archives_that_do_not_fit(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    archive(tmp_path / "r.npz", **changes)
    with pytest.raises(InputError, match=message):
        load_encoder(small("conv1"), tmp_path / "r.npz")


class _Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed"),)


def test_files_that_are_no_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net = small()
    with pytest.raises(InputError, match="do not exist"):
        load_encoder(net, tmp_path / "none.pth")
    path = tmp_path / "w.pth"
    state = torchvision_state()
    del state["layer3.0.conv2.weight"]
    torch.save(state, path)
    with pytest.raises(InputError, match=r"1 tensors are missing \['layer3.0.conv2.weight'\]"):
        load_encoder(net, path)
    torch.save({"weights": [1, 2]}, path)
    with pytest.raises(InputError, match="not a state dict"):
        load_encoder(net, path)
    torch.save(torchvision_state(), path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be read"):
        load_encoder(net, path)
    path.write_bytes(pickle.dumps({"state_dict": _Payload()}, protocol=2))
    with pytest.raises(InputError, match="more than plain tensors"):
        load_encoder(net, path)
    assert not (tmp_path / "executed").exists()
    for name in ("broken.npz", "broken.safetensors"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 nothing")
        with pytest.raises(InputError, match=r"broken\."):
            load_encoder(small("conv1"), tmp_path / name)


def test_real_imagenet_features_match_an_object(shared: Path) -> None:
    """Nearest neighbours of two frames of a training clip separate object and background."""
    net = DMVOSNet(NetworkConfig(stride_on="conv1")).eval()
    load_encoder(net, shared / "data" / "resnet50-imagenet" / "resnet50_imagenet_int8.npz")
    assert not net.training
    features, masks = [], []
    for frame in (0, 10):
        image, mask = _davis(shared, "bear", frame)
        with torch.inference_mode():
            features.append(F.normalize(net.encode(image).s4[0].flatten(1), dim=0))
        masks.append(F.interpolate(mask, size=(12, 22), mode="area").flatten())
    similarity = features[1].T @ features[0]
    foreground = similarity[:, masks[0] > 0.5].topk(4, dim=1).values.mean(1)
    background = similarity[:, masks[0] < 0.1].topk(4, dim=1).values.mean(1)
    found, truth = foreground > background, masks[1] > 0.5
    assert ((found & truth).sum() / (found | truth).sum()).item() > 0.6


def _davis(shared: Path, sequence: str, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
    root = shared / "data" / "DAVIS2016"
    (image_path,) = (root / "JPEGImages" / "480p" / sequence).glob(f"{frame:05d}.*")
    mask_path = root / "Annotations" / "480p" / sequence / f"{frame:05d}.png"
    with Image.open(image_path) as image:
        rgb = np.array(image.convert("RGB").resize((352, 192), Image.Resampling.BILINEAR))
    with Image.open(mask_path) as image:
        mask = np.array(image.convert("L").resize((352, 192), Image.Resampling.NEAREST)) > 0
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
    return (x - mean) / deviation, torch.from_numpy(mask)[None, None].float()
