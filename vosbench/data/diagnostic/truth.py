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
from vosbench.data.diagnostic.scene import ClipPlan, Dose
from vosbench.errors import InputError

__all__ = [
    "ClipTruth",
    "Event",
    "EventKind",
    "encode_truth",
    "measure_truth",
    "read_dose",
    "read_truth",
    "truth_of_masks",
]

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
        gain: T×2, brightness on the left and the right edge, 1 is unchanged.
        severity: T, of corruption, 0..1.
        shutter: T, frames of exposure.
        dose: how much of the factor the clip has, where it is one of a series.
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
    gain: NDArray[np.float64]
    severity: NDArray[np.float64]
    shutter: NDArray[np.float64]
    dose: Dose | None = None

    @property
    def depth(self) -> NDArray[np.int64]:
        """(K,) rank of each object among all actors, 0 at the very back; it never changes."""
        return np.array(self.object_actors, np.int64)

    @property
    def speed(self) -> NDArray[np.float64]:
        """T×K, step of the centre from the frame before, px; NaN on the first frame."""
        steps = np.hypot(*np.moveaxis(np.diff(self.centre, axis=0), -1, 0))
        return np.concatenate([np.full((1, self.centre.shape[1]), np.nan), steps])

    @property
    def visible_share(self) -> NDArray[np.float64]:
        """T×K, visible part of the whole object, 0..1."""
        return self.visible / np.maximum(self.area, 1)

    @property
    def in_frame_share(self) -> NDArray[np.float64]:
        """T×K, part of the whole object that lies within the frame, 0..1."""
        return self.in_frame / np.maximum(self.area, 1)


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
        gain=np.array([(f.effects.gain / 256, f.effects.gain_right / 256) for f in frames]),
        severity=np.array([f.effects.severity / 256 for f in frames]),
        shutter=np.array([f.effects.shutter for f in frames]),
        dose=plan.dose,
    )


def truth_of_masks(
    clip: str,
    factor: str,
    amodal: NDArray[np.bool_],
    modal: NDArray[np.bool_],
    *,
    area: NDArray[np.int64],
    hidden_by_pasted: NDArray[np.int64],
    pasted_role: str,
    dose: Dose,
) -> ClipTruth:
    """The truth of a clip that was put together from masks.

    Args:
        clip: sequence name.
        factor: the difficulty that was added.
        amodal: T×K×H×W, each object as if nothing had been put in front of it.
        modal: T×K×H×W, what of it can be seen.
        area: T×K px, parts beyond the frame included.
        hidden_by_pasted: T×K px behind what was pasted.
        pasted_role: role of what was pasted, which is in front of all else.
        dose: how much of the factor there is.
    """
    frames, count = amodal.shape[:2]
    in_frame = np.count_nonzero(amodal, axis=(2, 3)).astype(np.int64)
    visible = np.count_nonzero(modal, axis=(2, 3)).astype(np.int64)
    followed = pasted_role == "object"
    names = [f"object-{k + 1}" for k in range(count - followed)]
    hidden_by = np.zeros((frames, count, len(names) + 1), np.int64)
    hidden_by[:, :, -1] = hidden_by_pasted
    centre = np.full((frames, count, 2), np.nan)
    size = np.zeros((frames, count))
    for t, k in zip(*np.nonzero(in_frame), strict=True):
        rows, columns = np.nonzero(amodal[t, k])
        centre[t, k] = columns.mean(), rows.mean()
        size[t, k] = rows.max() - rows.min() + 1
    return ClipTruth(
        clip=clip,
        factor=factor,
        actors=(*names, "pasted"),
        roles=(*("object" for _ in names), pasted_role),
        object_actors=tuple(range(count)),
        amodal=amodal,
        area=area,
        in_frame=in_frame,
        visible=visible,
        hidden_by=hidden_by,
        centre=centre,
        size=size,
        turn=np.zeros((frames, count)),
        events=tuple(_events(area, in_frame, visible)),
        gain=np.ones((frames, 2)),
        severity=np.zeros(frames),
        shutter=np.zeros(frames),
        dose=dose,
    )


def _events(
    area: NDArray[np.int64], in_frame: NDArray[np.int64], visible: NDArray[np.int64]
) -> Iterator[Event]:
    hidden = 1 - visible / np.maximum(in_frame, 1)
    hidden[in_frame == 0] = 0
    cut = 1 - in_frame / np.maximum(area, 1)
    cut[area == 0] = 0
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


_ARRAYS = (
    *("area", "in_frame", "visible", "hidden_by", "centre", "size", "turn"),
    *("gain", "severity", "shutter"),
)


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
        "dose": asdict(truth.dose) if truth.dose is not None else None,
    }
    return buffer.getvalue(), (json.dumps(words, indent=2) + "\n").encode()


def read_dose(root: Path, clip: str) -> tuple[str, Dose] | None:
    """Factor and dose of a clip that is one of a series; None for any other clip.

    Args:
        root: root of the data set, `Dataset.root`.
        clip: sequence name.

    Raises:
        InputError: there is a truth of the clip, but it cannot be read.
    """
    path = root / "Truth" / f"{clip}.json"
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        return (words["factor"], Dose(**words["dose"])) if words.get("dose") else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"truth of clip {clip!r} cannot be read from {path}: {error}",
            hint="only vosbench's own diagnostic clips have such a file; delete it",
        ) from error


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
            dose=Dose(**words["dose"]) if words["dose"] is not None else None,
            **arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"truth of clip {clip!r} cannot be read from {path}: {error}",
            hint="only the diagnostic clips have one; delete their folder to have it drawn again",
        ) from error
