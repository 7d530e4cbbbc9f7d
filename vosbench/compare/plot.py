"""Accuracy against speed as an SVG figure: same figures, same bytes; no name is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from vosbench.report.curves import GRID, TEXT, draw_svg
from vosbench.report.palette import object_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PlotPoint", "draw_accuracy_speed"]

_SIZE_IN: Final = (5.2, 3.0)
_LOG_FROM: Final = 20.0


class PlotPoint(NamedTuple):
    """A run.

    Attributes:
        number: in the legend.
        step_ms: ms of a step.
        jf: J&F 0..1.
        oracle: it was shown the truth.
        low: lower end of the 95 % interval of `jf`, or None.
        high: upper end.
    """

    number: int
    step_ms: float
    jf: float
    oracle: bool
    low: float | None = None
    high: float | None = None


def draw_accuracy_speed(points: Sequence[PlotPoint]) -> str:
    """Draw J&F in points over ms of a step, runs as numbered marks; oracles are hollow.

    A line shows the 95 % interval of J&F over other videos.

    Args:
        points: at least one; ms above 0. The axis is logarithmic where runs differ by 20 times.
    """

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0.12, 0.17, 0.84, 0.77), facecolor="none")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(GRID.light)
        axes.tick_params(colors=TEXT.light)
        axes.grid(visible=True, color=GRID.light, linewidth=0.5)
        axes.set_axisbelow(True)
        times = [point.step_ms for point in points]
        if max(times) / min(times) > _LOG_FROM:
            axes.set_xscale("log")
        else:
            axes.set_xlim(0, 1.15 * max(times))
        for point in points:
            colour = object_colour(point.number).light
            if point.low is not None and point.high is not None:
                ends = (100 * point.low, 100 * point.high)
                axes.plot((point.step_ms, point.step_ms), ends, color=colour, linewidth=1.0)
            axes.plot(
                point.step_ms,
                100 * point.jf,
                marker="o",
                markersize=6,
                color=colour,
                markerfacecolor="none" if point.oracle else colour,
                linestyle="none",
            )
            axes.annotate(
                str(point.number),
                (point.step_ms, 100 * point.jf),
                xytext=(5, 4),
                textcoords="offset points",
                color=colour,
            )
        axes.margins(0.12)
        axes.set_xlabel("ms a step (left is faster)", color=TEXT.light)
        axes.set_ylabel("J&F, points", color=TEXT.light)

    hues = [object_colour(point.number)[:2] for point in points]
    return draw_svg(draw, size=_SIZE_IN, hues=hues)
