"""Padding, scales and competition of objects."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from vosbench_methods.rgmp.geometry import Frame, resize, scaled_size
from vosbench_methods.rgmp.merge import labels_of, merge_odds


@pytest.mark.parametrize(
    ("size", "padded", "margins"),
    [
        ((480, 854), (512, 864), (16, 16, 5, 5)),
        ((240, 427), (256, 448), (8, 8, 10, 11)),
        ((32, 64), (64, 96), (16, 16, 16, 16)),
        ((1, 31), (32, 32), (15, 16, 0, 1)),
    ],
)
def test_every_side_grows_and_the_odd_pixel_goes_last(
    size: tuple[int, int], padded: tuple[int, int], margins: tuple[int, int, int, int]
) -> None:
    assert Frame(*size).padded == padded
    assert Frame(*size).margins == margins


@given(height=st.integers(1, 200), width=st.integers(1, 200))
def test_cropping_undoes_padding_with_zeros(height: int, width: int) -> None:
    frame = Frame(height, width)
    x = torch.arange(1.0, height * width + 1).view(1, 1, height, width)
    canvas = frame.pad(x)
    assert canvas.shape[2:] == frame.padded
    assert all(
        side % 32 == 0 and side > given
        for side, given in zip(frame.padded, x.shape[2:], strict=True)
    )
    assert torch.equal(frame.crop(canvas), x)
    assert canvas.count_nonzero() == x.numel()


def test_scales_of_davis() -> None:
    sizes = [scaled_size((512, 864), scale) for scale in (0.5, 0.75, 1.0)]
    assert sizes == [(288, 448), (416, 672), (512, 864)]
    assert scaled_size((256, 448), 0.5) == (160, 256)


def test_shrinking_takes_two_pixels_however_much_it_shrinks() -> None:
    x = torch.arange(12.0).view(1, 1, 1, 12).expand(1, 1, 2, 12)
    # Half-pixel centres: output 0 of 3 lies at 1.5, output 1 at 5.5. Averaging areas would agree
    # on a ramp, so a spike between the taps tells.
    spike = x.clone()
    spike[..., 0] = 100
    np.testing.assert_allclose(resize(spike, (2, 3))[0, 0, 0].numpy(), [1.5, 5.5, 9.5])


def test_odds_worked_out() -> None:
    objects = torch.tensor([0.8, 0.5]).view(2, 1, 1)
    merged = merge_odds(objects, torch.tensor([[0.2]]))[:, 0, 0]
    odds = np.array([0.25, 4.0, 1.0])
    np.testing.assert_allclose(merged.numpy(), odds / odds.sum(), rtol=1e-5)


def test_certain_objects_stay_finite_and_share() -> None:
    objects = torch.tensor([[[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]])
    merged = merge_odds(objects, torch.tensor([[0.0, 0.0, 1.0]]))
    assert torch.isfinite(merged).all()
    torch.testing.assert_close(merged.sum(dim=0), torch.ones(1, 3))
    torch.testing.assert_close(merged[1:, 0, 0], torch.tensor([0.5, 0.5]), atol=1e-5, rtol=0)
    assert labels_of(merged, [4, 9]).tolist() == [[4, 4, 0]]


def test_a_tie_is_background() -> None:
    assert labels_of(torch.tensor([[[0.5, 0.4]], [[0.5, 0.6]]]), [7]).tolist() == [[0, 7]]
