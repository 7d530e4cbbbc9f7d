"""ResNet: torchvision's names, frozen statistics, dilation, folding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from vosbench_methods.nn import FrozenBatchNorm2d, ResNet, fold_norms, norm_of

TINY: dict[str, Any] = {"blocks": (1, 2, 1, 3), "width": 4}


def randomise(network: nn.Module) -> None:
    """Give every frozen normalisation statistics as training would have left them."""
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_()
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)


def test_resnet50_has_torchvisions_parameters() -> None:
    state = ResNet(dilate_last=False).state_dict()
    assert sum(value.numel() for value in state.values()) == 23_508_032 + 2 * 26_560
    assert state["layer1.0.downsample.0.weight"].shape == (256, 64, 1, 1)
    assert state["layer3.5.bn2.running_var"].shape == (256,)
    assert state["layer4.2.conv3.weight"].shape == (2048, 512, 1, 1)
    assert not any(key.startswith("fc") for key in state)
    # 53 convolutions with a weight, as many normalisations with four vectors.
    assert len(state) == 53 + 4 * 53


def test_training_never_moves_the_statistics() -> None:
    torch.manual_seed(0)
    network = ResNet(**TINY)
    randomise(network)
    before = {key: value.clone() for key, value in network.state_dict().items() if "bn" in key}
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.randn(2, 3, 64, 64)).sum().backward()
    optimiser.step()
    after = network.state_dict()
    assert before and all(torch.equal(value, after[key]) for key, value in before.items())
    assert not any("bn" in name for name, _ in network.named_parameters())


def test_frozen_norm_is_evaluation_mode_batch_norm() -> None:
    torch.manual_seed(1)
    ordinary = nn.BatchNorm2d(5).eval()
    nn.init.normal_(ordinary.weight)
    nn.init.normal_(ordinary.bias)
    ordinary(torch.randn(1, 5, 2, 2))
    ordinary.running_mean = torch.randn(5)
    ordinary.running_var = torch.rand(5) + 0.1
    frozen = FrozenBatchNorm2d(5)
    frozen.load_state_dict(ordinary.state_dict())  # has num_batches_tracked
    x = torch.randn(2, 5, 7, 3)
    torch.testing.assert_close(frozen.train()(x), ordinary(x))


@pytest.mark.parametrize("stride_on", ["conv1", "conv2"])
@pytest.mark.parametrize("size", [(64, 96), (49, 75)])
def test_dilated_last_stage_contains_the_strided_one(stride_on: Any, size: tuple[int, int]) -> None:
    """Every second row and column of the dilated output is what the trained stage computes."""
    torch.manual_seed(2)
    strided = ResNet(**TINY, stride_on=stride_on, dilate_last=False)
    randomise(strided)
    dilated = ResNet(**TINY, stride_on=stride_on, dilate_last=True)
    dilated.load_state_dict(strided.state_dict())
    image = torch.randn(1, 3, *size)
    with torch.no_grad():
        coarse, fine = strided(image), dilated(image)
    torch.testing.assert_close(fine[..., ::2, ::2], coarse, rtol=1e-4, atol=1e-5)


def test_conv2_dilation_follows_torchvision() -> None:
    stage = ResNet(dilate_last=True).layer4
    assert [block.conv2.dilation for block in stage] == [(1, 1), (2, 2), (2, 2)]
    assert {block.conv2.stride for block in stage} == {(1, 1)}


def test_stride_sits_where_asked() -> None:
    for stride_on, at in (("conv1", (2, 1)), ("conv2", (1, 2))):
        block = ResNet(**TINY, stride_on=stride_on).layer2[0]
        assert (block.conv1.stride[0], block.conv2.stride[0]) == at


@pytest.mark.parametrize("stride_on", ["conv1", "conv2"])
def test_folding_keeps_the_function(stride_on: Any) -> None:
    torch.manual_seed(3)
    network = ResNet(**TINY, stride_on=stride_on)
    randomise(network)
    image = torch.randn(1, 3, 40, 56)
    with torch.no_grad():
        before = network(image)
        fold_norms(network)
        after = network(image)
    assert not any(isinstance(module, FrozenBatchNorm2d) for module in network.modules())
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4 * before.abs().max().item())


def test_names_of_norms() -> None:
    assert norm_of("conv1") == "bn1"
    assert norm_of("encoder.layer1.0.conv3") == "encoder.layer1.0.bn3"
    assert norm_of("layer1.0.downsample.0") == "layer1.0.downsample.1"
    assert norm_of("encoder.reduce.0") is None
