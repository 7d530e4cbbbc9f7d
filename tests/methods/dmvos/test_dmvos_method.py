"""The method as the harness builds it: card, variants, weights, precision, determinism."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from vosbench_methods.dmvos import PLUGIN, method
from vosbench_methods.dmvos.network import DMVOSNet, NetworkConfig
from vosbench_methods.dmvos.parameters import NAMES, Parameters
from vosbench_methods.dmvos.weights import save_weights

from vosbench.errors import InputError, UsageError
from vosbench.types import BuildOptions, ClipInfo, OracleSession, Prediction

CARD = tomllib.loads(PLUGIN.card.read_text(encoding="utf-8"))
SMALL_INPUT = {"input.height": 96, "input.width": 171}
SIZE = (60, 100)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network in the shipped format, untrained but with a balanced output."""
    return _small_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")


def _small_weights(path: Path, **changes: Any) -> Path:
    torch.manual_seed(3)
    config = NetworkConfig(
        encoder_blocks=(1, 1, 1, 1), encoder_width=8, embed_width=32, fusion_width=64, **changes
    )
    save_weights(DMVOSNet(config), path, {"note": "small and untrained"})
    return path


def clip() -> tuple[list[Any], Any]:
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (*SIZE, 3), dtype=np.uint8) for _ in range(4)]
    labels = np.zeros(SIZE, np.uint8)
    labels[10:30, 10:40], labels[30:50, 50:90] = 1, 2
    return frames, labels


def run(weights: Path | None, parameters: dict[str, Any], **options: Any) -> list[Prediction]:
    oracle = any(name.startswith("oracle.") for name in parameters)
    effective = {**SMALL_INPUT, **parameters}
    built = PLUGIN.build(
        BuildOptions(parameters=effective, weights=weights, oracle=oracle, **options)
    )
    assert not hasattr(built, "segment")
    frames, labels = clip()
    session = built.start(ClipInfo("clip", *SIZE, (1, 2)), frames[0], labels)
    predictions = []
    for frame in frames[1:]:
        if isinstance(session, OracleSession):
            session.observe_truth(np.roll(labels, 5, axis=1))
        predictions.append(session.step(frame))
    return predictions


def soft(predictions: list[Prediction]) -> Any:
    return np.stack([p.soft for p in predictions if p.soft is not None])


def test_card_and_code_name_the_same_parameters() -> None:
    assert CARD["parameters"].keys() == NAMES.keys()
    assert Parameters.parse(CARD["parameters"]) == Parameters()
    for name, value in CARD["parameters"].items():
        assert type(value) is type(getattr(Parameters(), NAMES[name]))


def test_listing_imports_no_torch() -> None:
    code = "import sys, vosbench_methods.dmvos; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("variant", list(CARD["variants"]))
def test_every_variant_runs_and_differs(weights: Path, variant: str) -> None:
    plain = soft(run(weights, {}))
    changed = run(weights, CARD["variants"][variant]["set"])
    for prediction in changed:
        assert prediction.labels.shape == SIZE and prediction.labels.dtype == np.uint8
        assert set(np.unique(prediction.labels)) <= {0, 1, 2}
        assert prediction.soft is not None and prediction.soft.dtype == np.float32
        assert prediction.soft.min() >= 0 and prediction.soft.max() <= 1
    assert np.abs(soft(changed) - plain).max() > 1e-3
    assert CARD["variants"][variant]["rule"]


def test_oracle_variants_say_so() -> None:
    oracles = {name for name, variant in CARD["variants"].items() if variant.get("oracle")}
    assert oracles == {"oracle-box", "oracle-centre"}


def test_published_numbers_carry_their_source() -> None:
    for row in CARD["published"]:
        assert row["source"] and row["verified"] is False


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_same_clip_gives_the_same_bytes(weights: Path, precision: Any) -> None:
    first, second = (run(weights, {}, precision=precision) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.labels.tobytes() == other.labels.tobytes()
        assert one.soft is not None and other.soft is not None
        assert one.soft.tobytes() == other.soft.tobytes()
        assert one.aux == other.aux


def test_one_method_serves_clips_one_after_the_other(weights: Path) -> None:
    built = PLUGIN.build(BuildOptions(parameters=SMALL_INPUT, weights=weights))
    assert not hasattr(built, "segment")
    frames, labels = clip()
    answers = []
    for _ in range(2):
        session = built.start(ClipInfo("clip", *SIZE, (1, 2)), frames[0], labels)
        answers.append(session.step(frames[1]).labels)
    assert np.array_equal(*answers)


def test_objects_together_or_one_by_one(weights: Path) -> None:
    together = soft(run(weights, {"batch.objects": 4}))
    alone = soft(run(weights, {"batch.objects": 1}))
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_bf16_stays_near_fp32(weights: Path) -> None:
    exact, coarse = soft(run(weights, {})), soft(run(weights, {}, precision="bf16"))
    assert np.abs(exact[0] - coarse[0]).mean() < 0.03


def test_without_weights_it_says_so_and_the_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "SHIPPED_WEIGHTS", Path("nowhere.safetensors"))
    before = torch.random.get_rng_state()
    built = method.build(BuildOptions(parameters=SMALL_INPUT, seed=5))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert built.weights_path is None
    assert "NO TRAINED WEIGHTS" in built.weights_note and "seed 5" in built.weights_note
    assert built.untrained
    same, other = (soft(run(None, {}, seed=seed)) for seed in (5, 6))
    np.testing.assert_array_equal(same, soft(run(None, {}, seed=5)))
    assert np.abs(same - other).max() > 1e-3


def test_shipped_weights_are_the_default(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr(method, "SHIPPED_WEIGHTS", weights)
    built = method.build(BuildOptions(parameters=SMALL_INPUT))
    assert built.weights_path == weights
    assert built.weights_note == "small and untrained"
    assert not built.untrained


def test_encoder_file_seeds_the_rest(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = DMVOSNet().encoder.state_dict()
    path = tmp_path / "resnet50.pth"
    torch.save({k: v for k, v in state.items() if not k.startswith("reduce.")}, path)
    built = method.build(BuildOptions(parameters=SMALL_INPUT, weights=path))
    assert built.weights_path == path
    assert "ENCODER ONLY: resnet50.pth" in built.weights_note
    assert built.untrained


def test_unusable_weights_and_parameters(tmp_path: Path, weights: Path) -> None:
    def build(path: Path, **parameters: Any) -> None:
        method.build(BuildOptions(parameters=parameters, weights=path))

    with pytest.raises(InputError, match="does not exist"):
        build(tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="needs weights trained for it"):
        build(weights, **{"isometric.mode": "ranked_maps"})
    for name, value, message in (
        ("crop.size", 1, "no parameter 'crop.size'"),
        ("merge.rule", "sum", "expected one of argmax, soft-aggregation"),
        ("isometric.mode", "magic", "rank_sample"),
        ("smoothing.momentum", 1.5, "expected 0.0 to 1.0"),
        ("input.height", 4, "expected 32"),
        ("crop.enabled", 1, "expected bool"),
        ("input.width", 171.0, "expected int"),
    ):
        with pytest.raises(UsageError, match=message):
            build(weights, **{name: value})
    assert Parameters.parse({"crop.context": 2}).context == 2.0


def test_note_says_what_differs_from_training(tmp_path: Path) -> None:
    path = _small_weights(tmp_path / "topk.safetensors", isometric_mode="topk")
    parameters = {**SMALL_INPUT, "previous_mask.enabled": True}
    note = method.build(BuildOptions(parameters=parameters, weights=path)).weights_note
    assert "trained with isometric.mode=topk, runs with rank_sample" in note
    assert "averaged into closeness" in note


def test_weights_with_a_mask_channel_use_it_only_when_asked(tmp_path: Path) -> None:
    path = _small_weights(tmp_path / "pm.safetensors", previous_mask=True)
    plain = soft(run(path, {}))
    asked = soft(run(path, {"previous_mask.enabled": True}))
    assert np.abs(plain - asked).max() > 1e-3
    parameters = {**SMALL_INPUT, "previous_mask.enabled": True}
    note = method.build(BuildOptions(parameters=parameters, weights=path)).weights_note
    assert note == "small and untrained"


@pytest.mark.parametrize("name", ["oracle.box", "oracle.centre"])
def test_truth_is_for_variants_only(name: str) -> None:
    with pytest.raises(UsageError, match="oracle"):
        method.build(BuildOptions(parameters={**SMALL_INPUT, name: True}))
