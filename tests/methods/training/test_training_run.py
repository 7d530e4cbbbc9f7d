from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from vosbench_methods.dmvos.weights import load_weights, read_metadata
from vosbench_methods.training import (
    ArrayClip,
    OptimiserConfig,
    PairBatch,
    Phase,
    ProgressEvent,
    SamplingConfig,
    TrainConfig,
    TrainData,
    train,
    train_dmvos,
)
from vosbench_methods.training.averaging import AveragedWeights
from vosbench_methods.training.dmvos import DMVOSTrainable
from vosbench_methods.training.schedule import Clock, learning_rate_factor, phase_at

from vosbench.errors import InputError, RunIncomplete, UsageError

MakeClip = Callable[..., ArrayClip]
MakeTrainable = Callable[[], DMVOSTrainable]
PHASES = (Phase(0.5, 48, 64, 1, 2, 0.5), Phase(1.0, 64, 96, 1, 2, 0.0))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _config(out: Path, *, steps: int, **changes: object) -> TrainConfig:
    settings: dict[str, object] = {
        "steps": steps,
        "phases": PHASES,
        "precision": "fp32",
        "workers": 1,
        "validate_frames": 4,
        "log_every": 2,
    }
    return TrainConfig(out=out, **(settings | changes))  # type: ignore[arg-type]


class _Stop(Exception):
    """Ends a run in the middle, as a crash does."""


def test_the_loss_falls_and_the_target_is_followed(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    clip = make_clip()
    config = _config(
        tmp_path,
        steps=45,
        phases=(Phase(1.0, 64, 96, 2, 2, 0.0),),
        sampling=SamplingConfig(paste_share=0.0, wrong_state_share=0.0, full_frame_share=0.0),
        optimiser=OptimiserConfig(head_lr=3e-3, encoder_lr=1e-3, ema_decay=0.8),
    )
    result = train(config, make_trainable(), TrainData([clip], [clip]))
    assert result.steps == 45
    assert np.mean(result.losses[-8:]) < 0.6 * np.mean(result.losses[:8])
    assert result.validation is not None
    assert result.validation.j > 0.6


def test_a_resumed_run_equals_one_that_never_stopped(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    data = TrainData([make_clip(), make_clip("still", frames=1, seed=4)])
    whole = train(_config(tmp_path / "whole", steps=10), make_trainable(), data)

    config = _config(tmp_path / "parts", steps=10, checkpoint_minutes=1e-9)

    def stop(event: ProgressEvent) -> None:
        if event.kind == "checkpoint" and event.step == 4:
            raise _Stop

    with pytest.raises(_Stop):
        train(config, make_trainable(), data, report=stop)
    rest = train(_config(tmp_path / "parts", steps=10, workers=0), make_trainable(), data)
    assert rest.steps == 10
    assert rest.losses == whole.losses[4:]
    first, second = load_weights(whole.weights), load_weights(rest.weights)
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    lines = [json.loads(line) for line in rest.log.read_text().splitlines()]
    steps = [line["step"] for line in lines if line["kind"] == "step"]
    assert steps == sorted(set(steps))


def test_an_interrupted_run_leaves_a_checkpoint(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    def interrupt(event: ProgressEvent) -> None:
        if event.kind == "step" and event.step == 2:
            raise KeyboardInterrupt

    data = TrainData([make_clip()])
    with pytest.raises(KeyboardInterrupt):
        train(_config(tmp_path, steps=6), make_trainable(), data, report=interrupt)
    rest = train(_config(tmp_path, steps=6), make_trainable(), data)
    assert len(rest.losses) == 4


def test_a_checkpoint_of_another_recipe_or_a_broken_one_is_refused(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    data = TrainData([make_clip()])
    result = train(_config(tmp_path, steps=1), make_trainable(), data)
    with pytest.raises(InputError, match=r"other settings: seed differ"):
        train(_config(tmp_path, steps=2, seed=5), make_trainable(), data)
    result.checkpoint.write_bytes(result.checkpoint.read_bytes()[:500])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        train(_config(tmp_path, steps=2), make_trainable(), data)


def test_the_export_holds_averaged_weights_and_tells_of_the_run(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    trainable = make_trainable()
    config = _config(
        tmp_path, steps=3, optimiser=OptimiserConfig(head_lr=1e-2, warmup=0.0, ema_decay=0.999)
    )
    events: list[ProgressEvent] = []
    result = train(config, trainable, TrainData([make_clip()]), report=events.append)
    assert result.validation is None
    assert read_metadata(result.weights)["steps"] == "3"
    # Unlike the weights of the last step, the average lags behind.
    exported = load_weights(result.weights).ico.head[0].weight
    last = trainable.net.ico.head[0].weight
    start = make_trainable().net.ico.head[0].weight
    assert (exported - last).abs().mean() > 1e-4
    assert (exported - start).abs().mean() < (last - start).abs().mean()
    assert {event.kind for event in events} == {"step", "checkpoint", "export"}


def test_bf16_autocast_and_frozen_layers(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    trainable = make_trainable()
    before = {key: value.clone() for key, value in trainable.net.state_dict().items()}
    result = train(
        _config(tmp_path, steps=2, precision="bf16"), trainable, TrainData([make_clip()])
    )
    assert np.isfinite(result.losses).all()
    after = trainable.net.state_dict()
    for key, value in before.items():
        frozen = key.startswith(("encoder.conv1", "encoder.layer1")) or ".bn" in key
        if frozen:
            assert torch.equal(value, after[key]), key
    assert not torch.equal(
        before["encoder.layer4.0.conv2.weight"], after["encoder.layer4.0.conv2.weight"]
    )
    assert after["encoder.layer4.0.conv2.weight"].dtype == torch.float32


class _Broken(DMVOSTrainable):
    """Its losses are not finite from the third batch on."""

    calls = 0

    def losses(self, batch: PairBatch) -> Mapping[str, Tensor]:
        self.calls += 1
        terms = dict(super().losses(batch))
        if self.calls > 2:
            terms["mask"] = terms["mask"] * torch.nan
        return terms


def test_steps_without_a_finite_loss_are_left_out_and_divergence_ends_the_run(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    trainable = _Broken(make_trainable().net)
    with pytest.raises(RunIncomplete, match="training diverged"):
        train(_config(tmp_path, steps=40), trainable, TrainData([make_clip()]))
    assert all(torch.isfinite(p).all() for p in trainable.net.parameters())
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] is None


def test_tensorboard_events_are_written_where_wanted(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    pytest.importorskip("tensorboard", reason="the train extra is not installed")
    train(_config(tmp_path, steps=2, tensorboard=True), make_trainable(), TrainData([make_clip()]))
    assert list((tmp_path / "tensorboard").glob("events.*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": None}, "neither"),
        ({"budget_minutes": 3.0}, "both"),
        ({"steps": 0}, "positive"),
        ({"phases": (Phase(0.5),)}, "ascending fractions"),
    ],
)
def test_contradictory_settings_are_usage_errors(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        _config(tmp_path, **({"steps": 1} | changes))  # type: ignore[arg-type]


def test_a_budget_counts_active_time_and_caps_a_stopped_step(tmp_path: Path) -> None:
    clock = Clock.of(TrainConfig(out=tmp_path, budget_minutes=1.0, step_cap_seconds=5.0))
    clock.advance(2.0)
    clock.advance(3600.0)
    assert clock.active_seconds == 7.0
    assert clock.progress == pytest.approx(7 / 60)
    assert not clock.finished
    for _ in range(11):
        clock.advance(5.0)
    assert clock.finished


def test_schedule_warms_up_decays_and_switches_phases() -> None:
    config = OptimiserConfig(warmup=0.1, final_lr=0.05)
    factors = [learning_rate_factor(config, step / 100) for step in range(101)]
    assert factors[5] == pytest.approx(0.5)
    assert max(factors) == pytest.approx(1.0) == factors[10]
    assert factors[-1] == pytest.approx(0.05)
    assert all(a >= b for a, b in zip(factors[10:], factors[11:], strict=False))
    assert [phase_at(PHASES, p) for p in (0.0, 0.49, 0.5, 1.0)] == [
        PHASES[0],
        PHASES[0],
        PHASES[1],
        PHASES[1],
    ]


def test_averaged_weights_are_applied_only_inside_the_context() -> None:
    module = torch.nn.Linear(2, 1)
    average = AveragedWeights(module, 0.5)
    with torch.no_grad():
        module.weight.add_(1.0)
    average.update(1_000)
    own = module.weight.detach().clone()
    with average.applied():
        assert torch.allclose(module.weight, own - 0.5)
    assert torch.equal(module.weight, own)


def test_dmvos_goes_on_from_shipped_weights_and_needs_exactly_one_start(
    tmp_path: Path, make_clip: MakeClip, make_trainable: MakeTrainable
) -> None:
    data = TrainData([make_clip()])
    start = tmp_path / "start.safetensors"
    make_trainable().export(start, {})
    result = train_dmvos(_config(tmp_path / "run", steps=2), data, initial=start)
    assert load_weights(result.weights).config == make_trainable().net.config
    with pytest.raises(UsageError, match="either from an ImageNet encoder or from DMVOS weights"):
        train_dmvos(_config(tmp_path / "run", steps=2), data)
