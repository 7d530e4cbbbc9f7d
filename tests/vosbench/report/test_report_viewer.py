"""Frames to step through: which sequences get them, what is on disk, what the page is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vosbench.errors import UsageError
from vosbench.report import write_report
from vosbench.report.viewer import FRAMES_BY_DEFAULT, choose_sequences
from vosbench.store import RunPaths, encode_soft, write_table
from vosbench.store.selfreport import SELF_COLUMNS


def told(html: str, anchor: str) -> Any:
    """What the page's script is given of a sequence."""
    found = re.search(rf'id="frames-{anchor}">(.*?)</script>', html, re.DOTALL)
    assert found is not None, f"the page has no frames of {anchor}"
    return json.loads(found[1])


def dip(frames: int = 12) -> list[float]:
    return [0.9 if index < frames // 2 else 0.2 for index in range(frames)]


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ("all", ("worst", "middle", "best")),
        ("none", ()),
        ("2", ("worst", "middle")),
        ("9", ("worst", "middle", "best")),
        ("b*, middle", ("middle", "best")),
    ],
)
def test_what_was_asked_for_gets_frames(request_: str, names: tuple[str, ...]) -> None:
    assert choose_sequences(request_, {"worst": 5, "middle": 5, "best": 5}).names == names


def test_by_default_the_worst_ones_within_a_budget() -> None:
    lengths = {"worst": FRAMES_BY_DEFAULT - 10, "long": 11, "short": 10}
    choice = choose_sequences("auto", lengths)
    assert choice.names == ("worst", "short")
    assert "2 of 3 sequences" in choice.note and "--frames all" in choice.note
    assert choose_sequences("auto", {"only": 10}).note == ""


def test_names_that_match_nothing_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no sequence"):
        choose_sequences("bear", {"dog": 3})


def test_every_layer_lies_on_disk_and_only_where_it_shows_something(
    make_run: Any, clip: Any, make_video: Any
) -> None:
    run = make_run([clip("bear", {1: dip(), 2: dip()})])
    video = make_video(run, "bear", frames=12, objects=2)
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(run / "masks" / "bear" / "00003.png")
    (run / "masks" / "bear" / "00004.png").unlink()
    report = write_report(run, sequences={"bear": video})
    data = told(report.html.read_text("utf-8"), "sequence-1")
    assert data["frames"] == [f"{index:05d}" for index in range(12)]
    assert data["drawn"]["image"] == "1" * 12
    assert data["drawn"]["prediction"] == "111001111111", "an empty and a missing mask"
    assert data["drawn"]["errors"] == "111101111111", "a missing mask is no error to show"
    assert data["drawn"]["soft"] == "0" * 12
    folder = report.folder / data["folder"]
    on_disk = {path.name for path in folder.iterdir()}
    wanted = {
        f"{index:05d}-{layer}.{'webp' if layer == 'image' else 'png'}"
        for layer, frames in data["drawn"].items()
        for index, there in enumerate(frames)
        if there == "1"
    }
    assert on_disk == wanted
    assert report.frames_bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_pictures_are_no_larger_than_a_page_shows(
    make_run: Any, clip: Any, make_video: Any
) -> None:
    run = make_run([clip("bear", {1: dip(3)})])
    video = make_video(run, "bear", frames=3, size=(480, 854))
    report = write_report(run, sequences={"bear": video})
    for path in (report.folder / "frames" / "sequence-1").iterdir():
        with Image.open(path) as picture:
            assert picture.size == (640, 360)


def test_curves_are_told_with_the_frames_and_undefined_values_are_null(
    make_run: Any, clip: Any, make_video: Any
) -> None:
    j = dip()
    j[5] = float("nan")
    run = make_run([clip("bear", {1: j}, f={1: [0.5] * 12})])
    report = write_report(run, sequences={"bear": make_video(run, "bear", frames=12)})
    (one,) = told(report.html.read_text("utf-8"), "sequence-1")["objects"]
    assert one["j"] == [None, *[0.9] * 4, None, *[0.2] * 5, None]
    assert one["f"] == [None, *[0.5] * 10, None]


def test_of_many_objects_the_worst_are_told(make_run: Any, clip: Any, make_video: Any) -> None:
    scores = {number: [0.001 * number] * 4 for number in range(1, 301)}
    run = make_run([clip("crowd", scores)])
    report = write_report(run, sequences={"crowd": make_video(run, "crowd", frames=4)})
    data = told(report.html.read_text("utf-8"), "sequence-1")
    assert data["objects_in_all"] == 300
    assert [one["id"] for one in data["objects"]] == list(range(1, 25))
    assert "300 objects" in report.html.read_text("utf-8")


def test_soft_masks_window_and_centre_are_shown_where_they_are_stored(
    make_run: Any, clip: Any, make_video: Any
) -> None:
    run = make_run([clip("bear", {1: dip(4)})])
    video = make_video(run, "bear", frames=4)
    paths = RunPaths(run)
    soft = np.zeros((1, 48, 64), np.float32)
    soft[0, 10:20, 10:20] = 0.8
    paths.sequence_soft("bear").mkdir(parents=True)
    content = encode_soft(soft, [1], labels_sha256="0" * 64)
    (paths.sequence_soft("bear") / "00002.soft").write_bytes(content)
    row = ("00002", 1, -3.04, 2.0, 40.0, 30.0, 15.26, 14.0, np.nan, np.nan, np.nan)
    write_table(paths.sequence_self("bear"), pd.DataFrame([row], columns=list(SELF_COLUMNS)))
    report = write_report(run, sequences={"bear": video})
    data = told(report.html.read_text("utf-8"), "sequence-1")
    assert data["drawn"]["soft"] == "0010"
    assert data["told"] == {"1": [None, None, [-3.0, 2.0, 40.0, 30.0, 15.3, 14.0], None]}


def test_a_run_of_one_frame_can_be_looked_at(make_run: Any, clip: Any, make_video: Any) -> None:
    run = make_run([clip("still", {1: [0.5]}, scored=False)])
    report = write_report(run, sequences={"still": make_video(run, "still", frames=1)})
    data = told(report.html.read_text("utf-8"), "sequence-1")
    assert data["frames"] == ["00000"]
    assert data["objects"] == []


def test_a_sequence_without_images_or_masks_is_left_out(
    make_run: Any, clip: Any, make_video: Any
) -> None:
    run = make_run([clip("bare", {1: dip(4)}), clip("lost", {1: dip(4)}), clip("dog", {1: dip(4)})])
    videos = {
        "bare": make_video(run, "bare", frames=4, images=False),
        "dog": make_video(run, "dog", frames=4),
    }
    report = write_report(run, sequences=videos)
    html = report.html.read_text("utf-8")
    assert told(html, "sequence-3")["name"] == "dog"
    assert "frames-sequence-1" not in html and "frames-sequence-2" not in html
    assert "lost" in report.frames_note


def test_an_image_that_cannot_be_read_costs_its_sequence_only(
    make_run: Any, clip: Any, make_video: Any, tmp_path: Path
) -> None:
    run = make_run([clip("bear", {1: dip(4)}), clip("dog", {1: dip(4)})])
    videos = {name: make_video(run, name, frames=4) for name in ("bear", "dog")}
    (tmp_path / "data" / "bear" / "00002.jpg").write_bytes(b"no picture")
    report = write_report(run, sequences=videos)
    html = report.html.read_text("utf-8")
    assert "The frames of bear cannot be shown" in html
    assert not (report.folder / "frames" / "sequence-1").exists()
    assert told(html, "sequence-2")["drawn"]["image"] == "1111"


def test_frames_are_the_same_bytes_twice(make_run: Any, clip: Any, make_video: Any) -> None:
    run = make_run([clip("bear", {1: dip()})])
    video = make_video(run, "bear", frames=12)

    def content() -> dict[str, bytes]:
        folder = write_report(run, sequences={"bear": video}).folder
        files = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    first = content()
    assert "frames/sequence-1/00000-image.webp" in first
    assert content() == first


def test_without_data_the_page_says_how_to_get_frames(make_run: Any, clip: Any) -> None:
    html = write_report(make_run([clip("bear", {1: dip()})])).html.read_text("utf-8")
    assert 'id="viewer"' not in html
    assert "vosbench report RUN --data FOLDER" in html
