"""Videos on disk: what they hold, that they can be played, and that nothing is left half done."""

from __future__ import annotations

import json
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import MakeDavis
from tests.vosbench.video.video_runs import make_scored_run, open_tiny
from vosbench.errors import ComparisonError, InputError, UsageError
from vosbench.types import Sequence as Clip
from vosbench.video import (
    Codec,
    VideoPaths,
    VideoWriter,
    write_comparison_videos,
    write_failure_reel,
)
from vosbench.video.encode import join_videos

av = pytest.importorskip("av", reason="the extra vosbench[video] is not installed")


def clips(data: Path) -> dict[str, Clip]:
    return {clip.name: clip for clip in open_tiny(data).sequences}


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def moving(frames: int, size: tuple[int, int] = (64, 96)) -> Iterator[NDArray[np.uint8]]:
    for index in range(frames):
        frame = np.full((*size, 3), 40, np.uint8)
        frame[20:40, index % 60 : index % 60 + 20] = (200, 60, 20)
        yield frame


@pytest.fixture
def made(tmp_path: Path, make_davis: MakeDavis) -> dict[str, Path]:
    """Data of two clips, and two runs, one of which loses everything from frame 6 on."""
    data = make_davis({"a": 16, "b": 4})
    return {
        "data": data,
        "good": make_scored_run(tmp_path / "good", data),
        "lost": make_scored_run(tmp_path / "lost", data, method="other", lost_from=6),
    }


@pytest.mark.parametrize("codec", ["vp9", "h264"])
def test_a_comparison_has_every_frame_and_is_the_same_twice(
    made: dict[str, Path], codec: Codec, tmp_path: Path
) -> None:
    found = []
    for name in ("one", "two"):
        paths = write_comparison_videos(
            [made["good"], made["lost"]],
            clips(made["data"]),
            folder=tmp_path / name,
            sequences="a",
            codec=codec,
        )
        found.append({path.name: path.read_bytes() for path in paths.folder.iterdir()})
    assert found[0] == found[1]
    (video,) = paths.videos
    frames = decoded(paths.folder / video.file)
    assert len(frames) == 16
    assert frames[0].shape == (video.height, video.width, 3)
    assert video.seconds == pytest.approx(16 / 12, abs=1e-3)
    assert (video.first, video.last) == ("00000", "00015")
    with av.open(str(paths.folder / video.file)) as file:
        assert file.streams.video[0].codec_context.name == codec
        assert file.streams.video[0].average_rate == Fraction(12)
    entries = json.loads(paths.manifest.read_text())
    assert [set(entry) for entry in entries] == [
        {"file", "title", "caption", "sequence", "first", "last", "poster", "width", "height",
         "seconds"}
    ]  # fmt: skip
    assert "toy and other" in entries[0]["caption"]
    poster = (paths.folder / entries[0]["poster"]).read_bytes()
    assert poster[:4] == b"RIFF" and poster[8:12] == b"WEBP"


def test_colours_survive_the_way_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    with VideoWriter(path, size=(64, 96), fps=12, codec="vp9") as writer:
        for frame in moving(4):
            writer.write(frame)
    assert np.abs(decoded(path)[0][30, 10].astype(int) - (200, 60, 20)).max() < 12


def test_a_reel_tells_each_failure_and_joins_them(made: dict[str, Path], tmp_path: Path) -> None:
    def reel(folder: Path) -> VideoPaths:
        data = clips(made["data"])
        return write_failure_reel([made["lost"]], data, folder=folder, context=3)

    paths, again = reel(tmp_path / "one"), reel(tmp_path / "two")
    assert {p.name: p.read_bytes() for p in paths.folder.iterdir()} == {
        p.name: p.read_bytes() for p in again.folder.iterdir()
    }
    whole, *parts = paths.videos
    assert whole.file == "failures.webm"
    # both objects of a are lost on frames 6 to 14 of 16; b has too few frames to fail
    assert [(part.sequence, part.first, part.last) for part in parts] == [
        ("a", "00003", "00015")
    ] * 2
    assert {"object 1" in part.caption for part in parts} == {True, False}
    assert "J 0.0 at worst" in parts[0].caption
    assert "not diagnosed" in parts[0].caption
    joined = decoded(paths.folder / whole.file)
    apart = [frame for part in parts for frame in decoded(paths.folder / part.file)]
    assert len(joined) == len(apart) == 26
    assert all(np.array_equal(one, two) for one, two in zip(joined, apart, strict=True))
    assert whole.seconds == pytest.approx(sum(part.seconds for part in parts), abs=1e-3)


def test_a_shorter_reel_leaves_nothing_of_the_longer_and_keeps_comparisons(
    made: dict[str, Path],
) -> None:
    data = clips(made["data"])
    write_comparison_videos([made["lost"]], data, sequences="b")
    paths = write_failure_reel([made["lost"]], data, most=2)
    write_failure_reel([made["lost"]], data, most=1)
    files = [entry["file"] for entry in json.loads(paths.manifest.read_text())]
    assert files == ["failures.webm", "failure-01.webm", "comparison-b.webm"]
    assert sorted(p.name for p in paths.folder.glob("*.webm")) == sorted(files)
    assert not (paths.folder / "failure-02.webp").exists()
    write_failure_reel([made["lost"]], data, most=1, codec="h264")
    assert sorted(p.suffix for p in paths.folder.glob("failure*")) == [".mp4"] * 2 + [".webp"] * 2
    assert paths.folder == made["lost"] / "videos"


def test_several_runs_share_a_reel(made: dict[str, Path], tmp_path: Path) -> None:
    paths = write_failure_reel(
        [made["lost"], made["good"]], clips(made["data"]), folder=tmp_path / "v", most=1, context=0
    )
    assert len(decoded(paths.folder / paths.videos[0].file)) == 9


def test_joined_times_stay_exact(tmp_path: Path) -> None:
    parts = []
    for number in range(4):
        path = tmp_path / f"{number}.webm"
        with VideoWriter(path, size=(64, 96), fps=12, codec="vp9") as writer:
            for frame in moving(5):
                writer.write(frame)
        parts.append(path)
    join_videos(parts, tmp_path / "all.webm", codec="vp9")
    with av.open(str(tmp_path / "all.webm")) as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert times == pytest.approx([at / 12 for at in range(20)], abs=1.1e-3)


def test_an_error_leaves_the_earlier_video_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(b"before")
    with (
        pytest.raises(ValueError, match="shape"),
        VideoWriter(path, size=(64, 96), fps=12, codec="vp9") as writer,
    ):
        writer.write(np.zeros((64, 96, 3), np.uint8))
        writer.write(np.zeros((10, 10, 3), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["x.webm"]
    assert path.read_bytes() == b"before"


def test_a_damaged_mask_is_named(made: dict[str, Path], tmp_path: Path) -> None:
    (made["good"] / "masks" / "a" / "00003.png").write_bytes(b"no png")
    with pytest.raises(InputError, match=r"00003\.png"):
        write_comparison_videos(
            [made["good"]], clips(made["data"]), folder=tmp_path / "v", sequences="a"
        )
    assert not list((tmp_path / "v").glob("*.webm*"))


def test_a_run_without_scores_and_a_failed_sequence(tmp_path: Path, make_davis: MakeDavis) -> None:
    data = make_davis({"a": 4, "b": 4})
    root = make_scored_run(tmp_path / "run", data, failed=("b",), score=False)
    paths = write_comparison_videos([root], clips(data))
    assert [video.sequence for video in paths.videos] == ["a"]
    assert "did not finish" in paths.left_out["b"]
    with pytest.raises(ComparisonError, match="did not finish"):
        write_comparison_videos([root], clips(data), sequences="b")
    with pytest.raises(ComparisonError, match="matches nowhere"):
        write_comparison_videos([root], clips(data), sequences="nowhere")


def test_a_clip_of_one_frame_is_a_video(tmp_path: Path, make_davis: MakeDavis) -> None:
    data = make_davis({"one": 1})
    root = make_scored_run(tmp_path / "run", data, score=False)
    paths = write_comparison_videos([root], clips(data), fps=5)
    assert len(decoded(paths.folder / paths.videos[0].file)) == 1


def test_without_the_extra_the_error_names_it(
    made: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match="PyAV") as caught:
        write_comparison_videos([made["good"]], clips(made["data"]))
    assert "vosbench[video]" in caught.value.hint


def test_a_foreign_list_of_videos_is_not_followed(made: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "v"
    folder.mkdir()
    (tmp_path / "mine.webm").write_text("mine")
    entry = {"file": "../mine.webm", "poster": "x.webp"}
    (folder / "videos.json").write_text(json.dumps([entry]))
    with pytest.raises(UsageError, match="not beside it"):
        write_comparison_videos([made["good"]], clips(made["data"]), folder=folder, sequences="b")
    assert (tmp_path / "mine.webm").exists()


def test_memory_does_not_grow_with_the_clip(tmp_path: Path, make_davis: MakeDavis) -> None:
    peaks = []
    for frames in (6, 30):
        data = make_davis({"a": frames}, size=(240, 320), root=tmp_path / f"data-{frames}")
        root = make_scored_run(tmp_path / f"run-{frames}", data)
        chosen = clips(data)
        if not peaks:
            write_comparison_videos([root], chosen)  # fonts and libraries are loaded once
        tracemalloc.start()
        write_comparison_videos([root], chosen)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    one_frame = 640 * 960 * 3
    assert peaks[1] - peaks[0] < one_frame


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """A loopback server of `tmp_path`."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_video_plays_in_a_browser(
    made: dict[str, Path], served: str, tmp_path: Path, browser: Any
) -> None:
    paths = write_comparison_videos(
        [made["good"], made["lost"]], clips(made["data"]), folder=tmp_path / "v", sequences="a"
    )
    video = paths.videos[0]
    (tmp_path / "page.html").write_text(
        f'<!DOCTYPE html><video muted src="v/{video.file}" poster="v/{video.poster}"></video>'
    )
    page = browser.new_page()
    page.goto(f"{served}/page.html")
    page.evaluate("() => document.querySelector('video').play()")
    page.wait_for_function(
        "() => { const v = document.querySelector('video');"
        " return v.currentTime > 0.3 && v.getVideoPlaybackQuality().totalVideoFrames > 2; }",
        timeout=20_000,
    )
    seen = page.evaluate(
        "() => { const v = document.querySelector('video');"
        " return [v.videoWidth, v.videoHeight, v.duration, v.error]; }"
    )
    page.close()
    assert seen[:2] == [video.width, video.height]
    assert seen[2] == pytest.approx(video.seconds, abs=0.05)
    assert seen[3] is None
