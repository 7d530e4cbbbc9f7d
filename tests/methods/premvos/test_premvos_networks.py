"""Networks as back ends: appearance by a ResNet, flow by PWC-Net, proposals by transformers."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from vosbench_methods.nn import ResNet
from vosbench_methods.premvos import PLUGIN
from vosbench_methods.premvos.backends import FrameView, Region
from vosbench_methods.premvos.backends.instances import InstanceProposals, Limits, distinct
from vosbench_methods.premvos.backends.networks import ResNetEmbedder, load_encoder
from vosbench_methods.premvos.formats import Proposal
from vosbench_methods.premvos.merging import Box, Mask, tight_box
from vosbench_methods.premvos.method import StreamingMerge
from vosbench_methods.premvos.pwcnet import PWCNet

from vosbench.errors import InputError, UsageError
from vosbench.plugins import resolve_methods
from vosbench.types import RGB, BuildOptions, ClipInfo

CPU = torch.device("cpu")
SIZE = (96, 160)


def view(image: RGB) -> FrameView:
    return FrameView("clip", "00000", image.shape[:2], lambda: image)


def noise(seed: int = 0) -> RGB:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def rectangle(top: int, left: int, height: int, width: int) -> Mask:
    mask = np.zeros(SIZE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


@pytest.fixture
def embedder() -> ResNetEmbedder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        small = ResNet(blocks=(1, 1, 1, 1), width=8, dilate_last=False)
    return ResNetEmbedder(small, CPU, "random")


def test_what_looks_alike_is_near_and_what_is_empty_is_unknown(embedder: ResNetEmbedder) -> None:
    image = noise()
    image[10:50, 10:50] = image[40:80, 100:140]  # the same with all the context that is looked at
    boxes = [Box(14, 14, 32, 32), Box(104, 44, 32, 32), Box(60, 20, 30, 50), Box(0, 0, 0, 0)]
    one, same, other, empty = embedder.embed(view(image), [Region(b, None) for b in boxes], [])
    assert one is not None and same is not None and other is not None
    assert empty is None
    assert_allclose(np.linalg.norm([one, same, other], axis=1), 1, atol=1e-6)
    assert np.linalg.norm(one - same) < 1e-5
    assert 1e-3 < np.linalg.norm(one - other) <= np.sqrt(2)


def test_proposals_look_as_their_masks_not_as_their_boxes(embedder: ResNetEmbedder) -> None:
    mask = rectangle(20, 30, 40, 50)
    region = Region(tight_box(mask), mask)
    proposal = Proposal(Box(0, 0, 160, 96), 0.9, mask, embedding=np.zeros(128))
    (given,) = embedder.embed(view(noise()), [region], [])
    (proposed,) = embedder.embed_proposals(view(noise()), [proposal])
    assert given is not None and proposed is not None
    assert_allclose(given, proposed, atol=1e-6)


def test_an_encoder_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pth"
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, path)
    with pytest.raises(InputError, match="missing"):
        load_encoder(path)


class Boxes:
    """A detector that always sees the same two rectangles."""

    def propose(self, frame: FrameView) -> list[Proposal]:
        masks = (rectangle(10, 20, 30, 40), rectangle(50, 90, 30, 40))
        return [Proposal(tight_box(mask), 0.9, mask) for mask in masks]


def test_pwcnet_and_a_resnet_are_built_from_their_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pwc_net.pth.tar"
    net = PWCNet()
    for parameter in net.parameters():
        parameter.data.zero_()  # no motion anywhere
    torch.save(net.state_dict(), path)
    module = type(sys)("detectors")
    module.boxes = lambda options: Boxes()
    monkeypatch.setitem(sys.modules, "detectors", module)
    (variant,) = resolve_methods(
        ["premvos-merge"],
        ["proposals.source=detectors:boxes", "embedder.source=resnet", "flow.source=pwcnet"],
    )
    method: Any = PLUGIN.build(BuildOptions(variant.parameters, weights=path))
    assert isinstance(method, StreamingMerge)
    assert method.weights_path == path
    assert "pwc_net.pth.tar" in method.weights_note
    given = rectangle(10, 20, 30, 40).astype(np.uint8)
    session = method.start(ClipInfo("clip", *SIZE, (1,)), noise(), given)
    answer = session.step(noise())
    assert np.array_equal(answer.labels, given)


def test_the_best_instances_are_kept_and_their_doubles_dropped() -> None:
    def proposal(score: float, left: int) -> Proposal:
        mask = rectangle(10, left, 20, 20)
        return Proposal(tight_box(mask), score, mask)

    found = [proposal(0.6, 12), proposal(0.9, 10), proposal(0.7, 60), proposal(0.4, 100)]
    assert [one.score for one in distinct(found, Limits())] == [0.9, 0.7]
    assert [one.score for one in distinct(found, Limits(most_overlap=1.0))] == [0.9, 0.7, 0.6]
    assert [one.score for one in distinct(found, Limits(most=1))] == [0.9]
    assert [one.score for one in distinct(found, Limits(least_score=0.3))] == [0.9, 0.7, 0.4]


def test_without_transformers_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="transformers"):
        InstanceProposals(tmp_path, CPU, Limits())


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Mask2Former of toy size with random weights."""
    transformers: Any = pytest.importorskip(
        "transformers", reason="transformers is not installed (extra `instances`)"
    )
    folder = tmp_path_factory.mktemp("mask2former")
    backbone = transformers.SwinConfig(
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        dim_feedforward=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        num_queries=7,
        num_labels=3,
    )
    torch.manual_seed(0)
    transformers.Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    settings = {"size": {"shortest_edge": 64, "longest_edge": 128}}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def test_instances_of_a_model_become_proposals(tiny_model: Path) -> None:
    source = InstanceProposals(tiny_model, CPU, Limits(least_score=0.0, most_overlap=0.9, most=4))
    found = source.propose(view(noise()))
    assert 0 < len(found) <= 4
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert one.mask is not None
        assert one.mask.shape == SIZE and one.mask.any()
        assert one.box == tight_box(one.mask)
        assert 0 < one.score <= 1
    assert "mask2former" in source.note


def test_a_variant_runs_on_a_model(tiny_model: Path) -> None:
    (variant,) = resolve_methods(
        ["premvos-merge@instances-resnet-tvl1"],
        [f"proposals.model={tiny_model}", "proposals.least-score=0.1"],
    )
    method: Any = PLUGIN.build(BuildOptions(variant.parameters))
    session = method.start(
        ClipInfo("clip", *SIZE, (1,)), noise(), rectangle(10, 20, 30, 40).astype(np.uint8)
    )
    assert set(np.unique(session.step(noise()).labels)) <= {0, 1}


def test_models_of_another_kind_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    importlib.import_module("transformers").ViTConfig().save_pretrained(tmp_path / "vit")
    with pytest.raises(InputError, match="type 'vit'; supported are mask2former"):
        InstanceProposals(tmp_path / "vit", CPU, Limits())
    with pytest.raises(InputError, match="no config.json"):
        InstanceProposals(tmp_path, CPU, Limits())
    config = (tiny_model / "config.json").read_text()
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(InputError, match="cannot be loaded"):
        InstanceProposals(tmp_path, CPU, Limits())
