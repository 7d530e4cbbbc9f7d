"""The run report in a browser: opened from disk, by mouse, by keyboard, and by a checker."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vosbench.report import write_report

FRAMES = 14


def shown_frame(page: Any, index: int) -> None:
    """Wait until the stage shows the pictures of a frame."""
    page.wait_for_selector(f'#viewer-stage[data-index="{index}"]')


def until(page: Any, holds: str, *, seconds: float = 20) -> None:
    """Ask until a JavaScript expression holds; the page's own policy forbids it to ask itself."""
    end = time.monotonic() + seconds
    while not page.evaluate(holds):
        assert time.monotonic() < end, f"never true: {holds}"
        page.wait_for_timeout(50)


def open_viewer(page: Any) -> None:
    page.locator("#viewer").scroll_into_view_if_needed()
    page.wait_for_selector("#viewer-stage[data-index]")


def column(page: Any, table: str, at: int) -> list[str]:
    """Texts of a column, of the rows that are shown."""
    cells = page.locator(f"{table} tbody tr:visible > :nth-child({at})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_it_opens_from_disk_without_complaint_and_loads_frames_when_seen(
    drawn: Path, visit: Callable[..., Any]
) -> None:
    page, watch = visit((drawn / "index.html").as_uri(), viewport={"width": 1280, "height": 800})
    page.wait_for_load_state("load")
    assert not [url for url in watch.requests if "/frames/" in url], "nothing shows a frame yet"
    open_viewer(page)
    loaded = [url for url in watch.requests if "/frames/" in url]
    assert 0 < len(loaded) < 40, "of four sequences with 14 frames, those at hand"
    inside = drawn.as_uri()
    assert [url for url in watch.requests if not url.startswith(inside)] == []
    assert watch.complaints == []


def test_sorting_tells_of_itself_and_keeps_undefined_last(
    drawn: Path, visit: Callable[..., Any]
) -> None:
    page, _ = visit((drawn / "index.html").as_uri())
    table = "#sequences table"
    head = page.locator(f"{table} thead th", has_text="J mean")
    head.get_by_role("button").click()
    rising = [float(text) for text in column(page, table, 4)]
    assert rising == sorted(rising) and len(set(rising)) > 1
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").press("Enter")
    assert [float(text) for text in column(page, table, 4)] == rising[::-1]
    assert "descending" in page.locator("#spoken").inner_text()


def test_filtering_counts_what_is_left(drawn: Path, visit: Callable[..., Any]) -> None:
    page, _ = visit((drawn / "index.html").as_uri())
    field = page.locator("#objects .filter input")
    field.fill("BEAR")
    assert column(page, "#objects table", 1) == ["bear", "bear"]
    assert "2 of 8 rows" in page.locator("#objects .filter").inner_text()
    until(page, "document.getElementById('spoken').textContent.includes('2 of 8')")
    field.fill("")
    assert len(column(page, "#objects table", 1)) == 8


def test_frames_are_stepped_by_keyboard(drawn: Path, visit: Callable[..., Any]) -> None:
    page, watch = visit((drawn / "index.html").as_uri())
    open_viewer(page)
    stage = page.locator("#viewer-stage")
    last = FRAMES - 1
    for key, index in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("PageDown", 11),
        ("PageDown", last),
        ("End", last),
        ("PageUp", last - 10),
    ):
        stage.press(key)
        shown_frame(page, index)
    slider = page.locator("#viewer-frame")
    slider.press("Home")
    shown_frame(page, 0)
    slider.press("ArrowRight")
    shown_frame(page, 1)
    spoken = slider.get_attribute("aria-valuetext")
    assert "frame 00001, 2 of 14" in spoken and "object 1 J" in spoken
    stage.press(" ")
    page.wait_for_selector(f'#viewer-stage[data-index="{last}"]', timeout=15_000)
    until(page, "document.getElementById('viewer-play').textContent === 'Play'")
    assert watch.complaints == []


def test_curves_and_frames_lead_to_each_other(drawn: Path, visit: Callable[..., Any]) -> None:
    page, _ = visit((drawn / "index.html").as_uri(), viewport={"width": 1280, "height": 800})
    open_viewer(page)
    chart = page.locator("#viewer-chart svg")
    box = chart.bounding_box()
    # the plot has 34 px on its left and 8 on its right
    wide = box["width"] - 42
    chart.click(position={"x": 34 + wide * 9 / (FRAMES - 1), "y": 50})
    shown_frame(page, 9)
    assert page.locator("#viewer-chart .cursor text").text_content() == "9"
    assert "frame 10 of 14" in page.locator("#viewer-count").inner_text()
    # a small figure of another sequence opens that one at the place of the click
    figure = page.locator("#sequence-4 a.to-frame")
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    x = box["width"] * (0.085 + 0.9 * 5 / (FRAMES - 1))
    figure.click(position={"x": x, "y": box["height"] / 2})
    shown_frame(page, 5)
    assert page.locator("#viewer-sequence").input_value() == "sequence-4"
    # an event leads to its first frame
    page.locator("#events-h + details summary").click()
    link = page.locator("#events-h + details a.to-frame").first
    wanted = int(link.get_attribute("data-index"))
    link.click()
    shown_frame(page, wanted)


def test_a_frame_has_an_address(drawn: Path, visit: Callable[..., Any]) -> None:
    page, _ = visit(f"{(drawn / 'index.html').as_uri()}#frames-sequence-3-6")
    shown_frame(page, 6)
    assert page.locator("#viewer-sequence").input_value() == "sequence-3"


def test_layers_are_switched_and_only_those_there_are_offered(
    drawn: Path, visit: Callable[..., Any]
) -> None:
    page, _ = visit(f"{(drawn / 'index.html').as_uri()}#frames-sequence-1-7")
    shown_frame(page, 7)

    def layers() -> list[str]:
        names = page.eval_on_selector_all(
            "#viewer-stage img", "all => all.map(one => one.className)"
        )
        return [name.removeprefix("layer-") for name in names]

    assert layers() == ["image", "prediction", "truth"]
    assert page.locator("#viewer-stage .told rect").count() == 2, "a window and its casing"
    page.get_by_role("checkbox", name="Errors").check()
    page.get_by_role("checkbox", name="Soft masks").check()
    page.get_by_role("checkbox", name="Prediction").uncheck()
    page.get_by_role("checkbox", name="Window and centre").uncheck()
    page.wait_for_selector("#viewer-stage .layer-soft")
    assert layers() == ["image", "soft", "errors", "truth"]
    assert page.locator("#viewer-stage .told rect").count() == 0
    page.locator("#viewer-sequence").select_option("sequence-2")
    until(page, "document.getElementById('viewer-stage').ariaLabel.includes('bear')")
    assert not page.get_by_text("Soft masks", exact=True).is_visible()
    assert not page.get_by_text("Window and centre", exact=True).is_visible()


def test_pictures_that_are_gone_are_told_of(
    drawn: Path, visit: Callable[..., Any], tmp_path: Path
) -> None:
    copy = shutil.copytree(drawn, tmp_path / "report")
    (copy / "frames" / "sequence-1" / "00007-truth.png").unlink()
    page, _ = visit(f"{(copy / 'index.html').as_uri()}#frames-sequence-1-7")
    shown_frame(page, 7)
    assert "00007-truth.png" in page.locator("#viewer-stage .lost").inner_text()


def test_a_video_plays(
    drawn: Path, visit: Callable[..., Any], serve: Callable[[Path], str]
) -> None:
    page, watch = visit(f"{serve(drawn)}/index.html")
    assert not [url for url in watch.requests if url.endswith(".webm")], "not before it is asked"
    assert "object 1 is lost at frame 00007" in page.locator("#videos figcaption").inner_text()
    page.evaluate("document.querySelector('video').muted = true")
    page.evaluate("document.querySelector('video').play()")
    until(page, "document.querySelector('video').currentTime > 0.2")
    assert page.evaluate("document.querySelector('video').videoWidth") == 96
    address = page.url.removesuffix("index.html")
    assert [url for url in watch.requests if not url.startswith(address)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_it_passes_an_accessibility_check(
    drawn: Path, visit: Callable[..., Any], scheme: str, width: int
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe here: pip install vosbench[dev]"
    )
    page, watch = visit(
        (drawn / "index.html").as_uri(),
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        bypass_csp=True,
    )
    open_viewer(page)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = axe.Axe().run(page).response["violations"]
    told = [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]
    assert told == []
    across = page.evaluate("document.documentElement.scrollWidth")
    assert across <= width, "the page itself never scrolls sideways"
    assert watch.complaints == []


def test_names_from_outside_run_nothing(
    drawn: Path, visit: Callable[..., Any], tmp_path: Path
) -> None:
    run = shutil.copytree(drawn.parent, tmp_path / "run")
    evil = "</script><img src=x onerror=alert(1)><svg onload=alert(2)>{{7*7}}\u202e"
    record = json.loads((run / "run.json").read_text())
    record["method"] |= {"name": evil, "title": evil, "weights_note": evil, "notes": [evil]}
    record["data"]["warnings"] = [evil]
    record["command"] = ["vosbench", evil]
    record["hardware"] = {evil: evil}
    (run / "run.json").write_text(json.dumps(record))
    listed = json.loads((run / "videos" / "videos.json").read_text())
    listed[0] |= {"title": evil, "caption": evil}
    (run / "videos" / "videos.json").write_text(json.dumps(listed))
    report = write_report(run)
    page, watch = visit(report.html.as_uri())
    page.wait_for_load_state("load")
    assert watch.complaints == []
    assert "onerror=alert(1)" in page.locator("h1").inner_text()
    assert page.locator("img[src=x]").count() == 0
