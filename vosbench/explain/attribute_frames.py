"""Attributes frame by frame: who has them where, and J on the frames with and without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose import TERMS
from vosbench.diagnose.attributes import has_attribute
from vosbench.diagnose.frame_figures import FrameFigures
from vosbench.explain.attributes import RULES, ExaminedAttributes, Rule
from vosbench.explain.findings import SequenceFindings
from vosbench.explain.records import AttributeFramesRecord, MeanRecord
from vosbench.stats import cluster, robust_t_interval
from vosbench.stats.groups import jackknife_reach

__all__ = ["ATTRIBUTE_COLUMNS", "UNDEFINED", "attribute_cells", "attribute_frames"]

UNDEFINED: Final = "attr_undefined"
ATTRIBUTE_COLUMNS: Final = (*(f"attr_{rule.name}" for rule in RULES), UNDEFINED)
"""Columns that follow `DIAGNOSIS_COLUMNS` where attributes were asked for.

Those of attributes are nullable booleans; the last is text, such as `DEF:earlier ROT:round`: why
the nulls of the row are null, by figure.
"""


def attribute_cells(frames: FrameFigures, at: int) -> tuple[object, ...]:
    """What the columns `ATTRIBUTE_COLUMNS` hold of an object on annotated frame `at`."""
    flags = (
        has_attribute(float(frames.values[rule.figure][at]), rule.threshold, above=rule.above)
        for rule in RULES
    )
    why = (f"{name}:{words[at]}" for name, words in frames.reasons.items() if words[at])
    return (*flags, " ".join(sorted(why)))


@dataclass(frozen=True, eq=False)
class _Rows:
    """All object-frames that count, N of them.

    Attributes:
        sequences: N names.
        objects: (N,) number of the object.
        region: (N,) J.
        terms: N×9.
    """

    sequences: NDArray[np.str_]
    objects: NDArray[np.intp]
    region: NDArray[np.float64]
    terms: NDArray[np.float64]


def attribute_frames(
    findings: Sequence[SequenceFindings], examined: Mapping[str, ExaminedAttributes]
) -> dict[str, AttributeFramesRecord]:
    """J and its loss on object-frames with and without each attribute, by name of the rule.

    Args:
        findings: of the masks.
        examined: of the truth, for each of those sequences.
    """
    pairs = [
        (found.sequence, one, examined[found.sequence].frames[one.object_id])
        for found in findings
        for one in found.objects
    ]
    sizes = [one.frames for _, one, _ in pairs]
    rows = _Rows(
        sequences=np.repeat([sequence for sequence, _, _ in pairs], sizes),
        objects=np.repeat(np.arange(len(pairs)), sizes),
        region=np.concatenate([one.region[one.evaluated] for _, one, _ in pairs]),
        terms=np.concatenate([one.terms[one.evaluated] for _, one, _ in pairs]),
    )
    records = {}
    for rule in RULES:
        figures = np.concatenate([of.values[rule.figure][one.evaluated] for _, one, of in pairs])
        reasons = Counter(
            reason
            for _, one, of in pairs
            for reason, counts in zip(of.reasons[rule.figure], one.evaluated, strict=True)
            if counts and reason
        )
        records[rule.name] = _record(rule, rows, figures, dict(sorted(reasons.items())))
    return records


def _record(
    rule: Rule, rows: _Rows, figures: NDArray[np.float64], undefined: dict[str, int]
) -> AttributeFramesRecord:
    known = np.isfinite(figures)
    # what is undefined compares as false either way
    has = figures > rule.threshold if rule.above else figures < rule.threshold
    lacks = known & ~has
    mean_with, mean_without = _mean(rows, has), _mean(rows, lacks)
    difference, low, high = _difference(rows, has, lacks)
    both, within, within_low, within_high = _within(rows, has, lacks)
    return AttributeFramesRecord(
        frames_with=int(has.sum()),
        frames_without=int(lacks.sum()),
        undefined=undefined,
        objects_with=len(np.unique(rows.objects[has])),
        sequences_with=len(np.unique(rows.sequences[has])),
        sequences_without=len(np.unique(rows.sequences[lacks])),
        mean_with=mean_with,
        mean_without=mean_without,
        difference=difference,
        low=low,
        high=high,
        terms_with=_terms(rows, has),
        terms_without=_terms(rows, lacks),
        objects_both=both,
        within=within,
        within_low=within_low,
        within_high=within_high,
    )


def _mean(rows: _Rows, chosen: NDArray[np.bool_]) -> MeanRecord | None:
    if not chosen.any():
        return None
    values = rows.region[chosen]
    band = robust_t_interval(cluster(values, rows.sequences[chosen].tolist()))
    return MeanRecord(mean=float(values.mean()), low=band.low, high=band.high, frames=len(values))


def _terms(rows: _Rows, chosen: NDArray[np.bool_]) -> dict[str, float] | None:
    if not chosen.any():
        return None
    return dict(zip(TERMS, rows.terms[chosen].mean(axis=0).tolist(), strict=True))


def _difference(
    rows: _Rows, has: NDArray[np.bool_], lacks: NDArray[np.bool_]
) -> tuple[float | None, float | None, float | None]:
    """Difference of the means over frames, and its 95 % interval (`jackknife_reach`).

    No ends where a side has but one sequence.
    """
    if not has.any() or not lacks.any():
        return None, None, None
    either = has | lacks
    _, codes = np.unique(rows.sequences[either], return_inverse=True)
    with_it, without = (np.where(chosen, rows.region, np.nan)[either] for chosen in (has, lacks))
    difference = float(rows.region[has].sum() / has.sum() - rows.region[lacks].sum() / lacks.sum())
    reach = jackknife_reach(with_it, without, codes)
    if reach is None:
        return difference, None, None
    return difference, difference - reach, difference + reach


def _within(
    rows: _Rows, has: NDArray[np.bool_], lacks: NDArray[np.bool_]
) -> tuple[int, float | None, float | None, float | None]:
    """How many objects have both kinds of frames, and the mean of their differences."""
    both = np.intersect1d(rows.objects[has], rows.objects[lacks])
    if not both.size:
        return 0, None, None, None
    differences, sequences = [], []
    for one in both.tolist():
        mine = rows.objects == one
        differences.append(float(rows.region[mine & has].mean() - rows.region[mine & lacks].mean()))
        sequences.append(str(rows.sequences[mine][0]))
    band = robust_t_interval(cluster(differences, sequences))
    return len(both), sum(differences) / len(both), band.low, band.high
