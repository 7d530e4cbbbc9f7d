"""A gate's verdict for continuous integration: JUnit XML, and GitHub's workflow commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree  # noqa: S405 - only written, never read

from vosbench.errors import InputError
from vosbench.gate.records import CheckRecord, GateRecord
from vosbench.report.text import plain
from vosbench.store.atomic import write_text

__all__ = ["github_annotations", "junit_xml", "write_step_summary"]

# characters that XML 1.0 cannot hold, not even escaped
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEVELS: Final = {"fail": "error", "inconclusive": "warning"}


def _text(value: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", plain(value))


def junit_xml(record: GateRecord) -> str:
    """One test suite with a test case per check.

    A blocking fail is a `failure`; a blocking check that could not be decided is an `error`, since
    readers know no third colour; an advisory check that did not pass is `skipped`. A gate that is
    not green for want of any comparison gets a test case of its own.
    """
    cases = [_case(record, check) for check in record.checks]
    decided = any(check.decides and check.verdict != "pass" for check in record.checks)
    if record.verdict != "pass" and not decided:
        empty = ElementTree.Element("testcase", classname=_class(record), name="comparison")
        ElementTree.SubElement(
            empty, "error", message=_text(record.reason), type="inconclusive"
        ).text = _text(record.reason)
        cases.append(empty)
    numbers = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": "0",
    }
    attributes = {"name": "vosbench gate", **numbers}
    root = ElementTree.Element("testsuites", attributes)
    suite = ElementTree.SubElement(root, "testsuite", attributes)
    suite.extend(cases)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _class(record: GateRecord) -> str:
    return _text(f"vosbench.gate.{record.dataset}.{record.method}")


def _case(record: GateRecord, check: CheckRecord) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_class(record), name=_text(check.name), time="0"
    )
    blame = [f"{one.kind} {one.name}: {one.text}" for one in check.blame]
    details = "\n".join(_text(line) for line in [check.reason, *blame])
    if check.verdict != "pass":
        tag = {"fail": "failure", "inconclusive": "error"}[check.verdict]
        kind = check.verdict if check.decides else "advisory"
        child = ElementTree.SubElement(
            case, tag if check.decides else "skipped", message=_text(check.reason), type=kind
        )
        child.text = details
    ElementTree.SubElement(case, "system-out").text = details
    return case


def _escape_data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(value: str) -> str:
    return _escape_data(value).replace(":", "%3A").replace(",", "%2C")


def github_annotations(record: GateRecord) -> list[str]:
    """Workflow commands, one for every check that did not pass, and one for the verdict.

    Advisory checks are notices. Line breaks and the characters that end a command are escaped.
    """
    lines = []
    for check in record.checks:
        if check.verdict == "pass":
            continue
        level = _LEVELS[check.verdict] if check.decides else "notice"
        blame = [f"{plain(one.name)}: {plain(one.text)}" for one in check.blame]
        text = "\n".join([plain(check.reason), *blame])
        title = _escape_property(plain(f"vosbench gate: {check.name} {check.verdict}"))
        lines.append(f"::{level} title={title}::{_escape_data(text)}")
    if record.verdict != "pass" and not lines:
        title = _escape_property(f"vosbench gate: {record.verdict}")
        level = _LEVELS[record.verdict]
        lines.append(f"::{level} title={title}::{_escape_data(plain(record.reason))}")
    return lines


def write_step_summary(path: Path, markdown: str) -> None:
    """Append to GitHub's step summary, which other steps share."""
    try:
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the step summary {path} cannot be read: {error}") from error
    write_text(path, f"{before}{markdown}\n")
