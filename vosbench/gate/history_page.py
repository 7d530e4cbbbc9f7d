"""The history as one HTML page: offline, without scripts, same runs, same bytes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
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
        series=[(one, _drawings(one)) for one in record.series],
        notes=record.notes,
        css=css,
        policy=f"default-src 'none'; style-src {csp_hash(css)}; img-src 'self'; base-uri 'none'; "
        "form-action 'none'",
        version=vosbench.__version__,
        number=_number,
        moment=_moment,
    )


def _drawings(series: HistorySeries) -> dict[str, str]:
    """Drawings by style class; of a single run a sentence, for a point by itself shows nothing."""
    if len(series.points) == 1:
        value = f"{_number(series.points[0].value)} {series.unit}"
        return {"alone": f"<p>{value}, of one run: there is nothing to draw yet.</p>"}
    return {kind: _drawing(series, width) for kind, width in _WIDTHS.items()}


def _number(value: float, apart: float | None = None) -> str:
    """With as many decimals as it takes to tell it from a number that lies `apart`."""
    decimals = 2 if abs(value) < 1000 else 0
    least = abs(value) / 10 if apart is None else apart
    if least > 0:
        decimals = max(decimals, min(6, -math.floor(math.log10(least))))
    return f"{value:.{decimals}f}"


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
            f'<text class="tick" x="{_LEFT - 6}" y="{at + 4:.1f}">'
            f"{_number(value, apart=0.5 * span)}</text>"
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
    """A line per series and per step, without a break at the end; one for all that have one run."""
    lines = []
    single: defaultdict[tuple[str, str, str], list[HistorySeries]] = defaultdict(list)
    for one in record.series:
        if len(one.points) == 1:
            single[one.method, one.data, one.points[0].run].append(one)
            continue
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
    lines += [_alone(of) for of in single.values()]
    lines += [f"note: {note}" for note in record.notes]
    return "\n".join(plain(line) for line in lines)


def _alone(series: Sequence[HistorySeries]) -> str:
    """The figures of a run that nothing can be joined with."""
    first = series[0]
    # figures of accuracy are joined whatever the machine, so they come first where they are alone
    where = f" on {first.hardware}" if first.hardware else ""
    told = ", ".join(f"{s.figure} {_number(s.points[0].value)} {s.unit}" for s in series)
    return (
        f"{first.method}, {first.data}: one run{where}, {first.points[0].run}, so no history yet: "
        f"{told}"
    )
