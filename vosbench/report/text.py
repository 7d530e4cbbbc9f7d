"""How names and numbers become text: one place for rounding and for every kind of escaping.

Names of methods, sequences and files come from outside. They are shown, never interpreted: HTML is
escaped by jinja2, Markdown by `escape_markdown`, inlined JSON by `json_for_html`, and characters
that steer a terminal or reverse the reading direction are spelled out by `plain` in every format.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any, Final, NamedTuple

from vosbench.store.schema import Summary

__all__ = [
    "METRICS",
    "UNDEFINED",
    "Metric",
    "Verbatim",
    "count",
    "defined",
    "escape_markdown",
    "fenced",
    "figures",
    "json_for_html",
    "plain",
    "plain_block",
    "points",
    "published_number",
    "value_text",
]

UNDEFINED: Final = "–"


class Metric(NamedTuple):
    """One of the seven figures of the DAVIS protocol.

    Attributes:
        field: attribute of `Summary`.
        label: heading of its column.
        card_key: its name in a `[[published]]` table of a method card.
        lower_is_better: true for decay.
    """

    field: str
    label: str
    card_key: str
    lower_is_better: bool = False


METRICS: Final = (
    Metric("jf_mean", "J&F", "J&F"),
    Metric("j_mean", "J mean", "J"),
    Metric("j_recall", "J recall", "J_recall"),
    Metric("j_decay", "J decay", "J_decay", lower_is_better=True),
    Metric("f_mean", "F mean", "F"),
    Metric("f_recall", "F recall", "F_recall"),
    Metric("f_decay", "F decay", "F_decay", lower_is_better=True),
)

_MARKDOWN_SPECIAL = re.compile(r"[\\`*_{}\[\]!|~$]")
# GitHub's Markdown makes links of bare addresses: http://x, www.x, a@b.c
_MARKDOWN_ADDRESS = re.compile(r":(?=//)|(?<=www)\.|@(?=[\w-]*\.)", re.IGNORECASE)
# at the start of a list item or line these would open a heading, a list or a rule
_MARKDOWN_BLOCK = re.compile(r"^(\d*)((?<=\d)[.)](?=\s|$)|#|[-+=](?=[-+=\s]|$))")
_RUNS_OF_BACKTICKS = re.compile(r"`+")
# Cc: terminal control; Cf: invisible, direction-reversing; Cs: not encodable; Zl, Zp: line breaks
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Verbatim(str):
    """Text whose line breaks are kept, for a block of code."""

    __slots__ = ()


def plain(text: str) -> str:
    """The text on one line, with every control and direction character spelled out as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _HIDDEN_CATEGORIES
        else character
        for character in text
    )


def plain_block(text: str) -> Verbatim:
    """The text with its line breaks, and every other control character spelled out."""
    lines = text.replace("\r\n", "\n").replace("\t", "    ").split("\n")
    return Verbatim("\n".join(plain(line) for line in lines))


def escape_markdown(text: str) -> str:
    r"""The text as Markdown that shows it literally: in a sentence, a table cell or a list item.

    `<`, `>` and `&` become entities; what would be markup, open a block or become a link takes a
    backslash.
    """
    entities = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _MARKDOWN_SPECIAL.sub(r"\\\g<0>", entities)
    escaped = _MARKDOWN_ADDRESS.sub(r"\\\g<0>", escaped)
    escaped = _MARKDOWN_BLOCK.sub(r"\1\\\2", escaped)
    # four leading spaces would open a block of code
    return f"&#32;{escaped[1:]}" if escaped.startswith(" ") else escaped


def fenced(text: str, language: str = "") -> Verbatim:
    """A Markdown code block whose fence is longer than any run of backticks in the text."""
    content = plain_block(text)
    longest = max((len(run) for run in _RUNS_OF_BACKTICKS.findall(content)), default=0)
    fence = "`" * max(3, longest + 1)
    return Verbatim(f"{fence}{language}\n{content}\n{fence}")


def json_for_html(content: Any) -> str:
    """JSON that may stand inside a `<script>` element: no `<`, `>` or `&` occurs in it."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def defined(value: float | None) -> float | None:
    """The value, or None where it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def points(value: float | None) -> str:
    """A figure 0..1 in points with one decimal; a dash where it is undefined."""
    known = defined(value)
    if known is None:
        return UNDEFINED
    text = f"{known * 100:.1f}"
    return "0.0" if text == "-0.0" else text


def published_number(value: float | None) -> str:
    """A published figure with the digits it was published with, at least one decimal."""
    known = defined(value)
    if known is None:
        return UNDEFINED
    one_decimal = f"{known:.1f}"
    return one_decimal if float(one_decimal) == known else f"{known:.6g}"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 frame`, `2 frames`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def figures(summary: Summary | None) -> tuple[float | None, ...]:
    """The seven figures in the order of `METRICS`, None where undefined."""
    if summary is None:
        return (None,) * len(METRICS)
    return tuple(defined(getattr(summary, metric.field)) for metric in METRICS)


def value_text(value: Any) -> str:
    """A recorded value as text: strings as they are, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
