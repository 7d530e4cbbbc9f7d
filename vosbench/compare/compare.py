"""Candidates against a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from vosbench.compare.changes import frame_changes, sequence_changes
from vosbench.compare.common import Common, find_common
from vosbench.compare.records import (
    CandidateComparison,
    ComparisonRecord,
    IntervalRecord,
    MaskAgreement,
    PlainDifference,
    RunIdentity,
    TestedDifference,
)
from vosbench.compare.settings import compare_speed, method_changes
from vosbench.compare.source import RunScores
from vosbench.compare.verdicts import ALPHA, judge
from vosbench.report.text import defined
from vosbench.stats import Interval, PairedComparison, compare_pairs, holm, mean_estimate

__all__ = ["compare_runs"]

_Tested: TypeAlias = Literal["J&F", "J", "F"]
_Plain: TypeAlias = Literal["J recall", "J decay", "F recall", "F decay"]

_TESTED: Final[tuple[tuple[_Tested, str], ...]] = (
    ("J&F", "jf_mean"),
    ("J", "j_mean"),
    ("F", "f_mean"),
)
_PLAIN: Final[tuple[tuple[_Plain, str], ...]] = (
    ("J recall", "j_recall"),
    ("J decay", "j_decay"),
    ("F recall", "f_recall"),
    ("F decay", "f_decay"),
)
_LOWER_IS_BETTER: Final = frozenset({"J decay", "F decay"})
_FEW_SEQUENCES: Final = 10


@dataclass(frozen=True)
class _Paired:
    """One figure of one candidate before the adjustment over candidates."""

    paired: PairedComparison
    equal: bool
    oracle: bool


def compare_runs(
    baseline: RunScores,
    candidates: Sequence[RunScores],
    *,
    ablation: bool = False,
    level: float = 0.95,
    seed: int = 0,
) -> ComparisonRecord:
    """Compare runs on the objects that all of them scored.

    Differences are candidate minus baseline of the official figure, the mean over objects;
    intervals and tests take sequences as the sample (`vosbench.stats.compare_pairs`). Holm's
    adjustment is over the candidates, for each figure by itself: J and F are parts of J&F, not
    further questions.

    Args:
        baseline: what the others are compared with.
        candidates: at least one.
        ablation: the candidates are variants of the baseline's method; for the rendering only.
        level: of the intervals.
        seed: of bootstrap and permutation; same inputs and seed, same record.

    Raises:
        ComparisonError: if the runs have nothing in common, or did not measure the same.
        ValueError: without candidates.
    """
    if not candidates:
        raise ValueError("A comparison needs a candidate.")
    runs = [baseline, *candidates]
    labels = _labels(runs)
    common = find_common(runs, labels)
    tested = {
        metric: [_pair(baseline, run, common, field, level=level, seed=seed) for run in candidates]
        for metric, field in _TESTED
    }
    adjusted = {
        metric: holm([None if one.oracle else one.paired.test.p for one in members])
        for metric, members in tested.items()
    }
    compared = [
        CandidateComparison(
            run=_identity(run, labels[place + 1], common, level=level, seed=seed),
            tests=[
                _tested(metric, tested[metric][place], adjusted[metric][place])
                for metric, _ in _TESTED
            ],
            plain=[_plain(baseline, run, common, metric, field) for metric, field in _PLAIN],
            **sequence_changes(baseline, run, common.objects)._asdict(),
            **frame_changes(baseline, run, set(common.objects))._asdict(),
            masks=_masks(baseline, run, common),
            speed=compare_speed(baseline.run, run.run),
            changed=method_changes(baseline.run, run.run),
        )
        for place, run in enumerate(candidates)
    ]
    return ComparisonRecord(
        dataset=baseline.scores.dataset,
        split=baseline.scores.split,
        protocol=baseline.scores.protocol,
        ablation=ablation,
        seed=seed,
        baseline=_identity(baseline, labels[0], common, level=level, seed=seed),
        sequences=list(common.sequences),
        objects=len(common.objects),
        left_out=common.left_out,
        candidates=compared,
        warnings=[*common.warnings, *_statistical_warnings(compared, len(common.sequences))],
    )


def _labels(runs: Sequence[RunScores]) -> list[str]:
    """Method references, with as much of the run id, or the path, as makes them unique."""
    references = [run.run.method.reference for run in runs]
    with_ids = [
        name if references.count(name) == 1 else f"{name} {run.run.run_id[:12]}"
        for name, run in zip(references, runs, strict=True)
    ]
    return [
        label if with_ids.count(label) == 1 else f"{label} ({run.path})"
        for label, run in zip(with_ids, runs, strict=True)
    ]


def _identity(
    run: RunScores, label: str, common: Common, *, level: float, seed: int
) -> RunIdentity:
    sequences = [run.scores.objects[key].sequence for key in common.objects]
    own = mean_estimate(_values(run, common, "jf_mean"), sequences, level=level, seed=seed)
    # as for differences: by bootstrap, or by the robust t where sequences are too few for that
    bootstrapped = own.bootstrap.low is not None or own.robust.low is None
    return RunIdentity(
        path=run.path,
        label=label,
        method=run.run.method.reference,
        run_id=run.run.run_id,
        status=run.run.status,
        oracle=run.run.method.oracle,
        untrained=run.run.method.untrained,
        own_jf=defined(run.scores.overall.jf_mean),
        jf=own.mean,
        jf_interval=_interval(own.bootstrap if bootstrapped else own.robust),
    )


def _values(run: RunScores, common: Common, field: str) -> list[float]:
    values = [getattr(run.scores.objects[key], field) for key in common.objects]
    return [float("nan") if value is None else value for value in values]


def _pair(
    baseline: RunScores, run: RunScores, common: Common, field: str, *, level: float, seed: int
) -> _Paired:
    before, after = _values(baseline, common, field), _values(run, common, field)
    sequences = [baseline.scores.objects[key].sequence for key in common.objects]
    paired = compare_pairs(before, after, sequences, level=level, seed=seed)
    return _Paired(
        paired,
        equal=bool(paired.objects) and np.array_equal(before, after, equal_nan=True),
        oracle=baseline.run.method.oracle or run.run.method.oracle,
    )


def _tested(metric: _Tested, one: _Paired, p_holm: float | None) -> TestedDifference:
    paired = one.paired
    verdict, reason = judge(one.paired, p_holm, alpha=ALPHA, equal=one.equal, oracle=one.oracle)
    return TestedDifference(
        metric=metric,
        baseline=paired.baseline,
        candidate=paired.candidate,
        difference=paired.difference,
        objects=paired.objects,
        sequences=paired.sequences,
        dropped=paired.dropped,
        interval=_interval(paired.bootstrap),
        robust_interval=_interval(paired.robust),
        flip_interval=_interval(paired.flipped),
        p=paired.test.p,
        p_holm=p_holm,
        p_exact=paired.test.exact,
        p_smallest=paired.test.smallest,
        p_reason=paired.test.reason,
        wins=None if one.oracle else paired.outcomes.wins,
        ties=None if one.oracle else paired.outcomes.ties,
        losses=None if one.oracle else paired.outcomes.losses,
        tie_threshold=paired.outcomes.threshold,
        detectable=paired.detectable,
        verdict=verdict,
        verdict_reason=reason,
    )


def _interval(interval: Interval) -> IntervalRecord:
    return IntervalRecord(
        low=interval.low,
        high=interval.high,
        level=interval.level,
        method=interval.method,
        reason=interval.reason,
    )


def _plain(
    baseline: RunScores, run: RunScores, common: Common, metric: _Plain, field: str
) -> PlainDifference:
    before, after = _values(baseline, common, field), _values(run, common, field)
    kept = np.isfinite(before) & np.isfinite(after)
    old = float(np.mean(np.array(before)[kept])) if kept.any() else None
    new = float(np.mean(np.array(after)[kept])) if kept.any() else None
    return PlainDifference(
        metric=metric,
        lower_is_better=metric in _LOWER_IS_BETTER,
        baseline=old,
        candidate=new,
        difference=None if old is None or new is None else new - old,
    )


def _masks(baseline: RunScores, run: RunScores, common: Common) -> MaskAgreement:
    pairs = [
        (name, baseline.sequences[name].masks_sha256, run.sequences[name].masks_sha256)
        for name in common.sequences
        if name in baseline.sequences and name in run.sequences
    ]
    known = [(name, ours, theirs) for name, ours, theirs in pairs if ours and theirs]
    return MaskAgreement(
        compared=len(known), identical=[name for name, ours, theirs in known if ours == theirs]
    )


def _statistical_warnings(compared: Sequence[CandidateComparison], sequences: int) -> list[str]:
    lines = []
    if sequences < _FEW_SEQUENCES:
        lines.append(
            f"{sequences} sequences in common: with fewer than {_FEW_SEQUENCES}, intervals and p "
            "are rough"
        )
    smallest = [test.p_smallest for one in compared for test in one.tests if test.metric == "J&F"]
    known = [value for value in smallest if value is not None]
    if known and min(known) * len(known) > ALPHA:
        lines.append(
            f"so few sequences cannot show any difference at {ALPHA:.2f}: the smallest possible p "
            f"is {min(known):.2g}"
        )
    for one in compared:
        dropped = max(test.dropped for test in one.tests)
        if dropped:
            lines.append(
                f"{one.run.label}: {dropped} objects have an undefined figure in one of the runs "
                "and are left out of its test"
            )
    return lines
