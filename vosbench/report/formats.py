r"""Tables as LaTeX, CSV, Markdown and JSON. Same table, same bytes.

Names from outside are shown literally in every format. In LaTeX every character with a meaning is
escaped; letters beyond Latin-1 become `U+4E2D`, because pdfLaTeX stops at what its fonts lack. In
CSV a text that a spreadsheet would run as a formula takes a leading apostrophe (OWASP, CSV
Injection).
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from vosbench.report.table import UNITS, Field, Table, Value, shown
from vosbench.report.text import escape_markdown, plain
from vosbench.store.atomic import write_text

__all__ = [
    "TABLE_FORMATS",
    "TABLE_SUFFIXES",
    "TableFormat",
    "escape_latex",
    "render_tables",
    "write_tables",
]

TableFormat: TypeAlias = Literal["latex", "csv", "markdown", "json"]
TABLE_FORMATS: Final[tuple[TableFormat, ...]] = get_args(TableFormat)

_SUFFIXES: Final[Mapping[TableFormat, str]] = {
    "latex": "tex",
    "csv": "csv",
    "markdown": "md",
    "json": "json",
}
TABLE_SUFFIXES: Final = tuple(_SUFFIXES.values())
# `[` and `*` would be read as an argument of the line break before them
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "–": r"\textendash{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
# two of these would join to another sign
_LATEX_JOINED = re.compile(r"([-,])(?=\1)")
_LATEX_FIGURE = re.compile(r"(?<![\w\\])([JF])(?!\w)")
_LAST_LATIN_1: Final = 0xFF
_FORMULA: Final = ("=", "+", "-", "@")


def render_tables(tables: Sequence[Table], form: TableFormat) -> str:
    """All tables as one text for stdout, without a line break at the end.

    JSON is one object by name of table; CSV tables have a line `# name: title` above each.
    """
    if form == "json":
        content = {table.name: _json(table) for table in tables}
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    parts = []
    for table in tables:
        body = _RENDERERS[form](table).rstrip("\n")
        head = {"csv": f"# {table.name}: {plain(table.title)}\n"}.get(form, "")
        parts.append(head + body)
    return "\n\n".join(parts)


def write_tables(tables: Sequence[Table], folder: Path) -> tuple[Path, ...]:
    """Each table in every format: `<folder>/<name>.tex`, `.csv`, `.md` and `.json`."""
    written = []
    for table in tables:
        for form, suffix in _SUFFIXES.items():
            path = folder / f"{table.name}.{suffix}"
            write_text(path, _RENDERERS[form](table))
            written.append(path)
    return tuple(written)


def escape_latex(text: str) -> str:
    """The text as LaTeX that prints it literally, in a cell or a caption."""
    return _LATEX_JOINED.sub(r"\1{}", "".join(map(_latex_character, plain(text))))


def _latex_character(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    if character.isascii():
        return character
    if ord(character) <= _LAST_LATIN_1 and unicodedata.category(character).startswith("L"):
        return character
    return f"U+{ord(character):04X}"


def _latex(table: Table) -> str:
    columns = "".join("l" if field.kind == "text" else "r" for field in table.fields)
    heads = [_LATEX_FIGURE.sub(r"$\\mathcal{\1}$", escape_latex(f.label)) for f in table.fields]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        rf"{' & '.join(heads)} \\",
        r"\midrule",
        *(rf"{' & '.join(_latex_cells(table, row))} \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cells(table: Table, row: Sequence[Value]) -> list[str]:
    return [_latex_cell(value, field) for value, field in zip(row, table.fields, strict=True)]


def _latex_cell(value: Value, field: Field) -> str:
    text = shown(value, field.kind)
    # a figure's minus is a sign, not a hyphen
    if isinstance(value, int | float) and text.startswith(("-", "+")):
        return f"${text}$"
    return escape_latex(text)


def _csv(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.key for field in table.fields])
    writer.writerows([_csv_cell(value) for value in row] for row in table.rows)
    return out.getvalue()


def _csv_cell(value: Value) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if not isinstance(value, str):
        return repr(value)
    text = plain(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _markdown(table: Table) -> str:
    heads = [escape_markdown(field.label) for field in table.fields]
    rules = [":--" if field.kind == "text" else "--:" for field in table.fields]
    rows = [
        [
            escape_markdown(shown(value, field.kind))
            for value, field in zip(row, table.fields, strict=True)
        ]
        for row in table.rows
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows)]
    return "\n".join([f"**{escape_markdown(table.title)}**", "", *lines]) + "\n"


def _json_text(table: Table) -> str:
    return json.dumps(_json(table), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _json(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": [
            {"key": field.key, "label": field.label, "unit": UNITS.get(field.kind, "")}
            for field in table.fields
        ],
        "rows": [
            {
                field.key: None if isinstance(v, float) and not math.isfinite(v) else v
                for v, field in zip(row, table.fields, strict=True)
            }
            for row in table.rows
        ],
    }


_RENDERERS: Final[Mapping[TableFormat, Callable[[Table], str]]] = {
    "latex": _latex,
    "csv": _csv,
    "markdown": _markdown,
    "json": _json_text,
}
