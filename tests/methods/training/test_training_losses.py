from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from vosbench_methods.training.losses import (
    mask_cross_entropy,
    offset_loss,
    similarity_loss,
    soft_iou_loss,
)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_soft_iou_is_the_literal_formula(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (2, 1, 4, 5))
    target = (rng.random((2, 1, 4, 5)) < rng.random()).astype(float)
    expected = []
    for item in range(2):
        both = either = 0.0
        for logit, wanted in zip(logits[item].ravel(), target[item].ravel(), strict=True):
            p = 1 / (1 + math.exp(-logit))
            both += p * wanted
            either += p + wanted - p * wanted
        expected.append(1 - (both + 1) / (either + 1))
    loss = soft_iou_loss(torch.tensor(logits), torch.tensor(target))
    assert float(loss) == pytest.approx(np.mean(expected), abs=1e-5)


@pytest.mark.parametrize("loss", [mask_cross_entropy, soft_iou_loss])
def test_an_absent_target_has_a_finite_gradient_that_lowers_the_prediction(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> None:
    logits = torch.full((1, 1, 6, 6), 2.0, requires_grad=True)
    value = loss(logits, torch.zeros(1, 1, 6, 6))
    value.backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad > 0).all()
    sure = loss(torch.full((1, 1, 6, 6), -20.0), torch.zeros(1, 1, 6, 6))
    assert float(sure) == pytest.approx(0.0, abs=1e-6)


def test_soft_iou_of_half_types_is_computed_in_float32() -> None:
    target = torch.ones(1, 1, 240, 427)
    loss = soft_iou_loss(torch.full((1, 1, 240, 427), 4.0, dtype=torch.bfloat16), target)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(1 - 1 / (1 + math.exp(-4.0)), abs=1e-4)


def test_similarity_is_held_against_the_covered_share_of_each_cell() -> None:
    mask = torch.zeros(1, 1, 4, 8)
    mask[..., :2, :4] = 1  # half of the left cell
    share = torch.tensor([0.5, 0.0])
    logits = torch.tensor([[[[0.3, -1.2]]]])
    p = logits.sigmoid().flatten()
    expected = -(share * p.log() + (1 - share) * (1 - p).log()).mean()
    assert float(similarity_loss(logits, mask)) == pytest.approx(float(expected), abs=1e-6)


def _votes(height: int, width: int, centre: tuple[float, float]) -> torch.Tensor:
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    return torch.stack(
        [centre[0] - x.expand(height, width), centre[1] - y[:, None].expand(height, width)]
    )


def test_right_votes_cost_nothing_and_each_instance_has_its_own_centre() -> None:
    instances = torch.zeros(1, 8, 12, dtype=torch.uint8)
    instances[:, :, :4], instances[:, :, 8:] = 1, 2
    centres = torch.tensor([[[0.0, 0.0], [0.2, 0.5], [0.9, 0.4]]])
    offset = torch.zeros(1, 2, 4, 6)
    offset[0, :, :, :2] = _votes(4, 6, (0.2, 0.5))[:, :, :2]
    offset[0, :, :, 4:] = _votes(4, 6, (0.9, 0.4))[:, :, 4:]
    offset[0, :, :, 2:4] = 7.0  # not annotated: whatever is said there is free
    assert float(offset_loss(offset, instances, centres)) == pytest.approx(0.0, abs=1e-6)
    swapped = centres[:, [0, 2, 1]]
    assert float(offset_loss(offset, instances, swapped)) > 0.1


def test_a_crop_without_annotation_costs_no_offset() -> None:
    offset = torch.ones(1, 2, 2, 3, requires_grad=True)
    loss = offset_loss(offset, torch.zeros(1, 8, 12, dtype=torch.uint8), torch.zeros(1, 3, 2))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert (offset.grad == 0).all()
