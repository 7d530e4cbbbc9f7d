"""Cut-outs and backgrounds: photographs made ready for drawing at one clip size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic.outlines import (
    Box,
    Ellipses,
    Lattice,
    Outline,
    Polygon,
    Silhouette,
)
from vosbench.data.diagnostic.photos import load_photo
from vosbench.types import RGB

__all__ = [
    "BACKGROUNDS",
    "BARS",
    "CAMOUFLAGE",
    "CUT_OUTS",
    "CutOut",
    "Sprite",
    "background_image",
    "sprite_of",
]

_OVERSAMPLE = 2
"""Pixels of a cut-out per drawn pixel at its largest; drawing takes 3x3 samples per pixel."""


@dataclass(frozen=True)
class CutOut:
    """A part of a photograph, or an outline filled with another photograph.

    Attributes:
        photo: what the pixels are taken from.
        outline: what is cut out.
        fill: x0, y0, x1, y1 of the photograph stretched over the outline's bounds; None means that
            the outline lies on its own photograph.
        tint: colours that black and white of the photograph turn into, or None.
        camouflage: share of the colour of the background "grass" in 1/256.
    """

    photo: str
    outline: Outline
    fill: tuple[int, int, int, int] | None = None
    tint: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None
    camouflage: int = 0


@dataclass(frozen=True)
class Sprite:
    """A cut-out at drawing resolution: `pixels` h×w×3 uint8 and `inside` h×w bool."""

    pixels: RGB
    inside: NDArray[np.bool_]


_BRASS = ((52, 32, 8), (255, 224, 140))
_SILVER = ((28, 30, 36), (235, 240, 250))
_COPPER = ((44, 18, 8), (255, 184, 140))

_CUP = Ellipses(((278, 234, 200, 153), (291, 113, 117, 95)))
_CLOTH = (180, 220, 430, 470)
CAMOUFLAGE = (64, 128, 179, 218, 243)
"""Shares of the background's colour in 1/256 of the cut-outs `cup-hidden-1` to `-5`."""
BARS = (25, 18, 12, 8, 5)
"""Widths of the bars of the cut-outs `lattice-1` to `-5`; they are 50 apart."""

CUT_OUTS = {
    "cup": CutOut("coffee", _CUP),
    **{
        f"cup-hidden-{level}": CutOut("coffee", _CUP, camouflage=share)
        for level, share in enumerate(CAMOUFLAGE, start=1)
    },
    "lattice-0": CutOut("astronaut", Box(_CLOTH)),
    **{
        f"lattice-{level}": CutOut("astronaut", Lattice(_CLOTH, 50, bar))
        for level, bar in enumerate(BARS, start=1)
    },
    "cat": CutOut(
        "cat",
        Polygon(
            (
                *((36, 90), (56, 26), (120, 0), (280, 0), (336, 20), (356, 70), (362, 110)),
                *((358, 155), (340, 200), (322, 240), (300, 272), (255, 288), (195, 284)),
                *((140, 262), (92, 230), (56, 185), (38, 130)),
            )
        ),
    ),
    "astronaut": CutOut(
        "astronaut",
        Polygon(
            (
                *((182, 32), (230, 13), (268, 22), (298, 52), (303, 92), (290, 122), (270, 140)),
                *((260, 172), (284, 196), (306, 236), (334, 246), (346, 272), (360, 328)),
                *((364, 350), (330, 358), (300, 384), (281, 430), (276, 512), (40, 512)),
                *((18, 440), (20, 370), (34, 300), (54, 256), (92, 224), (112, 206), (112, 186)),
                *((132, 158), (160, 148), (184, 148), (180, 132), (158, 112), (152, 76), (164, 44)),
            )
        ),
    ),
    "shuttle": CutOut(
        "astronaut",
        Polygon(
            (
                *((380, 60), (384, 40), (392, 44), (397, 52), (397, 20), (405, 0), (431, 0)),
                *((438, 20), (439, 50), (444, 38), (453, 50), (457, 90), (457, 238), (442, 240)),
                *((440, 262), (404, 262), (386, 252), (369, 274), (365, 264), (380, 234)),
                *((353, 226), (354, 208), (379, 186)),
            )
        ),
    ),
    "horse": CutOut(
        "cat",
        Silhouette("horse"),
        fill=(60, 0, 260, 80),
    ),
    "brass-coin": CutOut("coins", Ellipses(((335, 43, 28, 28),)), tint=_BRASS),
    "silver-coin": CutOut("coins", Ellipses(((347, 187, 31, 30),)), tint=_SILVER),
    "copper-coin": CutOut("coins", Ellipses(((46, 260, 27, 27),)), tint=_COPPER),
    "brass-other": CutOut("coins", Ellipses(((299, 263, 24, 24),)), tint=_BRASS),
    "silver-other": CutOut("coins", Ellipses(((172, 261, 27, 25),)), tint=_SILVER),
    "copper-other": CutOut("coins", Ellipses(((215, 51, 22, 21),)), tint=_COPPER),
    "wall": CutOut("brick", Box((40, 20, 240, 500)), tint=((70, 34, 26), (232, 196, 168))),
    "plank": CutOut("coffee", Box((530, 130, 570, 395))),
}

BACKGROUNDS = {
    "grass": ("grass", ((18, 34, 8), (196, 214, 122))),
    "gravel": ("gravel", ((40, 36, 34), (214, 204, 190))),
    "brick": ("brick", ((58, 52, 60), (206, 200, 205))),
    "stars": ("stars", None),
    "launch-pad": ("launch-pad", None),
}
"""Photograph and tint of each background."""


def sprite_of(name: str, *, largest: int) -> Sprite:
    """Prepare a cut-out for drawing.

    Args:
        name: key of `CUT_OUTS`.
        largest: height in px at which it is drawn at most.
    """
    cut = CUT_OUTS[name]
    x0, y0, x1, y1 = cut.outline.bounds
    height = max(2, min(_OVERSAMPLE * largest, 4 * (y1 - y0)))
    width = max(2, (height * (x1 - x0) + (y1 - y0) // 2) // (y1 - y0))
    x = x0 + (np.arange(width) + 0.5) * ((x1 - x0) / width)
    y = y0 + (np.arange(height) + 0.5) * ((y1 - y0) / height)
    inside = cut.outline.inside(*np.meshgrid(x, y))
    source = _tinted(load_photo(cut.photo), cut.tint)
    pixels = _resized(source, cut.fill or (x0, y0, x1, y1), (height, width))
    if cut.camouflage:
        # as coarse as the background around a cut-out of half of the frame's height
        photo, tint = BACKGROUNDS["grass"]
        patch = (128, 128, 384, 384)
        other = _resized(_tinted(load_photo(photo), tint), patch, (height, width)).astype(np.uint16)
        own = pixels.astype(np.uint16)
        mixed = own * np.uint16(256 - cut.camouflage) + other * np.uint16(cut.camouflage)
        pixels = (mixed >> np.uint16(8)).astype(np.uint8)
    return Sprite(pixels, inside)


def background_image(name: str, *, height: int, width: int) -> RGB:
    """A background that covers at least height×width px, and keeps its photograph's proportions."""
    photo, tint = BACKGROUNDS[name]
    source = _tinted(load_photo(photo), tint)
    rows, columns = source.shape[:2]
    scale = max(height / rows, width / columns)
    size = (max(height, round(rows * scale)), max(width, round(columns * scale)))
    return _resized(source, (0, 0, columns, rows), size)


def _tinted(pixels: RGB, tint: tuple[tuple[int, int, int], tuple[int, int, int]] | None) -> RGB:
    if tint is None:
        return pixels
    dark, light = (np.array(colour, dtype=np.uint16) for colour in tint)
    grey = pixels[..., :1].astype(np.uint16)
    return ((dark * (255 - grey) + light * grey + 127) // 255).astype(np.uint8)


def _resized(pixels: RGB, box: tuple[int, int, int, int], size: tuple[int, int]) -> RGB:
    from PIL import Image  # noqa: PLC0415 - drawing clips is rare, start-up is not

    height, width = size
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.array(image, dtype=np.uint8)
