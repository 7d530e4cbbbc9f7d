"""What people and continuous integration read: JUnit, annotations, Markdown, text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from vosbench.gate import (
    CheckRecord,
    GateRecord,
    github_annotations,
    junit_xml,
    overall_verdict,
    render_gate_markdown,
    render_gate_terminal,
    write_step_summary,
)
from vosbench.gate.records import Blame

HOSTILE = 'a]]>&<b>"\x1b[31m\n::error::\u202e\x00|`'


def check(name: str, verdict: str, status: str = "blocking", reason: str = "why") -> CheckRecord:
    return CheckRecord.model_validate(
        {
            "name": name,
            "status": status,
            "verdict": verdict,
            "reason": reason,
            "blame": [Blame(kind="sequence", name="dog: a,b", text="fell")],
        }
    )


def record(*checks: CheckRecord, name: str = "toy") -> GateRecord:
    verdict, reason = overall_verdict(checks)
    return GateRecord(
        verdict=verdict,
        reason=reason,
        baseline="b.json",
        candidate="runs/1",
        method=name,
        dataset="tiny",
        split="val",
        protocol="davis2017",
        regime="same",
        regime_reason="because",
        checks=list(checks),
        changed_frames={name: [f"{at:05d}" for at in range(9)]},
        notes=[name],
    )


MIXED = record(
    check("accuracy/J", "fail"),
    check("accuracy/F", "inconclusive"),
    check("speed/step", "fail", "advisory"),
    check("coverage", "pass"),
)


def test_undecided_advisory_stages_are_told_of_once() -> None:
    def stage(name: str, change: float, status: str = "advisory") -> CheckRecord:
        return CheckRecord.model_validate(
            {
                "name": f"speed/{name}",
                "status": status,
                "verdict": "inconclusive",
                "reason": f"{name} as fast, against stored times, not calibrated: the interval "
                f"[0.574, {1.7 * change:.3f}] holds 1.050",
                "change": change,
                "low": 0.574,
                "high": 1.7 * change,
                "bound": 1.05,
            }
        )

    many = record(
        check("accuracy/J", "pass"),
        check("coverage", "pass"),
        *(stage(name, change) for name, change in (("step", 1.0), ("decode", 1.1), ("write", 0.9))),
        stage("collect", 1.0, "blocking"),
    )
    for text in (render_gate_terminal(many), render_gate_markdown(many).replace("\\", "")):
        (line,) = [one for one in text.splitlines() if "not calibrated: step" in one]
        assert "3 stages undecided, intervals within [0.574, 1.870]" in line
        assert "step +0.0 %, decode +10.0 %, write -10.0 %" in line
        assert "speed/collect" in text, "what decides keeps a line of its own"
        assert "speed/write" not in text
    few = record(check("accuracy/J", "pass"), stage("step", 1.0), stage("write", 1.0))
    assert "speed/write" in render_gate_terminal(few)


def test_a_pass_says_how_many_checks_decided() -> None:
    checks = [check("accuracy/J", "pass"), check("coverage", "pass"), check("memory/x", "pass")]
    verdict, reason = overall_verdict([*checks, check("accuracy/F", "pass", "advisory")])
    assert verdict == "pass"
    assert reason.startswith("checks that decide: 3, all passed; ")
    assert reason.endswith("among them: 2")


def test_junit_counts_and_kinds() -> None:
    """Read back with the rules of the JUnit schema: counts, and one outcome per case."""
    root = ET.fromstring(junit_xml(MIXED))  # noqa: S314 - our own text
    assert root.tag == "testsuites"
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    for element in (root, suite):
        counts = {name: element.get(name) for name in ("tests", "failures", "errors", "skipped")}
        assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    outcome = {
        case.get("name"): [child.tag for child in case if child.tag != "system-out"]
        for case in cases
    }
    assert outcome == {
        "accuracy/J": ["failure"],
        "accuracy/F": ["error"],
        "speed/step": ["skipped"],
        "coverage": [],
    }
    assert all(case.get("classname") and case.get("time") for case in cases)
    failure = cases[0].find("failure")
    assert failure is not None
    assert failure.get("message") == "why"
    assert "dog: a,b: fell" in (failure.text or "")


def test_junit_of_an_independent_reader(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(junit_xml(MIXED), encoding="utf-8")
    read = JUnitXml.fromfile(str(path))
    (suite,) = list(read)
    for counted in (read, suite):
        counts = (counted.tests, counted.failures, counted.errors, counted.skipped)
        assert counts == (4, 1, 1, 1)
    outcomes = {case.name: [type(one) for one in case.result] for case in suite}
    assert outcomes == {
        "accuracy/J": [Failure],
        "accuracy/F": [Error],
        "speed/step": [Skipped],
        "coverage": [],
    }
    failed = next(case for case in suite if case.is_failure)
    assert failed.result[0].message == "why"
    assert "dog: a,b: fell" in failed.result[0].text
    assert [case.name for case in suite if case.is_passed] == ["coverage"]
    # what a reader adds up by itself is what the attributes say
    before = (read.tests, read.failures, read.errors, read.skipped)
    read.update_statistics()
    assert (read.tests, read.failures, read.errors, read.skipped) == before


def test_junit_of_hostile_text_by_an_independent_reader() -> None:
    hostile = record(check(HOSTILE, "fail", reason=HOSTILE), name=HOSTILE)
    read = JUnitXml.fromstring(junit_xml(hostile).encode())
    (suite,) = list(read)
    (case,) = list(suite)
    assert case.is_failure
    assert case.name.startswith('a]]>&<b>"')


def test_junit_of_an_empty_comparison_is_not_green() -> None:
    root = ET.fromstring(junit_xml(record(check("coverage", "pass"))))  # noqa: S314
    assert root.get("errors") == "1"


def test_junit_holds_any_text() -> None:
    hostile = record(check(HOSTILE, "fail", reason=HOSTILE), name=HOSTILE)
    text = junit_xml(hostile)
    assert "\x1b" not in text
    assert "\x00" not in text
    case = ET.fromstring(text).find(".//testcase")  # noqa: S314
    assert case is not None
    assert 'a]]>&<b>"' in (case.get("name") or "")


def test_annotations() -> None:
    lines = github_annotations(MIXED)
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]
    assert "why%0Adog: a,b: fell" in lines[0]
    hostile = github_annotations(record(check(HOSTILE, "fail", reason=HOSTILE), name=HOSTILE))
    assert len(hostile) == 1
    assert "\n" not in hostile[0]
    # nothing before the message may hold the characters that end a property
    title = hostile[0].removeprefix("::error title=").split("::")[0]
    assert ":" not in title
    assert "," not in title
    assert github_annotations(record(check("accuracy/J", "pass"))) == []
    (empty,) = github_annotations(record(check("coverage", "pass")))
    assert empty.startswith("::warning")


def test_terminal_and_markdown() -> None:
    text = render_gate_terminal(MIXED)
    assert text.startswith("FAIL: toy on tiny val")
    assert "(fail)" in text
    assert "do not decide" in text
    assert "and 3 more" in text
    markdown = render_gate_markdown(MIXED)
    assert "fail (advisory)" in markdown
    hostile = record(check(HOSTILE, "fail", reason=HOSTILE), name=HOSTILE)
    for rendered in (render_gate_terminal(hostile), render_gate_markdown(hostile)):
        assert "\x1b" not in rendered
        assert "\u202e" not in rendered
    assert "<b>" not in render_gate_markdown(hostile)


def test_step_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    write_step_summary(path, "after")
    assert path.read_text() == "before\nafter\n"


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["pass"], 0),
        (["pass", "fail"], 1),
        (["inconclusive", "fail"], 1),
        (["pass", "inconclusive"], 5),
        ([], 5),
    ],
)
def test_exit_codes(verdicts: list[str], code: int) -> None:
    checks = [check(f"accuracy/{at}", verdict) for at, verdict in enumerate(verdicts)]
    advisory = check("accuracy/x", "fail", "advisory")
    assert record(*checks, advisory).exit_code == code
