"""What one run loses against another, by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data.names import counted
from vosbench.diagnose import GROUPS
from vosbench.errors import ComparisonError
from vosbench.explain.records import (
    DiagnosisRecord,
    DifferenceRecord,
    LossRecord,
    ObjectDifference,
    ObjectRecord,
    TermDifference,
)
from vosbench.explain.weights import object_weights
from vosbench.stats import cluster, robust_t_interval

__all__ = ["compare_diagnoses", "group_losses"]

_FEW_SEQUENCES: Final = 10
"""As for comparing scores."""
_SAID: Final = 0.0005
"""Changes below this (0.05 points) are not worth a word in the summary."""


def group_losses(record: LossRecord) -> dict[str, float]:
    """The loss by group of terms."""
    return {group: sum(record.terms[t] for t in terms) for group, terms in GROUPS.items()}


def compare_diagnoses(baseline: DiagnosisRecord, candidate: DiagnosisRecord) -> DifferenceRecord:
    """Hold two diagnoses of the same data against each other, on the objects that both have.

    Raises:
        ComparisonError: the data or rules differ, or no object is in common.
    """
    for name in ("dataset", "split", "protocol"):
        one, two = getattr(baseline, name), getattr(candidate, name)
        if one != two:
            raise ComparisonError(
                f"the {name} differs: {baseline.path} has {one}, {candidate.path} has {two}",
                hint="only diagnoses of the same data under the same protocol can be compared",
            )
    first, second = _keyed(baseline), _keyed(candidate)
    common = [key for key in first if key in second]
    if not common:
        raise ComparisonError(f"{baseline.path} and {candidate.path} have no object in common")
    for key in common:
        one_frames, two_frames = first[key].evaluated_frames, second[key].evaluated_frames
        if one_frames != two_frames:
            raise ComparisonError(
                f"{key[0]}, object {key[1]}: {one_frames} frames count in {baseline.path}, "
                f"{two_frames} in {candidate.path}",
                hint="the two were not scored on the same annotations; diagnose them again",
            )
    pairs = [(first[key], second[key]) for key in common]
    weights = object_weights([a.seen for a, _ in pairs])
    losses = [a.loss for a, _ in pairs], [b.loss for _, b in pairs]
    loss = _difference("loss", *losses, keys=common, weights=weights)
    groups = [
        _difference(
            group,
            [group_losses(a)[group] for a, _ in pairs],
            [group_losses(b)[group] for _, b in pairs],
            keys=common,
            weights=weights,
        )
        for group in GROUPS
    ]
    groups.sort(key=lambda one: -abs(one.difference))
    names = _names(baseline, candidate)
    return DifferenceRecord(
        baseline=names[0],
        candidate=names[1],
        j_baseline=1.0 - loss.baseline,
        j_candidate=1.0 - loss.candidate,
        loss=loss,
        groups=groups,
        objects=sorted(
            (_object_difference(a, b) for a, b in pairs), key=lambda one: -abs(one.difference)
        ),
        left_out=[f"{s}, object {i}" for s, i in sorted(first.keys() ^ second.keys())],
        warnings=_warnings(len({sequence for sequence, _ in common})),
        summary=_summary(names, loss, groups),
    )


def _warnings(sequences: int) -> list[str]:
    if sequences >= _FEW_SEQUENCES:
        return []
    return [
        f"{counted(sequences, 'sequence')} in common: with fewer than "
        f"{_FEW_SEQUENCES}, intervals are rough"
    ]


_Key = tuple[str, int]


def _keyed(record: DiagnosisRecord) -> Mapping[_Key, ObjectRecord]:
    return {(one.sequence, one.object_id): one for one in record.objects}


def _names(baseline: DiagnosisRecord, candidate: DiagnosisRecord) -> tuple[str, str]:
    if baseline.method and candidate.method and baseline.method != candidate.method:
        return baseline.method, candidate.method
    return baseline.path, candidate.path


def _difference(
    group: str,
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    keys: Sequence[_Key],
    weights: NDArray[np.float64],
) -> TermDifference:
    change = np.asarray(candidate) - np.asarray(baseline)
    # scaled so that the plain mean that the interval is of is the weighted mean
    scaled = change * weights * len(weights)
    band = robust_t_interval(cluster(scaled, [sequence for sequence, _ in keys]))
    return TermDifference(
        group=group,
        baseline=float(weights @ np.asarray(baseline)),
        candidate=float(weights @ np.asarray(candidate)),
        difference=float(weights @ change),
        low=band.low,
        high=band.high,
    )


def _object_difference(baseline: ObjectRecord, candidate: ObjectRecord) -> ObjectDifference:
    before, after = group_losses(baseline), group_losses(candidate)
    changed = max(GROUPS, key=lambda group: abs(after[group] - before[group]))
    return ObjectDifference(
        sequence=baseline.sequence,
        object_id=baseline.object_id,
        baseline=baseline.j_mean,
        candidate=candidate.j_mean,
        difference=candidate.j_mean - baseline.j_mean,
        dominant=changed if after[changed] != before[changed] else "",
    )


def _summary(names: tuple[str, str], loss: TermDifference, groups: Sequence[TermDifference]) -> str:
    """Such as: `toy@fast loses 3.1 points of J against toy: 2.2 drift, 0.7 identity`."""
    baseline, candidate = names
    if abs(loss.difference) < _SAID:
        verb = "loses and gains less than 0.05 points of J"
    else:
        word = "loses" if loss.difference > 0 else "gains"
        verb = f"{word} {100 * abs(loss.difference):.1f} points of J"
    sign = 1 if loss.difference >= 0 else -1
    parts = [
        f"{100 * sign * one.difference:.1f} {one.group}"
        for one in groups
        if abs(one.difference) >= _SAID
    ]
    return f"{candidate} {verb} against {baseline}" + (f": {', '.join(parts)}" if parts else "")
