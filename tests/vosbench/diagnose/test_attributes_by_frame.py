"""Which frames have an attribute, on made clips on which the answer for each frame is plain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from vosbench.diagnose import measure_shapes
from vosbench.diagnose.attributes import (
    FRAME_ATTRIBUTES,
    MASK_ATTRIBUTES,
    FrameMeter,
    has_attribute,
    mask_figures,
    mask_frame_figures,
)
from vosbench.diagnose.frame_figures import REASONS, SUMMARIES, FrameFigures, summarise
from vosbench.explain.attributes import RULES

SIZE = (96, 160)
Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]
NOTHING = np.zeros(SIZE, np.bool_)


def box(top: int, left: int, height: int, width: int) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def bar(degrees: float) -> Mask:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    angle = math.radians(degrees)
    u = (x - 80) * math.cos(angle) + (y - 48) * math.sin(angle)
    v = (y - 48) * math.cos(angle) - (x - 80) * math.sin(angle)
    mask: Mask = (np.abs(u) < 40) & (np.abs(v) < 8)
    return mask


def of(masks: list[Mask]) -> FrameFigures:
    shapes = [measure_shapes(mask.astype(np.uint8), (1,))[0] for mask in masks]
    frames = mask_frame_figures(shapes, SIZE)
    # what is said of the clip is what its frames say
    whole = mask_figures(shapes, SIZE)
    for name, value in whole.items():
        assert summarise(name, frames.values[name]) == pytest.approx(value, nan_ok=True)
    return frames


def told(frames: FrameFigures, name: str) -> list[bool | str]:
    """For each frame whether it has the attribute, or why that cannot be said."""
    (rule,) = (rule for rule in RULES if rule.name == name)
    answers: list[bool | str] = []
    values, reasons = frames.values[rule.figure], frames.reasons[rule.figure]
    for value, reason in zip(values.tolist(), reasons, strict=True):
        has = has_attribute(value, rule.threshold, above=rule.above)
        assert (has is None) == bool(reason)
        assert not reason or reason in REASONS
        answers.append(reason if has is None else has)
    return answers


def test_small_and_large_frames() -> None:
    frames = of([box(5, 5, 20, 20), box(5, 5, 60, 60), NOTHING])
    assert told(frames, "LR") == [True, False, "absent"]
    assert frames.values["LR"][0] == 400 / (96 * 160)


def test_a_frame_has_a_change_of_scale_with_any_other() -> None:
    frames = of([box(5, 5, 10, 10), box(5, 5, 10, 15), box(5, 5, 10, 30), NOTHING])
    # 150 px are half of 300 px, and not less
    assert told(frames, "SV") == [True, False, True, "absent"]
    assert told(frames, "SV-length") == [False, False, False, "absent"]
    assert told(of([box(5, 5, 10, 10), box(5, 5, 40, 40)]), "SV-length") == [True, True]


def test_steps_are_fast_or_not_and_a_gap_has_none() -> None:
    clip = [NOTHING, box(9, 10, 9, 9), box(9, 10, 9, 9), box(9, 40, 9, 9), NOTHING]
    frames = of([*clip, box(9, 90, 9, 9)])
    assert told(frames, "FM") == ["absent", "earlier", False, True, "absent", "gap"]
    assert frames.values["FM"][3] == pytest.approx(30 / math.hypot(*SIZE))


def test_frames_out_of_view_and_occluded() -> None:
    leaving = of([NOTHING] + [box(30, 100, 30, 30)] * 5 + [box(30, 148, 30, 30)] * 4 + [NOTHING])
    assert told(leaving, "OV") == ["earlier"] + [False] * 5 + [True] * 5
    assert told(leaving, "OCC") == ["earlier"] + [False] * 10
    covered = of([box(30, 60, 30, 30)] * 5 + [box(30, 60, 30, 12)] * 5 + [NOTHING])
    assert told(covered, "OCC") == [False] * 5 + [True] * 6
    assert told(covered, "OV") == [False] * 11


def test_thin_shapes_and_changes_of_shape() -> None:
    square, line = box(20, 20, 40, 40), box(40, 10, 1, 140)
    frames = of([square] * 12 + [line] * 12)
    assert told(frames, "SC") == [False] * 12 + [True] * 12
    # against ten frames before
    assert told(frames, "DEF") == ["earlier"] * 10 + [False] * 2 + [True] * 10 + [False] * 2
    tiny = of([box(5, 5, 8, 8)] * 11 + [NOTHING, *[box(5, 5, 8, 8)] * 10])
    assert told(tiny, "DEF")[10:13] == ["small", "absent", "small"]
    assert told(tiny, "DEF")[21] == "gap"


def test_turns_against_the_first_frame_that_has_an_axis() -> None:
    frames = of([box(30, 30, 40, 40), NOTHING, *(bar(4 * t) for t in range(12))])
    assert told(frames, "ROT") == ["round", "absent"] + [False] * 8 + [True] * 4
    assert frames.values["ROT"][-1] == pytest.approx(44, abs=2)
    assert told(of([box(30, 30, 40, 40)]), "ROT") == ["round"]


def test_an_object_that_is_never_there_has_no_attribute_on_any_frame() -> None:
    frames = of([NOTHING, NOTHING])
    for name in MASK_ATTRIBUTES:
        assert told(frames, name) == (["earlier"] if name in ("OV", "OCC") else ["absent"]) * 2


def ground(level: int, noise: int) -> Picture:
    """Blocks of 8 px, which are still there at a quarter of the size."""
    random = np.random.default_rng(1)
    blocks = random.integers(level - noise, level + noise, (SIZE[0] // 8, SIZE[1] // 8, 3))
    return blocks.repeat(8, 0).repeat(8, 1).astype(np.uint8)


OBJECT = box(30, 40, 30, 40)


def flat(colour: int, *, level: int = 60, noise: int = 4) -> Picture:
    picture = ground(level, noise)
    picture[OBJECT] = colour
    return picture


def seen(pictures: list[Picture | None], *, step: int = 1) -> FrameFigures:
    meter = FrameMeter(1, step=step)
    for picture in pictures:
        meter.add(picture, OBJECT.astype(np.uint8))
    frames, whole = meter.frames(), meter.figures()
    assert set(frames.values) == set(whole) == set(FRAME_ATTRIBUTES)
    for name, value in whole.items():
        made = summarise(name, frames.values[name][::step])
        assert made == pytest.approx(value, nan_ok=True)
    return frames


def test_one_frame_on_which_the_object_has_the_colour_of_the_ground() -> None:
    frames = seen([flat(230), flat(230), None, flat(60), flat(230)])
    assert told(frames, "BC") == [False, False, "no-picture", True, False]
    assert told(frames, "EA") == [False, False, "no-picture", True, False]
    assert told(frames, "AC") == ["earlier", False, "no-picture", True, False]


def test_one_frame_with_many_colours_and_one_with_a_blurred_contour() -> None:
    many = flat(230)
    many[OBJECT] = np.random.default_rng(2).integers(0, 256, (OBJECT.sum(), 3))
    inner = flat(60)
    inner[38:52, 48:72] = np.array([0, 250], np.uint8).repeat(2)[np.arange(24) % 4][:, None]
    frames = seen([flat(230), many, inner, flat(230)])
    assert told(frames, "HO") == [False, True, False, False]
    assert told(frames, "MB")[2:] == [True, False]


def test_one_frame_on_which_the_camera_jumps_and_one_with_another_ground() -> None:
    still = flat(200, level=90, noise=20)
    jumped = np.roll(still, 24, axis=1)
    frames = seen([still, still, still, jumped, jumped, jumped])
    assert told(frames, "CS") == ["earlier", False, False, True, False, False]
    lighter = still.copy()
    lighter[~OBJECT] += 100
    frames = seen([still, still, lighter, lighter])
    assert told(frames, "DB") == ["earlier", False, True, False]


def test_frames_between_those_of_the_sequence_leave_its_figures_alone() -> None:
    pictures: list[Picture | None] = [flat(230 - 20 * t, noise=20) for t in range(9)]
    between, alone = FrameMeter(1, step=4), FrameMeter(1)
    for t, picture in enumerate(pictures):
        between.add(picture, OBJECT.astype(np.uint8))
        if t % 4 == 0:
            alone.add(picture, OBJECT.astype(np.uint8))
    assert between.figures() == alone.figures()
    frames = between.frames()
    assert told(frames, "CS")[:4] == ["earlier"] * 4
    assert all(isinstance(one, bool) for one in told(frames, "CS")[4:])
    assert all(isinstance(one, bool) for one in told(frames, "AC")[1:])


def test_small_and_missing_objects_have_no_looks() -> None:
    meter = FrameMeter(1)
    for mask in (box(9, 9, 2, 9), NOTHING):
        meter.add(flat(230), mask.astype(np.uint8))
    for name in ("AC", "BC", "EA", "HO", "MB"):
        assert told(meter.frames(), name) == ["small", "absent"]
    filling = FrameMeter(1)
    filling.add(flat(230), np.ones(SIZE, np.uint8))
    assert told(filling.frames(), "EA") == ["no-contour"]
    filling.add(flat(230), np.ones(SIZE, np.uint8))
    assert told(filling.frames(), "DB") == ["earlier", "no-ground"]


def test_every_attribute_has_a_rule_for_sequences() -> None:
    assert set(SUMMARIES) == {*MASK_ATTRIBUTES, *FRAME_ATTRIBUTES} == {r.figure for r in RULES}
    assert summarise("OCC", [math.nan, 1.0, 0.0, 1.0]) == 0.5
    assert summarise("CS", [3.0, math.nan, 4.0]) == pytest.approx(math.sqrt(12.5))
    assert math.isnan(summarise("LR", [math.nan]))
