"""The semi-real suite: real clips with one difficulty added by cutting objects out and pasting.

From each annotated clip of a user's data set come a plain copy and fifteen others: another clip's
object passes in front (`covered`), another clip's object is to be followed as well and crosses in
front (`met`), and copies of the object itself stand about (`doubles`), each at five doses. What
lies behind a paste is known from the clip itself; what the clip itself hides is not.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data.diagnostic.scene import Dose
from vosbench.data.diagnostic.truth import ClipTruth, encode_truth, truth_of_masks
from vosbench.data.images import read_frame
from vosbench.data.masks import VOID, encode_labels, read_labels
from vosbench.errors import InputError
from vosbench.types import RGB, LabelMap
from vosbench.types import Sequence as Clip

__all__ = ["SEMI_REAL_FACTORS", "MadeClip", "compose_clips", "write_semi_real"]

SEMI_REAL_FACTORS: Final = {
    "covered": ("of the object is hidden at most", (0.2, 0.4, 0.6, 0.8, 1.0)),
    "met": ("of the way to one line", (0.2, 0.4, 0.6, 0.8, 1.0)),
    "doubles": ("copies of the object", (1, 2, 3, 4, 5)),
}
"""Unit and doses of each factor."""

_MOST_IDS: Final = 254
_LARGER: Final = 1.25
_QUALITY: Final = 95
_SLOTS: Final = ((0.14, 0.22), (0.86, 0.22), (0.14, 0.8), (0.86, 0.8), (0.5, 0.14), (0.5, 0.88))


@dataclass(frozen=True, eq=False)
class MadeClip:
    """One clip of the suite: T pictures, label maps, and the truth behind them."""

    name: str
    images: tuple[RGB, ...]
    labels: tuple[LabelMap, ...]
    truth: ClipTruth


@dataclass(frozen=True, eq=False)
class _Cut:
    """A cut-out: h×w×3 pixels and h×w bool."""

    pixels: RGB
    mask: NDArray[np.bool_]

    def scaled(self, factor: float) -> _Cut:
        from PIL import Image  # noqa: PLC0415 - only where clips are made

        height = max(2, round(self.mask.shape[0] * factor))
        width = max(2, round(self.mask.shape[1] * factor))
        pixels = Image.fromarray(self.pixels).resize((width, height), Image.Resampling.BILINEAR)
        # whole pixels by whole steps, so that the mask is the same everywhere
        rows = np.arange(height) * self.mask.shape[0] // height
        columns = np.arange(width) * self.mask.shape[1] // width
        return _Cut(np.array(pixels, np.uint8), self.mask[np.ix_(rows, columns)])


@dataclass(frozen=True, eq=False)
class _Loaded:
    """Frames of a clip and the object that is played with; T frames.

    Attributes:
        images: T pictures.
        labels: T label maps, void taken for background.
        target: id of the object with most pixels on the first frame.
        centres: T centres of its box, x and y; that of the last frame with it where it is absent.
        cuts: T cut-outs of it; that of the last frame with it where it is absent.
    """

    images: tuple[RGB, ...]
    labels: tuple[LabelMap, ...]
    target: int
    centres: tuple[tuple[float, float], ...]
    cuts: tuple[_Cut, ...]


def _load(clip: Clip, frames: int) -> _Loaded:
    refs = clip.frames[:frames]
    bare = [f.name for f in refs if f.image is None or f.annotation is None]
    if bare or len(refs) < 2:
        raise InputError(
            f"{clip.name}: frame {bare[0] if bare else refs[0].name} has no image or no annotation",
            hint="the semi-real suite needs clips of two frames or more that have both on each",
        )
    size = (clip.height, clip.width)
    images, labels = [], []
    for ref in refs:
        if ref.image is None or ref.annotation is None:
            continue
        images.append(read_frame(ref.image, size=size))
        mask = read_labels(ref.annotation, clip.label_kind, size=size)
        labels.append(mask * (mask != VOID))
    counts = np.bincount(labels[0].ravel(), minlength=2)
    counts[0] = 0
    target = int(counts.argmax())
    if not counts[target]:
        raise InputError(f"{clip.name}: its first annotation holds no object")
    centres: list[tuple[float, float]] = []
    cuts: list[_Cut] = []
    for image, mask in zip(images, labels, strict=True):
        rows = np.flatnonzero((mask == target).any(axis=1))
        columns = np.flatnonzero((mask == target).any(axis=0))
        if rows.size:
            box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            cuts.append(_Cut(image[box], mask[box] == target))
            centres.append(((columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2))
        else:
            cuts.append(cuts[-1])
            centres.append(centres[-1])
    return _Loaded(tuple(images), tuple(labels), target, tuple(centres), tuple(cuts))


def compose_clips(target: Clip, donor: Clip, *, frames: int) -> Iterator[MadeClip]:
    """Make the plain copy of a clip and its fifteen harder ones.

    Args:
        target: whose first frames are used; each needs an image and an annotation.
        donor: whose object is pasted; played to and fro where it is shorter.
        frames: at most.

    Raises:
        InputError: a file is missing or cannot be used.
    """
    scene, other = _load(target, frames), _load(donor, frames)
    plain = f"{target.name}-plain"
    yield _made(plain, "plain", Dose(0, 0, "nothing is added", plain), scene, _Pasted.none(scene))
    for factor, (unit, doses) in SEMI_REAL_FACTORS.items():
        for level, dose in enumerate(doses, start=1):
            pasted = _PASTE[factor](scene, other, dose)
            name = f"{target.name}-{factor}-{level}"
            yield _made(name, factor, Dose(level, dose, unit, plain), scene, pasted)


@dataclass(frozen=True, eq=False)
class _Pasted:
    """What is pasted on each of T frames: (cut-out, left, top).

    Attributes:
        frames: the pastes of each frame.
        role: `object` for something to be followed, `occluder` or `distractor` else.
        behind: only where no object is.
    """

    frames: tuple[tuple[tuple[_Cut, int, int], ...], ...]
    role: str
    behind: bool = False

    @staticmethod
    def none(scene: _Loaded) -> _Pasted:
        return _Pasted(tuple(() for _ in scene.images), "distractor")


def _at(cut: _Cut, x: float, y: float) -> tuple[_Cut, int, int]:
    height, width = cut.mask.shape
    return cut, round(x - width / 2), round(y - height / 2)


def _played(cuts: Sequence[_Cut], count: int) -> list[_Cut]:
    """So many cut-outs, to and fro."""
    period = max(2 * len(cuts) - 2, 1)
    places = (t % period for t in range(count))
    return [cuts[place if place < len(cuts) else period - place] for place in places]


def _covered(scene: _Loaded, other: _Loaded, dose: float) -> _Pasted:
    count, width = len(scene.images), scene.images[0].shape[1]
    held = round(0.52 * (count - 1))
    cuts = _played(other.cuts, count)
    true = scene.labels[held] == scene.target
    factor = 1.5 * np.sqrt(max(true.sum(), 1) / max(cuts[held].mask.sum(), 1))
    centre = scene.centres[held]
    for _ in range(8):
        if _hidden(true, cuts[held].scaled(factor), *centre) >= 0.995:
            break
        factor *= _LARGER
    at_peak = cuts[held].scaled(factor)
    offsets = range(0, width, 2)
    shares = [_hidden(true, at_peak, centre[0] + off, centre[1]) for off in offsets]
    nearest = offsets[int(np.argmin(np.abs(np.array(shares) - dose)))]
    pastes = []
    for t in range(count):
        part = t / (count - 1)
        near = min(max((part - 0.15) / 0.3, 0), 1) * min(max((0.9 - part) / 0.3, 0), 1)
        cut = cuts[t].scaled(factor)
        off = nearest + (1 - near) * (width + cut.mask.shape[1])
        pastes.append((_at(cut, scene.centres[t][0] + off, scene.centres[t][1]),))
    return _Pasted(tuple(pastes), "occluder")


def _hidden(true: NDArray[np.bool_], cut: _Cut, x: float, y: float) -> float:
    """Share of the object behind a cut-out whose centre is at x, y."""
    covered = _spread(_at(cut, x, y), true.shape)
    return float((covered & true).sum() / max(true.sum(), 1))


def _met(scene: _Loaded, other: _Loaded, dose: float) -> _Pasted:
    count = len(scene.images)
    height, width = scene.labels[0].shape
    own_height, own_width = scene.cuts[0].mask.shape
    x, y = scene.centres[0]
    left, right = x - own_width / 2, width - x - own_width / 2
    room, side = (left, -1) if left > right else (right, 1)
    first = other.cuts[0].mask.shape
    factor = min(
        np.sqrt(scene.cuts[0].mask.sum() / max(other.cuts[0].mask.sum(), 1)),
        max(0.9 * room, 12) / first[1],
        0.6 * height / first[0],
    )
    begin = side * (own_width / 2 + 0.55 * factor * first[1])
    down = 1 if y < height / 2 else -1
    pastes = []
    for t, cut in enumerate(_played(other.cuts, count)):
        part = t / (count - 1)
        scaled = cut.scaled(float(factor))
        apart = (1 - dose) * (scene.cuts[t].mask.shape[0] + scaled.mask.shape[0]) / 2
        centre = scene.centres[t]
        pastes.append((_at(scaled, centre[0] + begin * (1 - 2 * part), centre[1] + down * apart),))
    return _Pasted(tuple(pastes), "object")


def _doubles(scene: _Loaded, _: _Loaded, dose: float) -> _Pasted:
    height, width = scene.labels[0].shape
    x, y = scene.centres[0]
    slots = sorted(_SLOTS, key=lambda slot: -np.hypot(slot[0] * width - x, slot[1] * height - y))[
        : round(dose)
    ]
    pastes = []
    for t in range(len(scene.images)):
        dx, dy = scene.centres[t][0] - x, scene.centres[t][1] - y
        # they keep a little of the motion, so that they are no still pictures
        pastes.append(
            tuple(
                _at(scene.cuts[t], u * width + 0.25 * dx, v * height + 0.25 * dy) for u, v in slots
            )
        )
    return _Pasted(tuple(pastes), "distractor", behind=True)


_PASTE: Final = {"covered": _covered, "met": _met, "doubles": _doubles}


def _spread(paste: tuple[_Cut, int, int], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """A cut-out's mask on a frame of this size."""
    cut, left, top = paste
    mask = np.zeros(size, np.bool_)
    place, inner = _overlap(cut, left, top, size)
    mask[place] = cut.mask[inner]
    return mask


_Slices = tuple[slice, slice]


def _overlap(cut: _Cut, left: int, top: int, size: tuple[int, ...]) -> tuple[_Slices, _Slices]:
    """Where a cut-out lies in the frame, and which part of it that is."""
    height, width = cut.mask.shape
    y0, y1 = min(max(top, 0), size[0]), min(max(top + height, 0), size[0])
    x0, x1 = min(max(left, 0), size[1]), min(max(left + width, 0), size[1])
    return np.s_[y0:y1, x0:x1], np.s_[y0 - top : y1 - top, x0 - left : x1 - left]


def _made(name: str, factor: str, dose: Dose, scene: _Loaded, pasted: _Pasted) -> MadeClip:
    new_id = max(int(mask.max()) for mask in scene.labels) + 1
    if new_id > _MOST_IDS:
        raise InputError(f"{name}: the clip uses all object ids, so none is free for a new object")
    known = [one for one in range(1, new_id) if (scene.labels[0] == one).any()]
    follow = pasted.role == "object"
    images, labels, amodal, hidden, areas = [], [], [], [], []
    for image, mask, pastes in zip(scene.images, scene.labels, pasted.frames, strict=True):
        picture, shown = image.copy(), mask.copy()
        covered = np.zeros(mask.shape, np.bool_)
        for paste in pastes:
            where = _spread(paste, mask.shape)
            if pasted.behind:
                where &= mask == 0
            _blend(picture, paste, where)
            covered |= where
        shown[covered] = new_id if follow else 0
        whole = [mask == one for one in known]
        area = [int(one.sum()) for one in whole]
        if follow:
            whole.append(covered)
            area.append(sum(int(cut.mask.sum()) for cut, _, _ in pastes))
        images.append(picture)
        labels.append(shown)
        amodal.append(whole)
        areas.append(area)
        behind = [int((one & covered).sum()) for one in whole[: len(known)]]
        hidden.append([*behind, *([0] if follow else [])])
    ids = [*known, new_id] if follow else known
    truth = truth_of_masks(
        name,
        factor,
        np.array(amodal),
        np.stack([[shown == one for one in ids] for shown in labels]),
        area=np.array(areas, np.int64),
        hidden_by_pasted=np.array(hidden, np.int64),
        pasted_role=pasted.role,
        dose=dose,
    )
    return MadeClip(name, tuple(images), tuple(labels), truth)


def _blend(image: RGB, paste: tuple[_Cut, int, int], where: NDArray[np.bool_]) -> None:
    """Paste, in place, with an edge that is mixed over three pixels, as a lens would."""
    cut, left, top = paste
    place, inner = _overlap(cut, left, top, where.shape)
    seen = where[place]
    if not seen.any():
        return
    padded = np.pad(cut.mask, 1).astype(np.uint16)
    height, width = cut.mask.shape
    share = sum(padded[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3))
    weight = (np.asarray(share)[inner] * seen)[..., None].astype(np.uint16)
    mixed = cut.pixels[inner] * weight + image[place] * (np.uint16(9) - weight)
    image[place] = ((mixed + np.uint16(4)) // np.uint16(9)).astype(np.uint8)


def write_semi_real(folder: Path, clips: Sequence[Clip], *, frames: int = 40) -> list[str]:
    """Write the semi-real suite of some clips as a data set of its own, with its card.

    The object that is pasted over a clip is that of the next one, and of the first over the last.

    Args:
        folder: empty or missing.
        clips: with images and annotations on every frame.
        frames: at most, per clip.

    Returns:
        Names of the clips written; `card.toml` in the folder opens them.

    Raises:
        InputError: the folder holds something, or a clip cannot be used.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty", hint="name a new folder; nothing is mixed with older clips"
        )
    names: list[str] = []
    for at, clip in enumerate(clips):
        for made in compose_clips(clip, clips[(at + 1) % len(clips)], frames=frames):
            _write_clip(folder, made)
            names.append(made.name)
    listing = folder / "ImageSets" / "2017" / "all.txt"
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    (folder / "card.toml").write_text(_card(clips[0].dataset, len(names)), encoding="utf-8")
    return names


def _write_clip(folder: Path, made: MadeClip) -> None:
    from PIL import Image  # noqa: PLC0415 - only where clips are made

    pictures = folder / "JPEGImages" / "480p" / made.name
    masks = folder / "Annotations" / "480p" / made.name
    truth = folder / "Truth"
    for path in (pictures, masks, truth):
        path.mkdir(parents=True, exist_ok=True)
    for number, (image, labels) in enumerate(zip(made.images, made.labels, strict=True)):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="JPEG", quality=_QUALITY)
        (pictures / f"{number:05d}.jpg").write_bytes(buffer.getvalue())
        (masks / f"{number:05d}.png").write_bytes(encode_labels(labels))
    arrays, words = encode_truth(made.truth)
    (truth / f"{made.name}.npz").write_bytes(arrays)
    (truth / f"{made.name}.json").write_bytes(words)


def _card(dataset: str, count: int) -> str:
    return "\n".join(
        (
            "# Made by vosbench from the clips of another data set, whose terms apply.",
            f"name = {json.dumps(f'semi-real-{dataset}')}",
            f"title = {json.dumps(f'Semi-real diagnostic clips from {dataset}')}",
            'summary = "Real clips with pasted objects at five doses; diagnostic, not a ranking."',
            f"licence = {json.dumps(f'that of {dataset}')}",
            'protocol = "davis2017"',
            'label_kind = "ids"',
            'default_split = "all"',
            "",
            "[layout]",
            'images = ["JPEGImages/480p/{sequence}"]',
            'annotations = ["Annotations/480p/{sequence}"]',
            "",
            "[splits.all]",
            'image_sets = ["ImageSets/2017/all.txt"]',
            f"sequences = {count}",
            "",
        )
    )
