"""What can be laid over a frame, as pictures with few colours: arrays in, indexed arrays out.

Each layer is a picture of its own with a transparent ground, so that a page can show any of them
together without computing anything.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data.masks import DAVIS_PALETTE
from vosbench.report.overlay import ERROR_ORDER, error_map
from vosbench.report.palette import ERROR_COLOURS
from vosbench.types import LabelMap, SoftMasks

__all__ = ["Layer", "errors_layer", "prediction_layer", "soft_layer", "truth_layer"]

_TINT: Final = 140
_ERROR_TINT: Final = 205
_SOFT_STEPS: Final = 12
"""Opacities in which a probability is shown, beside none."""
_SOFT_OBJECTS: Final = 20
_SOFT_TINT: Final = 215
_CONTESTED: Final = 255
_CONTESTED_COLOUR: Final = (255, 0, 200)
_CLAIM: Final = 0.5
_LINE: Final = (255, 255, 255)
_CASING: Final = (16, 16, 16)


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture with a palette.

    Attributes:
        pixels: H×W uint8, 0 where nothing is drawn.
        colours: N×4 uint8, red, green, blue and opacity of the indices below N; 0 is transparent.
    """

    pixels: NDArray[np.uint8]
    colours: NDArray[np.uint8]

    @property
    def empty(self) -> bool:
        """Whether it shows nothing."""
        return not self.pixels.any()

    def png(self) -> bytes:
        """As a PNG file; the same layer gives the same bytes."""
        from PIL import Image

        picture = Image.fromarray(self.pixels).convert("P")
        picture.putpalette(self.colours[:, :3].tobytes())
        content = io.BytesIO()
        bits = next(bits for bits in (1, 2, 4, 8) if len(self.colours) <= 1 << bits)
        opacity = self.colours[:, 3].tobytes()
        picture.save(content, "PNG", transparency=opacity, bits=bits, compress_level=6)
        return content.getvalue()


def _davis(opacity: int, count: int) -> NDArray[np.uint8]:
    colours = np.full((count, 4), opacity, dtype=np.uint8)
    colours[:, :3] = np.frombuffer(DAVIS_PALETTE, dtype=np.uint8).reshape(256, 3)[:count]
    colours[0] = 0
    return colours


def prediction_layer(prediction: LabelMap) -> Layer:
    """Each predicted object (H×W uint8) tinted in its DAVIS colour."""
    return Layer(prediction, _davis(_TINT, int(prediction.max(initial=0)) + 1))


def truth_layer(truth: LabelMap) -> Layer:
    """The outlines of the true objects (H×W uint8), white with a dark casing.

    The line lies on the object, where it meets anything else or the edge of the picture.
    """
    padded = np.pad(truth, 1)
    inner = padded[1:-1, 1:-1]
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    edge = np.zeros(truth.shape, dtype=bool)
    for side in around:
        edge |= side != inner
    line = edge & (truth != 0)
    grown = np.pad(line, 1)
    casing = grown[:-2, 1:-1] | grown[2:, 1:-1] | grown[1:-1, :-2] | grown[1:-1, 2:]
    pixels = np.zeros(truth.shape, dtype=np.uint8)
    pixels[casing] = 2
    pixels[line] = 1
    colours = np.asarray([(0, 0, 0, 0), (*_LINE, 255), (*_CASING, 200)], dtype=np.uint8)
    return Layer(pixels, colours)


def errors_layer(prediction: LabelMap, truth: LabelMap) -> Layer:
    """Wrong pixels (of H×W uint8 each) in the colours of `ERROR_COLOURS`."""
    colours = [(0, 0, 0, 0), *((*ERROR_COLOURS[name], _ERROR_TINT) for name in ERROR_ORDER)]
    return Layer(error_map(prediction, truth), np.asarray(colours, dtype=np.uint8))


def soft_layer(soft: SoftMasks, object_ids: tuple[int, ...]) -> Layer:
    """Each pixel in the colour of its likeliest object, as opaque as that is likely.

    Pixels that two or more objects claim (p >= 0.5) are magenta.

    Args:
        soft: K×H×W float32 in 0..1, from before objects compete.
        object_ids: K ids. Beyond 20 objects colours repeat.
    """
    if not object_ids:
        return Layer(np.zeros(soft.shape[1:], dtype=np.uint8), np.zeros((1, 4), dtype=np.uint8))
    first = soft.argmax(axis=0)
    steps = np.rint(np.take_along_axis(soft, first[None], axis=0)[0] * _SOFT_STEPS)
    slots = first % _SOFT_OBJECTS
    pixels = np.where(steps > 0, slots * _SOFT_STEPS + steps, 0).astype(np.uint8)
    palette = _davis(0, 256)
    colours = np.zeros((256, 4), dtype=np.uint8)
    for slot, object_id in enumerate(object_ids[:_SOFT_OBJECTS]):
        at = 1 + slot * _SOFT_STEPS
        colours[at : at + _SOFT_STEPS, :3] = palette[object_id, :3]
        opacities = np.arange(1, _SOFT_STEPS + 1) * _SOFT_TINT // _SOFT_STEPS
        colours[at : at + _SOFT_STEPS, 3] = opacities
    if len(object_ids) > 1:
        pixels[(soft >= _CLAIM).sum(axis=0) > 1] = _CONTESTED
        colours[_CONTESTED] = (*_CONTESTED_COLOUR, 235)
    else:
        colours = colours[: 1 + _SOFT_STEPS]
    return Layer(pixels, colours)
