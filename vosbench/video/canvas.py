"""Putting panels, labels, a timeline and captions on one frame of a video.

Dark whatever the reader's theme, as players are. Sizes are even numbers, as video needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vosbench.report.palette import object_colour
from vosbench.video.lettering import fitted, font_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from vosbench.types import RGB

__all__ = ["Canvas", "Line", "Panel", "Timeline", "paint", "plan_canvas"]

_WIDEST: Final = 1280
_HIGHEST: Final = 960
_LEAST_WIDTH: Final = 320
_LABEL_PX: Final = 30
_LABEL_FONT: Final = 20
_CAPTION_PX: Final = 30
_CAPTION_FONT: Final = 20
_TIMELINE_PX: Final = 64
_AXIS_FONT: Final = 13
_MARGIN: Final = 10
_GAP: Final = 4

_BACKGROUND: Final = (17, 20, 23)
_STRIP: Final = (34, 39, 46)
_TEXT: Final = (240, 243, 246)
_QUIET: Final = (168, 175, 184)
_ALARM: Final = (255, 178, 92)
_SPAN: Final = (92, 52, 24)
_GRID: Final = (52, 58, 66)
_LOW: Final = 0.5
"""Recall level of DAVIS: a J below it is shown in another colour."""


@dataclass(frozen=True)
class Canvas:
    """Where everything goes, px.

    Attributes:
        places: how many panels there are.
        columns: of panels.
        panel: height and width of a panel's picture.
        captions: lines of text below.
        timeline: whether there is a timeline: in the places of the last row that no panel needs,
            else in a row of its own.
    """

    places: int
    columns: int
    panel: tuple[int, int]
    captions: int
    timeline: bool

    @property
    def rows(self) -> int:
        """Of panels."""
        return -(-self.places // self.columns)

    @property
    def width(self) -> int:
        """Of the whole frame."""
        return _even(self.columns * (self.panel[1] + _GAP) - _GAP)

    @property
    def height(self) -> int:
        """Of the whole frame."""
        row = _TIMELINE_PX if self.timeline and not self._free else 0
        return _even(self.below + self.captions * _CAPTION_PX + row + _GAP)

    @property
    def below(self) -> int:
        """Where the panels end."""
        return self.rows * (self.panel[0] + _LABEL_PX + _GAP)

    @property
    def _free(self) -> int:
        return self.rows * self.columns - self.places

    def corner(self, place: int) -> tuple[int, int]:
        """Left and top of a panel with its label."""
        row, column = divmod(place, self.columns)
        return column * (self.panel[1] + _GAP), row * (self.panel[0] + _LABEL_PX + _GAP)

    @property
    def timeline_box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the timeline."""
        if self._free:
            left, top = self.corner(self.places)
            return left + _MARGIN, top + _MARGIN, self.width - _MARGIN, self.below - _MARGIN
        top = self.below + self.captions * _CAPTION_PX
        return _MARGIN, top + 4, self.width - _MARGIN, top + _TIMELINE_PX


@dataclass(frozen=True, eq=False)
class Panel:
    """A picture with its label.

    Attributes:
        label: on its left; text from outside.
        image: H×W×3 uint8, no larger than the canvas has room for; it is put in the middle.
        value: on its right, such as `J 71.2`.
        low: the value is below the recall level.
        number: of the run whose colour marks it, counted from 1; 0 for none.
    """

    label: str
    image: RGB
    value: str = ""
    low: bool = False
    number: int = 0


@dataclass(frozen=True)
class Line:
    """A line of text; `alarm` draws it in the colour of failures."""

    text: str
    alarm: bool = False


@dataclass(frozen=True)
class Timeline:
    """J over the frames of a clip.

    Attributes:
        curves: for each run, J 0..1 by position of the frame.
        first: position at the left end.
        last: position at the right end.
        now: position shown.
        span: positions that belong to an event, both included, or None.
    """

    curves: Sequence[Mapping[int, float]]
    first: int
    last: int
    now: int
    span: tuple[int, int] | None = None


def plan_canvas(panels: int, size: tuple[int, int], *, captions: int, timeline: bool) -> Canvas:
    """The arrangement that shows the panels largest within 1280×960 px.

    Pictures keep their shape and are not made larger than they are, except that very small clips
    grow until their labels can be read.

    Args:
        panels: how many, at least 1.
        size: height and width of a clip, px.
        captions: lines of text below the panels.
        timeline: whether a timeline comes below them.
    """
    height, width = size
    most = max(1.0, _LEAST_WIDTH / width)
    best: Canvas | None = None
    best_worth = 0.0
    for columns in range(1, panels + 1):
        rows = -(-panels // columns)
        row = _TIMELINE_PX if timeline and rows * columns == panels else 0
        spare = _HIGHEST - captions * _CAPTION_PX - row - _GAP
        scale = min(
            most,
            (_WIDEST - (columns - 1) * _GAP) / columns / width,
            (spare / rows - _LABEL_PX - _GAP) / height,
        )
        # with very many panels the frame becomes larger than planned rather than unreadable
        scale = max(scale, 64 / max(height, width))
        panel = (_even(height * scale), _even(width * scale))
        found = Canvas(panels, columns, panel, captions, timeline)
        # screens are wide: a tall frame must show its panels a good deal larger
        worth = panel[1] * (1.0 if found.width >= found.height else 0.75)
        if worth > best_worth:
            best, best_worth = found, worth
    assert best is not None  # noqa: S101 - there is at least one panel
    return best


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))


def paint(
    canvas: Canvas,
    panels: Sequence[Panel],
    lines: Sequence[Line],
    timeline: Timeline | None,
    *,
    alarm: bool = False,
) -> RGB:
    """Draw one frame of the video.

    Args:
        canvas: of `plan_canvas`.
        panels: as many as it has places.
        lines: as many as its captions.
        timeline: where it has one.
        alarm: frame the panels in the colour of failures.

    Returns:
        H×W×3 uint8.
    """
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (canvas.width, canvas.height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for place, panel in enumerate(panels):
        _panel(sheet, draw, panel, canvas.corner(place), canvas.panel, alarm=alarm)
    top = canvas.below
    font = font_of(_CAPTION_FONT)
    for line in lines:
        text = fitted(line.text, font, canvas.width - 2 * _MARGIN)
        draw.text((_MARGIN, top + 4), text, font=font, fill=_ALARM if line.alarm else _TEXT)
        top += _CAPTION_PX
    if timeline is not None:
        _timeline(draw, timeline, canvas.timeline_box)
    return np.array(sheet, np.uint8)


def _panel(
    sheet: Image,
    draw: ImageDraw,
    panel: Panel,
    corner: tuple[int, int],
    size: tuple[int, int],
    *,
    alarm: bool,
) -> None:
    from PIL import Image

    (left, top), (height, width) = corner, size
    draw.rectangle((left, top, left + width - 1, top + _LABEL_PX - 1), fill=_STRIP)
    font, begin = font_of(_LABEL_FONT), left + _MARGIN
    if panel.number:
        draw.rectangle((begin, top + 9, begin + 12, top + 21), fill=_colour(panel.number))
        begin += 20
    room = left + width - _MARGIN - begin
    if panel.value:
        used = font.getlength(panel.value)
        colour = _ALARM if panel.low else _TEXT
        draw.text((left + width - _MARGIN - used, top + 4), panel.value, font=font, fill=colour)
        room -= int(used) + _MARGIN
    draw.text((begin, top + 4), fitted(panel.label, font, room), font=font, fill=_TEXT)
    picture = Image.fromarray(panel.image)
    at = (left + (width - picture.width) // 2, top + _LABEL_PX + (height - picture.height) // 2)
    sheet.paste(picture, at)
    if alarm:
        edge = (left, top + _LABEL_PX, left + width - 1, top + _LABEL_PX + height - 1)
        draw.rectangle(edge, outline=_ALARM, width=4)


def _timeline(draw: ImageDraw, line: Timeline, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    font = font_of(_AXIS_FONT)
    draw.text((left, top - 2), "J", font=font, fill=_QUIET)
    left += 24
    length = max(1, line.last - line.first)

    def x(position: float) -> float:
        return left + (right - left) * (position - line.first) / length

    def y(j: float) -> float:
        return bottom - 4 - (bottom - top - 8) * j

    if line.span is not None:
        edges = (x(line.span[0] - 0.5), top, x(line.span[1] + 0.5), bottom - 2)
        draw.rectangle(edges, fill=_SPAN)
    for level in (0.0, _LOW, 1.0):
        draw.line((left, y(level), right, y(level)), fill=_GRID)
    if bottom - top > 2 * _TIMELINE_PX:
        for level in (0.0, _LOW):
            text = f"{100 * level:.0f}"
            draw.text((left - 6, y(level)), text, font=font, fill=_QUIET, anchor="rm")
    for number, curve in enumerate(line.curves, start=1):
        for part in _unbroken([at for at in sorted(curve) if line.first <= at <= line.last]):
            points = [(x(position), y(curve[position])) for position in part]
            if len(points) > 1:
                draw.line(points, fill=_colour(number), width=2)
            else:
                (px, py), *_ = points
                draw.ellipse((px - 2, py - 2, px + 2, py + 2), fill=_colour(number))
    draw.line((x(line.now), top, x(line.now), bottom - 2), fill=_TEXT, width=2)


def _unbroken(positions: Sequence[int]) -> list[list[int]]:
    """Ascending positions in stretches; where most frames are annotated, a gap is no line.

    Data sets that annotate every fifth frame or fewer have one stretch.
    """
    if not positions:
        return []
    step = min((b - a for a, b in zip(positions, positions[1:], strict=False)), default=1)
    parts = [[positions[0]]]
    for before, after in zip(positions, positions[1:], strict=False):
        if after - before > step:
            parts.append([])
        parts[-1].append(after)
    return parts


def _colour(number: int) -> tuple[int, int, int]:
    """Of a run, as on the page with a dark theme."""
    text = object_colour(number).dark.removeprefix("#")
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)
