"""What a report takes from a diagnosis, from a trace and from videos beside the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vosbench.data.diagnostic import FULL_VERSION, SUITE_VERSION
from vosbench.diagnose import DEFAULTS, TERMS
from vosbench.errors import InputError
from vosbench.explain import DIAGNOSIS_JSON, DiagnosisRecord
from vosbench.explain.records import (
    AttributeRecord,
    AttributesRecord,
    EventRecord,
    FailureSpan,
    LossRecord,
    ObjectRecord,
)
from vosbench.report import write_report
from vosbench.report.card import analysis_card
from vosbench.report.confusion import build_confusion
from vosbench.report.events import Span, covered, spans_of
from vosbench.report.losses import build_losses
from vosbench.report.source import load_source
from vosbench.report.speed import build_speed
from vosbench.store import write_record

HOSTILE = '"><script>alert(1)</script>\u202e'


def loss(j: float, **terms: float) -> dict[str, Any]:
    told = dict.fromkeys(TERMS, 0.0) | terms
    return {"j_mean": j, "loss": 1 - j, "terms": told, "dominant": "boundary"}


def one_object(sequence: str, object_id: int, j: float, **more: Any) -> ObjectRecord:
    content: dict[str, Any] = {
        **loss(j, boundary=0.75 * (1 - j), bg_fp=0.25 * (1 - j)),
        "sequence": sequence,
        "object_id": object_id,
        "seen": None,
        "evaluated_frames": 10,
        "cause": "boundary",
        "failures": [],
        "followed": 10,
        "failed": False,
        "lag": None,
        "lag_by_speed": [],
        "jitter": None,
        "flicker": None,
        "leaks_to": {},
    }
    return ObjectRecord(**(content | more))


def diagnosis(objects: list[ObjectRecord], **more: Any) -> DiagnosisRecord:
    names = sorted({one.sequence for one in objects})

    def mean(name: str | None) -> dict[str, Any]:
        mine = [one.j_mean for one in objects if name in (None, one.sequence)]
        j = float(np.mean(mine))
        return loss(j, boundary=0.75 * (1 - j), bg_fp=0.25 * (1 - j))

    content: dict[str, Any] = {
        **mean(None),
        "path": "run",
        "method": "toy",
        "dataset": "tiny",
        "split": "val",
        "protocol": "davis2017",
        "sequences": {name: LossRecord(**mean(name)) for name in names},
        "objects": objects,
        "events": [],
        "identity": [],
        "survival": [],
        "curves": [],
        "undiagnosed": {},
        "limits": [],
        "thresholds": {},
    }
    return DiagnosisRecord(**(content | more))


def event(sequence: str, kind: str, first: int, last: int) -> EventRecord:
    return EventRecord(
        sequence=sequence,
        object_id=1,
        other=0,
        kind=kind,
        onset=f"{first:05d}",
        onset_index=first,
        end=f"{last:05d}",
        end_index=last,
        strength=0.5,
    )


def test_the_waterfall_goes_from_a_perfect_j_to_the_measured_one() -> None:
    view = build_losses(diagnosis([one_object("bear", 1, 0.6)]), spans={}, anchors={})
    assert [step.group for step in view.steps] == ["boundary", "background"]
    assert view.steps[0].start == 1
    for before, after in zip(view.steps, view.steps[1:], strict=False):
        assert after.start == pytest.approx(before.start - before.loss)
    end = view.steps[-1]
    assert end.start - end.loss == pytest.approx(0.6)
    assert view.groups == ("boundary", "background"), "what loses nothing has no column"


def test_a_perfect_run_has_no_steps_and_still_a_section(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: [1.0] * 12})])
    write_record(run / DIAGNOSIS_JSON, diagnosis([one_object("bear", 1, 1.0)]))
    html = write_report(run).html.read_text("utf-8")
    assert "Where J is lost" in html and "J mean</th>" in html


def test_failures_and_events_become_spans_that_the_curves_shade(make_run: Any, clip: Any) -> None:
    span = FailureSpan(
        onset="00004",
        onset_index=4,
        recovery="00007",
        frames_to_recover=3,
        lost=True,
        lowest=0.05,
    )
    lasting = span.model_copy(update={"onset": "00009", "onset_index": 9, "recovery": None})
    objects = [one_object("bear", 1, 0.5, failures=[span, lasting], failed=True)]
    record = diagnosis(objects, events=[event("bear", "occlusion", 3, 5)])
    positions = {"bear": {f"{index:05d}": index for index in range(12)}}
    found = spans_of(record, {"bear": 12}, positions)["bear"]
    assert [(one.group, one.first, one.last) for one in found] == [
        ("hidden", 3, 5),
        ("failure", 4, 6),
        ("failure", 9, 11),
    ]
    run = make_run([clip("bear", {1: [0.5] * 12})])
    before = write_report(run).figures[0].read_text("utf-8")
    write_record(run / DIAGNOSIS_JSON, record)
    report = write_report(run)
    figure = report.figures[0].read_text("utf-8")
    assert "#d1352b" in figure and "#d1352b" not in before
    html = report.html.read_text("utf-8")
    assert "hidden or out of view" in html
    assert ">00004<" in html
    markdown = report.markdown.read_text("utf-8")
    assert "- bear: lost, object 1, from 00004 to 00007" in markdown
    assert "- bear: lost, object 1, from 00009 to the end" in markdown


def test_markdown_tells_the_waterfall_down_to_j(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: [0.5] * 12})])
    assert "This run was not diagnosed" in write_report(run).markdown.read_text("utf-8")
    write_record(run / DIAGNOSIS_JSON, diagnosis([one_object("bear", 1, 0.6)]))
    lines = write_report(run).markdown.read_text("utf-8").splitlines()
    assert "| boundary | −30.0 | 70.0 | wrong pixels next to the true contour |" in lines
    assert any(line.startswith("| background | −10.0 | 60.0 |") for line in lines)
    assert "| **J mean** | **60.0** | | what is left |" in lines
    assert "| bear | 60.0 | boundary | 30.0 | 10.0 |" in lines
    assert any(line.startswith("By `vosbench diagnose --self-test` on ") for line in lines)


def test_spans_of_a_group_cover_a_frame_once() -> None:
    def span(first: int, last: int) -> Span:
        return Span("bear", "failure", "lost", 1, 0, first, last, "", "", 1.0)

    found = covered([span(5, 9), span(2, 3), span(7, 12), span(4, 4), span(20, 21), span(8, 8)])
    assert found == [(2, 12), (20, 21)]
    assert covered([]) == []


def test_intervals_of_attributes_are_over_sequences() -> None:
    js = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.3, "e": 0.4}
    found = AttributeRecord(
        attribute="occlusion",
        threshold=0.3,
        above=True,
        origin="rule",
        needs_frames=False,
        sequences_with=3,
        sequences_without=2,
        j_with=0.4,
        j_without=0.85,
        difference=-0.45,
        kappa_train=0.7,
        kappa_left_out=None,
        kappa_val=0.2,
        kappa_here=None,
        tagged_here=0,
    )
    lonely = found.model_copy(update={"sequences_with": 1, "attribute": "blur"})
    told = AttributesRecord(
        sequences={name: ["occlusion"] if j < 0.6 else [] for name, j in js.items()},
        figures={},
        attributes=[found, lonely],
    )
    record = diagnosis([one_object(name, 1, j) for name, j in js.items()], attributes=told)
    first, second = build_losses(record, spans={}, anchors={}).attributes
    from scipy.stats import ttest_ind

    wanted = ttest_ind([0.5, 0.3, 0.4], [0.9, 0.8], equal_var=False).confidence_interval(0.95)
    assert (first.low, first.high) == pytest.approx((wanted.low, wanted.high))
    assert (second.low, second.high) == (None, None)


def test_leaks_are_a_matrix_and_of_many_objects_the_largest() -> None:
    few = [
        one_object("bear", 1, 0.9, leaks_to={"2": 0.25}),
        one_object("bear", 2, 0.9),
        one_object("alone", 1, 0.9),
    ]
    confusion = build_confusion(diagnosis(few))
    assert confusion is not None
    (matrix,) = confusion.matrices
    assert matrix.ids == (1, 2)
    assert matrix.cells == ((None, 0.25), (0.0, None))
    many = [
        one_object("crowd", number, 0.9, leaks_to={str(number % 300 + 1): number / 1000})
        for number in range(1, 301)
    ]
    confusion = build_confusion(diagnosis(many))
    assert confusion is not None
    (matrix,) = confusion.matrices
    assert matrix.ids == () and len(matrix.pairs) == 20
    assert matrix.pairs[0] == (300, 1, 0.3)
    assert "280" in matrix.note
    assert build_confusion(diagnosis([one_object("alone", 1, 0.9)])) is None


def test_three_hundred_objects_and_hostile_names_are_drawn(make_run: Any, clip: Any) -> None:
    run = make_run([clip(HOSTILE, {n: [0.5] * 4 for n in range(1, 301)})])
    objects = [one_object(HOSTILE, n, 0.5, cause=HOSTILE) for n in range(1, 301)]
    events = [event(HOSTILE, "occlusion", 1, 2).model_copy(update={"onset": HOSTILE})]
    record = diagnosis(objects, events=events, undiagnosed={HOSTILE: HOSTILE}, limits=[HOSTILE])
    write_record(run / DIAGNOSIS_JSON, record)
    html = write_report(run).html.read_text("utf-8")
    assert "<script>alert" not in html
    assert "300 objects" in html


def test_a_damaged_diagnosis_is_refused_by_name(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: [0.5] * 4})])
    (run / DIAGNOSIS_JSON).write_text("{}")
    with pytest.raises(InputError, match=r"diagnosis\.json"):
        write_report(run)


def test_the_card_is_of_this_version() -> None:
    card = analysis_card()
    now = {name: float(getattr(DEFAULTS, name)) for name in DEFAULTS.__dataclass_fields__}
    assert card.thresholds == now, "measure it again: vosbench diagnose --self-test --out FOLDER"
    assert (card.suite_version, card.full_suite_version) == (SUITE_VERSION, FULL_VERSION)
    assert card.clips > 90, "measured on all clips"


def test_the_card_stands_in_every_report(make_run: Any, clip: Any) -> None:
    html = write_report(make_run([clip("bear", {1: [0.5] * 4})])).html.read_text("utf-8")
    assert "Analysis card" in html and "occlusion" in html
    assert "vosbench diagnose RUN" in html


def test_speed_figures_are_those_of_the_trace(make_run: Any, clip: Any) -> None:
    run = make_run(
        [clip("bear", {1: [0.5] * 24})],
        run={
            "timing": {
                "overhead_share": 0.125,
                "conditions": {
                    "load": 3.5,
                    "settings": {"threads": 2},
                    "warnings": ["the machine was busy"],
                },
            }
        },
    )
    source = load_source(run)
    assert source.trace is not None and source.trace.table is not None
    speed = build_speed(source.trace.table, source.run)
    assert speed is not None
    assert (speed.headlines[0].name, speed.headlines[0].value) == ("Mean latency", "20.0 ms")
    rates = {row.name: row.fps for row in speed.conventions}
    assert rates["vosbench"] == pytest.approx(50)
    assert rates["RGMP"] == pytest.approx(1000 * 24 / (60 + 23 * 20)), "with the first frame"
    assert [row.frames for row in speed.clips] == [30, 70, 300]
    at_30 = speed.streaming[-1]
    assert at_30.on_time == pytest.approx(22 / 23), "the start makes frame 1 late"
    assert ("highest load average", "3.50") in speed.conditions
    html = write_report(run).html.read_text("utf-8")
    assert "the machine was busy" in html and "12.5 %" in html


def listed(folder: Path, **changes: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "reel.webm").write_bytes(b"video")
    video = {"file": "reel.webm", "title": "Reel", "caption": "a <b>", "poster": None} | changes
    (folder / "videos.json").write_text(json.dumps([video]))


def test_videos_are_carried_into_the_report_and_stay(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: [0.5] * 4})])
    listed(run / "videos")
    report = write_report(run)
    html = report.html.read_text("utf-8")
    assert '<source src="videos/reel.webm" type="video/webm">' in html
    assert "a &lt;b&gt;" in html
    (run / "videos" / "videos.json").unlink()
    assert write_report(run).html.read_text("utf-8") == html, "kept from the older report"
    assert (report.folder / "videos" / "reel.webm").read_bytes() == b"video"


@pytest.mark.parametrize("name", ["../run.json", "gone.webm", "/etc/passwd", 3])
def test_a_video_that_is_not_there_is_refused(make_run: Any, clip: Any, name: Any) -> None:
    run = make_run([clip("bear", {1: [0.5] * 4})])
    listed(run / "videos", file=name)
    with pytest.raises(InputError, match="no file in that folder"):
        write_report(run)
