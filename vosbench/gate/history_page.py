"""The history as one HTML page: offline, without scripts, same runs, same bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import vosbench
from vosbench.gate.history import HistoryRecord, HistorySeries
from vosbench.report.templates import asset_text, csp_hash, html_environment
from vosbench.report.text import count, plain

__all__ = ["render_history_page", "render_history_terminal"]

_TEMPLATE: Final = "history/page.html.j2"
_STYLE: Final = "history/page.css"
_WIDTHS: Final = {"wide": 800, "narrow": 340}
"""Of the column of text, and of a telephone: text in a drawing that is scaled down is too small."""
_HEIGHT: Final = 160
_LEAST_BETWEEN: Final = 26
_LEFT: Final = 56
_RIGHT: Final = 12
_TOP: Final = 10
_BOTTOM: Final = 22
_LEAST_SPAN: Final = 0.02


def render_history_page(record: HistoryRecord) -> str:
    """The page. Names from outside are escaped; the drawings hold numbers only."""
    css = asset_text(_STYLE)
    template = html_environment().get_template(_TEMPLATE)
    return template.render(
        series=[
            (one, {kind: _drawing(one, width) for kind, width in _WIDTHS.items()})
            for one in record.series
        ],
        notes=record.notes,
        css=css,
        policy=f"default-src 'none'; style-src {csp_hash(css)}; img-src 'self'; base-uri 'none'; "
        "form-action 'none'",
        version=vosbench.__version__,
        number=_number,
        moment=_moment,
    )


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:.0f}"


def _moment(created: str) -> str:
    """Date and time to the minute; as it is where it is no time."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return created
    return f"{when:%Y-%m-%d %H:%M}" + (f" {when:%Z}" if when.tzinfo else "")


def _drawing(series: HistorySeries, width: int) -> str:
    """An SVG element: points, fitted levels, and a line at each step."""
    values = [point.value for point in series.points]
    low, high = min(values), max(values)
    span = max(high - low, _LEAST_SPAN * max(abs(high), 1e-9), 1e-9)
    middle = (low + high) / 2
    low, high = middle - 0.6 * span, middle + 0.6 * span

    def x(at: float) -> float:
        return _LEFT + (width - _LEFT - _RIGHT) * (at + 0.5) / len(values)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [
        f'<svg viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}" role="img" '
        f'aria-label="{count(len(values), "run")}, {count(len(series.steps), "step")}">'
    ]
    for value in (middle - 0.5 * span, middle, middle + 0.5 * span):
        at = y(value)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 6}" y="{at + 4:.1f}">{_number(value)}</text>'
        )
    for step in series.steps:
        at = x(step.index - 0.5)
        kind = "worse" if step.worse else "better"
        bottom = _HEIGHT - _BOTTOM
        parts.append(
            f'<line class="step {kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{bottom}"/>'
        )
    edges = [0, *(step.index for step in series.steps), len(values)]
    for begin, end in zip(edges, edges[1:], strict=False):
        at = y(series.levels[begin])
        parts.append(
            f'<line class="level" x1="{x(begin - 0.4):.1f}" x2="{x(end - 0.6):.1f}" '
            f'y1="{at:.1f}" y2="{at:.1f}"/>'
        )
    parts += [
        f'<circle class="point" cx="{x(at):.1f}" cy="{y(value):.1f}" r="3"/>'
        for at, value in enumerate(values)
    ]
    for at in _numbered(series, x):
        parts.append(f'<text class="tick middle" x="{x(at):.1f}" y="{_HEIGHT - 6}">{at + 1}</text>')
    return "".join([*parts, "</svg>"])


def _numbered(series: HistorySeries, x: Callable[[float], float]) -> list[int]:
    """Runs whose number stands below: the first, the last, and the first after each step."""
    last = len(series.points) - 1
    kept = [0, *([last] if last else [])]
    for step in series.steps:
        if all(abs(x(step.index) - x(one)) >= _LEAST_BETWEEN for one in kept):
            kept.append(step.index)
    return sorted(kept)


def render_history_terminal(record: HistoryRecord) -> str:
    """A line per series and per step, without a break at the end."""
    lines = []
    for one in record.series:
        where = f" on {one.hardware}" if one.hardware else ""
        last = one.points[-1].value
        lines.append(
            f"{one.method}, {one.data}: {one.figure} {_number(last)} {one.unit} over "
            f"{count(len(one.points), 'run')}, {count(len(one.steps), 'step')}{where}"
        )
        for step in one.steps:
            word = "worse" if step.worse else "better"
            changed = ", ".join(step.differing) or "nothing recorded"
            moved = f"{_number(step.before)} to {_number(step.after)} {one.unit}"
            lines.append(
                f"  {word} from run {step.run} ({_moment(step.created)}): {moved}; differing: "
                f"{changed}"
            )
    lines += [f"note: {note}" for note in record.notes]
    return "\n".join(plain(line) for line in lines)
