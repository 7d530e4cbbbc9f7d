"""Packed convolutions give the bits of the plain ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from vosbench_methods.dmvos.network import DMVOSNet, NetworkConfig
from vosbench_methods.nn import can_pack, fold_norms, pack_convolutions
from vosbench_methods.nn.packed import PackedConv2d

needs_operators = pytest.mark.skipif(
    not can_pack(torch.bfloat16), reason="this torch or processor has no packed bf16 convolutions"
)


def small() -> DMVOSNet:
    torch.manual_seed(1)
    config = NetworkConfig(
        encoder_blocks=(1, 2, 1, 2), encoder_width=8, embed_width=32, fusion_width=64
    )
    net = DMVOSNet(config).eval().requires_grad_(False)
    fold_norms(net)
    return net.to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


@needs_operators
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", [(96, 171), (64, 64)])
def test_a_packed_network_gives_the_same_bits(batch: int, size: tuple[int, int]) -> None:
    plain, packed = small(), small()
    pack_convolutions(packed)
    assert sum(isinstance(m, PackedConv2d) for m in packed.modules()) > 20
    image = torch.randn(batch, 3, *size).bfloat16().contiguous(memory_format=torch.channels_last)
    centre = torch.full((batch, 2), 0.4)
    mask = torch.zeros(batch, 1, *size)
    mask[..., 20:40, 10:50] = 1
    with torch.inference_mode():
        ours, theirs = packed.encode(image), plain.encode(image)
        for mine, other in zip(ours, theirs, strict=True):
            if isinstance(mine, torch.Tensor):
                assert isinstance(other, torch.Tensor)
                assert torch.equal(mine, other)
        template = plain.make_template(theirs, mask)
        first = packed.segment(ours, template, centre)
        second = plain.segment(theirs, template, centre)
    for mine, other in zip(first, second, strict=True):
        assert torch.equal(mine, other)


@needs_operators
def test_relu_joins_only_where_one_follows() -> None:
    chain = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 1)).bfloat16()
    x = torch.randn(1, 4, 9, 9).bfloat16()
    with torch.inference_mode():
        expected = chain(x)
        pack_convolutions(chain)
        assert torch.equal(chain(x), expected)
    assert [getattr(m, "rectifies", None) for m in chain] == [True, None, False]


def test_float32_is_left_to_torch() -> None:
    assert not can_pack(torch.float32)
