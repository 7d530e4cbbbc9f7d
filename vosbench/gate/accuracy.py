"""Figures of accuracy against a baseline: by tolerance, or by an interval over sequences."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vosbench.compare import RunScores
from vosbench.gate.masks import MOST_BLAMED
from vosbench.gate.policy import METRIC_FIELDS, Policy, Tolerance
from vosbench.gate.records import Blame, CheckRecord, Regime, Verdict
from vosbench.report.text import count
from vosbench.stats import PairedComparison, compare_pairs, non_inferiority

__all__ = ["LossTerms", "check_accuracy", "check_floors"]

_LOWER_IS_BETTER: Final = frozenset({"J decay", "F decay"})
_ROUNDING: Final = 1e-9
_SAID: Final = 0.0005
_SHOWN: Final = 0.00005
"""Least change that two decimals of a point show."""

LossTerms: TypeAlias = Mapping[str, Mapping[str, float]]
"""What J lost by cause, 0..1, keyed by object."""


@dataclass(frozen=True)
class _Change:
    """One figure before and after, 0..1; `drop` is positive for the worse."""

    level: Literal["overall", "sequence", "object"]
    name: str
    before: float
    after: float
    drop: float

    @property
    def text(self) -> str:
        # of the figure itself: one that is better when lower gets worse by rising
        verb = "rose" if self.after > self.before else "fell"
        moved = abs(self.after - self.before)
        size = f"{100 * moved:.2f}" if moved >= _SHOWN else "less than 0.01"
        return f"{verb} by {size} points ({100 * self.before:.2f} to {100 * self.after:.2f})"


@dataclass(frozen=True)
class _Figure:
    """A metric on all objects in common."""

    metric: str
    overall: _Change | None
    sequences: tuple[_Change, ...]
    objects: tuple[_Change, ...]
    lost: tuple[str, ...]


def check_accuracy(
    baseline: RunScores,
    candidate: RunScores,
    keys: Sequence[str],
    *,
    regime: Regime,
    policy: Policy,
    terms: tuple[LossTerms, LossTerms] = ({}, {}),
) -> list[CheckRecord]:
    """Hold every figure that the policy asks for to the baseline.

    Args:
        baseline: as a run.
        candidate: the run.
        keys: objects that both scored.
        regime: which rules hold.
        policy: margins and tolerances.
        terms: losses by cause of baseline and candidate, where known.
    """
    checks = []
    for metric, rules in policy.accuracy.metrics.items():
        if rules.status == "off":
            continue
        figure = _figure(baseline, candidate, keys, metric)
        if figure.overall is None and not figure.lost:
            if rules.status == "blocking":
                checks.append(_undecided(metric, rules.status, "the baseline has no such figure"))
            continue
        if figure.lost:
            check = _lost(figure, rules.status)
        elif regime == "changed":
            check = _by_interval(baseline, candidate, keys, figure, policy)
        else:
            check = _by_tolerance(figure, regime, policy)
        if check.verdict != "pass":
            blame = [*check.blame, *_loss_blame(figure, *terms)]
            check = check.model_copy(update={"blame": blame})
        checks.append(check)
    return checks


def _undecided(metric: str, status: str, reason: str) -> CheckRecord:
    return CheckRecord.model_validate(
        {
            "name": f"accuracy/{metric}",
            "status": status,
            "verdict": "inconclusive",
            "reason": reason,
        }
    )


def _figure(baseline: RunScores, candidate: RunScores, keys: Sequence[str], metric: str) -> _Figure:
    field = METRIC_FIELDS[metric]
    sign = -1.0 if metric in _LOWER_IS_BETTER else 1.0
    objects, lost = [], []
    for key in keys:
        before = getattr(baseline.scores.objects[key], field)
        after = getattr(candidate.scores.objects[key], field)
        if before is None:
            continue
        if after is None or not math.isfinite(after):
            lost.append(key)
            continue
        objects.append(_Change("object", key, before, after, sign * (before - after)))
    members: defaultdict[str, list[_Change]] = defaultdict(list)
    for one in objects:
        members[baseline.scores.objects[one.name].sequence].append(one)
    sequences = tuple(_mean("sequence", name, of) for name, of in members.items())
    overall = _overall(baseline, candidate, keys, field, sign)
    if overall is None and objects:
        overall = _mean("overall", "overall", objects)
    return _Figure(metric, overall, sequences, tuple(objects), tuple(lost))


def _overall(
    baseline: RunScores, candidate: RunScores, keys: Sequence[str], field: str, sign: float
) -> _Change | None:
    """The official figure, where both have it over the same objects."""
    if not set(keys) == set(baseline.scores.objects) == set(candidate.scores.objects):
        return None
    before = getattr(baseline.scores.overall, field)
    after = getattr(candidate.scores.overall, field)
    if before is None or after is None or not math.isfinite(after):
        return None
    return _Change("overall", "overall", before, after, sign * (before - after))


def _mean(level: Literal["overall", "sequence"], name: str, members: Sequence[_Change]) -> _Change:
    size = len(members)
    return _Change(
        level,
        name,
        math.fsum(one.before for one in members) / size,
        math.fsum(one.after for one in members) / size,
        math.fsum(one.drop for one in members) / size,
    )


def _lost(figure: _Figure, status: str) -> CheckRecord:
    return CheckRecord.model_validate(
        {
            "name": f"accuracy/{figure.metric}",
            "status": status,
            "verdict": "fail",
            "reason": f"{figure.metric} of {', '.join(figure.lost[:MOST_BLAMED])} is undefined, "
            "and was not in the baseline",
            "blame": [Blame(kind="object", name=key, text="undefined now") for key in figure.lost],
        }
    )


def _by_tolerance(figure: _Figure, regime: Regime, policy: Policy) -> CheckRecord:
    rules = policy.accuracy.metrics[figure.metric]
    if regime == "numerics":
        tolerance = rules.numerics or policy.accuracy.numerics
    else:
        tolerance = rules.same or policy.accuracy.same
    overall = figure.overall
    assert overall is not None  # noqa: S101 - the caller has looked
    everything = (overall, *figure.sequences, *figure.objects)
    beyond = [one for one in everything if one.drop > _allowed(one, tolerance) + _ROUNDING]
    verdict: Verdict = "fail" if beyond else "pass"
    if beyond:
        worst = _worst(beyond)
        first = worst[0]
        reason = (
            f"{figure.metric} of {first.name} {first.text}; "
            f"{100 * _allowed(first, tolerance):.2f} tolerated for each {first.level}"
            if first.level != "overall"
            else f"overall {figure.metric} {first.text}; "
            f"{100 * _allowed(first, tolerance):.2f} tolerated"
        )
    else:
        worst = []
        lowest = max(figure.sequences, key=lambda one: one.drop, default=overall)
        worse = "rise" if figure.metric in _LOWER_IS_BETTER else "fall"
        said = f"; largest {worse}: {lowest.name}, {100 * lowest.drop:.2f}"
        reason = f"{figure.metric} {_moved(overall)}{said if lowest.drop >= _SHOWN else ''}"
    return CheckRecord(
        name=f"accuracy/{figure.metric}",
        status=rules.status,
        verdict=verdict,
        reason=reason,
        baseline=overall.before,
        candidate=overall.after,
        change=overall.after - overall.before,
        bound=-tolerance.overall / 100,
        blame=_change_blame(worst, figure),
    )


def _moved(one: _Change) -> str:
    if abs(one.drop) <= _ROUNDING:
        return "is the same"
    return one.text


def _allowed(one: _Change, tolerance: Tolerance) -> float:
    points: float = getattr(tolerance, one.level)
    return max(points / 100, tolerance.relative * abs(one.before))


def _worst(beyond: Sequence[_Change]) -> list[_Change]:
    """Where it is first: a sequence says more than the whole set, and than its objects."""
    order = {"sequence": 0, "object": 1, "overall": 2}
    return sorted(beyond, key=lambda one: (order[one.level], -one.drop, one.name))


def _change_blame(worst: Sequence[_Change], figure: _Figure) -> list[Blame]:
    found = [
        Blame(
            kind="sequence" if one.level == "sequence" else "object", name=one.name, text=one.text
        )
        for one in worst
        if one.level != "overall"
    ]
    if not found and worst:
        falls = sorted(figure.sequences, key=lambda one: (-one.drop, one.name))
        found = [
            Blame(kind="sequence", name=one.name, text=one.text)
            for one in falls
            if one.drop >= _SHOWN
        ]
    sequences = [one for one in found if one.kind == "sequence"][:MOST_BLAMED]
    return sequences + [one for one in found if one.kind == "object"][:MOST_BLAMED]


def _by_interval(
    baseline: RunScores,
    candidate: RunScores,
    keys: Sequence[str],
    figure: _Figure,
    policy: Policy,
) -> CheckRecord:
    rules, changed = policy.accuracy.metrics[figure.metric], policy.accuracy.changed
    margin = (rules.margin or changed.margin) / 100
    names = [baseline.scores.objects[one.name].sequence for one in figure.objects]
    paired = compare_pairs(
        [0.0] * len(names), [-one.drop for one in figure.objects], names, level=changed.level
    )
    falls = sorted(figure.sequences, key=lambda one: (-one.drop, one.name))
    lower = figure.metric in _LOWER_IS_BETTER
    verdict, reason = _interval_verdict(paired, margin, lower=lower)
    far = [one for one in falls if one.drop > changed.worst_sequence / 100 + _ROUNDING]
    if far:
        verdict = "fail"
        reason = (
            f"{figure.metric} of {far[0].name} {far[0].text}; {changed.worst_sequence:.1f} "
            "tolerated on one sequence"
        )
    overall = figure.overall
    assert overall is not None  # noqa: S101 - the caller has looked
    blamed = falls if verdict != "pass" else []
    return CheckRecord(
        name=f"accuracy/{figure.metric}",
        status=rules.status,
        verdict=verdict,
        reason=reason,
        baseline=overall.before,
        candidate=overall.after,
        change=overall.after - overall.before,
        low=paired.bootstrap.low,
        high=paired.bootstrap.high,
        bound=-margin,
        blame=_change_blame([one for one in blamed if one.drop >= _SHOWN], figure),
    )


def _interval_verdict(
    paired: PairedComparison, margin: float, *, lower: bool
) -> tuple[Verdict, str]:
    """Verdict and reason; `lower`: the figure is better when lower, its differences are turned."""
    if paired.difference is not None and paired.bootstrap.low is None:
        # without spread there is no interval; equal figures need none
        outcomes = paired.outcomes
        if outcomes.losses == 0 and paired.difference >= 0:
            return "pass", f"no sequence of {paired.sequences} lost"
    found = non_inferiority(paired.bootstrap, margin)
    detectable = (
        f"; so many sequences find {100 * paired.detectable:.1f} points four times in five"
        if found.verdict == "inconclusive" and paired.detectable is not None
        else ""
    )
    difference = 0.0 if paired.difference is None else 100 * paired.difference
    return found.verdict, (
        f"{difference:+.2f} points over {count(paired.sequences, 'sequence')}, "
        f"{'minus is a rise, and worse' if lower else 'higher is better'}: "
        f"{found.reason}{detectable}"
    )


def _loss_blame(figure: _Figure, before: LossTerms, after: LossTerms) -> list[Blame]:
    """Which cause of loss grew most, over the objects that fell."""
    from vosbench.diagnose import GROUPS

    if figure.metric not in ("J&F", "J"):
        return []
    known = [one for one in figure.objects if one.name in before and one.name in after]
    fell = sorted((one for one in known if one.drop > 0), key=lambda one: -one.drop)
    found = []
    for one in fell[:MOST_BLAMED]:
        grown = {
            group: sum(after[one.name].get(t, 0.0) - before[one.name].get(t, 0.0) for t in terms)
            for group, terms in GROUPS.items()
        }
        most = max(grown, key=lambda group: grown[group])
        if grown[most] >= _SAID:
            text = f"{one.name} lost {100 * grown[most]:.1f} points of J more to {most}"
            found.append(Blame(kind="loss", name=most, text=text))
    return found


def check_floors(candidate: RunScores, policy: Policy) -> list[CheckRecord]:
    """Lowest J&F that the policy allows, for named sequences or overall."""
    checks = []
    for name, floor in policy.accuracy.floors.items():
        scores = candidate.scores
        source = scores.overall if name == "overall" else scores.sequences.get(name)
        value = source.jf_mean if source is not None else None
        verdict: Verdict
        if value is None:
            verdict, reason = "inconclusive", f"{name} has no J&F in this run"
        elif 100 * value < floor - 100 * _ROUNDING:
            verdict, reason = "fail", f"J&F of {name} is {100 * value:.2f}, below {floor:.2f}"
        else:
            verdict, reason = "pass", f"J&F of {name} is {100 * value:.2f}, at least {floor:.2f}"
        blamed = verdict != "pass" and name != "overall"
        checks.append(
            CheckRecord(
                name=f"floor/{name}",
                status="blocking",
                verdict=verdict,
                reason=reason,
                candidate=value,
                bound=floor / 100,
                blame=[Blame(kind="sequence", name=name, text=reason)] if blamed else [],
            )
        )
    return checks
