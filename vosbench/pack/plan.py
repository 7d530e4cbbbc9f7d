"""Which files a target wants of a data set, and what of that cannot be known here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vosbench.data import Dataset, late_objects
from vosbench.data.cards import load_card
from vosbench.data.names import counted
from vosbench.errors import InputError
from vosbench.pack.targets import TARGETS, Target
from vosbench.types import Sequence

__all__ = ["PackPlan", "PlannedSequence", "plan_pack", "refuse_other_data"]


@dataclass(frozen=True)
class PlannedSequence:
    """What an archive holds of one sequence.

    Attributes:
        clip: the sequence.
        frames: frame names wanted, in order.
        object_ids: ids that masks may hold, ascending.
    """

    clip: Sequence
    frames: tuple[str, ...]
    object_ids: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.clip.height, self.clip.width


@dataclass(frozen=True)
class PackPlan:
    """The content of an archive.

    Attributes:
        target: form of the archive.
        dataset: data set that it was planned from.
        sequences: in the order of their names.
        unchecked: what could not be compared with the server's wishes, in words.
    """

    target: Target
    dataset: Dataset
    sequences: tuple[PlannedSequence, ...]
    unchecked: tuple[str, ...]

    def members(self) -> Iterator[tuple[str, PlannedSequence, str, int]]:
        """Path in the archive, sequence, frame, and object id (0: all objects), sorted by path."""
        top = f"{self.target.folder}/" if self.target.folder else ""
        rows: list[tuple[str, PlannedSequence, str, int]] = []
        for planned in self.sequences:
            name = planned.clip.name
            for frame in planned.frames:
                if self.target.arrangement == "label-maps":
                    rows.append((f"{top}{name}/{frame}.png", planned, frame, 0))
                    continue
                for one in planned.object_ids:
                    number = one + self.target.object_offset
                    rows.append((f"{top}{name}/{number:03d}/{frame}.png", planned, frame, one))
        yield from sorted(rows, key=lambda row: row[0])


def refuse_other_data(target: Target, dataset: Dataset) -> None:
    """Return for data that can be those a target scores; a card of the user's own may be.

    Raises:
        InputError: they are another data set or split, or have other sequences or frames.
    """
    card = dataset.card
    if (card.name, dataset.split) == (target.dataset, target.split):
        return
    if target.dataset is None:
        if card.name in {one.dataset for one in TARGETS.values()}:
            raise _other_data(target, dataset, target.title)
        return
    wanted = load_card(target.dataset)
    part = wanted.splits[target.split or wanted.default_split]
    named = f"{target.dataset} {target.split}"
    if card.name == target.dataset:
        raise _other_data(target, dataset, named)
    for count, expected, what in (
        (len(dataset.sequences), part.sequences, "sequence"),
        (dataset.frames, part.frames, "frame"),
    ):
        if expected is not None and count != expected:
            raise _other_data(
                target,
                dataset,
                f"{named}, which has {expected} {what}s",
                found=f", which has {counted(count, what)}",
            )


def _other_data(target: Target, dataset: Dataset, wanted: str, *, found: str = "") -> InputError:
    return InputError(
        f"target {target.name} takes masks of {wanted}; these are of {dataset.card.name} "
        f"{dataset.split}{found}",
        hint="name another --target, or masks of its data with --dataset and --split",
    )


def plan_pack(target: Target, dataset: Dataset) -> PackPlan:
    """Plan an archive.

    Raises:
        InputError: if the copy of the data is not complete, so that the archive would not be.
    """
    for warning in dataset.warnings:
        raise InputError(
            f"{warning}; an archive made from it would not be complete",
            hint="--data must name a complete copy of the split",
        )
    planned = tuple(
        _planned(target, dataset, clip) for clip in sorted(dataset.sequences, key=lambda c: c.name)
    )
    return PackPlan(target, dataset, planned, tuple(_unchecked(target, dataset)))


def _planned(target: Target, dataset: Dataset, clip: Sequence) -> PlannedSequence:
    names = [frame.name for frame in clip.frames]
    if target.frame_step > 1:
        odd = [name for name in names if not (name.isascii() and name.isdigit())]
        if odd:
            raise InputError(
                f"sequence {clip.name}: frame {odd[0]} has no number, but target {target.name} "
                f"wants every frame whose number is a multiple of {target.frame_step}",
                hint="keep the frame names of the data set's download",
            )
        names = [name for name in names if int(name) % target.frame_step == 0]
    if not names:
        raise InputError(
            f"sequence {clip.name} has no frame that target {target.name} wants",
            hint="keep the frame numbers of the data set's download",
        )
    if target.binary:
        return PlannedSequence(clip, tuple(names), (1,))
    ids = set(clip.object_ids)
    if dataset.card.late_objects:
        ids.update(one for late in late_objects(clip).values() for one in late)
    return PlannedSequence(clip, tuple(names), tuple(sorted(ids)))


def _unchecked(target: Target, dataset: Dataset) -> Iterator[str]:
    card = dataset.card
    part = card.splits[dataset.split]
    wanted = f"{target.dataset} {target.split}" if target.dataset else f"its {target.split} split"
    named = f"{card.name} {dataset.split}"
    if target.dataset is None:
        yield (
            f"vosbench has no data set card for {target.title}: sequences and frames are those of "
            f"{named}, and nobody compared them with the server's list"
        )
    elif (target.dataset, target.split) != (card.name, dataset.split):
        yield f"target {target.name} scores {wanted}, but sequences and frames are those of {named}"
    if part.sequences is None or part.frames is None:
        missing = "sequences" if part.sequences is None else "frames"
        yield f"the card does not say how many {missing} a complete {named} has"
    if target.recalled:
        yield f"not verified by public documentation: {target.recalled}"
