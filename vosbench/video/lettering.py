"""Text on frames: one font, and names from outside made safe and short.

The font is the one that Pillow carries, so that a video looks the same on every machine. It has the
characters of ASCII; all others are spelled out, as are those that would be invisible or reverse the
reading direction.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from vosbench.report.text import plain

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["fitted", "font_of", "safe"]

_LONGEST: Final = 400
_DRAWN: Final = frozenset("·…")


def safe(text: str) -> str:
    """The text on one line, in characters that the font has; others as `U+4E2D`."""
    # a bound before the work: a name of a megabyte must not cost a second per frame
    return "".join(
        one if one.isascii() or one in _DRAWN else f"U+{ord(one):04X}"
        for one in plain(text[:_LONGEST])
    )


@lru_cache(maxsize=8)
def font_of(size: int) -> FreeTypeFont:
    """The font at a height of `size` px.

    Raises:
        InputError: Pillow was built without FreeType.
    """
    from PIL import ImageFont

    from vosbench.errors import InputError

    try:
        found = ImageFont.load_default(size)
    except ImportError as error:
        raise InputError(
            "this Pillow cannot draw letters: it was built without FreeType",
            hint="pip install --force-reinstall pillow",
        ) from error
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise InputError("this Pillow has no font of a chosen size", hint="pip install -U pillow")
    # the simple layout: the other one depends on libraries of the machine
    return found.font_variant(layout_engine=ImageFont.Layout.BASIC)


def fitted(text: str, font: FreeTypeFont, width: float) -> str:
    """The safe text, its middle cut out where it is wider than `width` px.

    Both ends stay, because names of runs differ at either.
    """
    shown = safe(text)
    if font.getlength(shown) <= width:
        return shown
    low, high = 0, len(shown)
    while low < high:
        kept = (low + high + 1) // 2
        if font.getlength(_cut(shown, kept)) <= width:
            low = kept
        else:
            high = kept - 1
    return _cut(shown, low)


def _cut(text: str, kept: int) -> str:
    head = (kept + 1) // 2
    return f"{text[:head]}…{text[len(text) - (kept - head) :]}" if kept else "…"
