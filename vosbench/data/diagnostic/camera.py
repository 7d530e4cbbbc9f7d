"""The camera and what it sees behind all actors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic.scene import Camera, ClipPlan, Pose
from vosbench.data.diagnostic.sprites import background_image
from vosbench.types import RGB

__all__ = ["Backdrop", "camera_at", "seen_by"]

_PAN_BITS = 6
_REST = Camera(0.0)


def camera_at(keys: tuple[Camera, ...], time: float) -> Camera:
    """Where the camera looks at a time from 0 to 1."""
    if not keys:
        return _REST
    if time <= keys[0].time:
        return keys[0]
    for before, after in zip(keys, keys[1:], strict=False):
        if time <= after.time:
            part = (time - before.time) / (after.time - before.time)
            return Camera(
                time,
                before.x + part * (after.x - before.x),
                before.y + part * (after.y - before.y),
                before.zoom + part * (after.zoom - before.zoom),
            )
    return keys[-1]


def seen_by(camera: Camera, pose: Pose, aspect: float) -> Pose:
    """A pose in the frame as the camera shows it; `aspect` is width over height."""
    if camera.x == camera.y == 0 and camera.zoom == 1:
        return pose
    return replace(
        pose,
        x=0.5 + (pose.x - 0.5) * camera.zoom + camera.x / aspect,
        y=0.5 + (pose.y - 0.5) * camera.zoom + camera.y,
        size=pose.size * camera.zoom,
    )


@dataclass(frozen=True)
class Backdrop:
    """A background larger than the frame, over which the camera moves.

    Attributes:
        pixels: uint16, so that mixing does not overflow.
        height: px of the frame.
        width: px of the frame.
        travel: px in x and y over the whole clip.
        moving: the camera moves otherwise than that.
    """

    pixels: NDArray[np.uint16]
    height: int
    width: int
    travel: tuple[float, float]
    moving: bool = False

    @staticmethod
    def of(plan: ClipPlan, *, height: int, width: int) -> Backdrop:
        """The background of a clip, large enough for all that the camera sees of it."""
        if plan.effects.camera:
            return Backdrop._roomy(plan, height=height, width=width)
        travel = (plan.pan[0] * width, plan.pan[1] * height)
        covered = (height + math.ceil(abs(travel[1])) + 2, width + math.ceil(abs(travel[0])) + 2)
        pixels = background_image(plan.background, height=covered[0], width=covered[1])
        return Backdrop(pixels.astype(np.uint16), height, width, travel)

    @staticmethod
    def _roomy(plan: ClipPlan, *, height: int, width: int) -> Backdrop:
        """With room for wherever the camera looks."""
        keys = plan.effects.camera
        farthest = min(one.zoom for one in keys)
        # in the worst case it is farthest away and farthest off at the same time
        beside = 2 * max(max(abs(one.x), abs(one.y)) for one in keys) * height
        covered = (
            math.ceil((height + beside) / farthest) + 2,
            math.ceil((width + beside) / farthest) + 2,
        )
        pixels = background_image(plan.background, height=covered[0], width=covered[1])
        return Backdrop(pixels.astype(np.uint16), height, width, (0.0, 0.0), moving=True)

    def _looked_at(self, camera: Camera) -> RGB:
        from PIL import Image  # noqa: PLC0415 - drawing clips is rare, start-up is not

        rows, columns = self.pixels.shape[:2]
        middle_x = columns / 2 - camera.x * self.height / camera.zoom
        middle_y = rows / 2 - camera.y * self.height / camera.zoom
        half_x, half_y = self.width / camera.zoom / 2, self.height / camera.zoom / 2
        box = (middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)
        image = Image.fromarray(self.pixels.astype(np.uint8))
        view = image.resize((self.width, self.height), Image.Resampling.BICUBIC, box=box)
        return np.array(view, dtype=np.uint8)

    def at(self, time: float, camera: Camera) -> RGB:
        """The picture without actors; a pan is mixed from four neighbours, weights in 1/64."""
        if self.moving:
            return self._looked_at(camera)
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
