"""How often the gate is wrong, and how often it finds a slowdown, at the noise of this machine.

A trial is a whole gate: rounds in turns, a repeat where one is called for, and the verdicts. Half
of the trials hold code to itself, where every red is a false alarm; in the other half one stage
does a tenth more work, and only a red that names this stage alone counts as found. Trials are run
on four real kernels in this process, or drawn from the rounds of a run that was measured against
itself.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol

from pydantic import Field

from vosbench.gate.policy import SpeedPolicy
from vosbench.gate.speed import Round, check_interleaved, needs_repeat, stage_ratios
from vosbench.gate.stages import FrameOf, StageTimes
from vosbench.store.schema import Record

__all__ = [
    "CAUGHT",
    "FALSE_ALARMS",
    "SLOWDOWN",
    "KernelWorkload",
    "ResampledWorkload",
    "TrialsRecord",
    "Workload",
    "run_trials",
]

SLOWDOWN: Final = 0.10
FALSE_ALARMS: Final = 0.02
CAUGHT: Final = 0.80
_CALLS: Final = 10
"""Calls of a kernel that make up a stage of a frame; one more of them is a slowdown of 10 %."""
_FRAMES: Final = 6


class TrialsRecord(Record):
    """Trials of one kind; shares are of `trials`."""

    source: Literal["kernels", "rounds"] = Field(
        description="`kernels`: all measured; `rounds`: drawn from a run's rounds against itself"
    )
    trials: int = Field(description="as many of equal code, and as many with a slowdown")
    rounds: int = Field(description="of one trial, before a repeat")
    red: int = Field(description="of equal code: false alarms")
    slowdown: float = Field(description="of one stage, as a share")
    found: int = Field(description="with a slowdown: red, and of this stage only")
    misnamed: int = Field(description="with a slowdown: another stage was red")
    by_stage: dict[str, list[int]] = Field(description="stage to found, and how often it was slow")
    paired_sd: dict[str, float] = Field(description="scatter of a pair of equal code, by stage")
    seconds: float

    @property
    def false_alarms(self) -> bool:
        """Whether more of equal code was red than 2 in 100."""
        return self.red > FALSE_ALARMS * self.trials

    @property
    def too_noisy(self) -> bool:
        """Whether the slowdown was found in fewer than 80 of 100."""
        return self.found < CAUGHT * self.trials


class Workload(Protocol):
    """Gives rounds of equal code, or with one stage made slower by `SLOWDOWN`."""

    @property
    def source(self) -> Literal["kernels", "rounds"]:
        """Of the record."""
        ...

    @property
    def stages(self) -> Sequence[str]:
        """Those that are made slower, one after the other."""
        ...

    def rounds(self, count: int, slower: str | None) -> list[Round]:
        """Measure or draw rounds."""
        ...


class KernelWorkload:
    """Four kernels as the stages of a frame; the slowdown is a tenth more calls of one of them.

    Args:
        device: `cpu` or `cuda:N`.
        precision: of convolution and matrix product.
        frames: of one side of a round.
    """

    source: Final = "kernels"

    def __init__(self, device: str, precision: str, *, frames: int = _FRAMES) -> None:
        from vosbench.timing.calibration import make_kernels

        self._kernels = make_kernels(device, precision, small=True)
        self.stages: Sequence[str] = tuple(self._kernels.run)
        self._frames = frames
        self._turn = 0

    def rounds(self, count: int, slower: str | None) -> list[Round]:
        """Measure both sides in turns, ABBA."""
        import torch

        made = []
        with torch.inference_mode():
            for _ in range(count):
                self._turn += 1
                if self._turn % 2:
                    before = self._side(None)
                    after = self._side(slower)
                else:
                    after = self._side(slower)
                    before = self._side(None)
                made.append(Round(before, after))
        return made

    def _side(self, slower: str | None) -> StageTimes:
        ms: dict[str, dict[FrameOf, float]] = {name: {} for name in self._kernels.run}
        for frame in range(self._frames):
            for name, run in self._kernels.run.items():
                calls = round(_CALLS * (1 + SLOWDOWN)) if name == slower else _CALLS
                self._kernels.wait()
                begin = time.perf_counter_ns()
                for _ in range(calls):
                    run()
                self._kernels.wait()
                passed = (time.perf_counter_ns() - begin) / 1e6
                ms[name][FrameOf("kernels", f"{frame:05d}")] = passed
        return StageTimes(ms)


class ResampledWorkload:
    """Rounds drawn with replacement from measured ones of equal code.

    Which side is called the candidate is drawn too, so that equal code stays equal on average; the
    slowdown multiplies the times of one stage.

    Args:
        measured: of equal code on both sides.
        stage: that is made slower.
        seed: of the draws.
    """

    source: Final = "rounds"

    def __init__(self, measured: Sequence[Round], stage: str, *, seed: int = 0) -> None:
        self._measured = measured
        self._random = random.Random(seed)  # noqa: S311 - draws, not a secret
        self.stages: Sequence[str] = (stage,)

    def rounds(self, count: int, slower: str | None) -> list[Round]:
        """Draw rounds."""
        drawn = []
        for one in self._random.choices(self._measured, k=count):
            sides = [one.baseline, one.candidate]
            self._random.shuffle(sides)
            drawn.append(Round(sides[0], _slowed(sides[1], slower)))
        return drawn


def _slowed(times: StageTimes, stage: str | None) -> StageTimes:
    if stage is None:
        return times
    slow = {key: value * (1 + SLOWDOWN) for key, value in times.ms.get(stage, {}).items()}
    return StageTimes({**times.ms, stage: slow})


def run_trials(
    workload: Workload,
    rules: SpeedPolicy,
    *,
    trials: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> TrialsRecord:
    """Run whole gates on a workload, one of equal code and one with a slowdown by turns.

    Args:
        workload: what is measured.
        rules: of the gate; for kernels all four block, whatever the policy's stages are.
        trials: of each kind.
        progress: told how many are done, of how many.
    """
    if workload.source == "kernels":
        update = {"stages": list(workload.stages), "least_ms": 0.0, "least_share": 0.0}
        rules = rules.model_copy(update=update)
    begin = time.monotonic()
    red = misnamed = 0
    by_stage = {stage: [0, 0] for stage in workload.stages}
    equal: list[Round] = []
    for at in range(trials):
        rounds, reds = _trial(workload, rules, None)
        equal += rounds
        red += bool(reds)
        stage = workload.stages[at % len(workload.stages)]
        _, reds = _trial(workload, rules, stage)
        by_stage[stage][0] += reds == {stage}
        by_stage[stage][1] += 1
        misnamed += bool(reds - {stage})
        progress(at + 1, trials)
    scatter = {}
    for stage in workload.stages:
        logs = _logs(stage_ratios(equal, stage))
        if len(logs) > 1:
            scatter[stage] = round(statistics.stdev(logs), 5)
    return TrialsRecord(
        source=workload.source,
        trials=trials,
        rounds=rules.rounds,
        red=red,
        slowdown=SLOWDOWN,
        found=sum(found for found, _ in by_stage.values()),
        misnamed=misnamed,
        by_stage=by_stage,
        paired_sd=scatter,
        seconds=round(time.monotonic() - begin, 1),
    )


def _logs(ratios: Sequence[float]) -> list[float]:
    from math import log

    return [log(ratio) for ratio in ratios]


def _trial(
    workload: Workload, rules: SpeedPolicy, slower: str | None
) -> tuple[list[Round], set[str]]:
    """One gate: its first rounds, and the stages that are red."""
    first = workload.rounds(rules.rounds, slower)
    again = workload.rounds(rules.rounds, slower) if needs_repeat(first, rules) else []
    judged = check_interleaved(first, again, rules)
    reds = {
        check.name.removeprefix("speed/")
        for check in judged.checks
        if check.decides and check.verdict == "fail"
    }
    return first, reds
