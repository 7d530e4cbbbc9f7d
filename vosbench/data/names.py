"""Names that come from outside: sequences, frames, data sets.

They become parts of paths, so only names of one strict form are let through; everything else is
refused, never repaired.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from vosbench.errors import InputError

__all__ = [
    "NAME_PATTERN",
    "checked_name",
    "close_names",
    "counted",
    "in_natural_order",
    "is_safe_name",
    "natural_key",
    "shortened",
]

NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$"
_NAME = re.compile(NAME_PATTERN)
_DIGITS = re.compile(r"([0-9]+)")
_NUMBER = re.compile(r"[0-9]+")


def is_safe_name(name: str) -> bool:
    """Whether the name may become a part of a path: letters, digits, `_ . + -`, no leading dot."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str, *, kind: str, where: Path | str) -> str:
    """The name itself.

    Args:
        name: sequence or frame name as found outside.
        kind: what it names, for the message (`sequence`, `frame`).
        where: file or folder in which it was found.

    Raises:
        InputError: for any other form of name.
    """
    if not is_safe_name(name):
        raise InputError(
            f"{where}: {kind} name {name[:140]!r} is refused",
            hint="names may hold letters, digits and _ . + -, must not begin with a dot or a dash, "
            "and have at most 128 characters; rename it",
        )
    return name


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which `frame2` comes before `frame10`, total even for `1` and `01`."""
    parts = [part for part in _DIGITS.split(name) if part]
    # isdecimal() would also accept digits of other scripts, at which the pattern does not split
    keyed = [(0, int(p), p) if p[0] in "0123456789" else (1, 0, p) for p in parts]
    return tuple(keyed)


def in_natural_order(names: Sequence[str]) -> list[str]:
    """Names sorted by `natural_key`; numbers of equal length, as of most frames, sort as text."""
    if len({len(name) for name in names}) == 1 and all(map(_NUMBER.fullmatch, names)):
        return sorted(names)
    return sorted(names, key=natural_key)


def close_names(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """` (did you mean 'a' or 'b'?)`, or nothing."""
    matches = difflib.get_close_matches(name, list(known), n=count, cutoff=0.5)
    return f" (did you mean {' or '.join(repr(match) for match in matches)}?)" if matches else ""


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shortened(names: Iterable[str], *, most: int = 8) -> str:
    """The names joined by commas, cut after `most` with a count of the rest."""
    listed = list(names)
    rest = f", and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[:most]) + rest) if listed else "nothing"
