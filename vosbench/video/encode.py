"""Frames to a video file, one at a time: same frames, same bytes.

One thread, because the work of several meets in an order that the machine decides; no date and no
version of a library in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB

__all__ = ["CODECS", "Codec", "VideoWriter", "join_videos", "load_av"]

Codec: TypeAlias = Literal["vp9", "h264"]

_KEY_FRAME_S: Final = 2.0
_BT709: Final = 1


@dataclass(frozen=True)
class _Format:
    """How a codec is asked for.

    Attributes:
        encoder: its name in FFmpeg.
        container: format of the file.
        suffix: of the file.
        options: of the encoder.
        file_options: of the container.
    """

    encoder: str
    container: str
    suffix: str
    options: dict[str, str]
    file_options: dict[str, str]


# `realtime` at speed 5: on a comparison of five runs a quarter of the time of `good`, 7 % larger,
# and the same error. It is a fixed speed: nothing depends on how fast the machine happens to be.
CODECS: Final[dict[Codec, _Format]] = {
    "vp9": _Format(
        "libvpx-vp9",
        "webm",
        ".webm",
        {"deadline": "realtime", "cpu-used": "5", "crf": "37", "b": "0", "row-mt": "0"},
        {"fflags": "+bitexact"},
    ),
    "h264": _Format(
        "libx264",
        "mp4",
        ".mp4",
        {"preset": "medium", "crf": "22", "threads": "1"},
        {"fflags": "+bitexact", "movflags": "+faststart"},
    ),
}


def load_av() -> ModuleType:
    """PyAV.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UsageError(
            f"videos need PyAV: {error}", hint="pip install 'vosbench[video]'"
        ) from error
    return av


class VideoWriter:
    """A video file that takes frames; it is there, complete, when the `with` block has ended.

    Nothing but the encoder's own few frames is held in memory. After an error there is no file, and
    an earlier one is as it was.
    """

    def __init__(self, path: Path, *, size: tuple[int, int], fps: float, codec: Codec) -> None:
        """Open a file.

        Args:
            path: with the suffix of the codec.
            size: height and width of all frames, px, even numbers.
            fps: frames per second.
            codec: key of `CODECS`.

        Raises:
            UsageError: PyAV is not installed.
            InputError: this build of PyAV has no such encoder.
        """
        av = load_av()
        form = CODECS[codec]
        if form.encoder not in av.codecs_available:
            raise InputError(
                f"this build of PyAV has no encoder {form.encoder}",
                hint="install a wheel from PyPI: pip install --force-reinstall av",
            )
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"{size} are no even numbers, as 4:2:0 needs")
        self.path, self.frames, self._size = path, 0, size
        self._temporary = path.with_name(f".{path.name}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: Any = av.open(
            str(self._temporary), "w", format=form.container, options=dict(form.file_options)
        )
        rate = Fraction(fps).limit_denominator(1001)
        stream = self._file.add_stream(form.encoder, rate=rate, options=dict(form.options))
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.gop_size = max(1, round(_KEY_FRAME_S * fps))
        context.flags |= int(av.codec.context.Flags.bitexact)
        # said in the file, or players guess another matrix and colours shift
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = 1
        self._stream, self._av = stream, av

    def write(self, frame: RGB) -> None:
        """Append a frame, H×W×3 uint8."""
        if frame.shape != (*self._size, 3):
            raise ValueError(f"a frame has shape {frame.shape}, the video {self._size}")
        picture = self._av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=1)
        picture.pts = self.frames
        self.frames += 1
        self._file.mux(self._stream.encode(picture))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                if not self.frames:
                    raise ValueError("a video needs a frame")
                self._file.mux(self._stream.encode(None))
            self._file.close()
            if kind is None:
                self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


def join_videos(parts: Sequence[Path], path: Path, *, codec: Codec) -> None:
    """Put videos of one size, rate and codec behind each other without encoding them again.

    Args:
        parts: at least one; written by `VideoWriter` with equal settings.
        path: of the new file.
        codec: of the parts.
    """
    av = load_av()
    form = CODECS[codec]
    temporary = path.with_name(f".{path.name}.part")
    try:
        with av.open(
            str(temporary), "w", format=form.container, options=dict(form.file_options)
        ) as file:
            stream: Any = None
            begin = Fraction(0)
            for part in parts:
                with av.open(str(part)) as source:
                    video = source.streams.video[0]
                    if stream is None:
                        stream = file.add_stream_from_template(video)
                        stream.time_base = video.time_base
                    begin = _append(file, stream, source.demux(video), begin, video.average_rate)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _append(
    file: Any, stream: Any, packets: Iterable[Any], begin: Fraction, rate: Fraction
) -> Fraction:
    """Append packets from `begin` (s) on; returns where they end (s)."""
    count = 0
    for packet in packets:
        if packet.dts is None:
            continue  # the packet that says that there are no more
        base = packet.time_base
        # from the exact rate: WebM rounds times to ms, and the error would grow over the parts
        offset = round(begin / base)
        packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
        packet.stream = stream
        file.mux(packet)
        count += 1
    return begin + count / rate
