"""Which terms of the loss changed, where both runs were diagnosed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.compare.records import ComparisonRecord
from vosbench.compare.source import RunScores
from vosbench.errors import ComparisonError, InputError
from vosbench.store import read_record

if TYPE_CHECKING:
    from vosbench.explain import DiagnosisRecord, DifferenceRecord

__all__ = ["LossChange", "loss_changes"]


@dataclass(frozen=True)
class LossChange:
    """One candidate against the baseline, by cause.

    Attributes:
        label: of the candidate.
        difference: of the diagnoses over the objects in common, or None.
        note: why there is none and how to get it, or what its figures are over.
    """

    label: str
    difference: DifferenceRecord | None
    note: str


def loss_changes(
    record: ComparisonRecord, baseline: RunScores, candidates: Sequence[RunScores]
) -> tuple[LossChange, ...]:
    """Hold the diagnoses of runs against each other, on the sequences that all runs scored.

    A diagnosis that is missing, damaged or of other frames costs its part of the page, which says
    so; nothing is diagnosed here.
    """
    found = []
    for one, candidate in zip(record.candidates, candidates, strict=True):
        try:
            found.append(_change(one.run.label, baseline, candidate, set(record.sequences)))
        except (InputError, ComparisonError) as error:
            told = f"{error} ({error.hint})" if error.hint else str(error)
            found.append(LossChange(one.run.label, None, told))
    return tuple(found)


def _change(
    label: str, baseline: RunScores, candidate: RunScores, sequences: set[str]
) -> LossChange:
    from vosbench.explain import compare_diagnoses

    files = [_file(run) for run in (baseline, candidate)]
    missing = [str(path.parent) for path in files if not path.is_file()]
    if missing:
        commands = "; ".join(f"vosbench diagnose {path}" for path in missing)
        return LossChange(label, None, f"Not diagnosed. To see the terms of the loss: {commands}")
    difference = compare_diagnoses(*(_diagnosis(path, sequences) for path in files))
    left = len(difference.left_out)
    note = f"{left} objects that only one diagnosis has are left out." if left else ""
    return LossChange(label, difference, note)


def _file(run: RunScores) -> Path:
    from vosbench.explain import DIAGNOSIS_JSON

    return Path(run.path) / DIAGNOSIS_JSON


def _diagnosis(path: Path, sequences: set[str]) -> DiagnosisRecord:
    from vosbench.explain import DiagnosisRecord

    record = read_record(path, DiagnosisRecord)
    objects = [one for one in record.objects if one.sequence in sequences]
    return record.model_copy(update={"objects": objects})
