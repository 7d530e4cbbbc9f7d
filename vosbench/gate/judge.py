"""A run against a baseline: all checks, and one verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vosbench.compare import RunScores, load_run_scores
from vosbench.compare.common import find_common
from vosbench.errors import ComparisonError, InputError, VosbenchError
from vosbench.gate.accuracy import LossTerms, check_accuracy, check_floors
from vosbench.gate.baseline import (
    BaselineRecord,
    CalibrationRecord,
    as_run_scores,
    object_terms,
)
from vosbench.gate.interleave import Interleaved, Side, measure_rounds
from vosbench.gate.masks import (
    changed_frames,
    check_coverage,
    check_determinism,
    check_files,
    check_scoring,
    frame_blame,
)
from vosbench.gate.policy import Policy
from vosbench.gate.records import CheckRecord, GateRecord, Verdict
from vosbench.gate.regime import Standing, hardware_differences, standing
from vosbench.gate.speed import (
    Judged,
    check_interleaved,
    check_memory,
    check_normalised,
    needs_repeat,
)
from vosbench.gate.stages import read_memory, read_stages

__all__ = ["Measured", "gate_run", "measure", "overall_verdict"]


@dataclass(frozen=True)
class Measured:
    """Rounds in turns, and the repeat that a suspected slowdown made necessary."""

    first: Interleaved
    repeat: Interleaved | None = None


@dataclass(frozen=True)
class _Sides:
    """A run, what it is held to, and by which rules."""

    root: Path
    baseline: BaselineRecord
    held_to: RunScores
    candidate: RunScores
    policy: Policy


def measure(
    root: Path,
    baseline: Side,
    candidate: Side,
    *,
    policy: Policy,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Measured:
    """Run a run's command in turns under two interpreters, and again if it looks slower.

    Raises:
        InputError: if an interpreter does not start or a command fails.
    """
    run = load_run_scores(root).run
    rules = policy.speed
    first = measure_rounds(run, baseline, candidate, rounds=rules.rounds, progress=progress)
    if not needs_repeat(first.rounds, rules):
        return Measured(first)
    second = measure_rounds(run, baseline, candidate, rounds=rules.rounds, progress=progress)
    return Measured(first, second)


def gate_run(
    root: Path,
    baseline: BaselineRecord,
    *,
    baseline_name: str,
    policy: Policy | None = None,
    repeat: Path | None = None,
    measured: Measured | None = None,
    calibration: CalibrationRecord | None = None,
    data: Path | None = None,
) -> GateRecord:
    """Hold a scored run to a baseline.

    Args:
        root: run directory.
        baseline: what it is held to.
        baseline_name: what to call it.
        policy: what is tolerated; None for the defaults.
        repeat: another run of the same code, for times held to stored ones.
        measured: times taken in turns with the baseline's own code.
        calibration: of this machine, for times held to stored ones.
        data: root of the data, for naming causes of loss.

    Raises:
        InputError: for a run that cannot be used, or that is not what the policy asks for.
        ComparisonError: if run and baseline are of other data or rules, or have nothing in common.
    """
    policy = policy or Policy()
    candidate = load_run_scores(root)
    held_to = as_run_scores(baseline, baseline_name)
    sides = _Sides(root, baseline, held_to, candidate, policy)
    _refuse_unwanted(candidate, policy)
    _refuse_other(held_to, candidate)
    coverage = check_coverage(held_to, candidate, policy)
    keys = [key for key in held_to.scores.objects if key in candidate.scores.objects]
    if not keys and coverage.verdict != "fail":
        raise ComparisonError("run and baseline have no scored object in common")
    notes = _notes(candidate)
    if keys:
        # equal masks with other scores are a finding here, not a reason to refuse
        common = find_common([_without_digests(held_to), candidate], ["the baseline", "the run"])
        notes += common.warnings
    changed = changed_frames(held_to, candidate)
    whole = coverage.verdict == "pass"
    stands = standing(
        held_to.run,
        candidate.run,
        identical=whole and changed is not None and not changed,
        expect=policy.accuracy.expect,
    )
    if changed is None:
        notes.append("masks: a side has no digests, so only figures are compared")
    checks = [coverage, check_files(root, held_to, candidate, policy)]
    checks.append(
        check_determinism(
            changed or {}, stands.regime, code_changed=bool(stands.code), policy=policy
        )
    )
    if changed is not None:
        checks.append(check_scoring(held_to, candidate, changed))
    if keys:
        checks += _accuracy(sides, keys, stands, data=data, notes=notes)
    checks += check_floors(candidate, policy)
    for judged in _speed(sides, repeat=repeat, measured=measured, calibration=calibration):
        checks += judged.checks
        notes += judged.notes
    found = [check for check in checks if check is not None]
    found = [_with_frames(check, changed or {}) for check in found]
    verdict, reason = overall_verdict(found)
    return GateRecord(
        verdict=verdict,
        reason=reason,
        baseline=baseline_name,
        candidate=str(root),
        method=candidate.run.method.reference,
        dataset=candidate.scores.dataset,
        split=candidate.scores.split,
        protocol=candidate.scores.protocol,
        regime=stands.regime,
        regime_reason=stands.reason,
        checks=found,
        changed_frames=changed or {},
        differences=[*stands.code, *stands.environment],
        notes=notes,
    )


def overall_verdict(checks: Sequence[CheckRecord]) -> tuple[Verdict, str]:
    """One verdict from the checks that block.

    Without a single decided figure of accuracy, or of speed where nothing else was asked, the
    verdict is never pass.
    """
    blocking = [check for check in checks if check.decides]
    failed = [check for check in blocking if check.verdict == "fail"]
    if failed:
        return "fail", "; ".join(f"{one.name}: {one.reason}" for one in failed[:3])
    unsure = [check for check in blocking if check.verdict == "inconclusive"]
    if unsure:
        return "inconclusive", "; ".join(f"{one.name}: {one.reason}" for one in unsure[:3])
    decided = [c for c in blocking if c.name.startswith(("accuracy/", "speed/", "memory/"))]
    if not decided:
        return "inconclusive", "no figure that blocks was compared: nothing was shown"
    return "pass", (
        f"checks that decide: {len(blocking)}, all passed; figures of accuracy, speed or memory "
        f"among them: {len(decided)}"
    )


def _refuse_unwanted(candidate: RunScores, policy: Policy) -> None:
    for what in ("dataset", "split", "protocol"):
        wanted, found = getattr(policy.data, what), getattr(candidate.scores, what)
        if wanted and wanted != found:
            raise InputError(
                f"the policy asks for {what} {wanted!r}; the run has {found!r}",
                hint="gate a run on the data that the policy names",
            )


def _refuse_other(baseline: RunScores, candidate: RunScores) -> None:
    for what in ("dataset", "split", "protocol"):
        ours, theirs = getattr(baseline.scores, what), getattr(candidate.scores, what)
        if ours != theirs:
            raise ComparisonError(
                f"{what}: the baseline has {ours!r}, the run {theirs!r}; they do not measure the "
                "same",
                hint="set a baseline on the run's data: vosbench baseline set RUN --out FILE",
            )
    if baseline.run.method.oracle != candidate.run.method.oracle:
        raise ComparisonError(
            "one of the two was shown the ground truth (oracle): it is no standard for the other"
        )


def _without_digests(run: RunScores) -> RunScores:
    bare = {
        name: record.model_copy(update={"masks_sha256": {}})
        for name, record in run.sequences.items()
    }
    return replace(run, sequences=bare)


def _notes(candidate: RunScores) -> list[str]:
    return [f"scoring: {warning}" for warning in candidate.scores.warnings]


def _accuracy(
    sides: _Sides, keys: Sequence[str], stands: Standing, *, data: Path | None, notes: list[str]
) -> list[CheckRecord]:
    """Figures; causes of loss are looked for only where a figure did not pass."""
    before: LossTerms = {k: one.terms for k, one in sides.baseline.objects.items() if one.terms}
    after: LossTerms = object_terms(sides.root)

    def checked() -> list[CheckRecord]:
        return check_accuracy(
            sides.held_to,
            sides.candidate,
            keys,
            regime=stands.regime,
            policy=sides.policy,
            terms=(before, after),
        )

    checks = checked()
    wrong = any(check.decides and check.verdict != "pass" for check in checks)
    if wrong and before and not after:
        from vosbench.explain import diagnose_path

        try:
            diagnose_path(sides.root, data=data)
        except VosbenchError as error:
            notes.append(f"causes of loss are not named: {error}")
        else:
            after = object_terms(sides.root)
            checks = checked()
    elif wrong and not before:
        notes.append("causes of loss are not named: the baseline was set without a diagnosis")
    return checks


def _with_frames(check: CheckRecord, changed: dict[str, list[str]]) -> CheckRecord:
    """Add where the masks begin to differ to an accuracy check that did not pass."""
    if check.verdict == "pass" or not check.name.startswith("accuracy/"):
        return check
    named = {one.name for one in check.blame if one.kind == "sequence"}
    of_them = {name: frames for name, frames in changed.items() if name in named}
    return check.model_copy(update={"blame": [*check.blame, *frame_blame(of_them)]})


def _speed(
    sides: _Sides,
    *,
    repeat: Path | None,
    measured: Measured | None,
    calibration: CalibrationRecord | None,
) -> list[Judged]:
    root, policy = sides.root, sides.policy
    held_to, candidate, speed = sides.held_to, sides.candidate, sides.baseline.speed
    differing = hardware_differences(held_to.run, candidate.run)
    if measured is not None:
        rounds = measured.first.rounds
        again = measured.repeat.rounds if measured.repeat else ()
        judged = check_interleaved(rounds, again, policy.speed)
        notes = _other_code(held_to, measured)
        memory = check_memory(*measured.first.memory, (), policy)
        return [Judged(judged.checks, [*judged.notes, *notes]), memory]
    runs = [read_stages(root, candidate.sequences)]
    if repeat is not None:
        other = load_run_scores(repeat)
        again_differs = hardware_differences(candidate.run, other.run)
        if again_differs or other.run.run_id != candidate.run.run_id:
            raise InputError(
                f"{repeat} is no repeat of {root}: it was made otherwise",
                hint="run the same command again with another --out",
            )
        runs.append(read_stages(repeat, other.sequences))
    times = check_normalised(
        speed, runs, calibration=calibration, differing=differing, policy=policy.speed
    )
    return [times, check_memory(speed.memory_mb, read_memory(root), differing, policy)]


def _other_code(held_to: RunScores, measured: Measured) -> list[str]:
    ran, kept = measured.first.baseline.code, held_to.run.code
    other = [
        name
        for name in sorted(kept)
        if name.endswith("_sha256") and str(ran.get(name)) != str(kept[name])
    ]
    if not other:
        return []
    return [
        f"speed: the code measured as the baseline is not the one the baseline file is of "
        f"({', '.join(other)} differ)"
    ]
