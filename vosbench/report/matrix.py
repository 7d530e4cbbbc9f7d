"""The protocol matrix as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from vosbench.evaluate.matrix import Flip, ProtocolMatrix
from vosbench.metrics import PROTOCOLS
from vosbench.report.text import METRICS, count, figures, plain, points

__all__ = ["render_matrix"]

_WRAP = textwrap.TextWrapper(
    100, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
)


def render_matrix(matrices: Sequence[ProtocolMatrix], flips: Sequence[Flip]) -> str:
    """One table per set of masks, then what each protocol does, then the changes of order.

    Figures are points. A protocol that left sequences out shows how many, and what it measures
    beyond J and F stands in the last column.
    """
    parts = []
    for matrix in matrices:
        parts += [plain(matrix.name), "", _table(matrix), *_left_out(matrix), ""]
    parts.append("Why they differ:")
    for protocol in PROTOCOLS.values():
        text = f"{protocol.name}: {protocol.description}"
        parts.append(_WRAP.fill(text))
    if len(matrices) > 1:
        parts += ["", _flips(flips)]
    return "\n".join(parts)


def _table(matrix: ProtocolMatrix) -> str:
    from tabulate import tabulate

    rows = []
    for name, record in matrix.records.items():
        extras = ", ".join(f"{key} {points(value)}" for key, value in record.extras.items())
        total = len(record.sequences) + len(record.unscored)
        rows.append(
            (
                name,
                *(points(value) for value in figures(record.overall)),
                f"{len(record.sequences)}/{total}",
                f"{len(record.objects)}",
                f"{record.frames_evaluated}",
                extras,
            )
        )
    labels = [metric.label for metric in METRICS]
    return tabulate(
        rows,
        headers=("protocol", *labels, "scored", "objects", "frames", "also"),
        tablefmt="simple",
        disable_numparse=True,
        colalign=("left", *("right" for _ in range(len(METRICS) + 3)), "left"),
    )


def _left_out(matrix: ProtocolMatrix) -> list[str]:
    """One line per protocol that could not score everything, with the first reason."""
    lines = []
    for name, record in matrix.records.items():
        if record.unscored:
            sequence, reason = next(iter(record.unscored.items()))
            left = count(len(record.unscored), "sequence")
            lines.append(plain(f"{name} leaves out {left}; {sequence}: {reason}"))
    return lines


def _flips(flips: Sequence[Flip]) -> str:
    if not flips:
        return "The ranking is the same under every protocol that scores all sets whole."
    lines = ["The ranking depends on the protocol:"]
    lines += [
        plain(f"  {f.better} is above {f.worse} under {f.reference}, below it under {f.protocol}")
        for f in flips
    ]
    return "\n".join(lines)
