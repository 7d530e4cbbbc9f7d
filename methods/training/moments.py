"""Planning one sample: which frames, which objects, and how all moves between the drawings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .clips import Clip
from .config import SamplingConfig
from .geometry import Matrix, affine, bend_field, box_of
from .scene import PASTED, Pasted, Pose, Scene

__all__ = ["Plan", "draw_plan"]

_FRAME_ASPECT = 854 / 480


@dataclass(frozen=True)
class Plan:
    """A sample before it is rendered.

    Attributes:
        target: local instance number of the target.
        template: the scene of the template.
        searches: one scene per search frame.
        previous: the scene shortly before each search frame.
    """

    target: int
    template: Scene
    searches: tuple[Scene, ...]
    previous: tuple[Scene, ...]


@dataclass(frozen=True)
class _Motion:
    """A layer's pose in the template, and in each search frame with its previous state."""

    template: Pose
    searches: tuple[Pose, ...]
    previous: tuple[Pose, ...]


def draw_plan(
    rng: np.random.Generator,
    clip: Clip,
    textures: Sequence[Clip],
    *,
    searches: int,
    still: bool,
    config: SamplingConfig,
) -> Plan | None:
    """Plan a sample from a clip; None where the drawn frame has no target (draw again).

    Args:
        rng: source of all randomness.
        clip: the background.
        textures: where pasted objects come from.
        searches: number of search frames.
        still: whether all drawings show one frame, moved and bent, instead of frames of a video.
        config: how samples are drawn.
    """
    first = int(rng.integers(len(clip)))
    labels = clip.labels(first)
    target = _pick(rng, labels, config.min_area)
    if target is None:
        return None
    frames = [(first, first)] * searches
    if not still:
        frames = [_frames(rng, first, len(clip), config) for _ in range(searches)]
    motion = _background_motion(rng, searches, still=still, config=config)
    pasted: list[Pasted] = []
    motions: list[_Motion] = []
    if rng.random() < config.paste_share:
        for _ in range(1 + int(rng.random() < 0.3)):
            item = _cut_out(
                rng, clip.image(first), labels == target, textures=textures, config=config
            )
            if item is not None:
                pasted.append(item)
                motions.append(_pasted_motion(rng, item, labels == target, searches, config))
        if pasted and rng.random() < config.paste_target_share:
            target = PASTED + int(rng.integers(len(pasted)))

    def scene(frame: int, pose: Pose, poses: Sequence[Pose]) -> Scene:
        return Scene(clip.image(frame), clip.labels(frame), pose, tuple(pasted), tuple(poses))

    return Plan(
        target=target,
        template=scene(first, motion.template, [m.template for m in motions]),
        searches=tuple(
            scene(now, motion.searches[i], [m.searches[i] for m in motions])
            for i, (now, _) in enumerate(frames)
        ),
        previous=tuple(
            scene(before, motion.previous[i], [m.previous[i] for m in motions])
            for i, (_, before) in enumerate(frames)
        ),
    )


def _pick(rng: np.random.Generator, labels: NDArray[np.uint8], min_area: float) -> int | None:
    counts = np.bincount(labels.reshape(-1), minlength=256)[:PASTED]
    counts[0] = 0
    candidates = np.flatnonzero(counts >= min_area * labels.size)
    return int(rng.choice(candidates)) if candidates.size else None


def _frames(
    rng: np.random.Generator, template: int, length: int, config: SamplingConfig
) -> tuple[int, int]:
    """A search frame and its previous frame; time may run backwards, which doubles the data."""
    if rng.random() < config.near_share:
        low = max(0, template - config.near_gap)
        high = min(length - 1, template + config.near_gap)
    else:
        low, high = 0, length - 1
    now = int(rng.integers(low, high + 1))
    step = int(rng.integers(1, config.previous_gap + 1)) * (1 if rng.random() < 0.5 else -1)
    before = now + step if 0 <= now + step < length else now - step
    return now, min(max(before, 0), length - 1)


def _background_motion(
    rng: np.random.Generator, searches: int, *, still: bool, config: SamplingConfig
) -> _Motion:
    flip = bool(rng.random() < 0.5)
    if not still:
        # The video has its own motion; a shared pose keeps it.
        shared = _random_affine(
            rng, config.rotation / 3, config.scale**0.5, shift=0.05, shear=0.03
        ) @ affine(flip=flip)
        pose = Pose(shared)
        return _Motion(pose, (pose,) * searches, (pose,) * searches)
    mirrored = affine(flip=flip)
    template = Pose(
        _random_affine(rng, config.rotation / 3, config.scale**0.5, shift=0.05, shear=0.03)
        @ mirrored,
        _bend(rng, config.bend / 2),
    )
    now, before = [], []
    for _ in range(searches):
        matrix = _random_affine(rng, config.rotation, config.scale, shift=0.12, shear=0.12)
        bend = _bend(rng, config.bend)
        now.append(Pose(matrix @ mirrored, bend))
        step = _random_affine(rng, 4.0, 1.06, shift=0.03, shear=0.02)
        before.append(Pose(step @ matrix @ mirrored, bend))
    return _Motion(template, tuple(now), tuple(before))


def _random_affine(
    rng: np.random.Generator, degrees: float, scale: float, *, shift: float, shear: float
) -> Matrix:
    about = (float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7)))
    move = rng.uniform(-shift, shift, 2)
    return affine(
        about=about,
        to=(about[0] + float(move[0]), about[1] + float(move[1])),
        degrees=float(rng.uniform(-degrees, degrees)),
        scale=float(np.exp(rng.uniform(-1, 1) * np.log(scale))),
        shear=float(rng.uniform(-shear, shear)),
        aspect=_FRAME_ASPECT,
    )


def _bend(rng: np.random.Generator, strength: float) -> Tensor:
    return bend_field(rng.uniform(-strength, strength, (16, 2)))


def _cut_out(
    rng: np.random.Generator,
    image: NDArray[np.uint8],
    target: NDArray[np.bool_],
    *,
    textures: Sequence[Clip],
    config: SamplingConfig,
) -> Pasted | None:
    """An object to paste: a twin of the target, a textured blob, or an object of another image."""
    kind = rng.random()
    if kind < config.twin_share:
        return Pasted(image, target)
    other = textures[int(rng.integers(len(textures)))]
    index = int(rng.integers(len(other)))
    labels = other.labels(index)
    number = _pick(rng, labels, 2 * config.min_area)
    if number is None or kind < config.twin_share + config.blob_share:
        return Pasted(other.image(index), _blob(rng, (labels.shape[0], labels.shape[1])))
    return Pasted(other.image(index), labels == number)


def _blob(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A random smooth star-shaped region: a radius with five random harmonics."""
    height, width = size
    centre = rng.uniform(0.35, 0.65, 2)
    y = (np.arange(height)[:, None] + 0.5) / height - centre[1]
    x = ((np.arange(width)[None, :] + 0.5) / width - centre[0]) * (width / height)
    angle = np.arctan2(y, x)
    radius = np.full_like(angle, rng.uniform(0.12, 0.3))
    for harmonic in range(1, 6):
        radius *= 1 + rng.normal(0, 0.35 / harmonic) * np.cos(
            harmonic * angle + rng.uniform(0, 2 * np.pi)
        )
    return np.asarray(np.hypot(x, y) < np.maximum(radius, 0.03))


def _pasted_motion(
    rng: np.random.Generator,
    item: Pasted,
    target: NDArray[np.bool_],
    searches: int,
    config: SamplingConfig,
) -> _Motion:
    """Poses of a pasted object: near the target, of comparable size, moving on its own."""
    own, host = box_of(item.alpha), box_of(target)
    if own is None or host is None:
        still = Pose(np.eye(3))
        return _Motion(still, (still,) * searches, (still,) * searches)
    ratio = np.sqrt((host.width * host.height) / (own.width * own.height))
    scale = float(ratio * np.exp(rng.uniform(np.log(0.4), np.log(1.4))))
    angle = float(rng.uniform(0, 2 * np.pi))
    distance = float(rng.uniform(0.3, 1.1))
    home = (
        host.x + distance * np.cos(angle) * (host.width + 0.05),
        host.y + distance * np.sin(angle) * (host.height + 0.05),
    )
    flip = bool(rng.random() < 0.5)

    def pose(about: tuple[float, float], spread: float, bend: Tensor | None) -> Pose:
        move = rng.normal(0, spread, 2)
        matrix = affine(
            about=(own.x, own.y),
            to=(
                about[0] + float(move[0]) * host.width,
                about[1] + float(move[1]) * host.height,
            ),
            degrees=float(rng.normal(0, config.rotation / 2)),
            scale=scale * float(np.exp(rng.normal(0, 0.1))),
            flip=flip,
            aspect=_FRAME_ASPECT,
        )
        return Pose(matrix, bend)

    now, before = [], []
    for _ in range(searches):
        current = pose(home, 0.35, _bend(rng, config.bend / 2))
        now.append(current)
        step = _random_affine(rng, 3.0, 1.05, shift=0.02, shear=0.01)
        before.append(Pose(step @ current.matrix, current.bend))
    return _Motion(pose(home, 0.1, None), tuple(now), tuple(before))
