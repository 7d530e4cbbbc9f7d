"""Writing videos, their posters and the list of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from vosbench.data import is_safe_name
from vosbench.errors import ComparisonError, InputError, UsageError
from vosbench.explain import DIAGNOSIS_JSON
from vosbench.report.text import count
from vosbench.store.atomic import write_bytes, write_json
from vosbench.types import RGB
from vosbench.types import Sequence as Clip
from vosbench.video.clips import (
    CONTEXT_FRAMES,
    comparison_canvas,
    comparison_frames,
    cut_of,
    event_lines,
    reel_canvas,
    reel_frames,
    telling_frame,
)
from vosbench.video.encode import CODECS, Codec, VideoWriter, join_videos, load_av
from vosbench.video.events import find_reel
from vosbench.video.source import clips_of, load_runs

__all__ = [
    "DEFAULT_FPS",
    "MANIFEST",
    "VIDEOS_FOLDER",
    "Video",
    "VideoPaths",
    "write_comparison_videos",
    "write_failure_reel",
]

VIDEOS_FOLDER: Final = "videos"
MANIFEST: Final = "videos.json"
DEFAULT_FPS: Final = 12.0
_POSTER_QUALITY: Final = 80
_REEL: Final = "failures"

Progress = Callable[[str, int, int], None]
"""Called after each video with its file name, the number done, and the number in all."""


@dataclass(frozen=True)
class Video:
    """An entry of `videos.json`.

    Attributes:
        file: name of the video beside the list.
        title: a few words.
        caption: what it shows, in sentences; names in it are text from outside.
        sequence: sequence shown; empty where there are several.
        first: name of the first frame shown; empty where there are several sequences.
        last: name of the last frame shown; likewise.
        poster: name of a WebP picture of the same size.
        width: px.
        height: px.
        seconds: length.
    """

    file: str
    title: str
    caption: str
    sequence: str
    first: str
    last: str
    poster: str
    width: int
    height: int
    seconds: float


@dataclass(frozen=True)
class VideoPaths:
    """What was written: the folder, its list, the new videos, and sequences left out with why."""

    folder: Path
    manifest: Path
    videos: tuple[Video, ...]
    left_out: Mapping[str, str]


def _quiet(name: str, done: int, total: int) -> None:
    """Tell nobody."""


def write_comparison_videos(
    roots: Sequence[Path],
    clips: Mapping[str, Clip],
    *,
    folder: Path | None = None,
    sequences: str | None = None,
    codec: Codec = "vp9",
    fps: float = DEFAULT_FPS,
    progress: Progress = _quiet,
) -> VideoPaths:
    """One video for each sequence: input, ground truth, and every run side by side with its J.

    Args:
        roots: run directories of one data set; one will do.
        clips: of that data set, by name, with images.
        folder: takes the videos; default `videos/` of the first run.
        sequences: globs with commas between, or None for all that every run finished.
        codec: `vp9` or `h264`.
        fps: frames per second.
        progress: told of each video.

    Raises:
        UsageError: PyAV is missing.
        InputError: a run, an image or a mask cannot be used.
        ComparisonError: the runs are of other data, or no sequence is left.
    """
    load_av()
    runs = load_runs(roots)
    chosen, left = clips_of(runs, clips, sequences)
    folder = folder or roots[0] / VIDEOS_FOLDER
    names = _listed([run.label for run in runs])
    made = []
    for done, clip in enumerate(chosen, start=1):
        canvas = comparison_canvas(runs, clip)
        stem = f"comparison-{_safe_stem(clip.name)}"
        video = _encode(
            folder, stem, comparison_frames(runs, clip, canvas), codec, fps,
            size=(canvas.height, canvas.width), poster_at=telling_frame(runs, clip),
        )  # fmt: skip
        made.append(
            Video(
                **video,
                title=f"{clip.name}: {names}",
                caption=f"Input, ground truth and {names} on {clip.name}, "
                f"{count(len(clip.frames), 'frame')} at {fps:g} a second.",
                sequence=clip.name,
                first=clip.frames[0].name,
                last=clip.frames[-1].name,
            )
        )
        progress(made[-1].file, done, len(chosen))
    _write_list(folder, made, replaced=())
    return VideoPaths(folder, folder / MANIFEST, tuple(made), left)


def write_failure_reel(
    roots: Sequence[Path],
    clips: Mapping[str, Clip],
    *,
    folder: Path | None = None,
    sequences: str | None = None,
    codec: Codec = "vp9",
    fps: float = DEFAULT_FPS,
    most: int = 6,
    context: int = CONTEXT_FRAMES,
    progress: Progress = _quiet,
) -> VideoPaths:
    """The failures of the first run that cost most: one video each, and one of them all.

    Further runs are shown beside it on the same frames. An earlier reel in the folder is replaced.

    Args:
        roots: run directories of one data set; the first is scored, and diagnosed for its causes.
        clips: of that data set, by name, with images.
        folder: takes the videos; default `videos/` of the first run.
        sequences: globs with commas between, or None.
        codec: `vp9` or `h264`.
        fps: frames per second.
        most: how many failures to show at most.
        context: frames before and after each.
        progress: told of each video.

    Raises:
        UsageError: PyAV is missing.
        InputError: the first run was not scored, or a run, an image or a mask cannot be used.
        ComparisonError: the runs are of other data, or the first run has no failure to show.
    """
    load_av()
    runs = load_runs(roots)
    chosen, left = clips_of(runs, clips, sequences)
    by_name = {clip.name: clip for clip in chosen}
    events = find_reel(runs[0], list(by_name), most=most)
    if not events:
        raise ComparisonError(
            f"{runs[0].label} has nothing to put into a reel: J stays within 5 points of its "
            "median on every object"
        )
    folder = folder or roots[0] / VIDEOS_FOLDER
    canvas = reel_canvas(runs, [by_name[event.sequence] for event in events])
    diagnosed = (runs[0].root / DIAGNOSIS_JSON).is_file()
    made: list[Video] = []
    for number, event in enumerate(events, start=1):
        clip = by_name[event.sequence]
        cut = cut_of(event, len(clip.frames), context=context)
        where, why = event_lines(event, clip, cut, diagnosed=diagnosed)
        lines = (f"{number}/{len(events)} · {where}", why)
        indices = range(cut.first, cut.last + 1)
        frames = reel_frames(runs, clip, event, cut, canvas, lines=lines, indices=indices)
        video = _encode(
            folder, f"failure-{number:02d}", frames, codec, fps,
            size=(canvas.height, canvas.width), poster_at=event.worst - cut.first,
        )  # fmt: skip
        made.append(
            Video(
                **video,
                title=f"{clip.name}, object {event.object_id}: {event.cause or event.kind}",
                caption=f"{runs[0].label}: {where}. {why}.",
                sequence=clip.name,
                first=clip.frames[cut.first].name,
                last=clip.frames[cut.last].name,
            )
        )
        progress(made[-1].file, number, len(events) + 1)
    made.insert(0, _joined(folder, made, codec, runs[0].label))
    progress(made[0].file, len(events) + 1, len(events) + 1)
    _write_list(folder, made, replaced=("failure-", f"{_REEL}."))
    return VideoPaths(folder, folder / MANIFEST, tuple(made), left)


def _joined(folder: Path, parts: Sequence[Video], codec: Codec, label: str) -> Video:
    file = f"{_REEL}{CODECS[codec].suffix}"
    join_videos([folder / part.file for part in parts], folder / file, codec=codec)
    poster = f"{_REEL}.webp"
    write_bytes(folder / poster, (folder / parts[0].poster).read_bytes())
    names = _listed(list(dict.fromkeys(part.sequence for part in parts)))
    return Video(
        file=file,
        title=f"{count(len(parts), 'failure')} of {label}",
        caption=f"The failures of {label} that cost most, largest first: {names}.",
        sequence="",
        first="",
        last="",
        poster=poster,
        width=parts[0].width,
        height=parts[0].height,
        seconds=round(sum(part.seconds for part in parts), 3),
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _safe_stem(name: str) -> str:
    if not is_safe_name(name):
        raise InputError(f"sequence name {name[:140]!r} is no safe part of a path")
    return name


def _encode(
    folder: Path, stem: str, frames: Iterable[RGB], codec: Codec, fps: float,
    *, size: tuple[int, int], poster_at: int,
) -> dict[str, Any]:  # fmt: skip
    """Encode a video with its poster; returns the fields of `Video` that follow from that."""
    file, poster = f"{stem}{CODECS[codec].suffix}", f"{stem}.webp"
    with VideoWriter(folder / file, size=size, fps=fps, codec=codec) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame)
            if index == poster_at:
                _save_poster(folder / poster, frame)
    return {
        "file": file,
        "poster": poster,
        "width": size[1],
        "height": size[0],
        "seconds": round(writer.frames / fps, 3),
    }


def _save_poster(path: Path, frame: RGB) -> None:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(frame).save(content, "WEBP", quality=_POSTER_QUALITY, method=4)
    write_bytes(path, content.getvalue())


def _write_list(folder: Path, made: Sequence[Video], *, replaced: tuple[str, ...]) -> None:
    """Renew `videos.json`: videos of other kinds or sequences that are there stay listed."""
    path = folder / MANIFEST
    new = {video.file for video in made}
    stems = {Path(name).stem for name in new}
    kept = []
    for entry in _earlier(path):
        file = entry["file"]
        # the same video in another codec, or one of an earlier reel that is no longer made
        stale = Path(file).stem in stems or file.startswith(replaced or ("\0",))
        if file in new:
            continue
        if stale:
            (folder / file).unlink(missing_ok=True)
            if Path(file).stem not in stems:
                (folder / entry["poster"]).unlink(missing_ok=True)
        elif (folder / file).is_file():
            kept.append(entry)
    entries = [*kept, *map(asdict, made)]
    # the reel first, then its parts, then comparisons
    write_json(path, sorted(entries, key=lambda e: (not e["file"].startswith("fail"),
                                                    not e["file"].startswith(f"{_REEL}."),
                                                    e["file"])))  # fmt: skip


def _earlier(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        known = all(is_safe_name(e["file"]) and is_safe_name(e["poster"]) for e in entries)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is no list of videos: {error}", hint="remove it") from error
    if not known:
        # names are used to remove files: a list that points elsewhere is not followed
        raise UsageError(f"{path} lists files that are not beside it", hint="remove it")
    return list(entries)
