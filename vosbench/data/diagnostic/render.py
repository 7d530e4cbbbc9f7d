"""Drawing a clip: painter's algorithm, back to front.

Each pixel of an actor is sampled 3x3 times; it belongs to the actor's mask if at least half of the
samples fall inside, and is mixed into the picture by the share that does. Sample positions are
integers (1/65536 px) and colours are mixed in integer arithmetic, so masks and pictures do not
depend on the machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic.scene import Actor, ClipPlan, Pose
from vosbench.data.diagnostic.sprites import Sprite, background_image, sprite_of
from vosbench.types import RGB, LabelMap

__all__ = ["DrawnActor", "DrawnFrame", "draw_clip"]

_SAMPLES = 3
_HALF = (_SAMPLES * _SAMPLES + 1) // 2
_FRACTION_BITS = 16
_PAN_BITS = 6


@dataclass(frozen=True)
class DrawnActor:
    """One actor in one frame, as if nothing were in front of it.

    Attributes:
        pose: where it is.
        mask: H×W bool, its part within the frame.
        area: px, the part outside of the frame included.
    """

    pose: Pose
    mask: NDArray[np.bool_]
    area: int


@dataclass(frozen=True)
class DrawnFrame:
    """One frame: the picture, the visible label map, and every actor by itself, back to front."""

    image: RGB
    labels: LabelMap
    actors: tuple[DrawnActor, ...]


def draw_clip(plan: ClipPlan, *, height: int, width: int, frames: int) -> Iterator[DrawnFrame]:
    """Draw the frames of a clip.

    Args:
        plan: what to draw.
        height: px.
        width: px.
        frames: at least 2.
    """
    backdrop = _Backdrop.of(plan, height=height, width=width)
    sprites = {
        actor.name: sprite_of(
            actor.cut_out, largest=round(height * max(pose.size for pose in actor.poses))
        )
        for actor in plan.actors
    }
    ids = {actor.name: number for number, actor in enumerate(plan.objects, start=1)}
    for number in range(frames):
        time = number / (frames - 1)
        image = backdrop.at(time)
        labels = np.zeros((height, width), dtype=np.uint8)
        drawn = []
        for actor in plan.actors:
            pose = actor.at(time)
            sprite = sprites[actor.name]
            placed = _placed(sprite, actor, pose, height=height, width=width)
            mask = _paint(image, sprite, placed)
            labels[mask] = ids.get(actor.name, 0)
            drawn.append(DrawnActor(pose, mask, int((placed.shares >= _HALF).sum())))
        yield DrawnFrame(image, labels, tuple(drawn))


@dataclass(frozen=True)
class _Placed:
    """Where an actor's samples lie: the pixel box around it, also beyond the frame.

    Attributes:
        left: first column of the box.
        top: first row of the box.
        shares: h×w, how many of the samples of each pixel are inside, 0..9.
        texels: 3h×3w, position of each sample in the flattened sprite.
        inside: 3h×3w, whether the sample is inside.
    """

    left: int
    top: int
    shares: NDArray[np.uint8]
    texels: NDArray[np.int32]
    inside: NDArray[np.bool_]


def _placed(sprite: Sprite, actor: Actor, pose: Pose, *, height: int, width: int) -> _Placed:
    rows, columns = sprite.inside.shape
    scale = pose.size * height / rows
    angle = math.radians(pose.turn)
    cosine, sine = math.cos(angle), math.sin(angle)
    half_width = (abs(cosine) * columns + abs(sine) * rows) * scale / 2
    half_height = (abs(sine) * columns + abs(cosine) * rows) * scale / 2
    centre_x, centre_y = pose.x * width, pose.y * height
    left, top = math.floor(centre_x - half_width), math.floor(centre_y - half_height)
    across = np.arange(_SAMPLES * (math.ceil(2 * half_width) + 2), dtype=np.int32)[None, :]
    down = np.arange(_SAMPLES * (math.ceil(2 * half_height) + 2), dtype=np.int32)[:, None]
    # position in the sprite: start + across * per_column + down * per_row, in 1/65536 px
    flip = -1.0 if actor.mirrored else 1.0
    step = (1 << _FRACTION_BITS) / (scale * _SAMPLES)
    dx, dy = left + 0.5 / _SAMPLES - centre_x, top + 0.5 / _SAMPLES - centre_y
    start_u = round(
        (columns / 2 + flip * (cosine * dx + sine * dy) / scale) * (1 << _FRACTION_BITS)
    )
    start_v = round((rows / 2 + (cosine * dy - sine * dx) / scale) * (1 << _FRACTION_BITS))
    u = (start_u + round(flip * cosine * step) * across) + round(flip * sine * step) * down
    v = (start_v + round(-sine * step) * across) + round(cosine * step) * down
    u >>= _FRACTION_BITS
    v >>= _FRACTION_BITS
    within = (u >= 0) & (u < columns) & (v >= 0) & (v < rows)
    texels = np.where(within, v * np.int32(columns) + u, np.int32(0))
    inside = within & sprite.inside.ravel().take(texels)
    return _Placed(left, top, _summed(inside).astype(np.uint8), texels, inside)


def _summed(samples: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Sum over the samples of each pixel."""
    rows, columns = samples.shape[0] // _SAMPLES, samples.shape[1] // _SAMPLES
    blocks = samples.reshape(rows, _SAMPLES, columns, _SAMPLES, *samples.shape[2:])
    summed: NDArray[np.uint16] = blocks.sum(axis=(1, 3), dtype=np.uint16)
    return summed


def _paint(image: RGB, sprite: Sprite, placed: _Placed) -> NDArray[np.bool_]:
    """Mix an actor into the picture, in place; return its mask, H×W bool."""
    height, width = image.shape[:2]
    size = placed.shares.shape
    top, bottom = max(0, placed.top), min(height, placed.top + size[0])
    left, right = max(0, placed.left), min(width, placed.left + size[1])
    mask = np.zeros((height, width), dtype=np.bool_)
    if top >= bottom or left >= right:
        return mask
    place = np.s_[top:bottom, left:right]
    inner = np.s_[top - placed.top : bottom - placed.top, left - placed.left : right - placed.left]
    samples = tuple(slice(part.start * _SAMPLES, part.stop * _SAMPLES) for part in inner)
    share = placed.shares[inner][..., None].astype(np.uint16)
    colours = sprite.pixels.reshape(-1, 3)[placed.texels[samples]]
    colours *= placed.inside[samples][..., None]
    full = _SAMPLES * _SAMPLES
    mixed = image[place] * (full - share) + _summed(colours)
    image[place] = ((mixed + full // 2) // full).astype(np.uint8)
    mask[place] = placed.shares[inner] >= _HALF
    return mask


@dataclass(frozen=True)
class _Backdrop:
    """A background larger than the frame, over which the camera moves.

    Attributes:
        pixels: uint16, so that mixing does not overflow.
        height: px of the frame.
        width: px of the frame.
        travel: px in x and y over the whole clip.
    """

    pixels: NDArray[np.uint16]
    height: int
    width: int
    travel: tuple[float, float]

    @staticmethod
    def of(plan: ClipPlan, *, height: int, width: int) -> _Backdrop:
        travel = (plan.pan[0] * width, plan.pan[1] * height)
        covered = (height + math.ceil(abs(travel[1])) + 2, width + math.ceil(abs(travel[0])) + 2)
        pixels = background_image(plan.background, height=covered[0], width=covered[1])
        return _Backdrop(pixels.astype(np.uint16), height, width, travel)

    def at(self, time: float) -> RGB:
        """The picture without actors; mixed from four neighbours, weights in 1/64."""
        x_cell, x_part = self._offset(self.travel[0], time, self.pixels.shape[1] - self.width)
        y_cell, y_part = self._offset(self.travel[1], time, self.pixels.shape[0] - self.height)
        one = 1 << _PAN_BITS
        view = self.pixels[y_cell : y_cell + self.height + 1, x_cell : x_cell + self.width + 1]
        rows = view[:-1] * np.uint16(one - y_part) + view[1:] * np.uint16(y_part)
        rows = (rows + np.uint16(one // 2)) >> np.uint16(_PAN_BITS)
        both = rows[:, :-1] * np.uint16(one - x_part) + rows[:, 1:] * np.uint16(x_part)
        return ((both + np.uint16(one // 2)) >> np.uint16(_PAN_BITS)).astype(np.uint8)

    @staticmethod
    def _offset(travel: float, time: float, spare: int) -> tuple[int, int]:
        """Whole pixels and 64ths from the edge; the path is centred in the spare room."""
        start = (spare - 1 - abs(travel)) / 2 + (abs(travel) if travel < 0 else 0)
        position = round((start + travel * time) * (1 << _PAN_BITS))
        return position >> _PAN_BITS, position & ((1 << _PAN_BITS) - 1)
