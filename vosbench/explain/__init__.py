"""From masks and truth on disk to a diagnosis, its record, and words."""

from __future__ import annotations

from vosbench.explain.build import Diagnosis, Origin, build_diagnosis
from vosbench.explain.collect import examine_sequence
from vosbench.explain.difference import compare_diagnoses
from vosbench.explain.findings import ObjectFindings, SequenceFindings
from vosbench.explain.records import DIAGNOSIS_COLUMNS, DiagnosisRecord, DifferenceRecord
from vosbench.explain.render import render_diagnosis, render_difference
from vosbench.explain.run import DIAGNOSIS_JSON, DIAGNOSIS_TABLE, diagnose_path

__all__ = [
    "DIAGNOSIS_COLUMNS",
    "DIAGNOSIS_JSON",
    "DIAGNOSIS_TABLE",
    "Diagnosis",
    "DiagnosisRecord",
    "DifferenceRecord",
    "ObjectFindings",
    "Origin",
    "SequenceFindings",
    "build_diagnosis",
    "compare_diagnoses",
    "diagnose_path",
    "examine_sequence",
    "render_diagnosis",
    "render_difference",
]
