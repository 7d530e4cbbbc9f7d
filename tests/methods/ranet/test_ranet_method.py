"""The method as the harness builds it: card, variants, weights, precision, late objects."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from vosbench_methods.ranet import PLUGIN, method
from vosbench_methods.ranet.config import NetworkConfig
from vosbench_methods.ranet.network import RANet
from vosbench_methods.ranet.parameters import NAMES, Parameters
from vosbench_methods.ranet.weights import load_weights, save_weights

from vosbench.checks import check_method
from vosbench.errors import InputError, UsageError
from vosbench.method_card import load_method_card
from vosbench.plugins import resolve_methods
from vosbench.types import BuildOptions, ClipInfo, OracleSession, Prediction, Session

CARD = load_method_card(PLUGIN.card)
SMALL = NetworkConfig(blocks=(1, 1, 1, 1), width=8, slim=16, height=128, width_px=224)
SMALL_INPUT = {"input.height": 128, "input.width": 224}
SIZE = (60, 100)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained network in the exported format.

    The last level's features are kept above zero: an untrained network has whole regions at
    exactly the last bias, where all objects tie and, as officially, the last one wins.
    """
    torch.manual_seed(3)
    net = RANet(SMALL)
    with torch.no_grad():
        net.R3[1][2].bias.fill_(3)
        for convolution in net.R3[2].children():
            convolution.weight.abs_()
        last = net.R3[5]
        last.weight.sub_(last.weight.mean()).mul_(4)
        last.bias.zero_()
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(net, path, {"note": "small and untrained"})
    return path


def clip(objects: int = 2) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (*SIZE, 3), dtype=np.uint8) for _ in range(4)]
    labels = np.zeros(SIZE, np.uint8)
    labels[20:36, 20:40] = 1
    if objects > 1:
        labels[30:46, 50:66] = 2
    return frames, labels


def start(
    weights: Path | None, parameters: dict[str, Any], objects: int = 2, **options: Any
) -> Session:
    effective = {**SMALL_INPUT, **parameters}
    oracle = bool(effective.get("oracle.box", False))
    built = PLUGIN.build(
        BuildOptions(parameters=effective, weights=weights, oracle=oracle, **options)
    )
    assert not hasattr(built, "segment")
    frames, labels = clip(objects)
    return built.start(ClipInfo("clip", *SIZE, tuple(range(1, objects + 1))), frames[0], labels)


def run(
    weights: Path | None, parameters: dict[str, Any], objects: int = 2, **options: Any
) -> list[Prediction]:
    session = start(weights, parameters, objects, **options)
    frames, labels = clip(objects)
    predictions = []
    for frame in frames[1:]:
        if isinstance(session, OracleSession):
            session.observe_truth(np.roll(labels, 8, axis=1))
        predictions.append(session.step(frame))
    return predictions


def soft(predictions: list[Prediction]) -> Any:
    return np.stack([p.soft for p in predictions if p.soft is not None])


def test_card_and_code_name_the_same_parameters() -> None:
    assert CARD.parameters.keys() == NAMES.keys()
    assert Parameters.parse(CARD.parameters) == Parameters()
    for name, value in CARD.parameters.items():
        assert type(value) is type(getattr(Parameters(), NAMES[name]))


def test_listing_imports_no_torch() -> None:
    code = "import sys, vosbench_methods.ranet; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("variant", list(CARD.variants))
def test_every_variant_runs_and_differs(weights: Path, variant: str) -> None:
    plain = soft(run(weights, {}))
    changed = run(weights, CARD.variants[variant].changes)
    for prediction in changed:
        assert prediction.labels.shape == SIZE and prediction.labels.dtype == np.uint8
        assert set(np.unique(prediction.labels)) <= {0, 1, 2}
        assert prediction.soft is not None and prediction.soft.dtype == np.float32
        assert prediction.soft.min() >= 0 and prediction.soft.max() <= 1
    assert np.abs(soft(changed) - plain).max() > 1e-3
    assert CARD.variants[variant].rule


def test_only_the_oracle_variant_sees_the_truth(weights: Path) -> None:
    assert [name for name, v in CARD.variants.items() if v.oracle] == ["oracle-box"]
    with pytest.raises(UsageError, match="only variants see"):
        method.build(BuildOptions(parameters={**SMALL_INPUT, "oracle.box": True}, weights=weights))
    session = start(weights, {"oracle.box": True})
    with pytest.raises(UsageError, match="none was shown"):
        session.step(clip()[0][1])


def test_soft_masks_are_from_before_the_objects_compete(weights: Path) -> None:
    predictions = run(weights, {})
    both = soft(predictions)
    assert ((both > 0.5).sum(axis=1) > 1).any(), "no pixel is claimed twice"
    for prediction, masks in zip(predictions, both, strict=True):
        best = masks.max(axis=0)
        expected = np.where(best > 0.5, len(masks) - masks[::-1].argmax(axis=0), 0)
        assert np.array_equal(prediction.labels, expected)


def test_what_a_prediction_tells_of_itself(weights: Path) -> None:
    for prediction in run(weights, {}):
        assert prediction.aux["object_ids"] == (1, 2)
        for k in (1, 2):
            x0, y0, x1, y1 = prediction.aux["crop_box"][k]
            assert x0 < x1 and y0 < y1
            assert (prediction.aux["empty_streak"][k] == 0) == (k in prediction.labels)


def test_one_object_alone_is_the_same_in_a_single_group(weights: Path) -> None:
    """The rules differ in their scores, so only the window and the weights are the same."""
    one, other = run(weights, {}, 1), run(weights, {"objects": "single"}, 1)
    assert one[0].aux["crop_box"] == other[0].aux["crop_box"]
    together = run(weights, {"objects": "single"}, 2)
    assert soft(together)[0, 0].tobytes() == soft(other)[0, 0].tobytes()


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_same_clip_gives_the_same_bytes(weights: Path, precision: Any) -> None:
    first, second = (run(weights, {}, precision=precision) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.labels.tobytes() == other.labels.tobytes()
        assert one.aux == other.aux
    assert soft(first).tobytes() == soft(second).tobytes()


@pytest.mark.parametrize(("precision", "share"), [("bf16", 0.4), ("fp16", 0.1)])
def test_half_types_stay_near(weights: Path, precision: Any, share: float) -> None:
    # ranking is left out: cells of an untrained network score alike, and rounding reorders them
    plain = {"ranking.order": "position"}
    exact, coarse = (soft(run(weights, plain, precision=p))[0] for p in ("fp32", precision))
    assert np.abs(exact - coarse).mean() < share * exact.std()


def test_decoding_objects_together_or_one_by_one(weights: Path) -> None:
    one, many = (soft(run(weights, {"batch.objects": n})) for n in (1, 4))
    np.testing.assert_allclose(one[0], many[0], atol=1e-4)


def test_an_object_that_comes_late(weights: Path) -> None:
    session = start(weights, {}, objects=1)
    frames, labels = clip()
    plain = run(weights, {}, objects=1)
    late = np.where(labels == 2, 5, 0).astype(np.uint8)
    late[0, 0] = 255
    first = session.step(frames[1], late)
    assert first.aux["object_ids"] == (1, 5)
    assert np.array_equal(first.labels == 5, late == 5)
    assert first.soft is not None and plain[0].soft is not None
    assert np.array_equal(first.soft[0], plain[0].soft[0])
    assert np.array_equal(first.soft[1], (late == 5).astype(np.float32))
    second = session.step(frames[2])
    assert second.soft is not None and second.soft.shape == (2, *SIZE)
    assert second.soft[1].any()
    again = np.zeros(SIZE, np.uint8)
    again[2:12, 2:14] = 1
    third = session.step(frames[3], again)
    assert np.array_equal(third.labels == 1, again == 1)
    assert third.aux["object_ids"] == (1, 5)
    fourth = session.step(frames[3])
    assert fourth.soft is not None and set(fourth.aux["crop_box"]) == {1, 5}


def test_an_object_that_is_announced_but_not_there(weights: Path) -> None:
    built = PLUGIN.build(BuildOptions(parameters=SMALL_INPUT, weights=weights))
    assert not hasattr(built, "segment")
    frames, labels = clip(1)
    session = built.start(ClipInfo("clip", *SIZE, (1, 7)), frames[0], labels)
    prediction = session.step(frames[1])
    assert prediction.soft is not None and not prediction.soft[1].any()
    nothing = built.start(ClipInfo("clip", *SIZE, (1,)), frames[0], np.zeros(SIZE, np.uint8))
    assert not nothing.step(frames[1]).labels.any()
    none = built.start(ClipInfo("clip", *SIZE, ()), frames[0], labels).step(frames[1])
    assert none.soft is not None and none.soft.shape == (0, *SIZE) and not none.labels.any()


def test_other_frame_sizes_in_a_clip_are_refused(weights: Path) -> None:
    session = start(weights, {})
    with pytest.raises(InputError, match="the frame is 61×100, the clip is 60×100"):
        session.step(np.zeros((61, 100, 3), np.uint8))


def test_without_weights_it_says_where_they_are() -> None:
    with pytest.raises(InputError, match="none were named") as caught:
        method.build(BuildOptions(parameters={}))
    for part in ("RANet_video_single.pth", "github.com/Storife/RANet", "--weights"):
        assert part in caught.value.hint


def test_a_random_network_must_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "NetworkConfig", lambda **size: replace(SMALL, **size))
    random = {**SMALL_INPUT, "weights.random": True}
    before = torch.random.get_rng_state()
    built = method.build(BuildOptions(parameters=random, seed=5))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert built.untrained and built.weights_path is None
    assert "NO TRAINED WEIGHTS" in built.weights_note and "seed 5" in built.weights_note
    five, six = (soft(run(None, {"weights.random": True}, seed=seed)) for seed in (5, 6))
    assert np.abs(five - six).max() > 1e-3


def test_exported_weights_come_back(weights: Path, tmp_path: Path) -> None:
    loaded = load_weights(weights)
    assert loaded.net.config == SMALL and loaded.exported
    path = tmp_path / "again.safetensors"
    save_weights(loaded.net, path, loaded.metadata)
    assert path.read_bytes() == weights.read_bytes()
    built = method.build(BuildOptions(parameters=SMALL_INPUT, weights=weights))
    assert built.weights_note == "small and untrained" and built.weights_path == weights
    assert not built.untrained


def test_wrong_files_are_refused_with_what_is_wrong(weights: Path, tmp_path: Path) -> None:
    def build(path: Path, **parameters: Any) -> None:
        method.build(BuildOptions(parameters=parameters or SMALL_INPUT, weights=path))

    other = tmp_path / "RANet_video_multi.pth"
    state = {"module.Encoder.conv1.weight": torch.ones(1), "base_model.conv1.weight": torch.ones(2)}
    torch.save(state, other)
    with pytest.raises(InputError) as caught:
        build(other)
    text = str(caught.value)
    assert "395 tensors are missing (L3.2.bias, " in text and "387 more" in text
    assert "1 tensor is extra (module.Encoder.conv1.weight)" in text
    assert "base_model.conv1.weight is 2, expected 64×3×7×7" in text
    with pytest.raises(InputError, match="does not exist"):
        build(tmp_path / "none.pth")
    with pytest.raises(UsageError, match="128×224 px.*480×864"):
        build(weights, threshold=0.5)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.ones(1)}, foreign, {"vosbench": '{"format": "vosbench-dmvos"}'})
    with pytest.raises(InputError, match="another method"):
        build(foreign)
    header = '{"format": "vosbench-ranet", "version": 1, "config": {"width": 1000000}}'
    save_file({"a": torch.ones(1)}, foreign, {"vosbench": header})
    with pytest.raises(InputError, match="width is unusable"):
        build(foreign)


def test_parameters_out_of_range_are_refused(weights: Path) -> None:
    for name, value, message in (
        ("crop.size", 1, "no parameter 'crop.size'"),
        ("objects", "all", "expected one of single, multi"),
        ("ranking.order", "magic", "expected one of score, peak, position"),
        ("window.context", 0.0, "expected 0.1 to"),
        ("input.height", 100, "expected a multiple of 32"),
        ("window.enabled", 1, "expected bool"),
    ):
        with pytest.raises(UsageError, match=message):
            method.build(BuildOptions(parameters={**SMALL_INPUT, name: value}, weights=weights))
    assert Parameters.parse({"window.context": 2}).context == 2.0


@pytest.mark.parametrize(
    ("name", "objects", "warned"),
    [
        ("RANet_video_single.pth", "single", False),
        ("RANet_video_single.pth", "multi", True),
        ("RANet_video_multi.pth", "single", True),
        ("mine.pth", "multi", False),
    ],
)
def test_a_checkpoint_of_the_other_rule_is_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, objects: str, warned: bool
) -> None:
    loaded = method.load_weights.__globals__["Loaded"](RANet(SMALL), {}, False)
    monkeypatch.setattr(method, "load_weights", lambda path: loaded)
    parameters = {**SMALL_INPUT, "objects": objects}
    note = method.build(BuildOptions(parameters=parameters, weights=tmp_path / name)).weights_note
    assert name in note and ("BY ITS NAME" in note) == warned


@pytest.mark.parametrize("variant", [None, "single"])
def test_the_method_keeps_the_contract(weights: Path, variant: str | None) -> None:
    reference = "ranet" if variant is None else f"ranet@{variant}"
    settings = [f"{name}={value}" for name, value in SMALL_INPUT.items()]
    (resolved,) = resolve_methods([reference], settings)
    report = check_method(resolved, weights=weights, precision="fp32")
    assert report.findings == ()
