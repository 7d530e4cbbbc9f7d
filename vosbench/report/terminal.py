"""The scores as text, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vosbench.report.text import METRICS, count, figures, plain, points
from vosbench.store.schema import RunRecord, ScoreRecord, Summary

__all__ = ["render_terminal"]

_DECAY_NOTE: Final = "Points; lower is better for decay."


def render_terminal(record: ScoreRecord, run: RunRecord | None) -> str:
    """Scores of the set and of each sequence as aligned tables.

    Args:
        record: the scores.
        run: the run they belong to, or None where a folder of masks was scored.

    Returns:
        Lines without a line break at the end. Names are shown with control characters spelled out,
        so that they cannot steer a terminal.
    """
    name = run.method.reference if run else "masks"
    scored = count(len(record.sequences), "sequence")
    objects = count(len(record.objects), "object")
    lines = []
    if run is not None and run.method.oracle:
        lines += ["ORACLE: the method was shown the ground truth; these numbers are no result.", ""]
    lines += [
        plain(
            f"{name} on {record.dataset} {record.split}, protocol {record.protocol}: {scored}, "
            f"{objects}, {count(record.frames_evaluated, 'evaluated frame')}"
        ),
        "",
        _table("set", [(name, record.overall)]),
        "",
        _table("sequence", _ordered(record, run)),
        "",
        _DECAY_NOTE,
    ]
    lines += [
        plain(f"not scored: {sequence}: {reason}")
        for sequence, reason in sorted(record.unscored.items())
    ]
    for name, value in record.extras.items():
        lines.append(plain(f"{name}: {points(value)}"))
    lines += [plain(f"note: {text}") for text in record.notes]
    lines += [plain(f"warning: {warning}") for warning in record.warnings]
    return "\n".join(lines)


def _ordered(record: ScoreRecord, run: RunRecord | None) -> list[tuple[str, Summary]]:
    position = {name: place for place, name in enumerate(run.data.sequences)} if run else {}
    return sorted(
        record.sequences.items(), key=lambda item: (position.get(item[0], len(position)), item[0])
    )


def _table(heading: str, rows: Iterable[tuple[str, Summary]]) -> str:
    from tabulate import tabulate

    return tabulate(
        [(plain(name), *(points(value) for value in figures(summary))) for name, summary in rows],
        headers=(heading, *(metric.label for metric in METRICS)),
        tablefmt="simple",
        # names such as 1e5 stay names, and figures keep their one decimal
        disable_numparse=True,
        colalign=("left", *("right" for _ in METRICS)),
    )
