"""Which frames are chosen as the worst, and how they are drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vosbench.report import write_report
from vosbench.report.overlay import draw_errors, draw_prediction, error_map, outline
from vosbench.report.palette import ERROR_COLOURS
from vosbench.report.source import ObjectCurve
from vosbench.report.worst import choose_worst


def curve(sequence: str, object_id: int, j: list[float]) -> ObjectCurve:
    values = np.asarray(j, dtype=np.float64)
    return ObjectCurve(
        sequence=sequence,
        object_id=object_id,
        index=np.arange(1, len(j) + 1),
        frames=tuple(f"{index:05d}" for index in range(1, len(j) + 1)),
        j=values,
        f=values,
        length=len(j) + 2,
    )


def test_worst_first_at_most_two_of_a_sequence_and_apart() -> None:
    generator = np.random.default_rng(3)
    curves = [
        curve(f"s{number}", object_id, list(generator.random(60)))
        for number in range(4)
        for object_id in (1, 2)
    ]
    chosen = choose_worst(curves, most=6)
    assert len(chosen) == 6
    assert [one.j for one in chosen] == sorted(one.j for one in chosen)
    assert chosen[0].j == min(float(one.j.min()) for one in curves)
    for name in {one.sequence for one in chosen}:
        indices = sorted(one.index for one in chosen if one.sequence == name)
        assert len(indices) <= 2
        assert all(
            later - earlier >= 10 for earlier, later in zip(indices, indices[1:], strict=False)
        )


def test_of_a_long_loss_the_first_frame_is_shown() -> None:
    lost = [0.9] * 10 + [0.0] * 30
    chosen = choose_worst([curve("a", 1, lost)])
    assert [one.index for one in chosen] == [11, 21]


def test_frames_without_error_and_undefined_ones_are_never_chosen() -> None:
    assert choose_worst([curve("a", 1, [1.0] * 20), curve("b", 1, [math.nan] * 20)]) == ()
    assert [one.j for one in choose_worst([curve("a", 1, [math.nan, 0.5, 1.0])])] == [0.5]


def test_errors_are_told_apart() -> None:
    prediction = np.array([[0, 1, 1, 2, 0]], dtype=np.uint8)
    truth = np.array([[0, 1, 0, 1, 2]], dtype=np.uint8)
    assert error_map(prediction, truth).tolist() == [[0, 0, 1, 3, 2]]


def test_the_outline_is_one_pixel_wide_and_closed_at_the_image_edge() -> None:
    mask = np.zeros((6, 6), dtype=bool)
    mask[2:6, 1:5] = True
    edge = outline(mask)
    assert edge.sum() == 12
    assert edge[5, 2] and not edge[3, 2]


def test_overlays_colour_predictions_and_errors_and_leave_the_input_alone() -> None:
    image = np.full((40, 40, 3), 128, dtype=np.uint8)
    truth = np.zeros((40, 40), dtype=np.uint8)
    prediction = np.zeros_like(truth)
    truth[5:20, 5:20] = 1
    prediction[25:35, 25:35] = 1
    before = image.copy()
    tinted = draw_prediction(image, prediction, truth, object_id=1)
    wrong = draw_errors(image, prediction, truth, object_id=1)
    assert np.array_equal(image, before)
    red, green, blue = (int(value) for value in tinted[30, 30])
    assert red > green == blue  # DAVIS colour of id 1 is dark red
    assert np.array_equal(tinted[2, 35], image[2, 35])
    assert tuple(tinted[5, 10]) == (255, 255, 255)
    for where, kind in (((30, 30), "false-positive"), ((12, 12), "false-negative")):
        distance = np.abs(wrong[where].astype(int) - np.asarray(ERROR_COLOURS[kind])).max()
        assert distance < 40


def dip(frames: int = 16) -> list[float]:
    return [0.9 - 0.05 * index for index in range(frames)]


def test_overlays_are_written_for_the_worst_frames(
    make_run: Any, clip: Any, make_video: Any
) -> None:
    run = make_run([clip("bear", {1: dip(), 2: dip()}), clip("dog", {1: [0.8] * 16})])
    videos = {
        "bear": make_video(run, "bear", frames=16, objects=2),
        "dog": make_video(run, "dog", frames=16),
    }
    report = write_report(run, sequences=videos, worst=3)
    assert len(report.overlays) == 6
    for path in report.overlays:
        with Image.open(path) as picture:
            assert picture.format == "WEBP"
            assert picture.size == (64, 48)
    html = report.html.read_text(encoding="utf-8")
    assert "frame <bdi>00014</bdi></a>, object 1" in html
    assert "could not be shown" not in html
    first = [path.read_bytes() for path in report.overlays]
    again = write_report(run, sequences=videos, worst=3)
    assert [path.read_bytes() for path in again.overlays] == first


def test_without_the_data_the_report_says_how_to_show_frames(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: dip()})])
    report = write_report(run)
    assert report.overlays == ()
    for path in (report.html, report.markdown):
        text = path.read_text(encoding="utf-8")
        assert "vosbench report RUN --data FOLDER" in text
        assert "00014" in text


def test_large_frames_are_reduced(make_run: Any, clip: Any, make_video: Any) -> None:
    run = make_run([clip("bear", {1: dip(6)})])
    video = make_video(run, "bear", frames=6, size=(720, 1500))
    report = write_report(run, sequences={"bear": video}, worst=1)
    with Image.open(report.overlays[0]) as picture:
        assert picture.size == (1280, 614)


def test_what_cannot_be_shown_says_why(make_run: Any, clip: Any, make_video: Any) -> None:
    run = make_run([clip("bear", {1: dip()})])
    video = make_video(run, "bear", frames=16)
    worst = video.frames[14]

    def told(changed: Any) -> str:
        report = write_report(run, sequences={"bear": changed}, worst=1)
        return report.html.read_text(encoding="utf-8")

    shorter = replace(video, frames=video.frames[:10])
    assert "not the data that was scored" in told(shorter)
    unannotated = replace(video, frames=tuple(replace(f, annotation=None) for f in video.frames))
    assert "no annotation" in told(unannotated)
    imageless = replace(video, frames=tuple(replace(f, image=None) for f in video.frames))
    assert "masks are on grey" in told(imageless)
    assert worst.image is not None
    Image.new("RGB", (10, 10)).save(worst.image)
    assert "cannot be shown" in told(video)
    (run / "masks" / "bear" / "00014.png").unlink()
    assert "no mask" in told(video)


def test_a_name_that_is_no_safe_path_is_never_opened(
    make_run: Any, clip: Any, make_video: Any
) -> None:
    run = make_run([clip("../outside", {1: dip()})])
    video = make_video(run, "inside", frames=16)
    (run / "outside").symlink_to(run / "masks" / "inside")
    report = write_report(run, sequences={"../outside": video}, worst=1)
    assert report.overlays == ()
    assert "no safe part of a path" in report.html.read_text(encoding="utf-8")


def test_data_root_alone_opens_the_dataset_of_the_run(
    make_run: Any, clip: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, make_video: Any
) -> None:
    run = make_run([clip("bear", {1: dip()})])
    text = write_report(run, data_root=tmp_path).html.read_text(encoding="utf-8")
    assert "Frames could not be shown:" in text  # there is no card called tiny
    video = make_video(run, "bear", frames=16)

    class Opened:
        sequences = (video,)
        manifest_sha256 = "b" * 64

    asked: dict[str, Any] = {}

    def opened(reference: str, **options: Any) -> Opened:
        asked.update(options, reference=reference)
        return Opened()

    monkeypatch.setattr("vosbench.data.open_dataset", opened)
    report = write_report(run, data_root=tmp_path, worst=1)
    assert (asked["reference"], asked["split"], asked["sequences"]) == ("tiny", "val", "bear")
    assert len(report.overlays) == 2
    assert "not what the run saw" in report.html.read_text(encoding="utf-8")
