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

from vosbench.data.diagnostic.camera import Backdrop, camera_at, seen_by
from vosbench.data.diagnostic.effects import FrameEffects, apply_effects, sub_frame_times
from vosbench.data.diagnostic.scene import Actor, ClipPlan, Pose
from vosbench.data.diagnostic.sprites import Sprite, sprite_of
from vosbench.types import RGB, LabelMap

__all__ = ["DrawnActor", "DrawnFrame", "draw_clip"]

_SAMPLES = 3
_HALF = (_SAMPLES * _SAMPLES + 1) // 2
_FRACTION_BITS = 16


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
    effects: FrameEffects


def draw_clip(plan: ClipPlan, *, height: int, width: int, frames: int) -> Iterator[DrawnFrame]:
    """Draw the frames of a clip.

    Args:
        plan: what to draw.
        height: px.
        width: px.
        frames: at least 2.
    """
    stage = _Stage(plan, height=height, width=width)
    finish = apply_effects(plan.effects, height=height, width=width, name=plan.name)
    for number in range(frames):
        effects = FrameEffects.of(plan.effects, number, frames)
        time = _warped(number / (frames - 1), plan.effects.jump)
        image, labels, actors = stage.draw(time)
        times = sub_frame_times(time, effects.shutter / (frames - 1))
        if len(times) > 1:
            image = _averaged([stage.draw(one)[0] for one in times])
        yield DrawnFrame(finish(image, effects, number), labels, actors, effects)


def _warped(time: float, jump: float) -> float:
    """Time on the paths: slower on both sides of the middle, where `jump` of it is left out."""
    return time * (1 - jump) + (jump if time > 0.5 else 0.0)


def _averaged(images: list[RGB]) -> RGB:
    total = np.zeros(images[0].shape, np.uint16)
    for image in images:
        total += image
    count = np.uint16(len(images))
    return ((total + count // np.uint16(2)) // count).astype(np.uint8)


class _Stage:
    """Backdrop and sprites of a clip, ready to be drawn at any time."""

    def __init__(self, plan: ClipPlan, *, height: int, width: int) -> None:
        self._plan = plan
        self._size = (height, width)
        self._backdrop = Backdrop.of(plan, height=height, width=width)
        closest = max((one.zoom for one in plan.effects.camera), default=1.0)
        self._sprites = {
            actor.name: sprite_of(
                actor.cut_out,
                largest=round(height * closest * max(pose.size for pose in actor.poses)),
            )
            for actor in plan.actors
        }
        self._ids = {actor.name: number for number, actor in enumerate(plan.objects, start=1)}

    def draw(self, time: float) -> tuple[RGB, LabelMap, tuple[DrawnActor, ...]]:
        """Picture, labels, and the actors by themselves."""
        height, width = self._size
        camera = camera_at(self._plan.effects.camera, time)
        image = self._backdrop.at(time, camera)
        labels = np.zeros((height, width), dtype=np.uint8)
        drawn = []
        for actor in self._plan.actors:
            pose = seen_by(camera, actor.at(time), width / height)
            sprite = self._sprites[actor.name]
            placed = _placed(sprite, actor, pose, height=height, width=width)
            mask = _paint(image, sprite, placed)
            labels[mask] = self._ids.get(actor.name, 0)
            drawn.append(DrawnActor(pose, mask, int((placed.shares >= _HALF).sum())))
        return image, labels, tuple(drawn)


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
    # a bent cut-out reaches farther to both sides
    reach = columns * (1 + 2 * abs(pose.wave))
    half_width = (abs(cosine) * reach + abs(sine) * rows) * scale / 2
    half_height = (abs(sine) * reach + abs(cosine) * rows) * scale / 2
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
    if pose.wave:
        bend = [round(pose.wave * columns * math.sin(2 * math.pi * v / rows)) for v in range(rows)]
        u += np.array(bend, np.int32).take(np.clip(v, 0, rows - 1))
    within = (u >= 0) & (u < columns) & (v >= 0) & (v < rows)
    texels = np.where(within, v * np.int32(columns) + u, np.int32(0))
    inside = within & sprite.inside.ravel().take(texels)
    if pose.gap:
        inside &= np.abs(2 * u + 1 - columns) >= round(pose.gap * columns)
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
