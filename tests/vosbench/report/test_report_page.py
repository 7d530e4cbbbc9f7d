"""The page: well-formed, safe, closed to the network, and equal to the record in its numbers."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from vosbench.errors import InputError
from vosbench.report import PublishedRow, write_report
from vosbench.report.text import METRICS
from vosbench.store import RunPaths, read_scores
from vosbench.store.schema import FailureRecord

VOID = {"meta", "link", "img", "br", "hr", "input", "line"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "](http://evil.example) | a | b",
    "a|b",
    "{{ 7 * 7 }}{% raw %}",
    "</script><!--",
    "\u202eesrever\x1b[31m",
    "../../etc/passwd",
]


class Page(HTMLParser):
    """Collects a page's elements and insists that they nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"attribute twice in <{tag}>: {names}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> does not close what is open"

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self.open), data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, *, inside: str = "body") -> str:
        return " ".join(
            data for path, data in self.texts if inside in path and "script" not in path
        )


def ramp(start: float, stop: float, frames: int = 24) -> list[float]:
    return [start + (stop - start) * index / (frames - 1) for index in range(frames)]


@pytest.fixture
def page(make_run: Any, clip: Any) -> Page:
    run = make_run(
        [clip("bear", {1: ramp(0.9, 0.4), 2: ramp(0.8, 0.7)}), clip("dog", {1: ramp(1, 0)})]
    )
    return Page(write_report(run).html.read_text(encoding="utf-8"))


def test_every_table_has_a_caption_and_every_heading_cell_a_scope(page: Page) -> None:
    tables = [tag for tag, _ in page.elements if tag in ("table", "caption")]
    assert tables == ["table", "caption"] * (len(tables) // 2)
    assert len(tables) >= 8
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))


def test_every_image_has_a_text_alternative_and_loads_late(page: Page) -> None:
    images = page.all("img")
    assert len(images) == 2
    for image in images:
        assert image["alt"]
        assert image["loading"] == "lazy"
        assert image["width"] and image["height"]


def test_links_within_the_page_lead_somewhere_and_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    fragments = {link["href"] for link in page.all("a") if str(link["href"]).startswith("#")}
    assert fragments <= {f"#{name}" for name in ids}
    assert "#sequence-1" in fragments


def test_nothing_is_loaded_from_a_network(make_run: Any, clip: Any) -> None:
    run = make_run([clip(name, {1: ramp(0.9, 0.1)}) for name in HOSTILE])
    report = write_report(run)
    page = Page(report.html.read_text(encoding="utf-8"))
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster", "xlink:href"):
            target = attributes.get(name)
            if target is not None:
                assert re.fullmatch(r"#[\w-]+|(figures|overlays)/[\w.-]+", target), (tag, target)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert "style" not in attributes, "the policy would refuse it"
    for figure in report.figures:
        assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", figure.read_text("utf-8"))


def test_the_policy_allows_exactly_what_stands_inline(page: Page) -> None:
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "http" not in policy
    for kind, directive in (("style", "style-src"), ("script", "script-src")):
        inline = [data for path, data in page.texts if path[-1:] == (kind,)]
        digest = base64.b64encode(hashlib.sha256(inline[-1].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_hostile_names_are_shown_as_text(make_run: Any, clip: Any) -> None:
    run = make_run(
        [clip(name, {1: ramp(0.9, 0.1)}) for name in HOSTILE],
        method={"name": HOSTILE[0], "variant": HOSTILE[3], "title": HOSTILE[1]},
        run={"command": ["vosbench", "run", HOSTILE[0], "a b"], "packages": {HOSTILE[0]: "1"}},
        scores={"warnings": [HOSTILE[1]]},
    )
    published = [PublishedRow(HOSTILE[0], "tiny", "val", {HOSTILE[5]: 1.0}, HOSTILE[1])]
    html = write_report(run, published=published).html.read_text(encoding="utf-8")
    page = Page(html)
    assert len(page.all("script")) == 2
    assert len(page.all("img")) == len(HOSTILE)
    text = page.text()
    for name in HOSTILE:
        if name.isprintable():
            assert name in text
    assert r"\u202eesrever\x1b[31m" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]", html)
    assert "vosbench run '<script>alert(1)</script>' 'a b'" in text
    data = next(d for p, d in page.texts if p[-1:] == ("script",))
    assert "<" not in data
    assert set(json.loads(data)["scores"]["sequences"]) == set(HOSTILE)


def test_numbers_are_those_of_the_record(page: Page, make_run: Any) -> None:
    record = read_scores(make_run.made[-1])
    cells = [float(str(one["value"])) for one in page.all("data")]
    expected = [
        getattr(summary, metric.field)
        for summary in (record.overall, *record.sequences.values(), *record.objects.values())
        for metric in METRICS
    ]
    assert cells[: len(expected)] == expected  # full precision, bit by bit
    shown = page.text().split()
    assert f"{record.overall.jf_mean * 100:.1f}" in shown
    data = json.loads(next(d for p, d in page.texts if p[-1:] == ("script",)))
    assert data["scores"]["global"] == record.overall.model_dump(by_alias=True)


def test_undefined_figures_are_dashes_and_never_numbers(make_run: Any, clip: Any) -> None:
    run = make_run(
        [clip("void", {1: [math.nan] * 12}), clip("dog", {1: ramp(1, 0, 12)})],
    )
    paths = RunPaths(run)
    # JSON as another tool might write it
    paths.scores.write_text(paths.scores.read_text().replace("-0.0123", "NaN"))
    report = write_report(run)
    html = report.html.read_text(encoding="utf-8")
    assert not re.search(
        r"\b(nan|None|NaN|inf)\b", re.sub(r"<script.*?</script>", "", html, flags=re.S)
    )
    page = Page(html)
    sortable = [cell for cell in page.all("td") if "data-value" in cell]
    assert any(cell["data-value"] == "" and "undefined" in str(cell["class"]) for cell in sortable)
    assert "undefined" in page.text()
    json.loads(next(d for p, d in page.texts if p[-1:] == ("script",)), parse_constant=pytest.fail)
    assert "nan" not in report.markdown.read_text(encoding="utf-8").lower()


def test_failed_sequences_are_told_with_their_error(make_run: Any, clip: Any) -> None:
    failure = FailureRecord(
        kind="ValueError",
        message="two <b>lines</b>\nof it",
        frame="00007",
        traceback="Traceback:\n  x",
    )
    run = make_run(
        [clip("bear", {1: ramp(0.9, 0.4)}), clip("dog", {1: ramp(1, 0)}, failure=failure)]
    )
    report = write_report(run)
    text = Page(report.html.read_text(encoding="utf-8")).text()
    assert "1 of 2 sequences failed" in text
    assert "incomplete" in text
    assert "two <b>lines</b>\nof it" in text
    assert "Traceback:\n  x" in text
    markdown = report.markdown.read_text(encoding="utf-8")
    assert "**incomplete**" in markdown
    assert "ValueError" in markdown


@pytest.mark.parametrize(
    ("status", "word"),
    [("complete", "complete"), ("running", "has not ended"), ("interrupted", "was interrupted")],
)
def test_the_verdict_says_how_the_run_ended(
    make_run: Any, clip: Any, status: str, word: str
) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})], status=status)
    text = Page(write_report(run).html.read_text(encoding="utf-8")).text()
    assert word in text
    assert ("The run is complete." in text) == (status == "complete")


def test_a_partly_scored_run_does_not_call_itself_complete(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)}), clip("dog", {1: ramp(1, 0)}, scored=False)])
    text = Page(write_report(run).html.read_text(encoding="utf-8")).text()
    assert "partly scored" in text
    assert "1 of 2 sequences" in text
    assert "no masks" in text


def test_a_run_without_scores_masks_or_trace_still_has_a_report(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})], with_scores=False, with_trace=False)
    report = write_report(run)
    text = Page(report.html.read_text(encoding="utf-8")).text()
    assert "has not been scored" in text
    assert "no trace" in text
    assert report.figures == () and report.overlays == ()


def test_an_oracle_is_marked_wherever_its_numbers_stand(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})], method={"oracle": True})
    report = write_report(run)
    page = Page(report.html.read_text(encoding="utf-8"))
    assert "[oracle]" in page.text(inside="title")
    assert "was shown the ground truth" in page.text()
    assert "Measured (oracle)" in page.text()
    markdown = report.markdown.read_text(encoding="utf-8")
    assert (
        markdown.splitlines()[0].startswith("# \\[oracle\\]")
        or "[oracle]" in markdown.split("\n")[0]
    )
    assert "**ORACLE.**" in markdown


def test_published_numbers_stand_apart_with_source_and_mark(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})])
    rows = [
        PublishedRow("ours", "tiny", "val", {"J&F": 87.8, "ms_per_frame": 35}, "Abstract"),
        PublishedRow("theirs", "tiny", "val", {"J&F": 65.72, "fps": 30}, "Table 1", verified=True),
        PublishedRow("elsewhere", "other", "val", {"J&F": 12.3}, "Table 2"),
        PublishedRow("held-out", "tiny", "test", {"J&F": 12.3}, "Table 2"),
    ]
    page = Page(write_report(run, published=rows).html.read_text(encoding="utf-8"))
    text = page.text()
    assert "Published, not measured here." in text
    assert text.count("unverified") == 1
    assert "87.8" in text and "65.72" in text and "Abstract" in text and "Table 1" in text
    assert "elsewhere" not in text and "held-out" not in text and "12.3" not in text
    # full-precision elements are only for what was measured
    assert not {"87.8", "65.72"} & {str(one["value"]) for one in page.all("data")}


def test_without_published_rows_there_is_no_empty_table(page: Page) -> None:
    assert "Published" not in page.text()


def test_timing_says_what_it_counts_and_on_what(make_run: Any, clip: Any) -> None:
    clips = [clip("bear", {1: ramp(0.9, 0.4)})]
    text = Page(write_report(make_run(clips)).html.read_text(encoding="utf-8")).text()
    assert "50.0" in text  # 20 ms a step
    assert "Toy CPU, 2 threads, fp32" in text
    assert "not comparable with published GPU figures" in text
    text = Page(write_report(make_run(clips, device="cuda:0")).html.read_text("utf-8")).text()
    assert "on GPU (Toy GPU, fp32)" in text
    assert "Measured on a CPU" not in text


def test_parameters_digests_and_command_are_exact(page: Page) -> None:
    text = page.text()
    for told in ("crop.margin", "0.5", "f" * 64, "a" * 64, "made up", "abc123", "2.13.0"):
        assert told in text
    assert "vosbench run toy@fast --dataset tiny" in text


def test_scores_of_another_dataset_or_protocol_are_a_warning(make_run: Any, clip: Any) -> None:
    run = make_run(
        [clip("bear", {1: ramp(0.9, 0.4)})],
        scores={"dataset": "other", "protocol": "vos-benchmark", "warnings": ["ids look permuted"]},
    )
    text = Page(write_report(run).html.read_text(encoding="utf-8")).text()
    assert "do not belong together" in text
    assert "must not be compared" in text
    assert "ids look permuted" in text


def test_the_same_run_gives_the_same_bytes(make_run: Any, clip: Any) -> None:
    run = make_run(
        [clip("bear", {1: ramp(0.9, 0.4), 9: ramp(0.8, 0.7)}), clip("dog", {1: ramp(1, 0)})]
    )

    def content() -> dict[str, bytes]:
        report = write_report(run).folder
        return {
            path.relative_to(report).as_posix(): path.read_bytes()
            for path in sorted(report.rglob("*"))
            if path.is_file()
        }

    first = content()
    assert content() == first
    assert {"index.html", "report.md", "figures/sequence-1.svg"} <= set(first)


def test_a_crash_leaves_the_old_report(
    make_run: Any, clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})])
    before = write_report(run).html.read_bytes()

    def fail(*_: Any, **__: Any) -> str:
        raise OSError("disk full")

    monkeypatch.setattr("vosbench.report.write.draw_curves", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(run)
    assert (run / "report" / "index.html").read_bytes() == before
    assert [path.name for path in run.iterdir() if "report" in path.name] == ["report"]


def test_what_a_killed_process_left_is_cleared(
    make_run: Any, clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})])
    report = write_report(run).folder
    (run / ".report.new" / "figures").mkdir(parents=True)
    write_report(run)
    assert [path.name for path in run.iterdir() if "report" in path.name] == ["report"]
    report.rename(run / ".report.old")  # killed after the old report was moved aside

    def fail(*_: Any, **__: Any) -> str:
        raise OSError("disk full")

    monkeypatch.setattr("vosbench.report.write.draw_curves", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(run)
    assert (report / "index.html").exists()


def test_files_of_an_older_report_do_not_linger(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})])
    stale = write_report(run).folder / "figures" / "stale.svg"
    stale.write_text("old")
    write_report(run)
    assert not stale.exists()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.json"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_table_is_refused_by_name(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: ramp(0.9, 0.4)})])
    RunPaths(run).frames.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"frames\.parquet"):
        write_report(run)


def test_random_weights_are_told_in_the_first_line(make_run: Any, clip: Any) -> None:
    note = "random from seed 0; scores say nothing"
    method = {"untrained": True, "weights": None, "weights_note": note}
    run = make_run([clip("alpha", {1: [0.5, 0.6, 0.7]})], method=method)
    html = write_report(run).html.read_text()
    page = Page(html)
    verdict = "".join(text for path, text in page.texts if "strong" in path)
    assert "untrained" in verdict
    assert html.index(note) < html.index("<table")


def test_warnings_about_the_data_stand_before_the_numbers(make_run: Any, clip: Any) -> None:
    run = make_run([clip("alpha", {1: [0.5, 0.6, 0.7]})])
    content = json.loads((run / "run.json").read_text())
    content["data"]["warnings"] = ["10 of 20 sequences are here"]
    (run / "run.json").write_text(json.dumps(content))
    paths = write_report(run)
    assert paths.html.read_text().index("10 of 20 sequences") < paths.html.read_text().index(
        "<table"
    )
    assert "10 of 20 sequences" in paths.markdown.read_text()
