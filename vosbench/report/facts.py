"""Exactly what was run, where, and with what: the part that makes a number repeatable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vosbench.report.text import UNDEFINED, value_text
from vosbench.store.schema import MethodRecord, RunRecord

__all__ = ["FactGroup", "Parameter", "fact_groups", "parameter_rows"]


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name, the value in effect, and what was asked for (empty: the default)."""

    name: str
    in_effect: str
    asked: str


@dataclass(frozen=True)
class FactGroup:
    """A titled list of (name, value)."""

    title: str
    rows: tuple[tuple[str, str], ...]


def parameter_rows(method: MethodRecord) -> tuple[Parameter, ...]:
    """All parameters by name; what was asked for but took no effect is listed too."""
    asked = dict(_lifted(method.asked, known=method.parameters))
    names = [*sorted(method.parameters), *sorted(set(asked) - set(method.parameters))]
    return tuple(
        Parameter(
            name,
            value_text(method.parameters[name]) if name in method.parameters else UNDEFINED,
            value_text(asked[name]) if name in asked else "",
        )
        for name in names
    )


def _lifted(asked: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Entries of `asked`; of a nested mapping such as `set`, its own entries."""
    for key, value in asked.items():
        if isinstance(value, Mapping) and key not in known:
            yield from value.items()
        else:
            yield key, value


def fact_groups(run: RunRecord) -> tuple[FactGroup, ...]:
    """Method, data, settings, code, machine and packages, without what was left empty."""
    method, data = run.method, run.data
    groups = (
        (
            "Method",
            [
                ("method", method.reference),
                ("title", method.title),
                ("oracle", "yes: was shown the ground truth" if method.oracle else "no"),
                ("weights", method.weights or "none"),
                ("weights SHA-256", method.weights_sha256 or ""),
                ("weights note", method.weights_note),
                *(("note", note) for note in method.notes),
            ],
        ),
        (
            "Data",
            [
                ("dataset", f"{data.dataset} {data.split}"),
                ("title", data.title),
                ("protocol", data.protocol),
                ("sequences", str(len(data.sequences))),
                ("frames", str(data.frames)),
                ("manifest SHA-256", data.manifest_sha256),
                ("folder", data.root),
            ],
        ),
        (
            "Run",
            [
                ("id", run.run_id),
                ("created", run.created),
                ("finished", run.finished or ""),
                ("vosbench", run.vosbench_version),
                *_flat(run.code),
                *_flat(run.settings.model_dump()),
            ],
        ),
        ("Hardware", list(_flat(run.hardware))),
        ("Packages", sorted(run.packages.items())),
    )
    return tuple(
        FactGroup(title, tuple((key, value) for key, value in rows if value))
        for title, rows in groups
        if any(value for _, value in rows)
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif value is not None:
            yield name, value_text(value)
