"""Window formulas against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vosbench_methods.dmvos.extent import extent_of
from vosbench_methods.dmvos.parameters import Parameters
from vosbench_methods.dmvos.window import Box, MaskExtent, TrackState, Window, advance, begin

FRAME = (480, 854)
DEFAULT = Parameters()


def extent(x0: float, y0: float, x1: float, y1: float) -> MaskExtent:
    return MaskExtent(Box(x0, y0, x1, y1), ((x0 + x1) / 2, (y0 + y1) / 2))


def test_extent_counts_pixels_as_areas() -> None:
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:4] = True  # three px tall, one wide
    mask[4, 3:8] = True
    found = extent_of(mask)
    assert found is not None
    assert found.box == (3, 2, 8, 5)
    # Columns 3 (three px) and 4..7: mean index (3*3+4+5+6+7)/7, plus half a px.
    assert found.mass == pytest.approx((31 / 7 + 0.5, (2 + 3 + 4 * 5) / 7 + 0.5))
    assert extent_of(np.zeros((4, 4), bool)) is None


def test_first_window_is_one_and_a_half_boxes() -> None:
    state = begin(extent(100, 200, 180, 260), FRAME, DEFAULT)
    assert state.window == Window(140, 230, 120, 90)
    assert state.window.box == (80, 185, 200, 275)
    assert state.centre == (140, 230)


def test_smoothing_formula() -> None:
    state = begin(extent(100, 200, 180, 260), FRAME, DEFAULT)
    state = advance(state, extent(110, 200, 210, 240), FRAME, DEFAULT)
    # w = 0.5*120 + 0.5*1.5*100 = 135; h = 0.5*90 + 0.5*1.5*40 = 75; centred on the new box.
    assert state.window == Window(160, 220, 135, 75)
    state = advance(state, extent(110, 200, 210, 240), FRAME, DEFAULT)
    assert state.window[2:] == (142.5, 67.5)


def test_no_smoothing_forgets_the_previous_size() -> None:
    parameters = replace(DEFAULT, smoothing=False)
    state = begin(extent(100, 200, 180, 260), FRAME, parameters)
    state = advance(state, extent(110, 200, 210, 240), FRAME, parameters)
    assert state.window == Window(160, 220, 150, 60)


def test_sizes_are_limited() -> None:
    tiny = begin(extent(10, 10, 11, 12), FRAME, DEFAULT)
    assert tiny.window[2:] == (32, 32)
    huge = begin(extent(0, 0, 854, 480), FRAME, DEFAULT)
    assert huge.window[2:] == (1281, 720)
    wider = replace(DEFAULT, context=3.0)
    assert begin(extent(0, 0, 854, 480), FRAME, wider).window[2:] == (1281, 720)


def test_a_single_pixel_shrinks_the_window_only_to_the_limit() -> None:
    state = begin(extent(100, 200, 180, 260), FRAME, DEFAULT)
    for _ in range(10):
        state = advance(state, extent(140, 230, 141, 231), FRAME, DEFAULT)
    assert state.window[2:] == (32, 32)


def test_empty_masks_freeze_then_grow_to_the_frame() -> None:
    start = begin(extent(100, 200, 180, 260), FRAME, DEFAULT)
    state = start
    for streak in range(1, 5):
        state = advance(state, None, FRAME, DEFAULT)
        assert state.window == start.window
        assert state.empty_streak == streak
    state = advance(state, None, FRAME, DEFAULT)
    assert state.window[2:] == (180, 135)
    assert state.window[:2] == (140, 230)
    for _ in range(20):
        state = advance(state, None, FRAME, DEFAULT)
    assert state.window.box == (0, 0, 854, 480)
    assert state.centre == start.centre
    # A mask ends the streak; the grown size enters the smoothing.
    state = advance(state, extent(400, 200, 500, 300), FRAME, DEFAULT)
    assert state.empty_streak == 0
    assert state.window == Window(450, 250, 0.5 * 854 + 75, 0.5 * 480 + 75)


def test_growing_keeps_the_window_inside_and_never_shrinks_it() -> None:
    corner = TrackState(Window(10, 470, 100, 60), (10, 470), empty_streak=9)
    grown = advance(corner, None, FRAME, DEFAULT).window
    assert grown == Window(75, 435, 150, 90)
    large = TrackState(Window(10, 20, 1200, 60), (10, 20), empty_streak=9)
    assert advance(large, None, FRAME, DEFAULT).window[2:] == (1200, 90)


def test_without_crop_the_window_is_the_frame_always() -> None:
    parameters = replace(DEFAULT, crop=False)
    state = begin(extent(100, 200, 180, 260), FRAME, parameters)
    for seen in (extent(1, 2, 30, 40), None, None, None, None, None, None, None):
        assert state.window.box == (0, 0, 854, 480)
        state = advance(state, seen, FRAME, parameters)


def test_centre_is_mass_or_box() -> None:
    lopsided = MaskExtent(Box(0, 0, 10, 20), (2.0, 3.0))
    assert begin(lopsided, FRAME, DEFAULT).centre == (2.0, 3.0)
    assert begin(lopsided, FRAME, replace(DEFAULT, centre="box")).centre == (5.0, 10.0)


def test_coordinates_of_a_window() -> None:
    window = Window(50, 40, 20, 10)
    assert window.relative((40, 35)) == (0, 0)
    assert window.relative((60, 45)) == (1, 1)
    assert window.absolute(window.relative((47, 41))) == pytest.approx((47, 41))
