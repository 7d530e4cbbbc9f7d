"""A/A: the gate against itself, so that its noise floor is known and published."""

from __future__ import annotations

import math
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field

from vosbench.compare import load_run_scores
from vosbench.gate.baseline import NoiseRecord
from vosbench.gate.interleave import Side, alone_for
from vosbench.gate.judge import Measured, measure, overall_verdict
from vosbench.gate.policy import Policy, SpeedPolicy
from vosbench.gate.records import EXIT_CODES, CheckRecord, Verdict
from vosbench.gate.speed import Round, check_interleaved, check_memory, noise_floor
from vosbench.gate.trials import (
    CAUGHT,
    FALSE_ALARMS,
    SLOWDOWN,
    KernelWorkload,
    ResampledWorkload,
    TrialsRecord,
    run_trials,
)
from vosbench.report.text import plain
from vosbench.store.schema import Record, RunRecord

__all__ = ["DRAWN_TRIALS", "SelfTestRecord", "render_self_test", "self_test"]

DRAWN_TRIALS: Final = 100
_STAGE: Final = "step"
_MEDIAN_OVER_MEAN: Final = math.sqrt(math.pi / 2)
_FOUR_IN_FIVE: Final = 0.8416


class SelfTestRecord(Record):
    """`vosbench gate RUN --self-test --json`."""

    schema_version: int = 1
    verdict: Verdict
    reason: str
    run: str
    noise: NoiseRecord | None = Field(
        description="of the stage `step`; null if it is too short to be judged"
    )
    rounds_needed: int | None = Field(
        description="of the policy, to find a slowdown of 10 % of `step` four times in five here"
    )
    trials: list[TrialsRecord] = Field(description="whole gates at the noise of this machine")
    checks: list[CheckRecord]
    notes: list[str]

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        return EXIT_CODES[self.verdict]


@dataclass(frozen=True)
class _Found:
    """What the parts of a self-test gave."""

    checks: Sequence[CheckRecord]
    noise: NoiseRecord | None
    trials: Sequence[TrialsRecord]


def self_test(
    root: Path,
    policy: Policy,
    *,
    trials: int = 0,
    progress: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> SelfTestRecord:
    """Measure a run's command in turns with itself, and try the gate at the noise found.

    Args:
        root: run directory.
        policy: margins and rounds.
        trials: gates on real kernels to measure, of equal code and of slowed code each; 0 for none.
        progress: told of what (`rounds`, `trials`) how many are done, of how many.

    Raises:
        InputError: if the command fails, or another vosbench process works on the device.
    """
    side = Side(Path(sys.executable))
    measured = measure(
        root, side, side, policy=policy, progress=lambda done, of: progress("rounds", done, of)
    )
    rounds = measured.first.rounds
    again = measured.repeat.rounds if measured.repeat else ()
    judged = check_interleaved(rounds, again, policy.speed)
    memory = check_memory(*measured.first.memory, (), policy)
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    both = [*rounds, *again]
    notes = [*judged.notes, *memory.notes]
    # of a stage that no gate judges neither its noise nor its slowdowns say anything
    long_enough = any(check.name == f"speed/{_STAGE}" for check in judged.checks)
    if not long_enough:
        notes.append(
            f"no noise floor: {_STAGE} is too short here; test with a method or clip that takes "
            "longer"
        )
    found = _Found(
        [*judged.checks, *memory.checks],
        noise_floor(both, policy.speed, stage=_STAGE, load=load) if long_enough else None,
        [
            *(_drawn(both, policy.speed) if long_enough else ()),
            *_measured_trials(measured, load_run_scores(root).run, policy.speed, trials, progress),
        ],
    )
    verdict, reason = _verdict(found)
    return SelfTestRecord(
        verdict=verdict,
        reason=reason,
        run=str(root),
        noise=found.noise,
        rounds_needed=None if found.noise is None else _needed(found.noise, policy.speed),
        trials=list(found.trials),
        checks=list(found.checks),
        notes=notes,
    )


def _drawn(rounds: Sequence[Round], rules: SpeedPolicy) -> list[TrialsRecord]:
    return [run_trials(ResampledWorkload(rounds, _STAGE), rules, trials=DRAWN_TRIALS)]


def _measured_trials(
    measured: Measured,
    run: RunRecord,
    rules: SpeedPolicy,
    trials: int,
    progress: Callable[[str, int, int], None],
) -> list[TrialsRecord]:
    """Trials on kernels, with the device, precision and threads of the run that was measured."""
    if not trials:
        return []
    import torch

    settings = measured.first.candidate.settings
    before = torch.get_num_threads()
    with alone_for(run):
        if settings.device == "cpu" and settings.threads:
            torch.set_num_threads(settings.threads)
        try:
            workload = KernelWorkload(settings.device, settings.precision)
            return [
                run_trials(
                    workload,
                    rules,
                    trials=trials,
                    progress=lambda done, of: progress("trials", done, of),
                )
            ]
        finally:
            torch.set_num_threads(before)


def _verdict(found: _Found) -> tuple[Verdict, str]:
    """Fail for false alarms, inconclusive where 10 % would often be missed."""
    wrong = [one for one in found.trials if one.false_alarms]
    if wrong:
        told = ", ".join(f"{one.red} of {one.trials} ({_source(one)})" for one in wrong)
        most = f"{100 * FALSE_ALARMS:.0f} in 100"
        return "fail", f"equal code was red in {told}; at most {most} may be"
    verdict, reason = overall_verdict(found.checks)
    if verdict == "fail":
        return verdict, reason
    deaf = [one for one in found.trials if one.too_noisy]
    if deaf:
        told = ", ".join(f"{one.found} of {one.trials} ({_source(one)})" for one in deaf)
        share = f"{100 * SLOWDOWN:.0f} %"
        return "inconclusive", (
            f"this machine is too noisy: a slowdown of {share} in one stage was found in {told}; "
            f"{100 * CAUGHT:.0f} in 100 are wanted"
        )
    return verdict, reason


def _source(one: TrialsRecord) -> str:
    return "real kernels" if one.source == "kernels" else "drawn from the rounds"


def _needed(noise: NoiseRecord, rules: SpeedPolicy) -> int:
    """Rounds whose median's interval lies above the margin four times in five for 10 %.

    A red is always of all rounds, the repeat included, so half of them are the policy's.
    """
    margin = rules.margins.get(_STAGE, rules.margin)
    if margin >= SLOWDOWN:
        return 0
    deviate = statistics.NormalDist().inv_cdf(0.5 + rules.level / 2) + _FOUR_IN_FIVE
    error = math.log((1 + SLOWDOWN) / (1 + margin)) / deviate
    rounds = (_MEDIAN_OVER_MEAN * noise.paired_sd / error) ** 2
    return max(6, math.ceil(rounds / 2 if rules.repeat else rounds))


def render_self_test(record: SelfTestRecord) -> str:
    """Lines without a break at the end."""
    lines = [f"{record.verdict}: the same code against itself; {record.reason}"]
    noise = record.noise
    if noise is not None:
        lines += [
            f"noise floor of {_STAGE} over {noise.rounds} rounds in turns: ratio within "
            f"[{noise.low:.3f}, {noise.high:.3f}]; a pair scatters by {100 * noise.paired_sd:.1f} "
            f"%, single runs by {100 * noise.session_sd:.1f} %",
            f"a slowdown of {100 * noise.detectable:.0f} % would be found four times in five",
        ]
        if noise.load is not None:
            lines.append(f"load of the machine: {noise.load:.1f}")
        if noise.detectable > SLOWDOWN and record.rounds_needed:
            lines.append(
                f"this machine is too noisy now to find {100 * SLOWDOWN:.0f} %: use a quieter one, "
                f"or some {record.rounds_needed} rounds (--rounds)"
            )
        elif noise.detectable > SLOWDOWN:
            lines.append(f"the margin itself allows {100 * SLOWDOWN:.0f} %")
    for one in record.trials:
        lines += _trial_lines(one)
    lines += [f"  {check.verdict:<12}  {check.name}  {check.reason}" for check in record.checks]
    lines += [f"note: {note}" for note in record.notes]
    return "\n".join(plain(line) for line in lines)


def _trial_lines(one: TrialsRecord) -> list[str]:
    head = "gates on four real kernels" if one.source == "kernels" else "gates drawn from these"
    wrong = f", {one.misnamed} named another stage" if one.misnamed else ""
    lines = [
        f"{head} ({one.rounds} rounds each, {one.seconds:.0f} s): equal code red in {one.red} of "
        f"{one.trials}; a slowdown of {100 * one.slowdown:.0f} % in one stage found and named in "
        f"{one.found} of {one.trials}{wrong}"
    ]
    for stage, (found, of) in one.by_stage.items():
        scatter = one.paired_sd.get(stage)
        told = "" if scatter is None else f"; a pair scatters by {100 * scatter:.1f} %"
        lines.append(f"  {stage}: {found} of {of}{told}")
    return lines
