"""What a check found: one record per place, and lines that put equal ones together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeAlias

from vosbench.data.names import counted

__all__ = ["CheckReport", "Finding", "FindingGroup", "Severity", "grouped"]

Severity: TypeAlias = Literal["error", "warning", "note"]
"""`error`: running or scoring refuses it. `warning`: it is used, but numbers may not mean what they
seem to. `note`: good to know; what scoring would normalise is one."""

_ORDER: Final[Mapping[Severity, int]] = {"error": 0, "warning": 1, "note": 2}
_NAMED_PLACES: Final = 4


@dataclass(frozen=True)
class Finding:
    """One thing that was found in one place.

    Attributes:
        severity: how much it matters.
        code: stable name of the kind of finding, for programs.
        text: what was found, in the same words wherever the same thing is found.
        sequence: sequence or clip, or None where it concerns the whole.
        frame: frame name, or None where it concerns the sequence.
        detail: what is particular to this place: numbers, names, a message.
        fix: what to do about it, or an empty string.
    """

    severity: Severity
    code: str
    text: str
    sequence: str | None = None
    frame: str | None = None
    detail: str = ""
    fix: str = ""

    @property
    def place(self) -> str:
        """Sequence and frame in words; empty where it concerns the whole."""
        return " ".join(part for part in (self.sequence, self.frame) if part)

    def as_dict(self) -> dict[str, str | None]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class FindingGroup:
    """Findings that differ only in place and detail."""

    findings: tuple[Finding, ...]

    @property
    def line(self) -> str:
        """Severity, what, how often, the first places, the first detail, and the fix, in one line.

        A finding in a single place is told in full.
        """
        first = self.findings[0]
        words = f"{first.severity}: {first.text}"
        if len(self.findings) == 1 and first.detail:
            words += f" ({first.detail})"
        places = [place for place in dict.fromkeys(f.place for f in self.findings) if place]
        if places:
            more = len(places) - _NAMED_PLACES
            named = ", ".join(places[:_NAMED_PLACES])
            words += f": {named}{f' and {more} more places' if more > 0 else ''}"
        if len(self.findings) > 1 and first.detail:
            words += f" (the first: {first.detail})"
        if first.fix:
            words += f"; {first.fix}"
        return " ".join(words.split())


@dataclass(frozen=True)
class CheckReport:
    """The outcome of a check.

    Attributes:
        subject: what was checked, in words.
        facts: what was counted or computed, by name.
        findings: everything found, in the order in which it was found.
    """

    subject: str
    facts: Mapping[str, str | int | None] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Findings of one severity."""
        return tuple(f for f in self.findings if f.severity == severity)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What running or scoring would refuse."""
        return self.of("error")

    def lines(self) -> Iterator[str]:
        """Subject, facts, one line per kind of finding, and the counts."""
        yield self.subject
        for name, value in self.facts.items():
            yield f"  {name}: {'unknown' if value is None else value}"
        yield from (group.line for group in grouped(self.findings))
        severities: tuple[Severity, ...] = ("error", "warning", "note")
        yield ", ".join(counted(len(self.of(one)), one) for one in severities)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: every single finding."""
        return {
            "subject": self.subject,
            "facts": dict(self.facts),
            "errors": len(self.errors),
            "warnings": len(self.of("warning")),
            "notes": len(self.of("note")),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def grouped(findings: Iterable[Finding]) -> list[FindingGroup]:
    """Put findings together that say the same of different places, errors first."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        key = (finding.severity, finding.code, finding.text, finding.fix)
        groups.setdefault(key, []).append(finding)
    ordered = sorted(groups.values(), key=lambda group: _ORDER[group[0].severity])
    return [FindingGroup(tuple(group)) for group in ordered]
