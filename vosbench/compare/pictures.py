"""Pictures of the frames that changed most: reading masks and images, writing WebP files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vosbench.compare.disagreement import Disagreement, draw_disagreement
from vosbench.compare.records import CandidateComparison, ComparisonRecord, FrameChange
from vosbench.compare.source import RunScores
from vosbench.data import read_frame
from vosbench.data.masks import MaskSource, open_masks
from vosbench.errors import InputError
from vosbench.explain.masks import read_prediction, read_truth
from vosbench.metrics import Protocol, get_protocol
from vosbench.report.text import count
from vosbench.store.atomic import write_bytes
from vosbench.types import RGB
from vosbench.types import Sequence as Clip

__all__ = ["PICTURES_FOLDER", "ChangePicture", "draw_changes"]

PICTURES_FOLDER: Final = "changed"
_EACH_WAY: Final = 3
_LONGEST_SIDE_PX: Final = 960
_QUALITY: Final = 84


@dataclass(frozen=True)
class ChangePicture:
    """A frame on which a candidate and the baseline differ.

    Attributes:
        label: of the candidate.
        change: which frame, and J of both.
        file: path of the picture beside the page, or empty where there is none.
        width: px.
        height: px.
        told: what is on it in words, or why there is no picture.
    """

    label: str
    change: FrameChange
    file: str = ""
    width: int = 0
    height: int = 0
    told: str = ""


def draw_changes(
    folder: Path,
    record: ComparisonRecord,
    baseline: RunScores,
    candidates: Sequence[RunScores],
    clips: Mapping[str, Clip],
) -> tuple[ChangePicture, ...]:
    """Draw the largest gains and losses of every candidate into `folder`/changed.

    A frame that cannot be shown is listed with the reason; the page is of use without it.

    Args:
        folder: of the page.
        record: of `compare_runs`.
        baseline: the runs it was made from.
        candidates: likewise.
        clips: of the data set, by name.
    """
    rules = get_protocol(record.protocol)
    made: list[ChangePicture] = []
    for number, (one, run) in enumerate(zip(record.candidates, candidates, strict=True), start=2):
        for place, change in enumerate(_shown(one), start=1):
            file = f"{PICTURES_FOLDER}/run-{number}-{place:02d}.webp"
            try:
                clip = _clip(clips, change)
                masks = (open_masks(Path(baseline.path)), open_masks(Path(run.path)))
                drawn = _disagreement(change, clip, masks, rules)
                size = _save(folder / file, drawn.image)
                made.append(ChangePicture(one.run.label, change, file, *size, _told(drawn)))
            except (InputError, OSError) as error:
                told = f"This frame cannot be shown: {error}"
                made.append(ChangePicture(one.run.label, change, told=told))
    return tuple(made)


def _shown(one: CandidateComparison) -> list[FrameChange]:
    return [*(one.frame_gains or [])[:_EACH_WAY], *(one.frame_losses or [])[:_EACH_WAY]]


def _clip(clips: Mapping[str, Clip], change: FrameChange) -> Clip:
    clip = clips.get(change.sequence)
    if clip is None:
        raise InputError("the data set here does not have its sequence")
    if change.index >= len(clip.frames) or clip.frames[change.index].name != change.frame:
        raise InputError("the data set here has another frame at its place: not what was scored")
    return clip


def _disagreement(
    change: FrameChange, clip: Clip, masks: tuple[MaskSource, MaskSource], rules: Protocol
) -> Disagreement:
    frame = clip.frames[change.index]
    if frame.image is None:
        raise InputError("the data set has no image of it")
    single = len(clip.object_ids) == 1
    old, new = (
        read_prediction(source, clip, change.index, rules, single_object=single) for source in masks
    )
    return draw_disagreement(
        read_frame(frame.image, size=(clip.height, clip.width)),
        old,
        new,
        read_truth(clip, change.index, rules),
        object_id=change.object_id,
    )


def _save(path: Path, image: RGB) -> tuple[int, int]:
    """Write a picture; returns its width and height, px."""
    from PIL import Image

    picture = Image.fromarray(image)
    if max(picture.size) > _LONGEST_SIDE_PX:
        picture.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=_QUALITY, method=4)
    write_bytes(path, content.getvalue())
    return picture.width, picture.height


def _told(drawn: Disagreement) -> str:
    return (
        f"The runs differ on {count(drawn.this_right + drawn.baseline_right, 'pixel')}: "
        f"this run is right on {drawn.this_right:,}, the baseline on {drawn.baseline_right:,}; "
        f"both are wrong on {drawn.both_wrong:,} more."
    )
