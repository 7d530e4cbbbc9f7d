"""Shapes, sizes and independence of the network as a whole."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from vosbench_methods.dmvos.network import DMVOSNet, Features, NetworkConfig, Output

TINY = NetworkConfig(
    encoder_blocks=(1, 1, 1, 1),
    encoder_width=8,
    embed_width=32,
    rank_samples=8,
    match_width=8,
    match_inner=4,
    offset_widths=(16, 8),
    fusion_width=32,
    skip_widths=(8, 8, 8),
    decoder_widths=(16, 8, 8),
)


def tiny(**changes: object) -> DMVOSNet:
    torch.manual_seed(0)
    return DMVOSNet(dataclasses.replace(TINY, **changes)).eval()  # type: ignore[arg-type]


def squares(count: int, height: int, width: int) -> torch.Tensor:
    masks = torch.zeros(count, 1, height, width)
    for b in range(count):
        masks[b, 0, height // 4 : height // 2 + 4 * b, width // 4 : width // 2] = 1
    return masks


@pytest.fixture(scope="module")
def full() -> DMVOSNet:
    torch.manual_seed(0)
    return DMVOSNet().eval()


def test_full_size_shapes(full: DMVOSNet) -> None:
    image, mask = torch.randn(1, 3, 480, 854), squares(1, 480, 854)
    with torch.inference_mode():
        features = full.encode(image)
        template = full.make_template(features, mask)
        output = full.segment(features, template, torch.full((1, 2), 0.5))
    assert features.stem_size == (240, 427)
    assert features.s2.shape == (1, 256, 120, 214)
    assert features.s3.shape == (1, 512, 60, 107)
    assert features.s4.shape == (1, 1024, 30, 54)
    assert features.embed.shape == (1, 256, 30, 54)
    assert template.z.shape == (1, 256, 15, 27)
    assert template.m.shape == (1, 1, 15, 27)
    assert template.m.sum().item() == pytest.approx(mask.mean().item() * 405, rel=0.02)
    assert output.logits.shape == (1, 1, 480, 854)
    assert output.similarity.shape == (1, 1, 30, 54)
    assert output.offset.shape == (1, 2, 30, 54)
    assert torch.isfinite(output.logits).all()


def test_size_and_names_of_the_design(full: DMVOSNet) -> None:
    state = full.state_dict()
    count = sum(value.numel() for value in state.values())
    assert count == pytest.approx(27.7e6, rel=0.005)
    for key in (
        "encoder.layer4.2.bn3.running_var",
        "encoder.reduce.0.weight",
        "encoder.reduce.2.bias",
        "iso.scale",
        "iso.bias",
        "iso.embed.1.conv3.weight",
        "ico.head.4.weight",
        "ico.log_sigma",
        "fuse.weight",
        "decoder.level1.squeeze.weight",
        "decoder.level2.conv.weight",
        "decoder.level3.ms.2.weight",
        "decoder.level3.res.conv2.weight",
        "decoder.out.bias",
    ):
        assert key in state
    assert state["fuse.weight"].shape == (256, 64 + 64 + 1 + 3, 3, 3)
    assert state["iso.scale"].item() == 10.0
    assert state["ico.log_sigma"].exp().item() == pytest.approx(0.1)


@pytest.mark.parametrize("size", [(240, 427), (96, 171), (33, 47), (64, 64)])
def test_any_input_size(size: tuple[int, int]) -> None:
    net = tiny()
    with torch.no_grad():
        features = net.encode(torch.randn(2, 3, *size))
        template = net.make_template(features, squares(2, *size))
        output = net.segment(features, template, torch.full((2, 2), 0.5))
    assert output.logits.shape == (2, 1, *size)
    assert features.embed.shape[2:] == tuple(-(-n // 16) for n in size)


def part(features: Features, item: int) -> Features:
    one = slice(item, item + 1)
    return features._replace(
        s2=features.s2[one], s3=features.s3[one], s4=features.s4[one], embed=features.embed[one]
    )


def test_items_of_a_batch_are_independent() -> None:
    net = tiny()
    torch.manual_seed(3)
    image, masks = torch.randn(3, 3, 64, 96), squares(3, 64, 96)
    masks[1] = 1.0  # an object that fills its crop, beside ones with background
    centres = torch.rand(3, 2)
    with torch.no_grad():
        features = net.encode(image)
        together = net.segment(features, net.make_template(features, masks), centres)
        for b in range(3):
            one = part(features, b)
            template = net.make_template(one, masks[b : b + 1])
            alone = net.segment(one, template, centres[b : b + 1])
            for ours, theirs in zip(together, alone, strict=True):
                torch.testing.assert_close(ours[b : b + 1], theirs, rtol=1e-3, atol=1e-4)


def run(net: DMVOSNet, centre: tuple[float, float], mask: torch.Tensor | None = None) -> Output:
    torch.manual_seed(4)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        features = net.encode(image)
        template = net.make_template(features, squares(1, 64, 96))
        return net.segment(features, template, torch.tensor([centre]), mask)


def test_centre_matters_unless_the_offset_is_off() -> None:
    net = tiny()
    near, far = run(net, (0.4, 0.4)), run(net, (0.9, 0.1))
    assert not torch.allclose(near.logits, far.logits)
    without = net.reconfigured(offset=False)
    assert torch.equal(run(without, (0.4, 0.4)).logits, run(without, (0.9, 0.1)).logits)


def test_neutral_offset_planes_add_exactly_nothing() -> None:
    """What the card says of no-offset: equal to a fusion that never had the module's channels."""
    net = tiny()
    expected = run(net.reconfigured(offset=False), (0.4, 0.4)).logits
    with torch.no_grad():
        first = 2 * TINY.match_width + 1
        net.fuse.weight[:, first:] = 0
    torch.testing.assert_close(run(net, (0.4, 0.4)).logits, expected, rtol=1e-5, atol=1e-6)


def test_previous_mask_channel_and_its_substitute() -> None:
    mask = squares(1, 64, 96)
    plain, with_channel = tiny(), tiny(previous_mask=True)
    substitute = plain.reconfigured(mask_in_closeness=True)
    here = (0.4, 0.4)
    assert torch.equal(run(plain, here, mask).logits, run(plain, here).logits)
    assert not torch.allclose(run(with_channel, here, mask).logits, run(with_channel, here).logits)
    assert torch.equal(run(substitute, here).logits, run(plain, here).logits)
    assert not torch.allclose(run(substitute, here, mask).logits, run(plain, here).logits)


def test_unknown_previous_mask_equals_an_empty_one() -> None:
    net = tiny(previous_mask=True)
    here, empty = (0.4, 0.4), torch.zeros(1, 1, 64, 96)
    assert torch.equal(run(net, here).logits, run(net, here, empty).logits)


def test_reconfigured_shares_weights_and_refuses_other_shapes() -> None:
    net = tiny()
    other = net.reconfigured(isometric_mode="topk")
    assert other.fuse.weight.data_ptr() == net.fuse.weight.data_ptr()
    assert net.config.isometric_mode == "rank_sample"
    with pytest.raises(ValueError, match="needs weights trained for it"):
        net.reconfigured(isometric_mode="ranked_maps")
    with pytest.raises(ValueError, match="fuse"):
        net.reconfigured(previous_mask=True)


def test_gradients_reach_every_parameter() -> None:
    net = tiny().train()
    features = net.encode(torch.randn(2, 3, 48, 80))
    template = net.make_template(features, squares(2, 48, 80))
    output = net.segment(features, template, torch.rand(2, 2))
    (output.logits.mean() + output.similarity.mean() + output.offset.abs().mean()).backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None]
    assert not missing
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_offset_head_in_units_of_the_crop() -> None:
    """A head that always votes for the middle of the crop gives no residual at a middle centre."""
    net = tiny()
    size = (3, 5)
    x, y = torch.meshgrid((torch.arange(5) + 0.5) / 5, (torch.arange(3) + 0.5) / 3, indexing="xy")
    wanted = torch.stack([0.5 - x, 0.5 - y])[None]
    net.ico.head = torch.nn.Identity()  # type: ignore[assignment]
    votes = net.ico(wanted, torch.tensor([[0.5, 0.5]]))
    torch.testing.assert_close(votes.residual, torch.zeros(1, 2, *size), atol=1e-6, rtol=0)
    torch.testing.assert_close(votes.closeness, torch.ones(1, 1, *size))
    # At one deviation (0.1) along x the closeness is exp(-1/2).
    votes = net.ico(wanted, torch.tensor([[0.4, 0.5]]))
    torch.testing.assert_close(votes.closeness, torch.full((1, 1, *size), 0.60653066))


def test_odd_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="isometric mode 'nonsense'"):
        NetworkConfig(isometric_mode="nonsense")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stride_on"):
        NetworkConfig(stride_on="conv3")  # type: ignore[arg-type]
