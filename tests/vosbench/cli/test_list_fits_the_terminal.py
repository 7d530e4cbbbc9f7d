"""`vosbench list` on a terminal is no wider than it, and elsewhere one line a row."""

from __future__ import annotations

from typing import Any

import pytest

from vosbench.cli import listing

ROWS: list[dict[str, Any]] = [
    {"method": "toy", "variants": {"no-offset": "", "oracle-box": ""}, "summary": "word " * 40},
    {"method": "broken", "error": "a reason " * 20},
]


@pytest.mark.parametrize("columns", [70, 100, 400])
def test_a_terminal_is_never_overrun(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    table = listing._table(ROWS)
    assert max(map(len, table.splitlines())) <= columns
    assert "no-offset" in table and "oracle-box" in table, "names are never broken"


def test_a_file_gets_one_line_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert len(listing._table(ROWS).splitlines()) == 2 + len(ROWS)
