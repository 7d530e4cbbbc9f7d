"""From masks and truth on disk to a diagnosis, its record, and words."""

from __future__ import annotations

from vosbench.explain.build import Diagnosis, Origin, build_diagnosis
from vosbench.explain.card_records import AnalysisCard
from vosbench.explain.centres import compare_centres
from vosbench.explain.collect import examine_sequence
from vosbench.explain.difference import compare_diagnoses
from vosbench.explain.findings import ObjectFindings, SequenceFindings
from vosbench.explain.records import (
    DIAGNOSIS_COLUMNS,
    DiagnosisRecord,
    DifferenceRecord,
)
from vosbench.explain.render import render_diagnosis, render_difference
from vosbench.explain.rules import rules_digest
from vosbench.explain.run import (
    DIAGNOSIS_JSON,
    DIAGNOSIS_TABLE,
    Attributes,
    Restart,
    diagnose_path,
)
from vosbench.explain.selftest import CARD_JSON, CARD_MARKDOWN, render_card, self_test

__all__ = [
    "CARD_JSON",
    "CARD_MARKDOWN",
    "DIAGNOSIS_COLUMNS",
    "DIAGNOSIS_JSON",
    "DIAGNOSIS_TABLE",
    "AnalysisCard",
    "Attributes",
    "Diagnosis",
    "DiagnosisRecord",
    "DifferenceRecord",
    "ObjectFindings",
    "Origin",
    "Restart",
    "SequenceFindings",
    "build_diagnosis",
    "compare_centres",
    "compare_diagnoses",
    "diagnose_path",
    "examine_sequence",
    "render_card",
    "render_diagnosis",
    "render_difference",
    "rules_digest",
    "self_test",
]
