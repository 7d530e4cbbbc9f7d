"""Videos of runs: side by side, and the failures that cost most."""

from __future__ import annotations

from vosbench.video.clips import CONTEXT_FRAMES
from vosbench.video.encode import CODECS, Codec, VideoWriter
from vosbench.video.events import ReelEvent, find_reel
from vosbench.video.source import VideoRun, load_runs
from vosbench.video.write import (
    DEFAULT_FPS,
    MANIFEST,
    VIDEOS_FOLDER,
    Video,
    VideoPaths,
    write_comparison_videos,
    write_failure_reel,
)

__all__ = [
    "CODECS",
    "CONTEXT_FRAMES",
    "DEFAULT_FPS",
    "MANIFEST",
    "VIDEOS_FOLDER",
    "Codec",
    "ReelEvent",
    "Video",
    "VideoPaths",
    "VideoRun",
    "VideoWriter",
    "find_reel",
    "load_runs",
    "write_comparison_videos",
    "write_failure_reel",
]
