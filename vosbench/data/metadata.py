"""What data sets tell of their objects in a JSON file: categories, and the frames of each object.

YouTube-VOS and LVOS use one form, `{"videos": {NAME: {"objects": {ID: {...}}}}}`. YouTube-VOS gives
an object's `category`; LVOS gives its `frame_range` with `start`, `end` and `frame_nums`, numbers
of frames that are some steps apart. Which categories are seen in training neither file says: the
card lists them, or names a file that lists the sequences whose objects are unseen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vosbench.data.cards import DatasetCard
from vosbench.errors import InputError
from vosbench.key_problems import key_problems
from vosbench.types import ObjectInfo

__all__ = ["SplitMetadata", "read_metadata"]

_MAX_BYTES = 1 << 28


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Range(_Part):
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    frame_nums: int | None = Field(default=None, ge=0)


class _Object(_Part):
    category: str | None = None
    frame_range: _Range | None = None


class _Video(_Part):
    objects: dict[int, _Object]


class _File(_Part):
    videos: dict[str, _Video]


@dataclass(frozen=True)
class SplitMetadata:
    """The metadata of a split, ready to be asked for a sequence.

    Attributes:
        path: the JSON file.
        videos: objects by sequence and id.
        seen_categories: see `vosbench.data.Metadata`.
        unseen_sequences: names, or None where the card names no list.
        frame_step: between the frame numbers of a range.
    """

    path: Path
    videos: Mapping[str, _Video]
    seen_categories: frozenset[str]
    unseen_sequences: frozenset[str] | None
    frame_step: int

    def objects(self, sequence: str, frames: Iterable[str]) -> tuple[ObjectInfo, ...]:
        """What is known of the objects of a sequence, by id; empty for an unknown sequence.

        Args:
            sequence: name.
            frames: names of its frames, in order.

        Raises:
            InputError: an object has a range of frame numbers, but the frames are not numbered, or
                lack one of the range.
        """
        video = self.videos.get(sequence)
        if video is None:
            return ()
        names = list(frames)
        return tuple(
            ObjectInfo(
                object_id, self._seen(sequence, one), self._frames(sequence, object_id, one, names)
            )
            for object_id, one in sorted(video.objects.items())
        )

    def _seen(self, sequence: str, one: _Object) -> bool | None:
        if self.unseen_sequences is not None:
            return sequence not in self.unseen_sequences
        if one.category is None or not self.seen_categories:
            return None
        return one.category in self.seen_categories

    def _frames(
        self, sequence: str, object_id: int, one: _Object, names: list[str]
    ) -> tuple[str, ...] | None:
        if one.frame_range is None:
            return None
        numbered = {int(name): name for name in names if name.isascii() and name.isdigit()}
        wanted = one.frame_range
        count = max(wanted.end - wanted.start, -1) // self.frame_step + 1
        if wanted.frame_nums is not None:
            # `end` is the last frame or lies behind it; the number of frames tells which.
            count = min(count, wanted.frame_nums)
        found = []
        for number in range(wanted.start, wanted.start + count * self.frame_step, self.frame_step):
            if number not in numbered:
                raise InputError(
                    f"{self.path}: object {object_id} of {sequence} ranges over frames "
                    f"{wanted.start} to {wanted.end}, but there is no frame {number}",
                    hint="the metadata and the frames are of different releases of the data set, "
                    "or frame_step of the card does not fit",
                )
            found.append(numbered[number])
        return tuple(found)


def read_metadata(card: DatasetCard, split: str, root: Path) -> SplitMetadata | None:
    """Read the metadata that a card names; None where it names none or the file is not there.

    Raises:
        InputError: a file is there but cannot be used.
    """
    name = card.splits[split].meta
    if name is None or not (root / name).is_file():
        return None
    path = root / name
    try:
        content = _File.model_validate(json.loads(_text(path)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"metadata {path} are not valid JSON: {error}") from error
    except ValidationError as error:
        first = key_problems(error, _File)[0]
        raise InputError(
            f"metadata {path} are not in the form of YouTube-VOS or LVOS: {first}"
        ) from error
    rules = card.metadata
    unseen = None
    if rules.unseen_sequences is not None and (root / rules.unseen_sequences).is_file():
        unseen = frozenset(_text(root / rules.unseen_sequences).split())
    return SplitMetadata(
        path, content.videos, frozenset(rules.seen_categories), unseen, rules.frame_step
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"metadata {path} are larger than {_MAX_BYTES >> 20} MiB")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"metadata {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"metadata {path} are not text: {error}") from error
