"""What a drawn clip consists of: actors on a background, each with key poses.

Lengths are fractions: `x` of the frame's width, `y` and `size` of its height, `time` of the clip's
duration. So one description serves every clip size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Actor", "Camera", "ClipPlan", "Dose", "Effects", "Pose", "Role"]

Role: TypeAlias = Literal["object", "occluder", "distractor"]


@dataclass(frozen=True)
class Pose:
    """Where an actor is at a time.

    Attributes:
        time: 0 at the first frame, 1 at the last.
        x: centre, fraction of the frame's width.
        y: centre, fraction of the frame's height.
        size: height of the cut-out, fraction of the frame's height.
        turn: clockwise rotation, degrees.
        wave: how far a bend of one period moves its rows sideways, share of its width.
        gap: width of a slit down its middle, share of its width; the object falls into two parts.
    """

    time: float
    x: float
    y: float
    size: float
    turn: float = 0.0
    wave: float = 0.0
    gap: float = 0.0


@dataclass(frozen=True)
class Actor:
    """Something that moves in front of the background.

    Attributes:
        name: unique in the clip.
        cut_out: key of `CUT_OUTS`.
        role: `object` is annotated, with ids 1, 2, ... in the plan's order; the others are not.
        poses: key poses in order of time; between them everything changes linearly.
        mirrored: left and right are swapped.
        rank: objects are numbered by rank, and those of one rank from back to front.
    """

    name: str
    cut_out: str
    role: Role
    poses: tuple[Pose, ...]
    mirrored: bool = False
    rank: int = 0

    def at(self, time: float) -> Pose:
        """Pose at a time from 0 to 1."""
        if time <= self.poses[0].time:
            return self.poses[0]
        for before, after in zip(self.poses, self.poses[1:], strict=False):
            if time <= after.time:
                part = (time - before.time) / (after.time - before.time)
                return Pose(
                    time,
                    before.x + part * (after.x - before.x),
                    before.y + part * (after.y - before.y),
                    before.size + part * (after.size - before.size),
                    before.turn + part * (after.turn - before.turn),
                    before.wave + part * (after.wave - before.wave),
                    before.gap + part * (after.gap - before.gap),
                )
        return self.poses[-1]


@dataclass(frozen=True)
class Camera:
    """Where the camera looks at a time; between key times everything changes linearly.

    Attributes:
        time: 0 at the first frame, 1 at the last.
        x: shift of all that is seen, to the right, fraction of the frame's height.
        y: shift downwards, fraction of the frame's height.
        zoom: enlargement about the middle of the frame.
    """

    time: float
    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0


@dataclass(frozen=True)
class Effects:
    """What happens to whole frames. The first frame, whose mask is given, is always clean.

    Attributes:
        light: how much darker it gets, 0..1, with a gradient and flicker.
        corruption: noise, blur, blocks and fog, 0..1.
        shutter: how long the shutter is open, in frames.
        jump: share of all motion that falls between the two frames in the middle.
        camera: key positions; empty for a camera at rest, which only pans as the plan says.
    """

    light: float = 0.0
    corruption: float = 0.0
    shutter: float = 0.0
    jump: float = 0.0
    camera: tuple[Camera, ...] = ()


@dataclass(frozen=True)
class Dose:
    """How much of its factor a clip has.

    Attributes:
        level: 1..5, or 0 for the control.
        value: the amount, in `unit`; that of the control is what is there without the factor.
        unit: in words.
        control: name of the clip that is the same but for the factor; its own for the control.
        control_value: the amount in the control.
    """

    level: int
    value: float
    unit: str
    control: str
    control_value: float = 0.0


@dataclass(frozen=True)
class ClipPlan:
    """One clip.

    Attributes:
        name: sequence name.
        factor: the one difficulty that the clip adds to its control.
        summary: what is seen, in a sentence.
        background: key of `BACKGROUNDS`.
        pan: shift of the camera over the whole clip, fractions of the frame's width and height.
        actors: from back to front.
        effects: what happens to whole frames.
        dose: how much of its factor it has, where several clips differ in that.
    """

    name: str
    factor: str
    summary: str
    background: str
    pan: tuple[float, float]
    actors: tuple[Actor, ...]
    effects: Effects = Effects()
    dose: Dose | None = None

    @property
    def objects(self) -> tuple[Actor, ...]:
        """The annotated actors; the first has id 1."""
        annotated = (actor for actor in self.actors if actor.role == "object")
        return tuple(sorted(annotated, key=lambda actor: actor.rank))
