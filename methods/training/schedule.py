"""How far a run is, and what follows from it: phase and learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .config import OptimiserConfig, Phase, TrainConfig

__all__ = ["Clock", "learning_rate_factor", "phase_at"]


@dataclass
class Clock:
    """Counts steps and active time.

    Attributes:
        steps_total: length of the run in steps, or None.
        budget_seconds: length of the run in active seconds, or None.
        step_cap: what one step counts at most, seconds. A process that was stopped for an hour
            during a step loses one cap, not an hour.
        step: steps done.
        active_seconds: sum of capped step durations.
    """

    steps_total: int | None
    budget_seconds: float | None
    step_cap: float
    step: int = 0
    active_seconds: float = 0.0

    @classmethod
    def of(cls, config: TrainConfig) -> Clock:
        """The clock of a run."""
        budget = None if config.budget_minutes is None else config.budget_minutes * 60
        return cls(config.steps, budget, config.step_cap_seconds)

    def advance(self, seconds: float) -> None:
        """Count one step that took `seconds` of wall time."""
        self.step += 1
        self.active_seconds += min(seconds, self.step_cap)

    def progress_at(self, step: int) -> float:
        """Fraction of the run (0..1) at which a step begins; by time, it is the fraction now."""
        if self.steps_total is not None:
            return min(step / self.steps_total, 1.0)
        return min(self.active_seconds / (self.budget_seconds or math.inf), 1.0)

    @property
    def progress(self) -> float:
        """Fraction of the run that is done (0..1)."""
        return self.progress_at(self.step)

    @property
    def finished(self) -> bool:
        """Whether the run is over."""
        return self.progress >= 1.0


def phase_at(phases: tuple[Phase, ...], progress: float) -> Phase:
    """The phase that a fraction of the run falls into."""
    return next((phase for phase in phases if progress < phase.until), phases[-1])


def learning_rate_factor(config: OptimiserConfig, progress: float) -> float:
    """Linear warm-up, then cosine decay to `final_lr` (Loshchilov and Hutter 2017, one cycle)."""
    if progress < config.warmup:
        return max(progress / config.warmup, 0.01)
    done = (progress - config.warmup) / max(1.0 - config.warmup, 1e-9)
    cosine = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    return config.final_lr + (1 - config.final_lr) * cosine
