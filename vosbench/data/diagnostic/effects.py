"""What happens to whole frames: light, blur of motion, noise, fog, blocks.

All in integers, and random numbers by an own recipe, so that pictures are the same on every
machine and with every version of NumPy.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic.scene import Effects
from vosbench.types import RGB

__all__ = ["FrameEffects", "apply_effects", "random_bits", "random_fraction", "sub_frame_times"]

_ONE: Final = 256
_RAMP: Final = 0.3
"""Share of the clip over which light and corruption set in."""
_FOG: Final = np.uint16(206)
_BLOCK: Final = 8
_MOST_SUB_FRAMES: Final = 9


@dataclass(frozen=True)
class FrameEffects:
    """Effects on one frame.

    Attributes:
        gain: brightness on the left edge, in 1/256; 256 is unchanged.
        gain_right: on the right edge.
        severity: of corruption, in 1/256.
        shutter: how long it is open, in frames.
    """

    gain: int = _ONE
    gain_right: int = _ONE
    severity: int = 0
    shutter: float = 0.0

    @staticmethod
    def of(effects: Effects, number: int, frames: int) -> FrameEffects:
        """Those of frame `number` of `frames`; the first one is clean."""
        if number == 0:
            return FrameEffects()
        part = min(1.0, number / (frames - 1) / _RAMP)
        # flicker from frame to frame, up to a quarter of the change
        flicker = 1 - 0.25 * (number % 3) / 2
        loss = effects.light * part * flicker
        return FrameEffects(
            gain=round(_ONE * (1 - loss)),
            gain_right=round(_ONE * (1 - 0.5 * loss)),
            severity=round(_ONE * effects.corruption * part),
            shutter=effects.shutter,
        )


def sub_frame_times(time: float, shutter: float) -> list[float]:
    """Times over which a frame is exposed; `shutter` is a share of the clip."""
    if not shutter:
        return [time]
    steps = _MOST_SUB_FRAMES
    times = (time + ((k + 0.5) / steps - 0.5) * shutter for k in range(steps))
    return [min(max(one, 0.0), 1.0) for one in times]


def random_bits(seed: int, count: int) -> NDArray[np.uint64]:
    """`count` random 64-bit numbers: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state += np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return bits


def random_fraction(name: str, index: int) -> float:
    """The `index`-th random number of a name, -1..1 in steps of 1/1000."""
    bits = int(random_bits(zlib.crc32(name.encode()), index + 1)[index])
    return bits % 2001 / 1000 - 1


def apply_effects(
    effects: Effects, *, height: int, width: int, name: str
) -> Callable[[RGB, FrameEffects, int], RGB]:
    """What to put frames through, in order: picture, effects on it, its number."""
    noise = np.zeros((height, width), np.int32)

    def finish(image: RGB, frame: FrameEffects, number: int) -> RGB:
        nonlocal noise
        if effects.corruption:
            image = _corrupted(image, frame.severity, _next_noise(number))
        if effects.light:
            image = _lit(image, frame)
        return image

    def _next_noise(number: int) -> NDArray[np.int32]:
        """Three quarters of the last frame's noise and a quarter that is new."""
        nonlocal noise
        seed = zlib.crc32(f"{name}/{number}".encode())
        bits = random_bits(seed, height * width)
        new = ((bits & np.uint64(255)).astype(np.int32) - 128).reshape(height, width)
        noise = (3 * noise + 2 * new) // 4
        return noise

    return finish


def _lit(image: RGB, frame: FrameEffects) -> RGB:
    width = image.shape[1]
    steps = np.arange(width, dtype=np.int32)
    gain = frame.gain + (frame.gain_right - frame.gain) * steps // max(width - 1, 1)
    lit = (image.astype(np.int32) * gain[None, :, None] + _ONE // 2) // _ONE
    shown: RGB = np.clip(lit, 0, 255).astype(np.uint8)
    return shown


def _corrupted(image: RGB, severity: int, noise: NDArray[np.int32]) -> RGB:
    """Blur, then fog, then noise, then blocks: the order in which a camera meets them."""
    pixels = image.astype(np.int32)
    for _ in range(round(3 * severity / _ONE)):
        pixels = _smoothed(pixels)
    fog = severity // 2
    pixels = (pixels * (_ONE - fog) + int(_FOG) * fog) // _ONE
    pixels = pixels + (noise * severity // (2 * _ONE))[..., None]
    blocks = severity * 3 // 4
    pixels = (pixels * (_ONE - blocks) + _blocks(pixels) * blocks) // _ONE
    shown: RGB = np.clip(pixels, 0, 255).astype(np.uint8)
    return shown


def _smoothed(pixels: NDArray[np.int32]) -> NDArray[np.int32]:
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    smooth: NDArray[np.int32] = (across[:-2] + 2 * across[1:-1] + across[2:] + 8) // 16
    return smooth


def _blocks(pixels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each 8×8 block as its mean."""
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % _BLOCK), (0, -width % _BLOCK), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // _BLOCK, padded.shape[1] // _BLOCK
    means = padded.reshape(rows, _BLOCK, columns, _BLOCK, 3).sum(axis=(1, 3)) // (_BLOCK * _BLOCK)
    spread: NDArray[np.int32] = means.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)
    return spread[:height, :width].astype(np.int32)
