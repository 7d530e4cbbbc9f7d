"""What is known of a drawn clip beyond its masks: hidden parts, who hides them, when.

Stored beside the clip as `Truth/<clip>.npz` (arrays) and `Truth/<clip>.json` (names and events), so
that detectors which see only masks can be checked against what really happened.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic.render import DrawnFrame
from vosbench.data.diagnostic.scene import ClipPlan
from vosbench.errors import InputError

__all__ = ["ClipTruth", "Event", "EventKind", "encode_truth", "measure_truth", "read_truth"]

EventKind: TypeAlias = Literal["occluded", "hidden", "cut", "outside"]
"""`occluded`: another actor hides a part; `hidden`: all of what is in the frame; `cut`: a part lies
outside of the frame; `outside`: all of it does."""

_NOTICED = 0.05
"""Share of an object that must be hidden or cut off for an event; below it lie edge pixels."""


@dataclass(frozen=True)
class Event:
    """Something that happens to one object from frame `onset` to frame `end`, both included.

    Attributes:
        object_id: whom it happens to.
        kind: what happens.
        onset: index of the first frame.
        end: index of the last frame.
        magnitude: the largest share hidden (of the part in the frame) or cut off (of the whole).
    """

    object_id: int
    kind: EventKind
    onset: int
    end: int
    magnitude: float


@dataclass(frozen=True)
class ClipTruth:
    """The truth of one clip; T frames, K objects, S actors from back to front.

    Attributes:
        clip: sequence name.
        factor: the difficulty that the clip adds.
        actors: names of the S actors.
        roles: their roles.
        object_actors: for each object id 1..K, its index in `actors`.
        amodal: T×K×H×W bool, each object within the frame as if nothing hid it.
        area: T×K px, the whole object, outside of the frame included.
        in_frame: T×K px.
        visible: T×K px.
        hidden_by: T×K×S px of the object behind each actor that is in front of it.
        centre: T×K×2, x and y of the cut-out's centre, px.
        size: T×K, height of the cut-out before it is turned, px.
        turn: T×K, degrees clockwise.
        events: in order of object and onset.
    """

    clip: str
    factor: str
    actors: tuple[str, ...]
    roles: tuple[str, ...]
    object_actors: tuple[int, ...]
    amodal: NDArray[np.bool_]
    area: NDArray[np.int64]
    in_frame: NDArray[np.int64]
    visible: NDArray[np.int64]
    hidden_by: NDArray[np.int64]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    turn: NDArray[np.float64]
    events: tuple[Event, ...]

    @property
    def visible_share(self) -> NDArray[np.float64]:
        """T×K, visible part of the whole object, 0..1."""
        return self.visible / self.area

    @property
    def in_frame_share(self) -> NDArray[np.float64]:
        """T×K, part of the whole object that lies within the frame, 0..1."""
        return self.in_frame / self.area


def measure_truth(plan: ClipPlan, frames: list[DrawnFrame]) -> ClipTruth:
    """Measure a drawn clip."""
    names = tuple(actor.name for actor in plan.actors)
    places = tuple(names.index(actor.name) for actor in plan.objects)
    height, width = frames[0].labels.shape
    counts = (len(frames), len(places))
    amodal = np.zeros((*counts, height, width), dtype=np.bool_)
    area, in_frame, visible = (np.zeros(counts, dtype=np.int64) for _ in range(3))
    hidden_by = np.zeros((*counts, len(names)), dtype=np.int64)
    centre = np.zeros((*counts, 2))
    size, turn = np.zeros(counts), np.zeros(counts)
    for t, frame in enumerate(frames):
        for k, place in enumerate(places):
            drawn = frame.actors[place]
            amodal[t, k] = drawn.mask
            area[t, k] = drawn.area
            in_frame[t, k] = np.count_nonzero(drawn.mask)
            visible[t, k] = np.count_nonzero(frame.labels == k + 1)
            for s in range(place + 1, len(names)):
                hidden_by[t, k, s] = np.count_nonzero(drawn.mask & frame.actors[s].mask)
            centre[t, k] = (drawn.pose.x * width, drawn.pose.y * height)
            size[t, k] = drawn.pose.size * height
            turn[t, k] = drawn.pose.turn
    return ClipTruth(
        clip=plan.name,
        factor=plan.factor,
        actors=names,
        roles=tuple(actor.role for actor in plan.actors),
        object_actors=places,
        amodal=amodal,
        area=area,
        in_frame=in_frame,
        visible=visible,
        hidden_by=hidden_by,
        centre=centre,
        size=size,
        turn=turn,
        events=tuple(_events(area, in_frame, visible)),
    )


def _events(
    area: NDArray[np.int64], in_frame: NDArray[np.int64], visible: NDArray[np.int64]
) -> Iterator[Event]:
    hidden = 1 - visible / np.maximum(in_frame, 1)
    hidden[in_frame == 0] = 0
    cut = 1 - in_frame / area
    kinds: tuple[tuple[EventKind, NDArray[np.float64], NDArray[np.bool_]], ...] = (
        ("occluded", hidden, hidden > _NOTICED),
        ("hidden", hidden, hidden == 1),
        ("cut", cut, cut > _NOTICED),
        ("outside", cut, cut == 1),
    )
    for k in range(area.shape[1]):
        found = [
            Event(k + 1, kind, onset, end, round(float(share[onset : end + 1, k].max()), 6))
            for kind, share, happens in kinds
            for onset, end in _runs(happens[:, k])
        ]
        yield from sorted(found, key=lambda event: (event.onset, event.kind))


def _runs(happens: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], happens, [False])).astype(np.int8)))
    return [(int(start), int(stop) - 1) for start, stop in edges.reshape(-1, 2)]


_ARRAYS = ("area", "in_frame", "visible", "hidden_by", "centre", "size", "turn")


def encode_truth(truth: ClipTruth) -> tuple[bytes, bytes]:
    """Content of the `.npz` and of the `.json` file."""
    buffer = io.BytesIO()
    arrays = {name: getattr(truth, name) for name in _ARRAYS}
    packed = np.packbits(truth.amodal, axis=-1)
    np.savez_compressed(buffer, amodal=packed, shape=np.array(truth.amodal.shape), **arrays)
    words = {
        "clip": truth.clip,
        "factor": truth.factor,
        "actors": truth.actors,
        "roles": truth.roles,
        "object_actors": truth.object_actors,
        "events": [asdict(event) for event in truth.events],
    }
    return buffer.getvalue(), (json.dumps(words, indent=2) + "\n").encode()


def read_truth(root: Path, clip: str) -> ClipTruth:
    """Read the truth of one clip of a diagnostic data set.

    Args:
        root: root of the data set, `Dataset.root`.
        clip: sequence name.

    Raises:
        InputError: if it is missing or cannot be read.
    """
    path = root / "Truth" / f"{clip}.npz"
    try:
        words = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(path, allow_pickle=False) as stored:
            shape = tuple(int(n) for n in stored["shape"])
            amodal = np.unpackbits(stored["amodal"], axis=-1, count=shape[-1]).astype(np.bool_)
            arrays = {name: stored[name] for name in _ARRAYS}
        return ClipTruth(
            clip=words["clip"],
            factor=words["factor"],
            actors=tuple(words["actors"]),
            roles=tuple(words["roles"]),
            object_actors=tuple(words["object_actors"]),
            amodal=amodal.reshape(shape),
            events=tuple(Event(**event) for event in words["events"]),
            **arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"truth of clip {clip!r} cannot be read from {path}: {error}",
            hint="only the diagnostic clips have one; delete their folder to have it drawn again",
        ) from error
