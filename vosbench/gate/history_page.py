"""The history as one HTML page: offline, without scripts, same runs, same bytes."""

from __future__ import annotations

from typing import Final

import vosbench
from vosbench.gate.history import HistoryRecord, HistorySeries
from vosbench.report.templates import asset_text, csp_hash, html_environment
from vosbench.report.text import count, plain

__all__ = ["render_history_page", "render_history_terminal"]

_TEMPLATE: Final = "history.html.j2"
_STYLE: Final = "history.css"
_WIDTH: Final = 720
_HEIGHT: Final = 150
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
        series=[(one, _drawing(one)) for one in record.series],
        notes=record.notes,
        css=css,
        policy=f"default-src 'none'; style-src {csp_hash(css)}; img-src 'self'; base-uri 'none'; "
        "form-action 'none'",
        version=vosbench.__version__,
        number=_number,
    )


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:.0f}"


def _drawing(series: HistorySeries) -> str:
    """An SVG element: points, fitted levels, and a line at each step."""
    values = [point.value for point in series.points]
    low, high = min(values), max(values)
    span = max(high - low, _LEAST_SPAN * max(abs(high), 1e-9), 1e-9)
    middle = (low + high) / 2
    low, high = middle - 0.6 * span, middle + 0.6 * span

    def x(at: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (at + 0.5) / len(values)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{count(len(values), "run")}, {count(len(series.steps), "step")}">'
    ]
    for value in (middle - 0.5 * span, middle, middle + 0.5 * span):
        at = y(value)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
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
    for at in {0, len(values) - 1}:
        parts.append(f'<text class="tick middle" x="{x(at):.1f}" y="{_HEIGHT - 6}">{at + 1}</text>')
    return "".join([*parts, "</svg>"])


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
            lines.append(
                f"  {word} from run {step.run} ({step.created}): {_number(step.before)} to "
                f"{_number(step.after)} {one.unit}; differing: {changed}"
            )
    lines += [f"note: {note}" for note in record.notes]
    return "\n".join(plain(line) for line in lines)
