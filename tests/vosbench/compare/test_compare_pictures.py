"""Pictures of disagreement, masks without a run, and the page in a browser."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis
from tests.vosbench.compare.made_runs import make_run, random_scores, shifted, write_run
from tests.vosbench.video.video_runs import make_scored_run, open_tiny
from vosbench.compare import (
    ComparisonPaths,
    LooseMasks,
    RunScores,
    clips_for,
    compare_runs,
    load_all,
    load_run_scores,
    write_comparison,
)
from vosbench.compare.disagreement import SIDES, draw_disagreement
from vosbench.errors import ComparisonError, InputError, UsageError

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e"


@pytest.fixture
def made(tmp_path: Path, make_davis: MakeDavis) -> dict[str, Path]:
    """Two clips, a run that follows, and one that loses everything from frame 4 on."""
    data = make_davis({"a": 8, "b": 8})
    return {
        "data": data,
        "good": make_scored_run(tmp_path / "good", data),
        "lost": make_scored_run(tmp_path / "lost", data, method="other", lost_from=4),
    }


def page_of(
    folder: Path, runs: list[RunScores], loose: LooseMasks | None = None
) -> ComparisonPaths:
    record = compare_runs(runs[0], runs[1:])
    clips, why = clips_for(runs[0], runs[1:], loose or LooseMasks())
    return write_comparison(folder, record, runs[0], runs[1:], clips=clips, no_clips=why)


def test_the_side_that_is_right_gives_the_colour() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    truth, old, new = (np.zeros((40, 40), np.uint8) for _ in range(3))
    truth[0:20, 0:20] = 1
    old[0:20, 0:10] = 1
    old[30:35, 0:5] = 1  # too much, only in the baseline
    new[0:15, 0:20] = 1
    new[30:35, 20:30] = 1  # too much, only in the candidate
    old[36:38, 36:38] = new[36:38, 36:38] = 1
    new[25:30, 25:30] = 2  # another object does not count
    drawn = draw_disagreement(image, old, new, truth, object_id=1)
    assert drawn.this_right == 15 * 10 + 25
    assert drawn.baseline_right == 5 * 10 + 50
    assert drawn.both_wrong == 5 * 10 + 4

    def nearest(row: int, column: int) -> str:
        pixel = drawn.image[row, column].astype(int)
        return min(SIDES, key=lambda side: np.abs(pixel - SIDES[side]).sum())

    assert nearest(5, 15) == nearest(32, 2) == "this-right"
    assert nearest(17, 5) == nearest(32, 25) == "baseline-right"
    assert drawn.image[27, 27].tolist() == [24, 24, 24]


def test_changed_frames_are_drawn_and_told(made: dict[str, Path], tmp_path: Path) -> None:
    runs = [load_run_scores(made["lost"]), load_run_scores(made["good"])]
    paths = page_of(tmp_path / "one", runs)
    page_of(tmp_path / "two", runs)
    files = [
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    ]
    assert files[0] == files[1]
    pictures = sorted((paths.folder / "changed").iterdir())
    # gains only: two of each clip at most, ten frames apart, so one of each
    assert [p.name for p in pictures] == ["run-2-01.webp", "run-2-02.webp"]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (64, 48)
    html = paths.html.read_text(encoding="utf-8")
    assert "The runs differ on" in html
    assert "both are wrong on" in html
    again = page_of(tmp_path / "one", [runs[1], load_run_scores(made["good"])])
    assert not list((again.folder / "changed").glob("*.webp"))


def test_what_cannot_be_shown_says_why(made: dict[str, Path], tmp_path: Path) -> None:
    runs = [load_run_scores(made["lost"]), load_run_scores(made["good"])]
    for path in (made["good"] / "masks" / "a").iterdir():
        path.unlink()
    html = page_of(tmp_path / "page", runs).html.read_text(encoding="utf-8")
    assert "This frame cannot be shown" in html
    shutil.move(made["data"], tmp_path / "moved")
    html = page_of(tmp_path / "page", runs).html.read_text(encoding="utf-8")
    assert "No pictures of these frames" in html
    with pytest.raises(InputError):
        page_of(tmp_path / "page", runs, LooseMasks(data=tmp_path / "nowhere"))
    shown = page_of(tmp_path / "page", runs, LooseMasks(data=tmp_path / "moved"))
    assert list((shown.folder / "changed").glob("*.webp"))


def test_masks_of_no_run_are_scored_and_compared(made: dict[str, Path], tmp_path: Path) -> None:
    zipped = tmp_path / "theirs.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for path in sorted((made["lost"] / "masks").rglob("*.png")):
            archive.write(path, path.relative_to(made["lost"] / "masks"))
    runs = load_all([made["good"], zipped, made["lost"] / "masks"], LooseMasks())
    record = compare_runs(runs[0], runs[1:])
    lost = load_run_scores(made["lost"])
    assert [one.run.label for one in record.candidates] == ["theirs", "masks"]
    for one in record.candidates:
        assert one.run.own_jf == lost.scores.overall.jf_mean
        assert one.frame_losses
        assert one.speed.ratio is None
    paths = page_of(tmp_path / "page", runs)
    assert len(list((paths.folder / "changed").glob("run-2-*.webp"))) == 2
    alone = load_all(
        [zipped, made["lost"] / "masks"], LooseMasks(dataset="davis2017", data=made["data"])
    )
    assert compare_runs(alone[0], alone[1:]).candidates[0].tests[0].verdict == "identical"
    with pytest.raises(InputError) as caught:
        load_all([zipped, made["lost"] / "masks"], LooseMasks())
    assert "--dataset" in caught.value.hint
    with pytest.raises(UsageError, match="belong to no run"):
        load_all([made["good"], made["lost"]], LooseMasks(dataset="davis2017"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no run directory"):
        load_all([made["good"], tmp_path / "empty"], LooseMasks())


def test_masks_of_other_sequences_are_refused(
    made: dict[str, Path], tmp_path: Path, make_davis: MakeDavis
) -> None:
    other = make_davis({"z": 4}, root=tmp_path / "other")
    masks = other / "Annotations" / "480p"
    with pytest.raises((InputError, ComparisonError)):
        runs = load_all([made["good"], masks], LooseMasks())
        compare_runs(runs[0], runs[1:])


def test_each_run_has_its_interval_and_untimed_runs_are_named(tmp_path: Path) -> None:
    base = random_scores(0)
    runs = [
        make_run(base, method="one"),
        make_run(shifted(base, 0.02, 0.01), method="two"),
        make_run(shifted(base, 0.01, 0.01), method=HOSTILE, step_ms=None),
    ]
    loaded = [load_run_scores(write_run(tmp_path / f"r{i}", run)) for i, run in enumerate(runs)]
    paths = page_of(tmp_path / "page", loaded)
    record = json.loads(paths.record.read_text())
    for identity in (record["baseline"], *(one["run"] for one in record["candidates"])):
        interval = identity["jf_interval"]
        assert interval["low"] < identity["jf"] < interval["high"]
    html = paths.html.read_text(encoding="utf-8")
    assert "Without a time, and so not drawn" in html
    assert "partly measured: no verdict" in html
    assert "<img src=x" not in html
    assert "95 % interval" in html


def test_one_warning_of_the_data_is_told_once() -> None:
    fields = {"warnings": ["a part of the split"]}
    base = random_scores(0)
    runs = [make_run(base, data_fields=fields), make_run(base, method="b", data_fields=fields)]
    warnings = compare_runs(runs[0], runs[1:]).warnings
    assert [line for line in warnings if "a part" in line] == ["all runs: a part of the split"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_the_page_is_accessible_and_still_and_fits_a_phone(
    made: dict[str, Path], tmp_path: Path, browser: Any, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    renamed = made["good"] / "run.json"
    content = json.loads(renamed.read_text())
    content["method"]["name"] = HOSTILE
    renamed.write_text(json.dumps(content))
    runs = [load_run_scores(made["lost"]), load_run_scores(made["good"])]
    paths = page_of(tmp_path / "page", runs)
    context = browser.new_context(
        viewport={"width": width, "height": 800}, bypass_csp=True, color_scheme=scheme
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(paths.html.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.locator("#sequences thead button").nth(2).click()
    order = page.locator("#sequences tbody tr th").all_text_contents()
    assert sorted(order) == ["a", "b"]
    page.locator(".changes img").first.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.changes img').naturalWidth === 64")
    found = axe.Axe().run(page).response["violations"]
    context.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert said == []
    assert all(url.startswith("file:") for url in asked)


def test_a_sequence_of_the_data_set_that_is_gone_costs_its_picture(
    made: dict[str, Path], tmp_path: Path
) -> None:
    runs = [load_run_scores(made["lost"]), load_run_scores(made["good"])]
    clips = {clip.name: clip for clip in open_tiny(made["data"]).sequences if clip.name == "a"}
    record = compare_runs(runs[0], runs[1:])
    paths = write_comparison(tmp_path / "page", record, runs[0], runs[1:], clips=clips)
    assert "does not have its sequence" in paths.html.read_text(encoding="utf-8")
