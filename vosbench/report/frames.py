"""Rendering the chosen frames to files; what cannot be shown says why."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from vosbench.data import is_safe_name, read_frame
from vosbench.data.masks import read_labels
from vosbench.errors import InputError
from vosbench.report.overlay import draw_errors, draw_prediction
from vosbench.report.source import RunSource
from vosbench.report.worst import Picture, WorstFrame, WorstView
from vosbench.types import RGB, FrameRef, Sequence

__all__ = ["render_worst"]

_LONGEST_SIDE_PX: Final = 1280
_WEBP_QUALITY: Final = 86
_NO_IMAGE_GREY: Final = 96


def render_worst(
    source: RunSource,
    chosen: Iterable[WorstFrame],
    sequences: Mapping[str, Sequence],
    folder: Path,
) -> tuple[WorstView, ...]:
    """Draw the overlays of the chosen frames into `folder`/overlays.

    A frame whose image, annotation or mask cannot be read is listed with the reason; the report is
    of use without it.
    """
    views = []
    for number, worst in enumerate(chosen, start=1):
        sequence = sequences.get(worst.sequence)
        if sequence is None:
            views.append(WorstView(worst))
            continue
        try:
            views.append(_render(source, worst, sequence, folder, f"worst-{number:02d}"))
        except (InputError, OSError) as error:
            views.append(WorstView(worst, note=f"This frame cannot be shown: {error}"))
    return tuple(views)


def _render(
    source: RunSource, worst: WorstFrame, sequence: Sequence, folder: Path, stem: str
) -> WorstView:
    frame = _frame(sequence, worst)
    size = (sequence.height, sequence.width)
    mask_file = source.mask(worst.sequence, worst.frame)
    if not mask_file.exists():
        raise InputError("the run has no mask for it")
    prediction = read_labels(mask_file, "ids", size=size)
    truth = (
        read_labels(frame.annotation, sequence.label_kind, size=size) if frame.annotation else None
    )
    notes = []
    if frame.image is None:
        image: RGB = np.full((*size, 3), _NO_IMAGE_GREY, dtype=np.uint8)
        notes.append("The dataset has no image of this frame; the masks are on grey.")
    else:
        image = read_frame(frame.image, size=size)
    overlay = draw_prediction(image, prediction, truth, object_id=worst.object_id)
    pictures = [_save(overlay, folder, f"overlays/{stem}-prediction.webp", "prediction")]
    if truth is None:
        notes.append("The frame has no annotation, so its errors cannot be drawn.")
    else:
        overlay = draw_errors(image, prediction, truth, object_id=worst.object_id)
        pictures.append(_save(overlay, folder, f"overlays/{stem}-errors.webp", "errors"))
    return WorstView(worst, tuple(pictures), " ".join(notes))


def _frame(sequence: Sequence, worst: WorstFrame) -> FrameRef:
    if not (is_safe_name(worst.sequence) and is_safe_name(worst.frame)):
        raise InputError("its sequence or frame has a name that is no safe part of a path")
    if worst.index >= len(sequence.frames) or sequence.frames[worst.index].name != worst.frame:
        raise InputError(
            f"the dataset has no frame {worst.frame} at position {worst.index}; "
            "it is not the data that was scored"
        )
    return sequence.frames[worst.index]


def _save(overlay: RGB, folder: Path, file: str, shows: str) -> Picture:
    from PIL import Image

    picture = Image.fromarray(overlay)
    if max(picture.size) > _LONGEST_SIDE_PX:
        picture.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=_WEBP_QUALITY, method=4)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())
    return Picture(file, picture.width, picture.height, shows)
