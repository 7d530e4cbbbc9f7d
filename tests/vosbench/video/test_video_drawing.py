"""Layout, letters and events of videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import MakeDavis
from tests.vosbench.video.video_runs import make_scored_run
from vosbench.errors import ComparisonError, InputError
from vosbench.explain import diagnose_path
from vosbench.video import find_reel, load_runs
from vosbench.video.canvas import Line, Panel, Timeline, paint, plan_canvas
from vosbench.video.clips import cut_of
from vosbench.video.drawing import draw_masks
from vosbench.video.events import ReelEvent
from vosbench.video.lettering import fitted, font_of, safe
from vosbench.video.source import Curve, VideoRun

HOSTILE = "</b>\x1b[31m\u202eevil\n\u4e2d" + "x" * 5000


@pytest.mark.parametrize("panels", [1, 2, 3, 5, 7, 12, 40])
@pytest.mark.parametrize("size", [(480, 854), (854, 480), (48, 64), (2160, 3840), (100, 3000)])
def test_every_panel_has_a_place_of_its_own_and_sizes_are_even(
    panels: int, size: tuple[int, int]
) -> None:
    canvas = plan_canvas(panels, size, captions=2, timeline=True)
    assert canvas.width % 2 == canvas.height % 2 == 0
    corners = [canvas.corner(place) for place in range(panels)]
    assert len(set(corners)) == panels
    assert all(left + canvas.panel[1] <= canvas.width for left, _ in corners)
    assert all(top + canvas.panel[0] < canvas.height for _, top in corners)
    left, top, right, bottom = canvas.timeline_box
    assert 0 <= left < right <= canvas.width
    assert 0 <= top < bottom <= canvas.height
    if panels <= 7:
        assert canvas.width <= 1282 and canvas.height <= 964


def test_wide_clips_stand_side_by_side() -> None:
    assert plan_canvas(2, (480, 854), captions=3, timeline=True).columns == 2


def test_names_from_outside_become_short_plain_letters() -> None:
    assert safe("a\u4e2d\u00e9") == "aU+4E2DU+00E9"
    font = font_of(20)
    shown = fitted(HOSTILE, font, 200)
    assert font.getlength(shown) <= 200
    assert "…" in shown
    assert not {"\x1b", "\u202e", "\n"} & set(safe(HOSTILE))
    assert fitted("dmvos", font, 200) == "dmvos"
    assert fitted("dmvos", font, 1) == "…"
    long = fitted("precomputed:some-method-with-a-name@variant-two", font, 200)
    assert long.startswith("prec") and long.endswith("two")


def test_a_frame_with_hostile_names_is_drawn() -> None:
    canvas = plan_canvas(2, (48, 64), captions=1, timeline=True)
    image = np.zeros((*canvas.panel, 3), np.uint8)
    panels = [Panel(HOSTILE, image, "J 12.0", low=True, number=1), Panel("", image)]
    timeline = Timeline([{0: 0.5, 1: 0.25}, {}, {3: 1.0}], 0, 0, 0, (0, 0))
    drawn = paint(canvas, panels, [Line(HOSTILE, alarm=True)], timeline, alarm=True)
    assert drawn.shape == (canvas.height, canvas.width, 3)
    assert np.array_equal(drawn, paint(canvas, panels, [Line(HOSTILE, alarm=True)], timeline,
                                       alarm=True))  # fmt: skip


def test_masks_are_tinted_and_edged_and_the_rest_is_left() -> None:
    image = np.full((20, 20, 3), 100, np.uint8)
    labels = np.zeros((20, 20), np.uint8)
    labels[4:12, 4:12] = 1
    labels[12:18, 4:12] = 254
    drawn = draw_masks(image, labels)
    assert np.array_equal(drawn[labels == 0], image[labels == 0])
    assert drawn[8, 8].tolist() == [114, 50, 50]
    assert drawn[4, 8].min() > 120
    assert (drawn[labels == 254] != 100).any()
    assert image.min() == 100


def run_with(curves: dict[str, list[float]]) -> VideoRun:
    """A run of which only the curves are known."""
    made = {name: (Curve(1, np.arange(1, len(j) + 1), np.array(j)),) for name, j in curves.items()}
    return VideoRun(Path("nowhere"), "toy", None, frozenset(made), None, made)  # type: ignore[arg-type]


def test_the_dearest_failures_come_first_and_dips_only_fill_up() -> None:
    long = [0.9] * 10 + [0.1] * 20 + [0.9] * 10
    short = [0.9] * 30 + [0.3] * 6 + [0.9] * 4
    dip = [0.9] * 20 + [0.6, 0.55, 0.6] + [0.9] * 17
    fine = [0.9] * 40
    run = run_with({"short": short, "long": long, "dip": dip, "fine": fine})
    names = ["short", "long", "dip", "fine"]
    found = find_reel(run, names, most=6)
    assert [(one.sequence, one.kind) for one in found] == [
        ("long", "failure"), ("short", "failure"), ("dip", "dip"),
    ]  # fmt: skip
    assert (found[0].onset, found[0].end) == (11, 30)
    assert found[0].cost == pytest.approx(20 * 0.9 / 40)
    assert (found[2].onset, found[2].worst, found[2].end) == (21, 22, 23)
    assert [one.sequence for one in find_reel(run, names, most=1)] == ["long"]
    assert find_reel(run, ["fine"], most=6) == ()


def test_undefined_scores_and_failures_to_the_end_are_no_obstacle() -> None:
    run = run_with({"a": [0.9] * 5 + [float("nan")] * 3 + [0.2] * 10, "b": [float("nan")] * 4})
    (only,) = find_reel(run, ["a", "b"], most=6)
    assert (only.onset, only.end) == (9, 18)


def test_a_run_without_scores_has_no_reel() -> None:
    with pytest.raises(InputError, match="no scores per frame"):
        find_reel(run_with({}), [], most=6)


def test_the_cause_is_that_of_the_diagnosis(tmp_path: Path, make_davis: MakeDavis) -> None:
    data = make_davis({"a": 20}, objects=1)
    root = make_scored_run(tmp_path / "run", data, lost_from=8)
    (before,) = find_reel(load_runs([root])[0], ["a"], most=1)
    assert (before.onset, before.end, before.cause) == (8, 18, "")
    diagnose_path(root)
    (after,) = find_reel(load_runs([root])[0], ["a"], most=1)
    assert (after.onset, after.cause) == (8, "missed")


def test_a_long_event_is_cut_but_shows_its_worst_frame() -> None:
    event = ReelEvent("a", 1, onset=20, end=400, worst=25, lowest=0.0, cost=0.5, kind="failure")
    assert cut_of(event, 500) == (8, 91, 91)
    late = ReelEvent("a", 1, onset=20, end=400, worst=399, lowest=0.0, cost=0.5, kind="failure")
    assert cut_of(late, 500).until == 399
    short = ReelEvent("a", 1, onset=2, end=5, worst=3, lowest=0.0, cost=0.5, kind="dip")
    assert cut_of(short, 8) == (0, 7, 5)
    assert cut_of(short, 8, context=0) == (2, 5, 5)


def test_runs_of_other_data_show_no_common_video(tmp_path: Path, make_davis: MakeDavis) -> None:
    data = make_davis({"a": 4})
    one = make_scored_run(tmp_path / "one", data, score=False)
    two = make_scored_run(tmp_path / "two", data, score=False)
    text = (two / "run.json").read_text().replace('"split": "val"', '"split": "train"')
    (two / "run.json").write_text(text)
    with pytest.raises(ComparisonError, match="do not show the same videos"):
        load_runs([one, two])
