"""Blocks against literal computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from vosbench_methods.nn import (
    ConvBlock,
    MultiScaleBlock,
    ResidualBlock,
    SqueezeBlock,
    instance_norm,
    l2_normalise,
)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 2e-2)])
def test_instance_norm_standardises_each_plane(
    layout: torch.memory_format, kind: torch.dtype, tolerance: float
) -> None:
    torch.manual_seed(0)
    x = (torch.randn(3, 5, 17, 11) * 4 + 2).to(dtype=kind, memory_format=layout)
    planes = x.double().numpy()
    mean = planes.mean(axis=(2, 3), keepdims=True)
    deviation = np.sqrt(planes.var(axis=(2, 3), keepdims=True) + 1e-5)
    result = instance_norm(x)
    assert result.dtype == kind
    np.testing.assert_allclose(result.double().numpy(), (planes - mean) / deviation, atol=tolerance)


def test_instance_norm_of_constants_and_single_pixels_is_zero() -> None:
    assert not instance_norm(torch.full((2, 3, 4, 5), 7.0)).any()
    assert not instance_norm(torch.randn(2, 3, 1, 1)).any()


def test_l2_normalise_is_float32_and_survives_zero() -> None:
    x = torch.zeros(1, 4, 2, 2, dtype=torch.bfloat16)
    x[0, :, 0, 0] = torch.tensor([3.0, 0.0, 4.0, 0.0])
    unit = l2_normalise(x)
    assert unit.dtype == torch.float32
    assert unit[0, :, 0, 0].tolist() == pytest.approx([0.6, 0.0, 0.8, 0.0])
    assert not unit[0, :, 1, 1].any()


def test_blocks_compute_what_their_docstrings_say() -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 6, 9, 13)
    block = ConvBlock(6, 4)
    expected = F.conv2d(F.relu(F.instance_norm(x)), block.weight, block.bias, padding=1)
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)
    assert SqueezeBlock(6, 4).weight.shape == (4, 6, 1, 1)

    scales = MultiScaleBlock(6, 4)
    kernels = list(scales.parameters())
    summed = sum(
        F.conv2d(x, kernel, padding=rate, dilation=rate)
        for kernel, rate in zip(kernels, (1, 3, 6), strict=True)
    )
    torch.testing.assert_close(scales(x), summed, rtol=1e-4, atol=1e-5)
    assert set(scales.state_dict()) == {"0.weight", "1.weight", "2.weight"}

    residual = ResidualBlock(6, 3)
    y = F.relu(F.instance_norm(F.conv2d(x, residual.conv1.weight)))
    y = F.relu(F.instance_norm(F.conv2d(y, residual.conv2.weight, padding=1)))
    y = F.relu(x + F.instance_norm(F.conv2d(y, residual.conv3.weight)))
    torch.testing.assert_close(residual(x), y, rtol=1e-4, atol=1e-5)


def test_blocks_leave_their_input_as_it_was() -> None:
    x = torch.randn(1, 6, 8, 8)
    kept = x.clone()
    for block in (ConvBlock(6, 2), MultiScaleBlock(6, 2), ResidualBlock(6, 3)):
        block(x)
        assert torch.equal(x, kept)
