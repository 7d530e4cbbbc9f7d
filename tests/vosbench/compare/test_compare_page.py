"""The comparison page: offline, safe, the same bytes, and saying what it is over."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.vosbench.compare.made_runs import make_run, random_scores, shifted, write_run
from vosbench.compare import (
    ComparisonPaths,
    compare_runs,
    load_run_scores,
    tables_of,
    write_comparison,
)
from vosbench.diagnose import TERMS
from vosbench.errors import UsageError
from vosbench.explain.records import DiagnosisRecord, ObjectRecord, PlacementRecord
from vosbench.store import write_record

BASE = random_scores(0)
HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e|*x*|\\input{y}"


class Page(HTMLParser):
    """Elements and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def written(tmp_path: Path, base: Any, *others: Any, out: str = "out") -> ComparisonPaths:
    """Runs on disk, compared, and the comparison written."""
    runs = [
        load_run_scores(write_run(tmp_path / f"run-{at}", one))
        for at, one in enumerate((base, *others))
    ]
    ablated = all(run.run.method.variant for run in runs[1:])
    record = compare_runs(runs[0], runs[1:], ablation=ablated)
    return write_comparison(tmp_path / out, record, runs[0], runs[1:])


def other(**changes: Any) -> Any:
    return make_run(shifted(BASE, 0.02, 0.01), variant="b", step_ms=0.0034, **changes)


def test_the_page_shows_what_the_record_says(tmp_path: Path) -> None:
    paths = written(tmp_path, make_run(BASE), other())
    record = json.loads(paths.record.read_text())
    page = Page(paths.html.read_text(encoding="utf-8"))
    test = record["candidates"][0]["tests"][0]
    values = {attributes.get("value") for tag, attributes in page.elements if tag == "data"}
    for key in ("difference", "p", "p_holm", "detectable"):
        assert str(test[key]) in values
    assert str(test["interval"]["low"]) in values
    assert "better" in page.text
    assert "0.00340" in page.text
    assert "not measured in turns" in page.text
    assert "All runs scored the same 12 sequences" in page.text
    assert "Ablation of toy" in page.text
    assert (paths.folder / "figures" / "accuracy-speed.svg").is_file()
    with (paths.folder / "tables" / "sequences.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["sequence"] for row in rows] == list(BASE)
    assert all(row["run_2_difference"] for row in rows)


def test_what_is_not_clear_is_explained_beside_the_table(tmp_path: Path) -> None:
    few = {name: BASE[name] for name in list(BASE)[:6]}
    runs = [make_run(shifted(few, 0.05, 0.001, seed=s), variant=f"v{s}") for s in (0, 1)]
    page = Page(written(tmp_path, make_run(few), *runs).html.read_text(encoding="utf-8"))
    assert page.text.count("not clear: the interval leaves 0 out, but p Holm is 0.062") == 6
    one = Page(written(tmp_path, make_run(few), runs[0], out="b").html.read_text(encoding="utf-8"))
    assert "leaves 0 out" not in one.text


def test_one_run_with_a_time_is_no_figure(tmp_path: Path) -> None:
    untimed = make_run(shifted(BASE, 0.02, 0.01), variant="b", step_ms=None)
    paths = written(tmp_path, make_run(BASE), untimed)
    assert not (paths.folder / "figures").exists()
    assert "Accuracy against speed" not in paths.html.read_text(encoding="utf-8")


def test_the_page_is_closed_to_the_network_and_to_names(tmp_path: Path) -> None:
    scores = {HOSTILE: [0.5], **BASE}
    base = make_run(scores, method=HOSTILE)
    candidate = make_run(
        shifted(scores, 0.02, 0.01),
        method=f"{HOSTILE}2",
        method_fields={"parameters": {HOSTILE: HOSTILE}},
    )
    paths = written(tmp_path, base, candidate)
    html = paths.html.read_text(encoding="utf-8")
    page = Page(html)
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 2
    assert [a["src"] for tag, a in page.elements if tag == "img"] == ["figures/accuracy-speed.svg"]
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        assert "style" not in attributes
        for name in ("src", "href"):
            assert re.fullmatch(r"#[\w-]+|figures/[\w.-]+", attributes.get(name) or "#x")
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'")
    assert "\x1b" not in html
    assert "\u202e" not in html
    svg = (paths.folder / "figures" / "accuracy-speed.svg").read_text()
    assert "alert" not in svg
    for path in paths.tables:
        if path.suffix in (".tex", ".md", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert "\x1b" not in text
            assert r"\input{" not in text or path.suffix in (".csv", ".md")


def test_links_lead_somewhere_and_headings_have_a_scope(tmp_path: Path) -> None:
    page = Page(written(tmp_path, make_run(BASE), other()).html.read_text(encoding="utf-8"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {str(a["href"]).removeprefix("#") for tag, a in page.elements if tag == "a"}
    assert links <= set(ids)
    assert all(
        a.get("scope") in ("col", "row", "rowgroup") for tag, a in page.elements if tag == "th"
    )
    sortable = [a for tag, a in page.elements if tag == "table" and a.get("class") == "sortable"]
    assert len(sortable) >= 3


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    runs = [make_run(BASE), other(), make_run(shifted(BASE, -0.01, 0.03), variant="c")]
    loaded = [load_run_scores(write_run(tmp_path / f"r{i}", run)) for i, run in enumerate(runs)]
    record = compare_runs(loaded[0], loaded[1:], ablation=True)
    found = []
    for name in ("one", "two"):
        write_comparison(tmp_path / name, record, loaded[0], loaded[1:])
        folder = tmp_path / name
        found.append(
            {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        )
    assert found[0] == found[1]
    assert len(found[0]) > 30


def test_an_intersection_is_said_and_listed(tmp_path: Path) -> None:
    fewer = dict(list(shifted(BASE, 0.02, 0.01).items())[:10])
    paths = written(tmp_path, make_run(BASE), make_run(fewer, variant="b"))
    page = Page(paths.html.read_text(encoding="utf-8"))
    assert "over their intersection, 10 sequences" in page.text
    assert "2 sequences or objects left out" in page.text
    assert "toy@b: not among its sequences" in page.text


def test_other_machines_and_missing_timings_are_told(tmp_path: Path) -> None:
    elsewhere = other(settings={"device": "cuda:0", "precision": "fp32"})
    page = Page(written(tmp_path, make_run(BASE), elsewhere).html.read_text(encoding="utf-8"))
    assert "other conditions" in page.text
    assert "device: cpu / cuda:0" in page.text
    base, candidate = make_run(BASE, step_ms=None), make_run(BASE, variant="b", step_ms=None)
    untimed = written(tmp_path / "b", base, candidate)
    assert "At least one run has no timing" in Page(untimed.html.read_text(encoding="utf-8")).text
    assert not (untimed.folder / "figures").exists()


def test_without_diagnoses_the_page_says_how_to_get_them(tmp_path: Path) -> None:
    page = Page(written(tmp_path, make_run(BASE), other()).html.read_text(encoding="utf-8"))
    assert f"vosbench diagnose {tmp_path / 'run-0'}" in page.text


def test_only_files_of_an_earlier_comparison_are_taken_away(tmp_path: Path) -> None:
    first = written(tmp_path, make_run(BASE), other())
    (first.folder / "notes.txt").write_text("mine")
    assert (first.folder / "tables" / "speed.csv").is_file()
    again = written(
        tmp_path, make_run(BASE, step_ms=None), make_run(BASE, method="c", step_ms=None)
    )
    assert not (again.folder / "tables" / "speed.csv").exists()
    assert not (again.folder / "tables" / "ablation.csv").exists()
    assert (again.folder / "notes.txt").read_text() == "mine"


def test_a_run_directory_takes_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run directory"):
        written(tmp_path, make_run(BASE), other(), out="run-0")


def test_oracles_and_undefined_figures_stay_marked_in_tables(tmp_path: Path) -> None:
    oracle = make_run(shifted(BASE, 0.1, 0.01), variant="told", method_fields={"oracle": True})
    base = make_run(BASE)
    tables = {t.name: t for t in tables_of(compare_runs(base, [oracle]), base, [oracle])}
    row = dict(
        zip(
            (f.key for f in tables["differences"].fields),
            tables["differences"].rows[0],
            strict=True,
        )
    )
    assert row["run"] == "toy@told (ORACLE)"
    assert (row["wins"], row["verdict"]) == (None, "oracle")


def diagnosis(run: Any, loss_of: dict[str, float], *, frames: int = 30) -> DiagnosisRecord:
    """A diagnosis in which all loss is drift."""
    untold = PlacementRecord(clipped=None, clipped_frames=None, voted_error=None, mask_error=None)

    def lost(value: float) -> dict[str, Any]:
        terms = dict.fromkeys(TERMS, 0.0) | {"drift": value}
        return {"j_mean": 1 - value, "loss": value, "terms": terms, "dominant": "drift"}

    objects = [
        ObjectRecord(
            **lost(value), sequence=name, object_id=1, seen=None, evaluated_frames=frames,
            cause="drift", failures=[], followed=frames, failed=False, lag=None, lag_by_speed=[],
            jitter=None, flicker=None, placement=untold, leaks_to={},
        )
        for name, value in loss_of.items()
    ]  # fmt: skip
    mean = sum(loss_of.values()) / len(loss_of)
    return DiagnosisRecord(
        **lost(mean), path=run.path, method=run.run.method.reference, dataset="tiny", split="val",
        protocol="davis2017", sequences={}, objects=objects, events=[], identity=[], survival=[],
        curves=[], placement=untold, centre_curves=[], overlap=None, restarts=None,
        attributes=None, doses=[], undiagnosed={}, limits=[], thresholds={},
    )  # fmt: skip


def test_causes_are_over_the_sequences_in_common(tmp_path: Path) -> None:
    one = {"a": [0.5], "b": [0.5], "c": [0.5], "only-here": [0.5]}
    two = {"a": [0.6], "b": [0.7], "c": [0.6]}
    runs = [make_run(one), make_run(two, variant="b")]
    roots = [write_run(tmp_path / f"run-{at}", run) for at, run in enumerate(runs)]
    write_record(
        roots[0] / "diagnosis.json",
        diagnosis(runs[0], {"a": 0.5, "b": 0.5, "c": 0.5, "only-here": 0.9}),
    )
    write_record(roots[1] / "diagnosis.json", diagnosis(runs[1], {"a": 0.4, "b": 0.3, "c": 0.4}))
    loaded = [load_run_scores(root) for root in roots]
    record = compare_runs(loaded[0], loaded[1:])
    tables = {t.name: t for t in tables_of(record, loaded[0], loaded[1:])}
    rows = {row[1]: row for row in tables["losses"].rows}
    assert rows["drift"][4] == pytest.approx(-0.4 / 3)
    assert rows["loss"][2] == pytest.approx(0.5)
    paths = write_comparison(tmp_path / "out", record, loaded[0], loaded[1:])
    text = Page(paths.html.read_text(encoding="utf-8")).text
    assert "toy@b gains 13.3 points of J against toy: 13.3 drift" in text
    other_frames = diagnosis(runs[1], {"a": 0.4, "b": 0.3, "c": 0.4}, frames=7)
    write_record(roots[1] / "diagnosis.json", other_frames)
    paths = write_comparison(tmp_path / "out", record, loaded[0], loaded[1:])
    text = Page(paths.html.read_text(encoding="utf-8")).text
    assert "30 frames count" in text
    assert "diagnose them again" in text
