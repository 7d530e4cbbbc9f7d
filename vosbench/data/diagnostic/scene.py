"""What a drawn clip consists of: actors on a background, each with key poses.

Lengths are fractions: `x` of the frame's width, `y` and `size` of its height, `time` of the clip's
duration. So one description serves every clip size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Actor", "ClipPlan", "Pose", "Role"]

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
    """

    time: float
    x: float
    y: float
    size: float
    turn: float = 0.0


@dataclass(frozen=True)
class Actor:
    """Something that moves in front of the background.

    Attributes:
        name: unique in the clip.
        cut_out: key of `CUT_OUTS`.
        role: `object` is annotated, with ids 1, 2, ... in the plan's order; the others are not.
        poses: key poses in order of time; between them everything changes linearly.
        mirrored: left and right are swapped.
    """

    name: str
    cut_out: str
    role: Role
    poses: tuple[Pose, ...]
    mirrored: bool = False

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
                )
        return self.poses[-1]


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
    """

    name: str
    factor: str
    summary: str
    background: str
    pan: tuple[float, float]
    actors: tuple[Actor, ...]

    @property
    def objects(self) -> tuple[Actor, ...]:
        """The annotated actors; the first has id 1."""
        return tuple(actor for actor in self.actors if actor.role == "object")
