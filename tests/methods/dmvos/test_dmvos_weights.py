"""The shipped weight format: round trip, size, and every way a file can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from vosbench_methods.dmvos.network import DMVOSNet, NetworkConfig
from vosbench_methods.dmvos.weights import (
    is_shipped_format,
    load_weights,
    read_metadata,
    save_weights,
)
from vosbench_methods.nn import FrozenBatchNorm2d, fold_norms

from vosbench.errors import InputError

TINY = NetworkConfig(
    isometric_mode="topk",
    rank_samples=8,
    stride_on="conv1",
    previous_mask=True,
    encoder_blocks=(1, 2, 1, 1),
    encoder_width=8,
    embed_width=32,
    match_width=8,
    match_inner=4,
    offset_widths=(16, 8),
    fusion_width=32,
    skip_widths=(8, 8, 8),
    decoder_widths=(16, 8, 8),
)


def network() -> DMVOSNet:
    torch.manual_seed(0)
    net = DMVOSNet(TINY).eval()
    for module in net.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.weight.uniform_(0.5, 1.0)
            module.bias.normal_(0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
    return net


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_weights(network(), path, {"note": "a test's weights"})
    return path


def test_round_trip_keeps_everything_to_half_a_step(saved: Path) -> None:
    net, original = load_weights(saved), network()
    assert net.config == TINY
    assert not net.training
    assert read_metadata(saved) == {"note": "a test's weights"}
    scales = {k: v for k, v in load_file(saved).items() if k.endswith(".scale")}
    fold_norms(net)
    fold_norms(original)
    after = net.state_dict()
    for key, before in original.state_dict().items():
        error = (after[key] - before).abs()
        if f"{key.removesuffix('.weight')}.scale" in scales:
            step = scales[f"{key.removesuffix('.weight')}.scale"]
            assert (error.amax(dim=(1, 2, 3)) <= 0.501 * step).all()
        else:  # float16 for heads, float32 for encoder biases and scalars
            digits = 24 if key.startswith("encoder.") or before.ndim == 0 else 11
            assert (error <= before.abs() * 2.0**-digits * 2 + 1e-7).all()


def test_second_round_trip_changes_nothing(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    save_weights(load_weights(saved), again, {"note": "a test's weights"})
    first, second = load_file(saved), load_file(again)
    assert first.keys() == second.keys()
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, rtol=1e-6, atol=1e-7)


def test_saving_leaves_the_network_alone_and_is_deterministic(tmp_path: Path, saved: Path) -> None:
    net = network()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    other = tmp_path / "other.safetensors"
    save_weights(net, other, {"note": "a test's weights"})
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert other.read_bytes() == saved.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "other.safetensors",
        "tiny.safetensors",
    ]


def test_encoder_is_8_bit_and_heads_16(saved: Path) -> None:
    for key, value in load_file(saved).items():
        if key.startswith("encoder.") and key.endswith(".weight"):
            assert value.dtype == torch.int8
            assert value.abs().amax() == 127
        elif key.startswith("encoder.") or value.ndim == 0:
            assert value.dtype == torch.float32
        else:
            assert value.dtype == torch.float16


def test_loaded_network_can_be_trained_on(saved: Path) -> None:
    net = load_weights(saved).train()
    assert all(p.requires_grad and not p.is_meta for p in net.parameters())
    net.encode(torch.randn(1, 3, 32, 32)).embed.sum().backward()


def test_full_network_fits_in_32_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "full.safetensors"
    save_weights(DMVOSNet(), path, {})
    assert path.stat().st_size <= 32_000_000


def test_missing_truncated_and_foreign_files(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load_weights(tmp_path / "none.safetensors")
    whole = saved.read_bytes()
    for length in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(InputError, match=rf"tiny.safetensors \({length} bytes\)") as caught:
            load_weights(saved)
        assert "cut short" in caught.value.hint
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, foreign)
    with pytest.raises(InputError, match="not DMVOS weights"):
        load_weights(foreign)
    assert not is_shipped_format(foreign)


def rewrite(
    path: Path,
    header: Callable[[dict[str, Any]], None] | None = None,
    tensors: Callable[[dict[str, torch.Tensor]], None] | None = None,
) -> None:
    stored = load_file(path)
    entry: dict[str, Any] = {
        "format": "vosbench-dmvos",
        "version": 1,
        "config": asdict(TINY),
        "metadata": {},
    }
    if header:
        header(entry)
    if tensors:
        tensors(stored)
    save_file(stored, path, {"vosbench": json.dumps(entry)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(version=2), "weight format version 2, this vosbench reads version 1"),
        (lambda h: h.update(version=None), "version None"),
        (lambda h: h.update(format="vosbench-ranet"), "another method"),
        (lambda h: h.pop("config"), "no network configuration"),
        (lambda h: h["config"].update(colour="red"), r"unknown entries \['colour'\]"),
        (lambda h: h["config"].update(isometric_mode="magic"), "isometric mode 'magic'"),
        (lambda h: h["config"].update(encoder_blocks=[1, 1, 1, 1]), "unexpected"),
        (lambda h: h["config"].update(encoder_blocks=[1, 3, 1, 1]), "missing"),
        (lambda h: h["config"].update(embed_width=16), r"is \(32,.*expected \(16,"),
        (lambda h: h["config"].update(embed_width="wide"), "unusable"),
        (lambda h: h["config"].update(encoder_blocks=[1, 1]), "unusable"),
    ],
)
def test_headers_that_do_not_fit(saved: Path, change: Any, message: str) -> None:
    rewrite(saved, header=change)
    assert is_shipped_format(saved)
    with pytest.raises(InputError, match=message):
        load_weights(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("fuse.weight"), r"1 tensors are missing \['fuse.weight'\]"),
        (lambda t: t.update(extra=torch.zeros(2)), r"1 are unexpected \['extra'\]"),
        (lambda t: t.update({"fuse.bias": t["fuse.bias"].float()}), "expected .* torch.float16"),
        (lambda t: t["decoder.out.bias"].fill_(torch.nan), "not finite"),
        (lambda t: t["encoder.conv1.scale"].fill_(torch.inf), "not finite"),
    ],
)
def test_tensors_that_do_not_fit(saved: Path, change: Any, message: str) -> None:
    rewrite(saved, tensors=change)
    with pytest.raises(InputError, match=message):
        load_weights(saved)


def test_header_that_is_not_json(saved: Path) -> None:
    save_file(load_file(saved), saved, {"vosbench": "{"})
    with pytest.raises(InputError, match="not JSON"):
        load_weights(saved)


def test_diverged_network_is_not_written(tmp_path: Path) -> None:
    net = network()
    with torch.no_grad():
        net.fuse.bias[0] = torch.nan
    with pytest.raises(InputError, match=r"fuse\.bias is not finite"):
        save_weights(net, tmp_path / "w.safetensors", {})
    with torch.no_grad():
        net.fuse.bias[0] = 1e6  # beyond float16
    with pytest.raises(InputError, match="float16"):
        save_weights(net, tmp_path / "w.safetensors", {})
    with pytest.raises(InputError, match=r"\.safetensors"):
        save_weights(network(), tmp_path / "w.pth", {})
    assert not list(tmp_path.iterdir())
