"""A table before it has a format: values, and for each column how a value is shown.

LaTeX and Markdown show figures in points, as a paper prints them. CSV and JSON hold the value
itself at full precision, 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vosbench.report.text import UNDEFINED, points, published_number

__all__ = ["Field", "Kind", "Table", "Value", "p_text", "shown", "signed", "significant"]

Value: TypeAlias = str | int | float | None
Kind: TypeAlias = Literal["text", "count", "points", "change", "size", "p", "printed", "measured"]
"""How a column is shown: `points`, `change` and `size` are 0..1 and shown in points, the latter two
with two decimals, a change with its sign; `printed` keeps the digits of its source; `measured` has
three significant digits."""

UNITS: Final = {"points": "0..1", "change": "0..1", "size": "0..1"}
_DIGITS: Final = 3


@dataclass(frozen=True)
class Field:
    """A column: its key for programs, its heading for people, and how it is shown."""

    key: str
    label: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """A table without a format.

    Attributes:
        name: file stem, of our own making: lower-case letters, digits and dashes.
        title: caption; may hold names from outside.
        fields: columns.
        rows: one value per column; None where undefined.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Value, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.fields):
                raise ValueError(f"{self.name}: {len(row)} values for {len(self.fields)} columns")


def shown(value: Value, kind: Kind) -> str:
    """The value as people read it; a dash where it is undefined."""
    if isinstance(value, str):
        return value
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return _SHOWN[kind](value)


def signed(value: float | None) -> str:
    """A difference 0..1 in points with two decimals and its sign; a dash where undefined."""
    if value is None:
        return UNDEFINED
    text = f"{100 * value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def _unsigned(value: float) -> str:
    return f"{100 * value:.2f}"


def p_text(value: float | None) -> str:
    """A p value with three decimals, or that it is smaller."""
    if value is None:
        return UNDEFINED
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def significant(value: float, digits: int = _DIGITS) -> str:
    """The value with so many significant digits and never an exponent; large ones keep all."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    # rounding first, so that 9.996 is 10.0 and not 10.00
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:.{decimals}f}"


_SHOWN: Final[Mapping[Kind, Callable[[float], str]]] = {
    "text": str,
    "count": str,
    "points": points,
    "change": signed,
    "size": _unsigned,
    "p": p_text,
    "printed": published_number,
    "measured": significant,
}
