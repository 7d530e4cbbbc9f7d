"""A gate's verdict as text for a terminal, and as Markdown for a comment or a step summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from vosbench.gate.records import Blame, CheckRecord, GateRecord
from vosbench.report.text import count, escape_markdown, plain

__all__ = ["render_gate_markdown", "render_gate_terminal"]

_WORDS: Final = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
_MARKS: Final = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
_LEAST_JOINED: Final = 3
_MOST_FRAMES: Final = 6
_MOST_SEQUENCES: Final = 8


def _word(check: CheckRecord) -> str:
    return _WORDS[check.verdict] if check.decides else f"({check.verdict})"


def render_gate_terminal(record: GateRecord) -> str:
    """Lines without a break at the end; names from outside cannot steer a terminal."""
    lines = [
        f"{_WORDS[record.verdict]}: {record.method} on {record.dataset} {record.split}, protocol "
        f"{record.protocol}, against {record.baseline}",
        record.reason,
        f"rules: {record.regime} ({record.regime_reason})",
        "",
    ]
    checks = _shortened(record.checks)
    width = max((len(_word(check)) for check in checks), default=0)
    names = max((len(check.name) for check in checks), default=0)
    for check in checks:
        lines.append(f"  {_word(check):<{width}}  {check.name:<{names}}  {check.reason}")
        lines += [f"  {'':<{width}}  {'':<{names}}    {_blame(one)}" for one in _told(check)]
    if any(not check.decides for check in checks):
        lines += ["", "Checks in brackets are advisory: they do not decide."]
    lines += _section("Masks that differ", _frames(record))
    different = [f"{d.name}: {d.baseline} / {d.candidate}" for d in record.differences]
    lines += _section("What differs (baseline / this run)", different)
    lines += _section("Notes", record.notes)
    return "\n".join(plain(line) for line in lines)


def _shortened(checks: Sequence[CheckRecord]) -> list[CheckRecord]:
    """Stages that decide nothing and could not be decided, for one and the same reason, as one."""
    alike: defaultdict[str, list[CheckRecord]] = defaultdict(list)
    for check in checks:
        alike[_undecided_for(check)].append(check)
    shown = []
    for check in checks:
        members = alike[why] if (why := _undecided_for(check)) else []
        if len(members) < _LEAST_JOINED:
            shown.append(check)
        elif check is members[0]:
            shown.append(_joined(members, why))
    return shown


def _undecided_for(check: CheckRecord) -> str:
    """What an undecided advisory stage is held to, without its own figures; else nothing."""
    stage = check.name.removeprefix("speed/")
    undecided = check.verdict == "inconclusive" and not check.decides and not _told(check)
    if not undecided or check.change is None or not check.reason.startswith(f"{stage} "):
        return ""
    return check.reason.partition(", ")[2].partition(": the interval")[0]


def _joined(members: Sequence[CheckRecord], why: str) -> CheckRecord:
    stages = ", ".join(
        f"{one.name.removeprefix('speed/')} {100 * (one.change - 1):+.1f} %"
        for one in members
        if one.change is not None
    )
    lows = [one.low for one in members if one.low is not None]
    highs = [one.high for one in members if one.high is not None]
    ends = f", intervals within [{min(lows):.3f}, {max(highs):.3f}]" if lows and highs else ""
    reason = f"{count(len(members), 'stage')} undecided{ends}, {why}: {stages}"
    return CheckRecord(name="speed", status="advisory", verdict="inconclusive", reason=reason)


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _told(check: CheckRecord) -> list[Blame]:
    """Blame that says more than the reason does."""
    return [one for one in check.blame if one.text not in check.reason]


def _blame(one: Blame) -> str:
    return one.text if one.name in one.text else f"{one.name}: {one.text}"


def _frames(record: GateRecord) -> list[str]:
    most = sorted(record.changed_frames.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = []
    for name, frames in most[:_MOST_SEQUENCES]:
        listed = ", ".join(frames[:_MOST_FRAMES])
        more = len(frames) - _MOST_FRAMES
        also = f" and {more} more" if more > 0 else ""
        lines.append(f"{name}: {count(len(frames), 'frame')}: {listed}{also}")
    if len(most) > _MOST_SEQUENCES:
        left = count(len(most) - _MOST_SEQUENCES, "sequence")
        lines.append(f"and {left} more; --json has all")
    return lines


def render_gate_markdown(record: GateRecord) -> str:
    """GitHub's Markdown, without a break at the end; names are shown literally."""
    return "\n\n".join(_markdown(record))


def _markdown(record: GateRecord) -> Iterator[str]:
    text = escape_markdown
    yield f"## {_MARKS[record.verdict]} vosbench gate: {record.verdict}"
    yield (
        f"**{text(record.method)}** on {text(record.dataset)} {text(record.split)}, protocol "
        f"{text(record.protocol)}, against {text(record.baseline)}"
    )
    yield text(record.reason)
    rows = ["| | check | verdict | why |", "|---|---|---|---|"]
    for check in _shortened(record.checks):
        verdict = check.verdict if check.decides else f"{check.verdict} (advisory)"
        where = "".join(f"<br>{text(_blame(one))}" for one in _told(check))
        mark = _MARKS[check.verdict] if check.decides else "·"
        rows.append(f"| {mark} | {text(check.name)} | {verdict} | {text(check.reason)}{where} |")
    yield "\n".join(rows)
    yield f"Rules: {record.regime}: {text(record.regime_reason)}."
    frames = _frames(record)
    different = [f"{d.name}: {d.baseline} / {d.candidate}" for d in record.differences]
    for title, lines in (
        ("Masks that differ", frames),
        ("What differs (baseline / this run)", different),
        ("Notes", record.notes),
    ):
        if lines:
            listed = "\n".join(f"- {text(line)}" for line in lines)
            yield f"<details><summary>{title}</summary>\n\n{listed}\n\n</details>"
