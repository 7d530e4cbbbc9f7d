"""J and F over time as small SVG figures: same scores, same bytes; light and dark in one file.

The colours in the file are those of the light theme, so that it can go into a paper as it is; a
style sheet inside it replaces them where the reader prefers dark. Text stays text. No name from
outside is drawn: captions belong to the page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from vosbench.report.events import GROUP_TITLES, SHADED, Span, covered
from vosbench.report.palette import SPAN_INKS, Ink, object_colour
from vosbench.report.source import ObjectCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GRID", "TEXT", "PaperFigure", "draw_curves", "draw_paper_curves", "draw_svg"]

_WIDTH_IN: Final = 3.5
_HEIGHT_IN: Final = 2.3
PLOT: Final = (0.085, 0.9)
"""Left edge and width of the plots in a curve's figure, as shares of its width."""
_PAPER: Final = Ink("#ffffff", "#191c20")
TEXT: Final = Ink("#555b63", "#a8afb8")
GRID: Final = Ink("#d9dde2", "#343a42")
_MARK: Final = Ink("#111417", "#f2f4f6")
_PAPER_HEIGHT_IN: Final = 2.9
_MOST_IN_LEGEND: Final = 8
_RECALL_THRESHOLD: Final = 50.0
# Any: matplotlib's stubs type the keys as a long list of literals
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "vosbench",
    "svg.fonttype": "none",
    "font.size": 7.5,
    "text.parse_math": False,
    "pdf.fonttype": 42,
    "pdf.compression": 6,
}

_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\n?")
_METADATA = re.compile(r" *<metadata>.*?</metadata>\n?", re.DOTALL)
_FONT_FAMILY = re.compile(r"font-family: [^;\"]*")


def draw_curves(
    curves: Sequence[ObjectCurve],
    *,
    marked: Iterable[tuple[int, int]] = (),
    spans: Sequence[Span] = (),
) -> str:
    """Draw the curves of one sequence: J above F, and below them lanes of events.

    Args:
        curves: objects of one sequence.
        marked: (object id, frame index) of frames that are shown elsewhere, drawn as rings.
        spans: events and failures; those of `SHADED` shade the plots, all have a lane.

    Returns:
        An SVG document; J and F in points over the index of the frame.
    """
    last = max((curve.length - 1 for curve in curves), default=1)
    groups = [group for group in GROUP_TITLES if any(one.group == group for one in spans)]

    def draw(figure: Figure) -> None:
        rings = set(marked)
        for name, bottom in (("J", 0.6), ("F", 0.245)):
            axes = figure.add_axes((PLOT[0], bottom, PLOT[1], 0.315), facecolor="none")
            _draw_frame(axes, last=last)
            axes.set_ylabel(name, color=TEXT.light, labelpad=-3, rotation=0, y=0.62)
            axes.set_yticks((0, 100))
            axes.set_xlabel("")
            axes.set_xticks([])
            for group in SHADED:
                for first, end in covered(one for one in spans if one.group == group):
                    ink, edges = SPAN_INKS[group].light, (first - 0.5, end + 0.5)
                    axes.axvspan(*edges, color=ink, alpha=0.13, linewidth=0, zorder=0.1)
            for curve in curves:
                _draw_curve(axes, curve, curve.j if name == "J" else curve.f)
            if name == "J":
                _draw_marks(axes, curves, rings)
        _draw_lanes(figure, spans, groups, last=last)

    hues = [object_colour(curve.object_id)[:2] for curve in curves]
    hues += [(SPAN_INKS[group].light, SPAN_INKS[group].dark) for group in groups]
    return draw_svg(draw, size=(_WIDTH_IN, _HEIGHT_IN), hues=hues)


def _draw_lanes(figure: Figure, spans: Sequence[Span], groups: Sequence[str], *, last: int) -> None:
    """The axis of frames, and above it a lane for each group of events."""
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_axes((PLOT[0], 0.155, PLOT[1], 0.075), facecolor="none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlim(0, max(last, 1))
    axes.set_ylim(len(GROUP_TITLES), 0)
    axes.set_yticks([])
    axes.tick_params(length=0, colors=TEXT.light, pad=2)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("frame", color=TEXT.light, labelpad=1.5)
    for lane, group in enumerate(groups):
        bars = [
            (one.first - 0.5, one.last - one.first + 1.0) for one in spans if one.group == group
        ]
        axes.broken_barh(bars, (lane + 0.1, 0.8), color=SPAN_INKS[group].light, linewidth=0)


def draw_svg(
    draw: Callable[[Figure], None], *, size: tuple[float, float], hues: Iterable[tuple[str, str]]
) -> str:
    """Draw a figure as an SVG document that follows the reader's theme; same input, same bytes.

    Args:
        draw: puts what is shown on an empty figure; it draws no text from outside.
        size: width and height, inches.
        hues: colours that it uses besides those of text and grid, light and dark.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context():
        # a matplotlibrc of the user must not change the bytes
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=size, facecolor=_PAPER.light)
        FigureCanvasSVG(figure)
        draw(figure)
        document = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(document, format="svg", metadata=nothing)
    return _finish(document.getvalue(), hues)


@dataclass(frozen=True)
class PaperFigure:
    """One figure in two formats, on white."""

    svg: str
    pdf: bytes


def draw_paper_curves(curves: Sequence[ObjectCurve]) -> PaperFigure:
    """Draw J above F of the objects of one sequence, with a legend; same scores, same bytes.

    No name from outside is drawn: the caption belongs to the paper.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(_WIDTH_IN, _PAPER_HEIGHT_IN), facecolor=_PAPER.light)
        last = max((curve.length - 1 for curve in curves), default=1)
        for figure_name, bottom in (("J", 0.6), ("F", 0.2)):
            axes = figure.add_axes((0.12, bottom, 0.86, 0.33), facecolor="none")
            _draw_frame(axes, last=last)
            axes.set_ylabel(figure_name, color=TEXT.light, labelpad=2)
            if figure_name == "J":
                axes.set_xlabel("")
                axes.set_xticklabels([])
            for curve in curves:
                _draw_curve(axes, curve, curve.j if figure_name == "J" else curve.f)
        if len(curves) > 1:
            _draw_legend(figure, curves)
        svg, pdf = io.StringIO(), io.BytesIO()
        FigureCanvasSVG(figure)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(svg, format="svg", metadata=nothing)
        FigureCanvasPdf(figure)
        undated = dict.fromkeys(("CreationDate", "Creator", "Producer"))
        figure.savefig(pdf, format="pdf", metadata=undated)
    return PaperFigure(_METADATA.sub("", _DOCTYPE.sub("", svg.getvalue())), pdf.getvalue())


def _draw_legend(figure: Figure, curves: Sequence[ObjectCurve]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for curve in curves[:_MOST_IN_LEGEND]:
        colour = object_colour(curve.object_id)
        line = Line2D([], [], color=colour.light, linewidth=1.3, label=f"object {curve.object_id}")
        if colour.dashes:
            line.set_dashes(colour.dashes)
        handles.append(line)
    figure.legend(handles=handles, loc="lower center", ncols=4, frameon=False, handlelength=2.6)


def _draw_frame(axes: Axes, *, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    for spine in axes.spines.values():
        spine.set_visible(False)
    for level in (0, 100):
        axes.axhline(level, color=GRID.light, linewidth=0.5, zorder=0.5)
    axes.axhline(_RECALL_THRESHOLD, color=TEXT.light, linewidth=0.7, dashes=(1, 2.5))
    axes.tick_params(length=0, colors=TEXT.light, pad=3)
    axes.set_xlim(0, max(last, 1))
    axes.set_ylim(-3, 103)
    axes.set_yticks((0, 50, 100))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("frame", color=TEXT.light, labelpad=1.5)


def _draw_curve(axes: Axes, curve: ObjectCurve, values: NDArray[np.float64]) -> None:
    colour = object_colour(curve.object_id)
    (line,) = axes.plot(curve.index, values * 100, color=colour.light, linewidth=1.3, clip_on=False)
    if colour.dashes:
        line.set_dashes(colour.dashes)
    alone = _isolated(values)
    if alone.any():
        axes.plot(
            curve.index[alone],
            values[alone] * 100,
            color=colour.light,
            linestyle="none",
            marker="o",
            markersize=2,
            clip_on=False,
        )


def _draw_marks(axes: Axes, curves: Sequence[ObjectCurve], marked: set[tuple[int, int]]) -> None:
    at = {
        (curve.object_id, int(index)): float(j) * 100
        for curve in curves
        for index, j in zip(curve.index, curve.j, strict=True)
    }
    for object_id, index in sorted(marked & at.keys()):
        axes.plot(
            index,
            at[object_id, index],
            marker="o",
            markersize=5,
            markerfacecolor="none",
            markeredgecolor=_MARK.light,
            markeredgewidth=0.9,
            clip_on=False,
            zorder=5,
        )


def _isolated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values have no defined neighbour, so that no line would show them."""
    known = np.isfinite(values)
    left = np.concatenate(([False], known[:-1]))
    right = np.concatenate((known[1:], [False]))
    alone: NDArray[np.bool_] = known & ~left & ~right
    return alone


def _finish(svg: str, hues: Iterable[tuple[str, str]]) -> str:
    inks = [_PAPER, TEXT, GRID, _MARK]
    objects = sorted(set(hues))
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}: {dark} !important}}'
        for light, dark in [*((ink.light, ink.dark) for ink in inks), *objects]
        for kind in ("fill", "stroke")
    )
    svg = _METADATA.sub("", _DOCTYPE.sub("", svg))
    svg = _FONT_FAMILY.sub("font-family: system-ui, 'Helvetica Neue', Arial, sans-serif", svg)
    dark = f"@media (prefers-color-scheme: dark) {{{rules}}}"
    return svg.replace("</style>", f"{dark}</style>", 1)
