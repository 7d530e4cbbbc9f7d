"""Tables and figures for papers: every format, hostile names, same run, same bytes."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt

from vosbench.report import (
    TABLE_FORMATS,
    Field,
    PublishedRow,
    Table,
    render_tables,
    report_tables,
    write_paper,
    write_tables,
)
from vosbench.report.formats import escape_latex
from vosbench.report.table import significant
from vosbench.store import read_scores
from vosbench.store.schema import FailureRecord

HOSTILE = [
    r"\input{/etc/passwd}",
    "a_b & 50% {x} $y$ #1 ~ ^",
    "[1em]* --- ``''",
    "<script>alert(1)</script>|a|",
    '=HYPERLINK("http://a.b","x")',
    "\x1b[31m\u202ered\n\\\\",
    "物体 ß",
]


@pytest.fixture
def hostile(make_run: Any, clip: Any) -> Path:
    clips = [clip(name, {1: [1, 0.5, 0.25, 1], 2: [1, 0.75, 0.5, 1]}) for name in HOSTILE]
    broken = clip("gone", {1: [1, 1]}, failure=FailureRecord(kind="Boom", message=HOSTILE[0]))
    method = {"name": HOSTILE[4], "variant": HOSTILE[1], "parameters": {HOSTILE[2]: HOSTILE[3]}}
    run: Path = make_run([*clips, broken], method=method)
    return run


def one(*values: Any, kind: Any = "text") -> Table:
    return Table("toy", "Toy", (Field("x", "x", kind),), tuple((value,) for value in values))


def test_every_table_of_the_report_is_there(hostile: Path) -> None:
    published = [PublishedRow("other", "tiny", "val", {"J&F": 81.5}, "a paper")]
    tables = {table.name: table for table in report_tables(hostile, published=published)}
    assert set(tables) == {
        "scores", "published", "sequences", "objects", "failures", "timing", "conventions", "clips",
        "streaming", "parameters", "facts"
    }  # fmt: skip
    assert [row[0] for row in tables["sequences"].rows] == [*HOSTILE, "gone"]
    assert tables["scores"].rows[0][1] == read_scores(hostile).overall.jf_mean
    assert tables["published"].rows[0][2] == 81.5


def test_latex_prints_names_and_obeys_none(hostile: Path) -> None:
    text = render_tables(report_tables(hostile), "latex")
    for command in (r"\input", "[31m", "\x1b", "\u202e"):
        assert command not in text
    assert r"\textbackslash{}input\{/etc/passwd\}" in text
    assert r"a\_b \& 50\% \{x\} \$y\$ \#1 \textasciitilde{} \textasciicircum{}" in text
    assert "U+7269U+4F53 ß" in text
    # whatever stands in a cell, a row has as many columns as its table, and braces close
    for table in text.split(r"\end{table}")[:-1]:
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", table)
        assert columns is not None
        for line in table.splitlines():
            if line.endswith(r" \\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(columns[1]) - 1
                bare = re.sub(r"\\[{}]", "", line)
                assert bare.count("{") == bare.count("}")
                assert not line.startswith(("[", "*"))
        assert all(rule in table for rule in (r"\toprule", r"\midrule", r"\bottomrule"))


def test_latex_dollars_are_only_ours() -> None:
    text = render_tables([one(-0.0123, kind="change")], "latex")
    assert "$-1.23$" in text
    assert escape_latex("-1.23") == "-1.23"
    assert escape_latex("a---b – c") == r"a-{}-{}-b \textendash{} c"


def test_csv_runs_no_formula_and_keeps_numbers(hostile: Path) -> None:
    tables = {table.name: table for table in report_tables(hostile)}
    text = render_tables([tables["scores"]], "csv")
    assert text.startswith("# scores: ")
    rows = list(csv.DictReader(io.StringIO(text.split("\n", 1)[1])))
    assert rows[0]["method"].startswith("'=HYPERLINK")
    assert float(rows[0]["jf_mean"]) == read_scores(hostile).overall.jf_mean
    told = render_tables([one("-1", "@x", " =1", "ok", "a,b\n", -0.5, None, float("nan"))], "csv")
    cells = [row[0] if row else "" for row in csv.reader(told.splitlines()[2:])]
    assert cells[:6] == ["'-1", "'@x", "' =1", "ok", "a,b\\n", "-0.5"]


def test_markdown_is_text_only(hostile: Path) -> None:
    html = (
        MarkdownIt("commonmark")
        .enable("table")
        .render(render_tables(report_tables(hostile), "markdown"))
    )
    assert "<script" not in html
    assert "<a " not in html
    assert "<em>" not in html
    assert "alert(1)&lt;/script&gt;|a|" in html
    assert html.count("<table>") == len(report_tables(hostile))


def test_json_holds_everything_at_full_precision(hostile: Path) -> None:
    found = json.loads(render_tables(report_tables(hostile), "json"))
    assert [row["sequence"] for row in found["sequences"]["rows"]] == [*HOSTILE, "gone"]
    assert found["sequences"]["rows"][-1]["jf_mean"] is None
    assert found["scores"]["columns"][1] == {"key": "jf_mean", "label": "J&F", "unit": "0..1"}


def test_oracles_are_marked_in_every_table_of_scores(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: [1, 1, 1]})], method={"oracle": True})
    titles = {t.name: t.title for t in report_tables(run)}
    assert all("ORACLE" in titles[name] for name in ("scores", "sequences", "objects"))


def test_a_table_with_a_missing_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="columns"):
        Table("toy", "", (Field("x", "x"), Field("y", "y")), (("a",),))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00341, "0.00341"), (9.996, "10.0"), (0.0, "0"), (1234.5, "1234"), (1.0, "1.00")],
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_files_and_figures_are_the_same_twice(make_run: Any, clip: Any, tmp_path: Path) -> None:
    gap = [1, 0.5, np.nan, 0.25, 1]
    run = make_run([clip("a/b", {1: gap, 2: gap}), clip("a b", {1: gap})])
    written = [write_paper(run, tmp_path / name) for name in ("one", "two")]
    files = [
        {p.relative_to(w.folder): p.read_bytes() for p in (*w.tables, *w.figures)} for w in written
    ]
    assert files[0] == files[1]
    names = {str(path) for path in files[0]}
    assert {"figures/01-a-b.svg", "figures/01-a-b.pdf", "figures/02-a-b.pdf"} <= names
    assert {f"tables/figures.{suffix}" for suffix in ("tex", "csv", "md", "json")} <= names
    pdf = files[0][Path("figures/01-a-b.pdf")]
    assert pdf.startswith(b"%PDF")
    assert b"CreationDate" not in pdf
    assert b"<dc:date>" not in files[0][Path("figures/01-a-b.svg")]


def test_written_files_hold_one_table_each(tmp_path: Path) -> None:
    paths = write_tables([one("a")], tmp_path)
    assert [path.suffix for path in paths] == [".tex", ".csv", ".md", ".json"]
    assert (tmp_path / "toy.csv").read_text() == "x\na\n"
    assert len(paths) == len(TABLE_FORMATS)
