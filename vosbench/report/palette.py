"""Colours of objects and errors, shared by the figures, the overlays and the page."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "ERROR_COLOURS",
    "SPAN_INKS",
    "TERM_INKS",
    "Ink",
    "ObjectColour",
    "object_colour",
    "palette_css",
]


class ObjectColour(NamedTuple):
    """How the curve of an object is drawn: one colour per theme, and a dash pattern."""

    light: str
    dark: str
    dashes: tuple[float, ...]


class Ink(NamedTuple):
    """A colour of the figures' frame, per theme."""

    light: str
    dark: str


# The hues of DAVIS ids 1..7, so that a curve has the hue of its overlay, at a lightness that reads
# on the page; at least 3:1 against either background.
_HUES: Final = (
    ("#b3261e", "#ff8278"),
    ("#1b7f3b", "#5fce84"),
    ("#8a7400", "#d9c84a"),
    ("#2b4fc7", "#8fabff"),
    ("#8b2fb0", "#d99af5"),
    ("#007f86", "#4fd0d6"),
    ("#5f6368", "#b4b8bd"),
)
# dashes tell objects apart where colours do not
_DASHES: Final[tuple[tuple[float, ...], ...]] = ((), (5.0, 2.0), (1.2, 1.6), (6.0, 1.6, 1.2, 1.6))

# Okabe and Ito's colours for the three kinds of error: told apart with any colour vision
ERROR_COLOURS: Final = {
    "false-positive": (213, 94, 0),
    "false-negative": (86, 180, 233),
    "wrong-object": (240, 228, 66),
}
# groups of events, see `vosbench.report.events`; none is the colour of an object
SPAN_INKS: Final = {
    "failure": Ink("#d1352b", "#ff6b60"),
    "hidden": Ink("#5b6f8c", "#93a9c9"),
    "contact": Ink("#b07d00", "#e5b94f"),
    "identity": Ink("#a5309a", "#e883de"),
    "change": Ink("#2f9e8f", "#63cbbd"),
}
# groups of terms of the loss, see `vosbench.diagnose.GROUPS`
TERM_INKS: Final = {
    "boundary": Ink("#4c78a8", "#7ba7d7"),
    "identity": Ink("#a5309a", "#e883de"),
    "wrong object": Ink("#6b4fbb", "#ab94ee"),
    "drift": Ink("#d1352b", "#ff6b60"),
    "missed": Ink("#2b98c7", "#62c4ee"),
    "hallucinated": Ink("#9c6b30", "#d1a56d"),
    "background": Ink("#d97706", "#f5a94b"),
    "interior": Ink("#2f9e6e", "#63cba0"),
}


def object_colour(object_id: int) -> ObjectColour:
    """Colour and dashes of an object's curve; pairs repeat after 28 objects."""
    light, dark = _HUES[(object_id - 1) % len(_HUES)]
    return ObjectColour(light, dark, _DASHES[(object_id - 1) % len(_DASHES)])


def palette_css() -> str:
    """Rules for what is drawn on the page.

    `.hue-0` .. `.hue-6` are as `object_colour`, `.span-<group>` and `.term-<group>` the fills of
    events and of terms of the loss, `.box.<kind>` the kinds of error.
    """
    light = "".join(f".hue-{i}{{stroke:{hue[0]}}}" for i, hue in enumerate(_HUES))
    dark = "".join(f".hue-{i}{{stroke:{hue[1]}}}" for i, hue in enumerate(_HUES))
    for kind, inks in (("span", SPAN_INKS), ("term", TERM_INKS)):
        for name, ink in inks.items():
            rule = f".{kind}-{name.replace(' ', '-')}"
            light += f"{rule}{{fill:{ink.light}}}"
            dark += f"{rule}{{fill:{ink.dark}}}"
    errors = "".join(
        f".box.{kind}{{background:rgb({red} {green} {blue})}}"
        for kind, (red, green, blue) in ERROR_COLOURS.items()
    )
    return f"{light}{errors}@media (prefers-color-scheme:dark){{{dark}}}"
