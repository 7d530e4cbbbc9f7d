"""The full suite: fifteen factors, five levels of each, and for each a control without it.

The clips of a factor are the same scene with the same random numbers; only the dose differs. A
clip's name is `<factor>-<level>`, and `<factor>-0` is the control.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vosbench.data.diagnostic.effects import random_fraction
from vosbench.data.diagnostic.scene import Actor, Camera, ClipPlan, Dose, Effects, Pose
from vosbench.data.diagnostic.sprites import BARS, CAMOUFLAGE, sprite_of

__all__ = ["FACTORS", "FULL_VERSION", "Factor", "factor_plans"]

FULL_VERSION: Final = 1
"""Part of the cache folder's name; raised whenever masks or pictures of a clip change."""


@dataclass(frozen=True)
class _Scene:
    """What a builder draws for.

    Attributes:
        level: 0 for the control.
        dose: of the level.
        aspect: width over height of the frame.
        frames: of the clip.
    """

    level: int
    dose: float
    aspect: float
    frames: int


@dataclass(frozen=True)
class Factor:
    """One kind of difficulty.

    Attributes:
        name: of the factor.
        summary: what is seen, in a sentence.
        unit: of the dose.
        doses: of the control and of levels 1 to 5.
        build: background, actors and effects of a level.
    """

    name: str
    summary: str
    unit: str
    doses: tuple[float, float, float, float, float, float]
    build: Callable[[_Scene], tuple[str, tuple[Actor, ...], Effects]]


def factor_plans(*, height: int, width: int, frames: int) -> Iterator[ClipPlan]:
    """All clips for frames of a size, the control of each factor first."""
    for factor in FACTORS:
        for level, dose in enumerate(factor.doses):
            scene = _Scene(level, dose, width / height, frames)
            background, actors, effects = factor.build(scene)
            yield ClipPlan(
                name=f"{factor.name}-{level}",
                factor=factor.name,
                summary=f"{factor.summary} Dose {dose:g} {factor.unit}.",
                background=background,
                pan=(0.04, 0.02),
                actors=actors,
                effects=effects,
                dose=Dose(level, dose, factor.unit, f"{factor.name}-0", factor.doses[0]),
            )


def _wavering(name: str, *poses: Pose, parts: int = 6, amount: float = 0.01) -> tuple[Pose, ...]:
    """The poses with further ones between them, moved a little, by the same amounts at any dose."""
    path = Actor("", "", "object", poses)
    times = sorted({pose.time for pose in poses} | {part / parts for part in range(parts + 1)})
    return tuple(
        replace(
            path.at(time),
            time=time,
            x=path.at(time).x + 0.5 * amount * random_fraction(name, 3 * k),
            y=path.at(time).y + amount * random_fraction(name, 3 * k + 1),
            turn=path.at(time).turn + 3 * random_fraction(name, 3 * k + 2),
        )
        for k, time in enumerate(times)
    )


def _cup(size: float = 0.42, start: float = 0.32, end: float = 0.62) -> Actor:
    poses = _wavering("cup", Pose(0, start, 0.54, size), Pose(1, end, 0.47, size))
    return Actor("cup", "cup", "object", poses)


_WALL_WIDTH: Final = 200 / 480
"""Width of the cut-out `wall` as a share of its height."""


def _share_from_right(cut_out: str, share: float) -> float:
    """How far from its right edge a cut reaches that takes away this share of a cut-out's area.

    As a share of its width; by counting pixels, so the same on every machine.
    """
    inside = sprite_of(cut_out, largest=100).inside
    counts = inside.sum(axis=0)[::-1].cumsum()
    column = int(np.searchsorted(counts, share * counts[-1]))
    return (column + 1) / inside.shape[1] if share < 1 else 1.0


def _wall(
    scene: _Scene, cup: Actor, *, cover: float, begin: float, hold: tuple[float, float], end: float
) -> Actor:
    """A wall that comes from the right, covers the right part of the cup, and goes back."""
    size, columns = 1.5, sprite_of("cup", largest=100).inside.shape
    wall = size * _WALL_WIDTH / scene.aspect
    cup_width = cup.poses[0].size * columns[1] / columns[0] / scene.aspect
    away = 1.1 + wall / 2
    times = (0.0, begin, *hold, end, 1.0)
    xs = [away, away]
    for time in hold:
        right = cup.at(time).x + cup_width / 2
        # a little more than all of it, so that no edge pixel stays
        xs.append(right - (cover if cover < 1 else 1.04) * cup_width + wall / 2)
    xs += [away, away]
    poses = tuple(Pose(time, x, 0.5, size) for time, x in zip(times, xs, strict=True))
    return Actor("wall", "wall", "occluder", poses)


def _occlusion(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    cup = _cup(start=0.34, end=0.5)
    if not scene.dose:
        return "grass", (cup,), Effects()
    cover = _share_from_right("cup", scene.dose)
    return (
        "grass",
        (cup, _wall(scene, cup, cover=cover, begin=0.15, hold=(0.45, 0.6), end=0.9)),
        (Effects()),
    )


def _duration(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    cup = _cup(start=0.4, end=0.46)
    if not scene.dose:
        return "grass", (cup,), Effects()
    begin = 0.3
    wall = _wall(
        scene,
        cup,
        cover=1.0,
        begin=begin - 0.12,
        hold=(begin, begin + scene.dose),
        end=min(begin + scene.dose + 0.12, 0.999),
    )
    return "grass", (cup, wall), Effects()


def _crossing(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    # two pairs, of which once the one from the left is in front and once the other
    size = 0.22
    off = 0.12 * (1 - scene.dose)
    actors: list[Actor] = []
    for pair, (y, rank) in enumerate(((0.26, 0), (0.74, 2))):
        there, back = (
            _wavering(f"{name}-{pair}", Pose(0, x, line, size), Pose(1, 1 - x, line, size))
            for name, x, line in (("there", 0.2, y - off), ("back", 0.8, y + off))
        )
        one = Actor(f"left-{pair}", "horse", "object", there, rank=rank)
        two = Actor(f"right-{pair}", "horse", "object", back, mirrored=True, rank=rank + 1)
        actors += [one, two] if pair == 0 else [two, one]
    return "gravel", tuple(actors), Effects()


_COIN_PATHS: Final = (
    (0.30, 0.20, 0.62, 0.24),
    (0.72, 0.80, 0.36, 0.78),
    (0.12, 0.78, 0.16, 0.30),
    (0.88, 0.22, 0.86, 0.70),
    (0.50, 0.86, 0.12, 0.88),
    (0.10, 0.22, 0.36, 0.14),
    (0.92, 0.82, 0.62, 0.86),
    (0.66, 0.14, 0.90, 0.16),
)


def _distractors(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    def coin(name: str, path: tuple[float, float, float, float], role: str) -> Actor:
        poses = _wavering(
            name, Pose(0, path[0], path[1], 0.24), Pose(1, path[2], path[3], 0.24, 60)
        )
        return Actor(name, "brass-coin", role, poses)  # type: ignore[arg-type]

    own = coin("coin", (0.3, 0.5, 0.7, 0.5), "object")
    others = [coin(f"other-{k}", _COIN_PATHS[k], "distractor") for k in range(round(scene.dose))]
    return "gravel", (*others, own), Effects()


def _scale(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    times = scene.dose
    grows = _wavering("grows", Pose(0, 0.25, 0.5, 0.2), Pose(0.9, 0.27, 0.5, 0.2 * times))
    shrinks = _wavering("shrinks", Pose(0, 0.75, 0.5, 0.56), Pose(0.9, 0.73, 0.5, 0.56 / times))
    actors = (
        Actor("grows", "cup", "object", grows),
        Actor("shrinks", "cat", "object", shrinks),
    )
    return "gravel", actors, Effects()


def _speed(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    size = 0.3
    diagonal = math.hypot(1, scene.aspect)
    room = scene.aspect - 1.3 * size  # between the turning points, in heights
    steps = scene.frames - 1
    poses = []
    for number in range(scene.frames):
        # there and back along the frame, a little up and down; 0.1 of a swing to begin with
        travelled = 0.1 + scene.dose * diagonal * number / room
        phase = travelled % 2
        along = phase if phase <= 1 else 2 - phase
        x = (0.65 * size + along * room) / scene.aspect
        y = 0.5 + 0.12 * math.sin(math.pi * travelled)
        poses.append(Pose(number / steps, x, y, size))
    return "gravel", (Actor("cat", "cat", "object", tuple(poses)),), Effects()


def _blur(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    _, actors, _ = _speed(replace(scene, dose=0.025))
    return "gravel", actors, Effects(shutter=scene.dose)


def _light(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    return "grass", (_cup(),), Effects(light=scene.dose)


def _non_rigid(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    bends = [Pose(0, 0.3, 0.5, 0.5)]
    for k in range(1, 9):
        sign = 1 if k % 2 else -1
        # every other swing it also falls into two parts and grows together again
        gap = 0.6 * scene.dose if k % 4 == 2 else 0.0
        bends.append(Pose(k / 8, 0.3 + 0.05 * k, 0.5, 0.5, 0.0, sign * scene.dose, gap))
    return "grass", (Actor("cat", "cat", "object", tuple(bends)),), Effects()


def _camera(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    keys = [Camera(0.0)]
    shakes = scene.frames // 2
    for k in range(1, shakes + 1):
        drift = 2 * scene.dose * math.sin(math.pi * k / shakes)
        keys.append(
            Camera(
                k / shakes,
                drift + scene.dose * random_fraction("camera", 2 * k),
                scene.dose * random_fraction("camera", 2 * k + 1),
                1 + 3 * scene.dose * (1 - math.cos(2 * math.pi * k / shakes)) / 2,
            )
        )
    return "grass", (_cup(),), Effects(camera=tuple(keys))


def _exit(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    # one comes back where it left, the other on the far side
    begin, moving = 0.15, 0.16
    away = begin + moving
    back = away + scene.dose
    if not scene.dose:
        return "grass", _both_stay(), Effects()
    left = (
        Pose(0, 0.3, 0.3, 0.36),
        Pose(begin, 0.3, 0.3, 0.36),
        Pose(away, -0.2, 0.3, 0.36),
        Pose(back, -0.2, 0.3, 0.36),
        Pose(min(back + moving, 0.99), 0.3, 0.3, 0.36),
    )
    middle = (away + back) / 2
    right = (
        Pose(0, 0.7, 0.72, 0.36),
        Pose(begin, 0.7, 0.72, 0.36),
        Pose(away, 1.2, 0.72, 0.36),
        # out of sight it goes from one side to the other, over the top of the frame
        Pose(middle - 1e-4, 1.2, 0.72, 0.36),
        Pose(middle, 1.2, -3.0, 0.36),
        Pose(middle + 1e-4, -0.2, 0.72, 0.36),
        Pose(back, -0.2, 0.72, 0.36),
        Pose(min(back + moving, 0.99), 0.3, 0.72, 0.36),
    )
    return (
        "grass",
        (Actor("same-side", "cup", "object", left), Actor("far-side", "cat", "object", right)),
        Effects(),
    )


def _both_stay() -> tuple[Actor, ...]:
    one = _wavering("stays", Pose(0, 0.3, 0.3, 0.36), Pose(1, 0.3, 0.3, 0.36))
    two = _wavering("stays-too", Pose(0, 0.7, 0.72, 0.36), Pose(1, 0.7, 0.72, 0.36))
    return Actor("same-side", "cup", "object", one), Actor("far-side", "cat", "object", two)


def _camouflage(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    cut_out = f"cup-hidden-{scene.level}" if scene.level else "cup"
    cup = replace(_cup(size=0.5), cut_out=cut_out)
    return "grass", (cup,), Effects()


def _thin(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    poses = _wavering("lattice", Pose(0, 0.3, 0.52, 0.6), Pose(1, 0.66, 0.48, 0.6))
    return "grass", (Actor("lattice", f"lattice-{scene.level}", "object", poses),), Effects()


def _jump(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    cup = _cup(size=0.36, start=0.16, end=0.84)
    return "gravel", (cup,), Effects(jump=scene.dose)


def _corruption(scene: _Scene) -> tuple[str, tuple[Actor, ...], Effects]:
    return "grass", (_cup(),), Effects(corruption=scene.dose)


FACTORS: Final = (
    Factor(
        "occlusion",
        "A wall covers a part of a cup and draws back.",
        "of the cup is hidden at most",
        (0, 0.2, 0.4, 0.6, 0.8, 1.0),
        _occlusion,
    ),
    Factor(
        "occlusion-time",
        "A wall covers all of a cup and stays.",
        "of the clip hidden entirely",
        (0, 0.05, 0.1, 0.2, 0.3, 0.45),
        _duration,
    ),
    Factor(
        "crossing",
        "Two pairs of horses of one coat cross, once the left one in front and once behind.",
        "of the way to one line",
        (0, 0.2, 0.4, 0.6, 0.8, 1.0),
        _crossing,
    ),
    Factor(
        "distractors",
        "A coin moves among others that are its very likeness.",
        "others",
        (0, 1, 2, 4, 6, 8),
        _distractors,
    ),
    Factor(
        "scale",
        "A cup grows and a cat's face shrinks.",
        "times larger, and times smaller",
        (1, 1.5, 2, 2.5, 3.2, 4),
        _scale,
    ),
    Factor(
        "speed",
        "A cat's face swings from side to side.",
        "of the diagonal per frame",
        (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08),
        _speed,
    ),
    Factor(
        "motion-blur",
        "The swinging face at 2.5 % of the diagonal per frame, with a slow shutter.",
        "frames of exposure",
        (0, 0.25, 0.5, 1, 1.5, 2),
        _blur,
    ),
    Factor(
        "light",
        "It gets dark, on one side more than on the other, and flickers.",
        "of the light is lost",
        (0, 0.15, 0.3, 0.45, 0.6, 0.75),
        _light,
    ),
    Factor(
        "non-rigid",
        "A cat's face bends and splits down the middle, and heals.",
        "of its width",
        (0, 0.05, 0.1, 0.15, 0.22, 0.3),
        _non_rigid,
    ),
    Factor(
        "camera",
        "The camera shakes, drifts and zooms.",
        "of the height per shake",
        (0, 0.01, 0.02, 0.04, 0.06, 0.08),
        _camera,
    ),
    Factor(
        "out-of-view",
        "Two objects leave the frame; one comes back where it left, one on the far side.",
        "of the clip away",
        (0, 0.05, 0.1, 0.2, 0.3, 0.4),
        _exit,
    ),
    Factor(
        "camouflage",
        "A cup takes on the look of the grass behind it.",
        "of the grass's colour",
        (0, *(round(share / 256, 2) for share in CAMOUFLAGE)),  # type: ignore[arg-type]
        _camouflage,
    ),
    Factor(
        "thin-parts",
        "A cloth with holes, whose bars get thinner.",
        "of it is holes",
        (0, *(round((1 - bar / 50) ** 2, 2) for bar in BARS)),  # type: ignore[arg-type]
        _thin,
    ),
    Factor(
        "frame-drop",
        "In the middle of the clip everything jumps.",
        "of the way in one step",
        (0, 0.1, 0.2, 0.3, 0.4, 0.5),
        _jump,
    ),
    Factor(
        "corruption",
        "Noise that stays for a while, blur, fog and blocks.",
        "severity",
        (0, 0.2, 0.4, 0.6, 0.8, 1.0),
        _corruption,
    ),
)
"""In the order of DIAG-VOS; the first dose of each is the control's."""
