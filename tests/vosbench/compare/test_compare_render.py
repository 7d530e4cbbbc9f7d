"""Comparisons as text."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from tests.vosbench.compare.made_runs import make_run, random_scores, shifted
from vosbench.compare import (
    ComparisonRecord,
    compare_runs,
    render_comparison_markdown,
    render_comparison_terminal,
)

BASE = random_scores(0)
HOSTILE = "\x1b[31m<b>a|b</b>\u202e*x*"


def two_runs() -> ComparisonRecord:
    other = make_run(shifted(BASE, 0.02, 0.01), variant="b", step_ms=8.0)
    return compare_runs(make_run(BASE), [other])


def test_terminal_shows_difference_interval_and_direction() -> None:
    record = two_runs()
    text = render_comparison_terminal(record)
    found = next(t for t in record.candidates[0].tests if t.metric == "J&F")
    assert found.difference is not None
    assert found.interval.low is not None
    assert "J&F ↑" in text
    assert "J decay ↓" in text
    assert f"{100 * found.difference:+.2f}" in text
    assert f"[{100 * found.interval.low:+.2f}, " in text
    assert "better" in text
    assert "no proof of equality" in text
    assert "12 sequences, 24 objects in common" in text
    assert "no verdict" in text


def test_terminal_marks_oracles_and_fallback_intervals() -> None:
    few = random_scores(1, sequences=3)
    oracle = make_run(shifted(few, 0.1, 0.01), variant="told", method_fields={"oracle": True})
    text = render_comparison_terminal(compare_runs(make_run(few), [oracle]))
    assert "toy@told (ORACLE)" in text
    assert "]*" in text
    assert "cluster-robust t" in text
    assert "better" not in text.replace("lower is better", "")


def test_identical_masks_are_a_sentence() -> None:
    names = list(BASE)[:10]
    masks = {name: ("x" if at < 7 else "y") for at, name in enumerate(names)}
    scores = {n: v if masks.get(n) == "x" else [0.5] * len(v) for n, v in BASE.items()}
    record = compare_runs(
        make_run(BASE, masks=dict.fromkeys(names, "x")),
        [make_run(scores, variant="b", masks=masks)],
    )
    assert "masks of 7 of 10 sequences are identical" in render_comparison_terminal(record)


def test_many_candidates_are_shown_without_details_unless_asked() -> None:
    candidates = [make_run(shifted(BASE, 0.01 * s, 0.02, s), variant=f"v{s}") for s in (1, 2, 3)]
    record = compare_runs(make_run(BASE), candidates, ablation=True)
    short, long = (render_comparison_terminal(record, details=d) for d in (None, True))
    assert "sequences that changed most" not in short
    assert "--details" in short
    assert long.count("sequences that changed most, J&F") == 3
    assert short.startswith("Ablation: difference of each variant to toy")


def test_names_cannot_steer_a_terminal_or_become_markup() -> None:
    scores = {HOSTILE: [0.5], **BASE}
    moved = shifted(scores, 0.02, 0.01)
    other = make_run(
        moved,
        variant="b",
        method_fields={"parameters": {HOSTILE: HOSTILE}},
        failed={"[x](http://a.b)": HOSTILE},
    )
    record = compare_runs(make_run(scores), [other])
    terminal = render_comparison_terminal(record)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", terminal)
    assert "\\x1b" in terminal
    markdown = render_comparison_markdown(record)
    html = MarkdownIt("commonmark").enable("table").render(markdown)
    assert "<b>" not in html
    assert "<em>" not in html
    assert "<a " not in html
    assert "\x1b" not in html
    assert "&lt;b&gt;a|b&lt;/b&gt;" in html


def test_markdown_tables_hold_the_same_rows() -> None:
    record = two_runs()
    html = MarkdownIt("commonmark").enable("table").render(render_comparison_markdown(record))
    assert html.count("<table>") == render_comparison_terminal(record).count("\n---")
    assert "<td>toy@b</td>" in html.replace(' style="text-align:left"', "")


def test_undefined_figures_are_dashes() -> None:
    one = {"clip": [0.5, 0.6]}
    record = compare_runs(make_run(one), [make_run(shifted(one, 0.1), variant="b")])
    text = render_comparison_terminal(record)
    row = next(line for line in text.splitlines() if line.startswith("toy@b") and "10.00" in line)
    assert row.count("–") == 4
    assert "undetermined" in row
    assert "nan" not in text.lower().replace("untrained", "")
