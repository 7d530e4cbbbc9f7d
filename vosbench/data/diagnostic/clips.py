"""The clips of the suite: one difficulty at a time, next to a control without it.

Motion wavers a little, seeded by suite version and clip, so that no method is helped by exactly
straight paths. The drawn numbers are fractions and the same for every clip size.
"""

from __future__ import annotations

import zlib

import numpy as np

from vosbench.data.diagnostic.scene import Actor, ClipPlan, Pose

__all__ = ["SUITE_VERSION", "clip_plans"]

SUITE_VERSION = 1
"""Part of the cache folder's name; raised whenever masks or pictures of a clip change."""


def clip_plans() -> tuple[ClipPlan, ...]:
    """All clips, the control first."""
    return (
        _control(),
        _occlusion(),
        _full_occlusion(),
        _crossing(),
        _scale_change(),
        _fast_motion(),
        _distractors(),
        _exit_and_return(),
    )


def _wavering(clip: str, *poses: Pose, parts: int = 6, amount: float = 0.012) -> tuple[Pose, ...]:
    """The poses with further ones between them, each moved by up to `amount` of the height."""
    # the digest of the name, because Python's own hash differs from process to process
    seed = [SUITE_VERSION, zlib.crc32(clip.encode())]
    random = np.random.Generator(np.random.PCG64(seed))
    path = Actor("", "", "object", poses)
    times = sorted({pose.time for pose in poses} | {part / parts for part in range(parts + 1)})
    moved = []
    for time in times:
        pose = path.at(time)
        dx, dy, turn = (int(random.integers(-1000, 1001)) / 1000 for _ in range(3))
        moved.append(
            Pose(
                time,
                pose.x + 0.5 * amount * dx,
                pose.y + amount * dy,
                pose.size,
                pose.turn + 3 * turn,
            )
        )
    return tuple(moved)


def _cup_walk() -> Actor:
    """The object of the control and of the two occlusion clips, always on the same path."""
    poses = _wavering("control", Pose(0, 0.26, 0.55, 0.36), Pose(1, 0.74, 0.47, 0.36))
    return Actor("cup", "cup", "object", poses)


def _control() -> ClipPlan:
    return ClipPlan(
        name="control",
        factor="none",
        summary="A cup moves slowly over grass; nothing else happens.",
        background="grass",
        pan=(0.05, 0.02),
        actors=(_cup_walk(),),
    )


def _occlusion() -> ClipPlan:
    plank = Actor(
        "plank", "plank", "occluder", (Pose(0, 0.86, 0.5, 1.3, 4), Pose(1, 0.14, 0.5, 1.3, -4))
    )
    return ClipPlan(
        name="occlusion",
        factor="partial occlusion",
        summary="The control, but a plank passes in front of the cup.",
        background="grass",
        pan=(0.05, 0.02),
        actors=(_cup_walk(), plank),
    )


def _full_occlusion() -> ClipPlan:
    cup = Actor(
        "cup",
        "cup",
        "object",
        _wavering(
            "full-occlusion",
            Pose(0, 0.2, 0.52, 0.3),
            Pose(0.34, 0.49, 0.5, 0.3),
            Pose(0.6, 0.51, 0.5, 0.3),
            Pose(0.95, 0.8, 0.48, 0.3),
            amount=0.006,
        ),
    )
    wall = Actor("wall", "wall", "occluder", (Pose(0, 0.5, 0.5, 1.08),))
    return ClipPlan(
        name="full-occlusion",
        factor="full occlusion",
        summary="A cup goes behind a wall, stays hidden, and comes out on the other side.",
        background="grass",
        pan=(0.05, 0.02),
        actors=(cup, wall),
    )


def _crossing() -> ClipPlan:
    there = _wavering("crossing", Pose(0, 0.23, 0.53, 0.5), Pose(1, 0.78, 0.53, 0.5))
    back = _wavering("crossing-back", Pose(0, 0.77, 0.47, 0.5), Pose(1, 0.22, 0.47, 0.5))
    return ClipPlan(
        name="crossing",
        factor="crossing of equals",
        summary="Two horses of the same coat cross; the second passes in front.",
        background="gravel",
        pan=(-0.04, 0.0),
        actors=(
            Actor("horse-behind", "horse", "object", there),
            Actor("horse-in-front", "horse", "object", back, mirrored=True),
        ),
    )


def _scale_change() -> ClipPlan:
    poses = _wavering(
        "scale-change",
        Pose(0, 0.42, 0.56, 0.24),
        Pose(0.7, 0.53, 0.5, 0.84),
        Pose(1, 0.56, 0.48, 0.6),
    )
    return ClipPlan(
        name="scale-change",
        factor="scale",
        summary="A cat's face comes near, to 3.5 times its first height, and draws back.",
        background="brick",
        pan=(0.03, 0.03),
        actors=(Actor("cat", "cat", "object", poses),),
    )


def _fast_motion() -> ClipPlan:
    corners = (
        *((0.0, 0.14, 0.70, 40.0), (0.21, 0.55, 0.26, 70.0), (0.37, 0.84, 0.42, 120.0)),
        *((0.53, 0.72, 0.74, 200.0), (0.74, 0.32, 0.62, 260.0), (0.87, 0.16, 0.3, 320.0)),
        (1.0, 0.4, 0.26, 400.0),
    )
    poses = tuple(Pose(time, x, y, 0.4, turn) for time, x, y, turn in corners)
    return ClipPlan(
        name="fast-motion",
        factor="speed",
        summary="A shuttle darts about and turns, by about 8 % of the diagonal per frame.",
        background="stars",
        pan=(0.06, -0.03),
        actors=(Actor("shuttle", "shuttle", "object", poses),),
    )


def _distractors() -> ClipPlan:
    def coin(name: str, cut_out: str, *path: tuple[float, float, float]) -> Actor:
        role = "distractor" if name.startswith("other") else "object"
        poses = tuple(Pose(t, x, y, 0.25, 50 * t) for t, x, y in path)
        return Actor(name, cut_out, role, _wavering(name, *poses))  # type: ignore[arg-type]

    return ClipPlan(
        name="distractors",
        factor="distractors",
        summary="Three coins among look-alikes that are not to be segmented.",
        background="gravel",
        pan=(0.02, 0.02),
        actors=(
            coin("other-1", "brass-other", (0, 0.12, 0.2), (1, 0.3, 0.82)),
            coin("other-2", "copper-other", (0, 0.9, 0.75), (1, 0.66, 0.86)),
            coin("other-3", "silver-other", (0, 0.55, 0.85), (1, 0.88, 0.3)),
            coin("other-4", "brass-other", (0, 0.88, 0.2), (1, 0.55, 0.16)),
            coin("brass", "brass-coin", (0, 0.34, 0.17), (1, 0.74, 0.19)),
            coin("silver", "silver-coin", (0, 0.2, 0.76), (1, 0.5, 0.72)),
            coin("copper", "copper-coin", (0, 0.68, 0.48), (1, 0.2, 0.46)),
        ),
    )


def _exit_and_return() -> ClipPlan:
    poses = _wavering(
        "exit-and-return",
        Pose(0, 0.6, 0.5, 0.62, -6),
        Pose(0.4, 1.2, 0.46, 0.62, 6),
        Pose(0.55, 1.2, 0.44, 0.62, 8),
        Pose(1, 0.55, 0.52, 0.62, 0),
        amount=0.006,
    )
    return ClipPlan(
        name="exit-and-return",
        factor="out of view",
        summary="An astronaut drifts out of the frame and comes back from the same side.",
        background="launch-pad",
        pan=(0.05, 0.04),
        actors=(Actor("astronaut", "astronaut", "object", poses),),
    )
