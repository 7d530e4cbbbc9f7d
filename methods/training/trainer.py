"""The training loop: autocast, clipping, averaging, checkpoints, validation, exports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vosbench.errors import RunIncomplete

from .averaging import AveragedWeights
from .checkpoint import Checkpoint, load_checkpoint, recipe_of, save_checkpoint
from .config import TrainConfig
from .drafts import Question
from .log import TrainLog
from .prefetch import Prefetcher
from .sampling import PairBatch, Sampler
from .schedule import Clock, learning_rate_factor, phase_at
from .sources import TrainData
from .trainable import Trainable
from .validate import Validation, validate

__all__ = ["CHECKPOINT", "EXPORT", "ProgressEvent", "TrainResult", "train"]

CHECKPOINT = "checkpoint.pt"
EXPORT = "latest.safetensors"
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_MOST_BAD_STEPS = 20


@dataclass(frozen=True)
class ProgressEvent:
    """What a run tells its caller now and then.

    Attributes:
        kind: `step`, `validation`, `checkpoint` or `export`.
        step: steps done.
        progress: fraction of the run, 0..1.
        active_seconds: counted towards the budget.
        values: mean losses since the last event (`loss` is their weighted sum), learning rates and
            `seconds_per_step`; or validation scores by clip and `j`.
        path: file that was written, or None.
    """

    kind: str
    step: int
    progress: float
    active_seconds: float
    values: Mapping[str, float] = field(default_factory=dict)
    path: Path | None = None


@dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Attributes:
        steps: steps done, over all continuations.
        active_seconds: over all continuations.
        weights: exported averaged weights in the method's shipped format.
        checkpoint: to continue from.
        log: JSON lines.
        validation: of the exported weights; None without held-out clips.
        losses: weighted sum of losses of each step of this call.
    """

    steps: int
    active_seconds: float
    weights: Path
    checkpoint: Path
    log: Path
    validation: Validation | None
    losses: tuple[float, ...]


def train(
    config: TrainConfig,
    trainable: Trainable,
    data: TrainData,
    *,
    report: Callable[[ProgressEvent], None] = lambda event: None,
) -> TrainResult:
    """Train until the run's steps or time are used up.

    Args:
        config: the run.
        trainable: network with its losses, pretrained weights loaded.
        data: clips to learn from.
        report: called from this thread.

    Raises:
        InputError: the checkpoint or the data cannot be used.
        RunIncomplete: the losses stay non-finite.
        KeyboardInterrupt: passed on after a checkpoint has been written.
    """
    return _Run(config, trainable, data, report).run()


class _Run:
    """State of one call of `train`."""

    def __init__(
        self,
        config: TrainConfig,
        trainable: Trainable,
        data: TrainData,
        report: Callable[[ProgressEvent], None],
    ) -> None:
        self.config = config
        self.trainable = trainable
        self.data = data
        self.report = report
        self.clock = Clock.of(config)
        module = trainable.module.to(config.device)
        if config.device == "cpu":
            _channels_last(module)
        self.groups = trainable.parameter_groups()
        self.optimiser = self._optimiser()
        self.average = AveragedWeights(module, config.optimiser.ema_decay)
        kind = config.device.partition(":")[0]
        self.scaler = torch.amp.GradScaler(kind, enabled=config.precision == "fp16")
        self.sampler = Sampler(
            data.clips,
            backgrounds=data.backgrounds,
            config=config.sampling,
            seed=config.seed,
            drafter=self._draft,
        )
        self.checkpoint_path = config.out / CHECKPOINT
        self.export_path = config.out / EXPORT
        self.losses: list[float] = []
        self.sums: dict[str, float] = {}
        self.counted = 0
        self.bad_steps = 0
        self.last = {"checkpoint": 0.0, "export": 0.0, "validation": 0.0}
        if config.resume and self.checkpoint_path.exists():
            self._restore(load_checkpoint(self.checkpoint_path, config))
        else:
            torch.manual_seed(config.seed)
        self.last = dict.fromkeys(self.last, self.clock.active_seconds)
        self.log = TrainLog(config.out, step=self.clock.step, tensorboard=config.tensorboard)

    def run(self) -> TrainResult:
        try:
            self._loop()
        except KeyboardInterrupt:
            self._save()
            raise
        finally:
            self.log.close()
        self._save()
        self._export()
        return TrainResult(
            steps=self.clock.step,
            active_seconds=self.clock.active_seconds,
            weights=self.export_path,
            checkpoint=self.checkpoint_path,
            log=self.log.path,
            validation=self._validate() if self.data.held_out else None,
            losses=tuple(self.losses),
        )

    def _loop(self) -> None:
        config, clock = self.config, self.clock
        self.trainable.module.train()
        with Prefetcher(
            self.sampler,
            start=clock.step,
            phase_of=lambda step: phase_at(config.phases, clock.progress_at(step)),
            workers=config.workers,
            ahead=config.prefetch,
        ) as batches:
            while not clock.finished:
                started = time.monotonic()
                values = self._step(batches.take().to(config.device))
                clock.advance(time.monotonic() - started)
                self.average.update(clock.step)
                self._count(values, min(time.monotonic() - started, config.step_cap_seconds))
                self._housekeeping()

    def _draft(self, question: Question) -> Tensor:
        """Called by the threads that prepare batches."""
        with torch.no_grad(), self._autocast():
            return self.trainable.draft(question.to(self.config.device)).cpu()

    def _step(self, batch: PairBatch) -> dict[str, float]:
        factor = learning_rate_factor(self.config.optimiser, self.clock.progress)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak_lr"] * factor
        with self._autocast():
            terms = self.trainable.losses(batch)
        weights = vars(self.config.loss)
        total: Tensor = sum((weights[key] * value for key, value in terms.items()), torch.zeros(()))
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimiser)
        parameters = [p for group in self.groups for p in group.parameters]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.optimiser.clip_norm)
        values = {key: float(value.detach()) for key, value in terms.items()}
        values |= {"loss": float(total.detach()), "gradient": float(norm)}
        if torch.isfinite(norm) and torch.isfinite(total):
            self.bad_steps = 0
            self.scaler.step(self.optimiser)
        else:
            self._bad_step(values)
        self.scaler.update()
        return values

    def _bad_step(self, values: Mapping[str, float]) -> None:
        """Leave out a step whose gradient is not finite; fp16 has some while its scale settles."""
        self.bad_steps += 1
        if self.bad_steps >= _MOST_BAD_STEPS:
            raise RunIncomplete(
                f"training diverged: {self.bad_steps} steps in a row up to step {self.clock.step} "
                f"had no finite gradient (last losses {dict(values)})",
                hint="lower the learning rates, or use another precision",
            )

    def _count(self, values: Mapping[str, float], seconds: float) -> None:
        self.losses.append(values["loss"])
        for key, value in {**values, "seconds_per_step": seconds}.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
        self.counted += 1
        if self.counted < self.config.log_every and not self.clock.finished:
            return
        means = {key: value / self.counted for key, value in self.sums.items()}
        for group in self.optimiser.param_groups:
            means[f"lr_{group['role']}"] = float(group["lr"])
        self.sums, self.counted = {}, 0
        self._tell("step", means)

    def _housekeeping(self) -> None:
        config = self.config
        if self._due("checkpoint", config.checkpoint_minutes):
            self._save()
        if self._due("export", config.export_minutes):
            self._export()
        if self.data.held_out and self._due("validation", config.validate_minutes):
            self._validate()

    def _due(self, what: str, minutes: float) -> bool:
        if minutes <= 0 or self.clock.active_seconds - self.last[what] < minutes * 60:
            return False
        self.last[what] = self.clock.active_seconds
        return True

    def _save(self) -> None:
        save_checkpoint(
            self.checkpoint_path,
            Checkpoint(
                step=self.clock.step,
                active_seconds=self.clock.active_seconds,
                recipe=recipe_of(self.config),
                model=self.trainable.module.state_dict(),
                average=self.average.average,
                optimiser=self.optimiser.state_dict(),
                scaler=self.scaler.state_dict(),
                rng=torch.get_rng_state(),
            ),
        )
        self._tell("checkpoint", {}, self.checkpoint_path)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.trainable.module.load_state_dict(checkpoint.model)
        for name, value in self.average.average.items():
            value.copy_(checkpoint.average[name])
        self.optimiser.load_state_dict(checkpoint.optimiser)
        self.scaler.load_state_dict(checkpoint.scaler)
        torch.set_rng_state(checkpoint.rng)
        self.clock.step = checkpoint.step
        self.clock.active_seconds = checkpoint.active_seconds

    def _export(self) -> None:
        metadata = {
            "steps": str(self.clock.step),
            "active_seconds": f"{self.clock.active_seconds:.0f}",
            "progress": f"{self.clock.progress:.4f}",
            "seed": str(self.config.seed),
        }
        with self.average.applied():
            self.trainable.export(self.export_path, metadata)
        self._tell("export", {}, self.export_path)

    def _validate(self) -> Validation:
        with self.average.applied(), self._autocast():
            result = validate(
                self.trainable, self.data.held_out, frames=self.config.validate_frames
            )
        self._tell("validation", {"j": result.j, **{c.name: c.j for c in result.clips}})
        return result

    def _tell(self, kind: str, values: Mapping[str, float], path: Path | None = None) -> None:
        clock = self.clock
        self.log.write(kind, step=clock.step, active_seconds=clock.active_seconds, values=values)
        self.report(
            ProgressEvent(kind, clock.step, clock.progress, clock.active_seconds, values, path)
        )

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.config.precision == "fp32":
            return nullcontext()
        kind = self.config.device.partition(":")[0]
        return torch.autocast(kind, dtype=_DTYPES[self.config.precision])

    def _optimiser(self) -> torch.optim.AdamW:
        settings = self.config.optimiser
        peaks = {"encoder": settings.encoder_lr, "head": settings.head_lr}
        groups: list[dict[str, Any]] = []
        for group in self.groups:
            for decays in (True, False):
                chosen = [p for p in group.parameters if (p.ndim > 1) == decays]
                if chosen:
                    groups.append(
                        {
                            "params": chosen,
                            "role": group.role,
                            "peak_lr": peaks[group.role],
                            "lr": peaks[group.role],
                            "weight_decay": settings.weight_decay if decays else 0.0,
                        }
                    )
        return torch.optim.AdamW(groups, betas=settings.betas, fused=True)


def _channels_last(module: nn.Module) -> None:
    """Lay kernels out as CPU convolutions want them."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
