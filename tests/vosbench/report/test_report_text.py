"""Markdown, terminal and escaping: names stay names in every format."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vosbench.report import PublishedRow, published_rows, render_terminal, write_report
from vosbench.report.text import (
    escape_markdown,
    fenced,
    json_for_html,
    plain,
    points,
    published_number,
)
from vosbench.store import read_run, read_scores
from vosbench.store.schema import FailureRecord

HEADS = {"Method", "Published", "Sequence", "Figure", "Convention", "Stage", "Parameter", ""}
MARKDOWN = MarkdownIt("commonmark").enable("table")
HOSTILE = [
    "](http://evil) | a | b",
    "<script>x</script>",
    "a|b",
    "`x`",
    "- item",
    "# h",
    "\x1b[31m\nx",
]


def cells(text: str) -> list[list[str]]:
    """Rows of all tables of a Markdown text, as the plain text of their cells."""
    rows: list[list[str]] = []
    for token in MARKDOWN.parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level >= 4:
            children = token.children or []
            assert {child.type for child in children} <= {"text", "text_special"}
            rows[-1].append("".join(child.content for child in children))
    return rows


@given(st.text(max_size=40))
def test_any_name_is_literal_in_a_markdown_cell(name: str) -> None:
    rows = cells(f"| a | b |\n|:--|--:|\n| x{escape_markdown(name)}x | 1 |\n")
    assert len(rows) == 2
    assert rows[1] == [f"x{plain(name)}x", "1"]


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.strip()))
def test_any_name_is_literal_in_a_list_item(name: str) -> None:
    tokens = MARKDOWN.parse(f"- {escape_markdown(name)}\n")
    kinds = [token.type for token in tokens]
    assert kinds.count("list_item_open") == 1
    assert set(kinds) <= {
        "bullet_list_open",
        "list_item_open",
        "paragraph_open",
        "inline",
        "paragraph_close",
        "list_item_close",
        "bullet_list_close",
    }
    inline = next(token for token in tokens if token.type == "inline")
    shown = "".join(child.content for child in inline.children or [])
    assert shown.strip() == plain(name).strip()


@given(st.text(max_size=60))
def test_plain_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    assert all(unicodedata.category(one) not in {"Cc", "Cf", "Cs"} for one in plain(text))
    plain(text).encode("utf-8")


def test_plain_leaves_ordinary_names_alone() -> None:
    for name in ("bmx-trees", "dmvos@no-crop", "Überführung 東京"):
        assert plain(name) == name
    assert plain("a\ud800b\u202e") == r"a\ud800b\u202e"


def test_addresses_do_not_become_links() -> None:
    assert escape_markdown("http://x") == r"http\://x"
    assert escape_markdown("www.x.org") == r"www\.x.org"
    assert escape_markdown("a@b.org") == r"a\@b.org"
    assert escape_markdown("dmvos@no-crop 12.3") == "dmvos@no-crop 12.3"


def test_a_fence_is_longer_than_any_in_its_content() -> None:
    block = fenced("a\n````\n# b", "sh")
    (token,) = MARKDOWN.parse(block)
    assert token.content == "a\n````\n# b\n"


def test_inlined_json_cannot_end_its_element() -> None:
    text = json_for_html({"</script><!--": "&\u2028"})
    assert not set("<>&\u2028") & set(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8125, "81.2"),
        (1.0, "100.0"),
        (-0.0001, "0.0"),
        (-0.0123, "-1.2"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_points(value: float | None, text: str) -> None:
    assert points(value) == text


def test_published_numbers_keep_their_digits() -> None:
    assert [published_number(v) for v in (87.8, 65.72, 35, None)] == ["87.8", "65.72", "35.0", "–"]


def test_markdown_tables_hold_under_hostile_names(make_run: Any, clip: Any) -> None:
    failure = FailureRecord(kind="E|", message="a | b\nc")
    clips = [clip(name, {1: [0.5] * 12}) for name in HOSTILE]
    run = make_run(
        [*clips, clip("|bad|", {1: [0.5] * 12}, failure=failure)],
        method={"name": "a|b", "variant": None, "parameters": {"p|q": "x|y"}},
        run={"packages": {"a|b": "1|2"}, "command": ["vosbench", "```", "a b"]},
    )
    published = [PublishedRow("p|q", "tiny", "val", {"J&F": 1.0}, "s|t", conditions="u|v")]
    report = write_report(run, published=published)
    tables = cells(report.markdown.read_text(encoding="utf-8"))
    widths: dict[str, set[int]] = {}
    heading = ""
    for row in tables:
        if row[0] in HEADS:
            heading = f"{row[0]}/{row[1]}"
        widths.setdefault(heading, set()).add(len(row))
    assert all(len(found) == 1 for found in widths.values()), widths
    assert [plain(name) for name in HOSTILE] == [
        row[0] for row in tables if row[1:2] == ["complete"]
    ]
    assert ["|bad|", "E|", "", r"a | b\nc"] in tables
    assert ["p|q", "x|y", ""] in tables


def test_markdown_shows_the_numbers_of_the_record(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: [0.61] * 12, 2: [0.42] * 12})])
    tables = cells(write_report(run).markdown.read_text(encoding="utf-8"))
    record = read_scores(run)
    row = next(row for row in tables if row[:2] == ["bear", "2"])
    found = record.objects["bear_2"]
    assert row[2:6] == [points(found.jf_mean), "42.0", points(found.j_recall), "-1.2"]


def test_terminal_shows_the_set_and_each_sequence(make_run: Any, clip: Any) -> None:
    run = make_run([clip("zebra", {1: [0.61] * 12}), clip("1e5", {1: [math.nan] * 12})])
    lines = render_terminal(read_scores(run), read_run(run)).splitlines()
    assert "toy@fast on tiny val, protocol davis2017" in lines[0]
    zebra = next(number for number, line in enumerate(lines) if line.startswith("zebra"))
    assert lines[zebra].split() == ["zebra", "61.0", "61.0", "66.0", "-1.2", "61.0", "61.0", "25.0"]
    assert lines[zebra + 1].split()[:3] == ["1e5", "–", "–"]
    assert len({len(line) for line in lines[zebra - 1 : zebra + 2]}) == 1


def test_terminal_cannot_be_steered_and_marks_oracles(make_run: Any, clip: Any) -> None:
    run = make_run(
        [clip("\x1b[2Jx", {1: [0.5] * 12}), clip("b", {1: [0.5] * 12}, scored=False)],
        method={"oracle": True},
        scores={"warnings": ["w\x07"]},
    )
    text = render_terminal(read_scores(run), read_run(run))
    assert "\x1b" not in text and "\x07" not in text
    assert text.startswith("ORACLE")
    assert "not scored: b: no masks" in text
    assert r"warning: w\x07" in text
    assert "masks on tiny val" in render_terminal(read_scores(run), None)


def test_published_rows_come_from_a_method_card(tmp_path: Any) -> None:
    from vosbench.method_card import MethodCard

    card = MethodCard.model_validate(
        {
            "method": {"name": "m", "title": "M"},
            "published": [
                {
                    "dataset": "d",
                    "split": "val",
                    "J&F": 87.8,
                    "ms_per_frame": 35,
                    "source": "s",
                    "variant": "offline",
                }
            ],
        }
    )
    (row,) = published_rows(card)
    assert row == PublishedRow(
        "m (offline)", "d", "val", {"J&F": 87.8, "ms_per_frame": 35.0}, "s", verified=False
    )
