"""What makes sequences hard, as rows that a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vosbench.report.text import defined
from vosbench.stats.groups import welch_reach

if TYPE_CHECKING:
    from vosbench.explain import DiagnosisRecord
    from vosbench.explain.records import AttributeRecord

__all__ = ["AttributeRow", "attribute_rows"]

_ATTRIBUTES: Final = {
    "LR": "low resolution",
    "SV": "scale variation",
    "SV-length": "scale variation by length",
    "FM": "fast motion",
    "OV": "out of view",
    "OCC": "occlusion",
    "SC": "shape complexity",
    "DEF": "deformation",
    "ROT": "rotation",
    "AC": "appearance change",
    "BC": "background clutter",
    "CS": "camera shake",
    "DB": "dynamic background",
    "EA": "edge ambiguity",
    "HO": "heterogeneous object",
    "IO": "interacting objects",
    "MB": "motion blur",
}
"""Names of attributes in full (Perazzi et al., CVPR 2016, table 1; rotation is not among them)."""


@dataclass(frozen=True)
class AttributeRow:
    """One attribute.

    Attributes:
        name: as the diagnosis names it.
        meaning: its name in full, or empty.
        rule: when a sequence has it.
        with_it: how many sequences have it.
        without: how many do not.
        j_with: mean J of the former, 0..1.
        j_without: mean J of the latter.
        difference: of the two; negative: sequences with it are harder.
        low: lower end of the 95 % interval of the difference, or None.
        high: upper end, or None.
        kappas: agreement with people: train, left out, val, here; None where not known.
    """

    name: str
    meaning: str
    rule: str
    with_it: int
    without: int
    j_with: float | None
    j_without: float | None
    difference: float | None
    low: float | None
    high: float | None
    kappas: tuple[float | None, ...]


def attribute_rows(record: DiagnosisRecord) -> tuple[AttributeRow, ...]:
    """Rows of the attributes that a diagnosis measured; none where they were not asked for."""
    if record.attributes is None:
        return ()
    found = record.attributes
    rows = []
    for one in found.attributes:
        low, high = _interval(one, record)
        rows.append(
            AttributeRow(
                name=one.attribute,
                meaning=_ATTRIBUTES.get(one.attribute, ""),
                rule=f"{'>' if one.above else '<'} {one.threshold:.3g} ({one.origin})",
                with_it=one.sequences_with,
                without=one.sequences_without,
                j_with=one.j_with,
                j_without=one.j_without,
                difference=one.difference,
                low=low,
                high=high,
                kappas=(one.kappa_train, one.kappa_left_out, one.kappa_val, one.kappa_here),
            )
        )
    return tuple(rows)


def _interval(one: AttributeRecord, record: DiagnosisRecord) -> tuple[float | None, float | None]:
    """95 % interval of the difference of mean J over sequences.

    Welch's interval for two means of unlike spread (Biometrika 1947), with the sequence as the
    sampled unit. None where a side has fewer than two sequences, where an attribute could not be
    measured on some, or where neither side has any spread.
    """
    if record.attributes is None or one.difference is None:
        return None, None
    has = {
        name: one.attribute in found
        for name, found in record.attributes.sequences.items()
        if name in record.sequences
    }
    sides = [
        [record.sequences[n].j_mean for n, yes in has.items() if yes is want]
        for want in (True, False)
    ]
    if [len(side) for side in sides] != [one.sequences_with, one.sequences_without]:
        return None, None
    reach = welch_reach(*sides)
    if reach is None:
        return None, None
    return defined(one.difference - reach), defined(one.difference + reach)
