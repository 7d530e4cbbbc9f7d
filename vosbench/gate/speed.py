"""Time per stage and peak memory against a baseline.

Measured in turns with the baseline's own code, each round gives one ratio per stage: the median
over frames of candidate over baseline. Rounds are the sample. Held to stored times instead, the
ratio is carried over by calibration and widened by the noise floor between sessions.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vosbench.gate.baseline import BaselineSpeed, CalibrationRecord, NoiseRecord
from vosbench.gate.policy import Level, Policy, SpeedPolicy
from vosbench.gate.records import Blame, CheckRecord, Difference, Verdict
from vosbench.gate.stages import WALL, StageTimes
from vosbench.stats import GateVerdict, RatioEstimate, not_slower, ratio_of_medians

__all__ = [
    "UNKNOWN_NOISE",
    "Judged",
    "Round",
    "check_interleaved",
    "check_memory",
    "check_normalised",
    "needs_repeat",
    "noise_floor",
    "stage_ratios",
]

UNKNOWN_NOISE: Final = 0.2
"""Standard deviation of the log time between runs one after the other on a busy machine, where
nothing was measured: identical code scattered by 0.19 to 0.25 in an experiment."""
_MEDIAN_OVER_MEAN: Final = math.sqrt(math.pi / 2)
_FOUR_IN_FIVE: Final = 0.8416
_SHOWN: Final = 0.0005
"""Least distance of a ratio from 1 that one decimal of a percent shows."""


@dataclass(frozen=True)
class Round:
    """Baseline and candidate, one measured right after the other."""

    baseline: StageTimes
    candidate: StageTimes


@dataclass(frozen=True)
class Judged:
    """Checks, and what was not judged and why."""

    checks: list[CheckRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def stage_ratios(rounds: Sequence[Round], stage: str) -> list[float]:
    """One ratio per round: the median over common frames of candidate over baseline ms."""
    ratios = []
    for one in rounds:
        before, after = one.baseline.ms.get(stage, {}), one.candidate.ms.get(stage, {})
        logs = [math.log(after[key] / before[key]) for key in before.keys() & after.keys()]
        if logs:
            ratios.append(math.exp(statistics.median(logs)))
    return ratios


def _estimate(ratios: Sequence[float], level: float) -> RatioEstimate:
    # each ratio is already of a pair, so the baseline of each is 1
    return ratio_of_medians([1.0] * len(ratios), ratios, level=level)


def needs_repeat(rounds: Sequence[Round], policy: SpeedPolicy) -> bool:
    """Whether a stage that blocks is not clearly fast enough, so that more rounds are needed."""
    if not policy.repeat or policy.interleaved != "blocking":
        return False
    stages, _ = _judged_stages([one.baseline for one in rounds], policy)
    return any(
        _verdict(_estimate(ratios, policy.level), stage, policy).verdict != "pass"
        for stage in stages
        if stage in policy.stages and (ratios := stage_ratios(rounds, stage))
    )


def _verdict(estimate: RatioEstimate, stage: str, policy: SpeedPolicy) -> GateVerdict:
    return not_slower(estimate, policy.margins.get(stage, policy.margin))


def check_interleaved(
    rounds: Sequence[Round], repeat: Sequence[Round], policy: SpeedPolicy
) -> Judged:
    """Judge rounds that were measured in turns.

    A stage is red only after a repeat: the interval over all rounds lies above the margin, and so
    does the median of the repeat by itself. For red the interval is widened by the number of stages
    that block, so that the chance of a false alarm is that of the whole gate.

    Args:
        rounds: the first measurement.
        repeat: the second, if `needs_repeat` asked for it.
        policy: margins.
    """
    if policy.interleaved == "off":
        return Judged()
    stages, notes = _judged_stages([one.baseline for one in (*rounds, *repeat)], policy)
    checks = []
    deciding = sum(stage in policy.stages for stage in stages)
    for stage in stages:
        status = policy.interleaved if stage in policy.stages else "advisory"
        first, second = stage_ratios(rounds, stage), stage_ratios(repeat, stage)
        if not first:
            notes.append(f"speed: {stage} is in only one of the two traces")
            continue
        check = _interleaved_check(stage, first, second, policy, status=status, among=deciding)
        checks.append(check)
    blamed = [_with_stages(check, [*rounds, *repeat], checks) for check in checks]
    sides = [side for one in (*rounds, *repeat) for side in (one.baseline, one.candidate)]
    return Judged(_believed(blamed, sides, policy), notes)


def _interleaved_check(
    stage: str,
    first: Sequence[float],
    second: Sequence[float],
    policy: SpeedPolicy,
    *,
    status: Level,
    among: int,
) -> CheckRecord:
    ratios = [*first, *second]
    estimate = _estimate(ratios, policy.level)
    found = _verdict(estimate, stage, policy)
    verdict, reason = found.verdict, found.reason
    if verdict == "fail" and among > 1:
        # one of several stages is red by chance more often than one alone (Bonferroni)
        wider = _estimate(ratios, 1 - (1 - policy.level) / among)
        strict = _verdict(wider, stage, policy)
        if strict.verdict != "fail":
            verdict, reason = strict.verdict, f"{strict.reason}, as one of {among} stages"
    limit = 1 + policy.margins.get(stage, policy.margin)
    if second and verdict == "fail" and statistics.median(second) <= limit:
        verdict = "inconclusive"
        reason = f"the repeat found {statistics.median(second):.3f}: not confirmed; {reason}"
    elif verdict == "fail" and second:
        reason = f"{reason}, and a repeat found {statistics.median(second):.3f}"
    elif verdict == "fail" and policy.repeat and status == "blocking":
        verdict, reason = "inconclusive", f"{reason}, but it was not measured again"
    said = "" if estimate.ratio is None else f"{_percent(estimate.ratio)}, "
    return CheckRecord(
        name=f"speed/{stage}",
        status=_status(status, verdict, policy),
        verdict=verdict,
        reason=f"{stage} {said}{len(first) + len(second)} rounds in turns: {reason}",
        change=estimate.ratio,
        low=estimate.low,
        high=estimate.high,
        bound=limit,
    )


def _believed(
    checks: Sequence[CheckRecord], sides: Sequence[StageTimes], policy: SpeedPolicy
) -> list[CheckRecord]:
    """Undecided where a method returned before its device was done: its clock stopped too early."""
    doubt = next((one.doubt for one in sides if one.doubt), "")
    if not doubt:
        return list(checks)
    return [
        check.model_copy(
            update={
                "verdict": "inconclusive",
                "status": _status(check.status, "inconclusive", policy),
                "reason": f"{doubt}; {check.reason}",
            }
        )
        for check in checks
    ]


def _status(status: Level, verdict: Verdict, policy: SpeedPolicy) -> Level:
    """An undecided check blocks only where the policy wants it to."""
    return policy.inconclusive if status == "blocking" and verdict == "inconclusive" else status


def _percent(ratio: float) -> str:
    if abs(ratio - 1) < _SHOWN:
        return "as fast"
    word = "slower" if ratio >= 1 else "faster"
    return f"{100 * abs(ratio - 1):.1f} % {word}"


def _judged_stages(
    baselines: Sequence[StageTimes], policy: SpeedPolicy
) -> tuple[list[str], list[str]]:
    """Stages that take long enough to be judged, longest first, and why others are not."""
    totals: dict[str, float] = {}
    lengths: dict[str, list[float]] = {}
    for times in baselines:
        for stage, ms in times.totals().items():
            totals[stage] = totals.get(stage, 0.0) + ms
        for stage, values in times.ms.items():
            lengths.setdefault(stage, []).append(statistics.median(values.values()))
    return _long_enough(totals, {name: statistics.median(v) for name, v in lengths.items()}, policy)


def _long_enough(
    totals: Mapping[str, float], typical: Mapping[str, float], policy: SpeedPolicy
) -> tuple[list[str], list[str]]:
    whole = math.fsum(ms for stage, ms in totals.items() if stage != WALL and "." not in stage)
    kept, notes = [], []
    for stage in sorted(totals, key=lambda name: (-totals[name], name)):
        share = totals[stage] / whole if whole > 0 else 0.0
        if stage == WALL or (typical[stage] >= policy.least_ms and share >= policy.least_share):
            kept.append(stage)
        elif stage in policy.stages:
            notes.append(
                f"speed: {stage} is too short to be judged ({typical[stage]:.2f} ms, "
                f"{100 * share:.1f} % of the time)"
            )
    return kept, notes


def _with_stages(
    check: CheckRecord, rounds: Sequence[Round], checks: Sequence[CheckRecord]
) -> CheckRecord:
    """Name the stage, and within it the part, that grew most."""
    if check.verdict == "pass":
        return check
    stage = check.name.removeprefix("speed/")
    names = {one.name.removeprefix("speed/") for one in checks}
    inner = {name for name in names if name.startswith(f"{stage}.")}
    if stage == WALL:
        inner = {name for name in names if name != WALL and "." not in name}
    added = {
        name: statistics.median(
            one.candidate.totals().get(name, 0.0) - one.baseline.totals().get(name, 0.0)
            for one in rounds
        )
        for name in {stage, *inner}
    }
    parts = sorted(inner, key=lambda name: (-added[name], name))[:1]
    blame = [
        Blame(kind="stage", name=name, text=f"{name}: {added[name]:+.1f} ms over the run")
        for name in (stage, *(one for one in parts if added[one] > 0))
    ]
    return check.model_copy(update={"blame": blame})


def check_normalised(
    baseline: BaselineSpeed,
    runs: Sequence[StageTimes],
    *,
    calibration: CalibrationRecord | None,
    differing: Sequence[Difference],
    policy: SpeedPolicy,
) -> Judged:
    """Hold times to stored ones.

    Args:
        baseline: stored times.
        runs: the candidate, and a repeat of it if there is one.
        calibration: of the candidate's machine.
        differing: what of the hardware class differs.
        policy: margins.
    """
    if policy.normalised == "off":
        return Judged()
    if not baseline.stages:
        return Judged(notes=["speed: the baseline has no times"])
    if not runs or not runs[0].ms:
        return Judged(notes=["speed: the run has no trace"])
    scale, carried = _scale(baseline, calibration, differing)
    stored = baseline.stages
    typical = {stage: statistics.median(of.values()) for stage, of in stored.items()}
    stages, notes = _long_enough(baseline.totals_ms, typical, policy)
    known = baseline.noise.session_sd if baseline.noise else UNKNOWN_NOISE
    noise = max(known, policy.least_noise)
    checks = []
    for stage in stages:
        status = policy.normalised if stage in policy.stages else "advisory"
        estimates = [
            _normalised(
                stored[stage],
                one.medians().get(stage, {}),
                scale=scale,
                noise=noise,
                level=policy.level,
            )
            for one in runs
        ]
        checks.append(_normalised_check(stage, estimates, policy, status, carried))
    if baseline.noise is None:
        notes.append(
            f"speed: the baseline has no noise floor; {UNKNOWN_NOISE:.2f} is assumed "
            "(vosbench baseline set RUN --self-test measures it)"
        )
    return Judged(_believed(checks, runs, policy), notes)


def _scale(
    baseline: BaselineSpeed,
    calibration: CalibrationRecord | None,
    differing: Sequence[Difference],
) -> tuple[float | None, str]:
    """By how much stored times are multiplied for this machine, and why, or why not."""
    from vosbench.timing.calibration import Calibration, comparability

    if differing:
        listed = "; ".join(f"{one.name}: {one.baseline} / {one.candidate}" for one in differing)
        return None, f"other hardware or settings than the baseline's ({listed})"
    if baseline.calibration is None or calibration is None:
        return 1.0, "same hardware class, not calibrated"

    def made(record: CalibrationRecord) -> Calibration:
        return Calibration(
            device=record.device,
            architecture=record.architecture,
            precision=record.precision,
            threads=record.threads,
            ms={name: (ms,) for name, ms in record.ms.items()},
            sizes=record.sizes,
        )

    found = comparability(made(baseline.calibration), made(calibration))
    if found.verdict != "comparable" or found.scale is None:
        return None, f"calibration: {found.reason}"
    return found.scale, f"calibrated by {found.scale:.3f}: {found.reason}"


def _normalised(
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    scale: float | None,
    noise: float,
    level: float,
) -> RatioEstimate:
    logs = [math.log(after[name] / before[name]) for name in before.keys() & after.keys()]
    if not logs:
        return RatioEstimate(None, None, None, level, 0, "no time in common")
    if scale is None:
        ratio = math.exp(statistics.median(logs))
        return RatioEstimate(ratio, None, None, level, len(logs), "not comparable")
    centre = statistics.median(logs) - math.log(scale)
    deviate = statistics.NormalDist().inv_cdf(0.5 + level / 2)
    reach = deviate * math.sqrt(2) * noise
    low, high = math.exp(centre - reach), math.exp(centre + reach)
    return RatioEstimate(math.exp(centre), low, high, level, len(logs))


def _normalised_check(
    stage: str,
    estimates: Sequence[RatioEstimate],
    policy: SpeedPolicy,
    status: Level,
    carried: str,
) -> CheckRecord:
    first = estimates[0]
    found = [_verdict(one, stage, policy) for one in estimates]
    verdict: Verdict = found[0].verdict
    reason = found[0].reason
    if verdict == "fail" and policy.repeat:
        if len(found) < 2:
            verdict = "inconclusive"
            reason += ", but only once: run again and name it with --repeat"
        elif any(one.verdict != "fail" for one in found[1:]):
            verdict, reason = "inconclusive", f"{reason}, but the repeat disagrees"
        else:
            reason += ", and so does the repeat"
    said = "" if first.ratio is None else f"{_percent(first.ratio)}, "
    blame = []
    if verdict == "fail":
        text = f"{stage}: {said.rstrip(', ')} than stored"
        blame.append(Blame(kind="stage", name=stage, text=text))
    return CheckRecord(
        name=f"speed/{stage}",
        status=_status(status, verdict, policy),
        verdict=verdict,
        reason=f"{stage} {said}against stored times, {carried}: {reason}",
        change=first.ratio,
        low=first.low,
        high=first.high,
        bound=1 + policy.margins.get(stage, policy.margin),
        blame=blame,
    )


def check_memory(
    baseline: Mapping[str, float],
    candidate: Mapping[str, float],
    differing: Sequence[Difference],
    policy: Policy,
) -> Judged:
    """Hold peak memory to the baseline's. Only on the same hardware class is it judged."""
    rules = policy.memory
    if rules.status == "off":
        return Judged()
    if not baseline or not candidate:
        side = "the baseline" if not baseline else "the run"
        return Judged(notes=[f"memory: {side} has no figures"])
    checks = []
    for kind, before in baseline.items():
        after = candidate.get(kind)
        if after is None:
            continue
        ratio = after / before
        more = after - before
        moved = f"peak {kind} memory {before:.0f} to {after:.0f} MB ({_times(ratio)})"
        verdict: Verdict = "pass"
        status = rules.status
        if differing:
            # memory of another machine says nothing, and is no reason to stop a build
            names = ", ".join(one.name for one in differing)
            verdict, status = "inconclusive", "advisory"
            moved += f"; not comparable: {names} differ"
        elif ratio > 1 + rules.relative and more > rules.absolute_mb:
            verdict = "fail"
            moved += f"; {_times(1 + rules.relative)} and {rules.absolute_mb:.0f} MB more tolerated"
        blame = [Blame(kind="memory", name=kind, text=moved)] if verdict == "fail" else []
        checks.append(
            CheckRecord(
                name=f"memory/{kind}",
                status=status,
                verdict=verdict,
                reason=moved,
                baseline=before,
                candidate=after,
                change=ratio,
                bound=1 + rules.relative,
                blame=blame,
            )
        )
    return Judged(checks)


def _times(ratio: float) -> str:
    return f"times {ratio:.2f}"


def noise_floor(
    rounds: Sequence[Round], policy: SpeedPolicy, *, stage: str = "step", load: float | None = None
) -> NoiseRecord | None:
    """Noise of a machine from rounds of the same code on both sides; None without the stage.

    `detectable` is the slowdown whose interval lies above the margin four times in five, for a
    median of this many ratios that scatter by `paired_sd` (normal approximation).
    """
    ratios = stage_ratios(rounds, stage)
    if len(ratios) < 2:
        return None
    estimate = _estimate(ratios, policy.level)
    paired = statistics.stdev(math.log(ratio) for ratio in ratios)
    singles = [
        statistics.median(side.ms[stage].values())
        for one in rounds
        for side in (one.baseline, one.candidate)
        if side.ms.get(stage)
    ]
    session = statistics.stdev(math.log(ms) for ms in singles)
    error = _MEDIAN_OVER_MEAN * paired / math.sqrt(len(ratios))
    deviate = statistics.NormalDist().inv_cdf(0.5 + policy.level / 2) + _FOUR_IN_FIVE
    margin = policy.margins.get(stage, policy.margin)
    return NoiseRecord(
        rounds=len(ratios),
        paired_sd=round(paired, 5),
        session_sd=round(session, 5),
        low=estimate.low if estimate.low is not None else min(ratios),
        high=estimate.high if estimate.high is not None else max(ratios),
        detectable=round((1 + margin) * math.exp(deviate * error) - 1, 4),
        load=load,
    )
