"""RANet in the shared recipe: how it starts, what it learns, what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from vosbench_methods.nn import FrozenBatchNorm2d, ResNet
from vosbench_methods.ranet import PLUGIN
from vosbench_methods.ranet.backbone import Backbone
from vosbench_methods.ranet.config import NetworkConfig
from vosbench_methods.ranet.network import RANet
from vosbench_methods.ranet.pretrained import deepen, measured_norms
from vosbench_methods.ranet.training import RANetTrainable, start_from_encoder, train_ranet
from vosbench_methods.ranet.weights import load_weights, save_weights
from vosbench_methods.training import (
    ArrayClip,
    OptimiserConfig,
    Phase,
    SamplingConfig,
    TrainConfig,
    TrainData,
    train,
)

from vosbench.errors import InputError, UsageError

SMALL = NetworkConfig(blocks=(1, 1, 1, 1), width=8, slim=4, height=192, width_px=352)


def moving_squares(frames: int = 6) -> ArrayClip:
    """Two squares that move in opposite directions over a textured ground."""
    rng = np.random.default_rng(0)
    images = np.repeat(rng.integers(60, 110, (60, 108, 3))[None], frames, axis=0)
    labels = np.zeros((frames, 60, 108), np.uint8)
    for frame in range(frames):
        for instance, (top, colour) in enumerate(((8, (220, 40, 40)), (34, (40, 60, 230))), 1):
            left = 20 + 3 * frame if instance == 1 else 60 - 3 * frame
            images[frame, top : top + 18, left : left + 24] = colour
            labels[frame, top : top + 18, left : left + 24] = instance
    return ArrayClip("squares", images.astype(np.uint8), labels)


def config(out: Path, steps: int) -> TrainConfig:
    return TrainConfig(
        out=out,
        steps=steps,
        phases=(Phase(1.0, 64, 64, 1, 2, 0.0),),
        precision="fp32",
        workers=0,
        validate_frames=4,
        sampling=SamplingConfig(
            paste_share=0.0, wrong_state_share=0.0, full_frame_share=0.0, wide_share=0.0
        ),
        optimiser=OptimiserConfig(head_lr=5e-3, encoder_lr=1e-3, ema_decay=0.8),
    )


def test_added_blocks_are_identities_at_first() -> None:
    torch.manual_seed(0)
    shallow = Backbone(blocks=(1, 2, 1, 1), width=8, stride_on="conv2")
    deep = Backbone(blocks=(1, 2, 4, 1), width=8, stride_on="conv2")
    assert deepen(deep, shallow.state_dict(), source="a test") == 3
    image = torch.randn(1, 3, 64, 96)
    for one, other in zip(shallow(image), deep(image), strict=True):
        assert torch.equal(one, other)
    state = shallow.state_dict()
    del state["layer2.0.bn1.bias"]
    with pytest.raises(InputError, match=r"layer2\.0\.bn1\.bias"):
        deepen(deep, state, source="a test")


@pytest.mark.parametrize("stride_on", ["conv1", "conv2"])
def test_measured_norms_give_back_what_batch_normalisation_gave(stride_on: object) -> None:
    """On the image they were measured on, instance normalisation is then the same."""
    torch.manual_seed(0)
    where = "conv1" if stride_on == "conv1" else "conv2"
    resnet = ResNet(blocks=(1, 1, 1, 1), width=8, stride_on=where, dilate_last=False)
    for module in resnet.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.bias.normal_()
    image = torch.randn(1, 3, 128, 160)
    backbone = Backbone(blocks=(1, 1, 1, 1), width=8, stride_on=where)
    state: dict[str, Tensor] = {**resnet.state_dict(), **measured_norms(resnet, image)}
    assert deepen(backbone, state, source="a test") == 0
    for one, other in zip(resnet.stages(image), backbone(image), strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=1e-3)


def test_the_loss_falls_and_the_target_is_followed(tmp_path: Path) -> None:
    torch.manual_seed(3)
    start = tmp_path / "start.safetensors"
    save_weights(RANet(SMALL), start)
    clip = moving_squares()
    result = train_ranet(config(tmp_path / "run", 18), TrainData([clip], [clip]), initial=start)
    assert result.steps == 18
    assert np.mean(result.losses[-6:]) < 0.5 * np.mean(result.losses[:6])
    assert result.validation is not None and result.validation.j > 0.7
    trained = load_weights(result.weights)
    assert trained.net.config == SMALL and trained.metadata["steps"] == "18"


def test_everything_that_a_pass_uses_gets_a_gradient(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trainable = RANetTrainable(RANet(SMALL))
    run = config(tmp_path, 1)
    phases = (Phase(1.0, SMALL.height, SMALL.width_px, 1, 2, 0.0),)
    run = TrainConfig(**{**vars(run), "phases": phases})
    train(run, trainable, TrainData([moving_squares()]))
    groups = {group.role: group.parameters for group in trainable.parameter_groups()}
    assert groups.keys() == {"encoder", "head"}
    asked = {id(p) for parameters in groups.values() for p in parameters}
    for name, parameter in trainable.net.named_parameters():
        assert (id(parameter) in asked) == (parameter.grad is not None), name
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name
    frozen = [n for n, p in trainable.net.named_parameters() if not p.requires_grad]
    assert {n.split(".")[1] for n in frozen} == {"conv1", "bn1", "layer1"}


def test_what_it_starts_from_must_be_said_once(tmp_path: Path) -> None:
    data = TrainData([moving_squares()])
    for encoder, initial in ((None, None), (tmp_path, tmp_path)):
        with pytest.raises(UsageError, match="ImageNet encoder or from RANet weights"):
            train_ranet(config(tmp_path, 1), data, encoder=encoder, initial=initial)
    assert PLUGIN.train is not None


def test_starting_from_the_folded_archive(shared: Path) -> None:
    archive = shared / "data" / "resnet50-imagenet" / "resnet50_imagenet_int8.npz"
    if not archive.is_file():
        pytest.skip(f"no encoder archive {archive}")
    torch.manual_seed(0)
    net = RANet(NetworkConfig(stride_on="conv1", slim=16, height=128, width_px=224))
    assert start_from_encoder(net, archive, TrainData([moving_squares()])) == 17
    state = net.base_model.state_dict()
    assert not state["layer3.22.conv3.weight"].any() and state["layer3.5.conv3.weight"].any()
    with torch.no_grad():
        features = net.base_model(torch.randn(1, 3, 128, 224))
    assert torch.isfinite(features.layer4).all() and features.layer4.std() > 0.1
    with pytest.raises(InputError, match="at least one clip"):
        start_from_encoder(net, archive, TrainData([]))
