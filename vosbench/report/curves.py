"""J over time as small SVG figures: same scores, same bytes; light and dark in one file.

The colours in the file are those of the light theme, so that it can go into a paper as it is; a
style sheet inside it replaces them where the reader prefers dark. Text stays text. No name from
outside is drawn: captions belong to the page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from vosbench.report.palette import Ink, object_colour
from vosbench.report.source import ObjectCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_curves"]

_WIDTH_IN: Final = 3.5
_HEIGHT_IN: Final = 1.55
_PAPER: Final = Ink("#ffffff", "#191c20")
_TEXT: Final = Ink("#555b63", "#a8afb8")
_GRID: Final = Ink("#d9dde2", "#343a42")
_MARK: Final = Ink("#111417", "#f2f4f6")
_RECALL_THRESHOLD: Final = 50.0
# Any: matplotlib's stubs type the keys as a long list of literals
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "vosbench",
    "svg.fonttype": "none",
    "font.size": 7.5,
    "text.parse_math": False,
}

_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\n?")
_METADATA = re.compile(r" *<metadata>.*?</metadata>\n?", re.DOTALL)
_FONT_FAMILY = re.compile(r"font-family: [^;\"]*")


def draw_curves(curves: Sequence[ObjectCurve], *, marked: Iterable[tuple[int, int]] = ()) -> str:
    """Draw the curves of one sequence.

    Args:
        curves: objects of one sequence.
        marked: (object id, frame index) of frames that are shown elsewhere, drawn as rings.

    Returns:
        An SVG document; J in points over the index of the frame.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context():
        # a matplotlibrc of the user must not change the bytes
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), facecolor=_PAPER.light)
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.085, 0.2, 0.9, 0.74), facecolor="none")
        _draw_frame(axes, last=max((curve.length - 1 for curve in curves), default=1))
        for curve in curves:
            _draw_curve(axes, curve)
        _draw_marks(axes, curves, set(marked))
        document = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(document, format="svg", metadata=nothing)
    return _finish(document.getvalue(), curves)


def _draw_frame(axes: Axes, *, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    for spine in axes.spines.values():
        spine.set_visible(False)
    for level in (0, 100):
        axes.axhline(level, color=_GRID.light, linewidth=0.5, zorder=0.5)
    axes.axhline(_RECALL_THRESHOLD, color=_TEXT.light, linewidth=0.7, dashes=(1, 2.5))
    axes.tick_params(length=0, colors=_TEXT.light, pad=3)
    axes.set_xlim(0, max(last, 1))
    axes.set_ylim(-3, 103)
    axes.set_yticks((0, 50, 100))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("frame", color=_TEXT.light, labelpad=1.5)


def _draw_curve(axes: Axes, curve: ObjectCurve) -> None:
    colour = object_colour(curve.object_id)
    (line,) = axes.plot(
        curve.index, curve.j * 100, color=colour.light, linewidth=1.3, clip_on=False
    )
    if colour.dashes:
        line.set_dashes(colour.dashes)
    alone = _isolated(curve.j)
    if alone.any():
        axes.plot(
            curve.index[alone],
            curve.j[alone] * 100,
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


def _finish(svg: str, curves: Sequence[ObjectCurve]) -> str:
    inks = [_PAPER, _TEXT, _GRID, _MARK]
    objects = sorted({object_colour(curve.object_id)[:2] for curve in curves})
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}: {dark} !important}}'
        for light, dark in [*((ink.light, ink.dark) for ink in inks), *objects]
        for kind in ("fill", "stroke")
    )
    svg = _METADATA.sub("", _DOCTYPE.sub("", svg))
    svg = _FONT_FAMILY.sub("font-family: system-ui, 'Helvetica Neue', Arial, sans-serif", svg)
    dark = f"@media (prefers-color-scheme: dark) {{{rules}}}"
    return svg.replace("</style>", f"{dark}</style>", 1)
