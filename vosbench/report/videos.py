"""Videos that were made of a run: told by `videos.json` beside them, carried into the report.

`videos/videos.json` of a run directory is a list of objects with `file` (a name in that folder),
`title`, `caption`, `sequence`, `first`, `last`, `poster` (a name too, or null), `width`, `height`
and `seconds`. A report that already holds such a folder keeps it.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vosbench.data import is_safe_name
from vosbench.errors import InputError

__all__ = ["VIDEOS", "Video", "carry_videos"]

VIDEOS: Final = "videos"
_LIST: Final = "videos.json"
_TYPES: Final = {".webm": "video/webm", ".mp4": "video/mp4"}


@dataclass(frozen=True)
class Video:
    """One video of the report.

    Attributes:
        file: path relative to the report.
        kind: media type.
        poster: path of its still picture, or empty.
        title: in a few words.
        caption: what is seen, in text.
        sequence: name, or empty.
        width: px, or None.
        height: px, or None.
        seconds: length, or None.
    """

    file: str
    kind: str
    poster: str
    title: str
    caption: str
    sequence: str
    width: int | None
    height: int | None
    seconds: float | None


def carry_videos(sources: tuple[Path, ...], report: Path) -> tuple[Video, ...]:
    """Copy the videos of the first folder that lists some into `report`/videos.

    Args:
        sources: folders that may hold `videos.json`, the most trusted first.
        report: folder of the report that is being written.

    Returns:
        The videos in the order of the list; empty where no folder has a list.

    Raises:
        InputError: the list is damaged, or names a file that is not there or lies elsewhere.
    """
    folder = next((one for one in sources if (one / _LIST).is_file()), None)
    if folder is None:
        return ()
    listed = _read(folder / _LIST)
    target = report / VIDEOS
    target.mkdir()
    # carried along, so that the next report finds them again where the run has none
    shutil.copyfile(folder / _LIST, target / _LIST)
    return tuple(_carried(one, folder, target) for one in listed)


def _read(path: Path) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="make the videos again") from error
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise InputError(f"{path} is no list of videos", hint="make the videos again")
    return content


def _carried(one: Mapping[str, Any], folder: Path, target: Path) -> Video:
    file = _copy(one.get("file"), folder, target)
    kind = _TYPES.get(Path(file).suffix.lower())
    if kind is None:
        raise InputError(
            f"{folder / file} is no video that a browser plays", hint=f"one of {', '.join(_TYPES)}"
        )
    poster = _copy(one["poster"], folder, target) if one.get("poster") else ""
    return Video(
        file=f"{VIDEOS}/{file}",
        kind=kind,
        poster=f"{VIDEOS}/{poster}" if poster else "",
        title=str(one.get("title") or file),
        caption=str(one.get("caption") or ""),
        sequence=str(one.get("sequence") or ""),
        width=_whole(one.get("width")),
        height=_whole(one.get("height")),
        seconds=_number(one.get("seconds")),
    )


def _copy(name: Any, folder: Path, target: Path) -> str:
    if not isinstance(name, str) or not is_safe_name(name) or not (folder / name).is_file():
        raise InputError(
            f"{folder / _LIST} names {name!r}, which is no file in that folder",
            hint="make the videos again",
        )
    if not (target / name).exists():
        shutil.copyfile(folder / name, target / name)
    return name


def _whole(value: Any) -> int | None:
    number = _number(value)
    return round(number) if number is not None and 0 < number < 1e5 else None


def _number(value: Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else None
