"""Which parts of a mask may move the window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from vosbench_methods.dmvos.persistent import persistent_part
from vosbench_methods.dmvos.window import Box


def _boxes(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A mask of (left, top, right, bottom) rectangles."""
    mask = np.zeros((40, 60), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def test_a_look_alike_beside_the_object_is_left_out() -> None:
    mask = _boxes((11, 11, 21, 21), (40, 5, 58, 30))
    kept = persistent_part(mask, Box(10, 10, 20, 20), 0.6)
    np.testing.assert_array_equal(kept, _boxes((11, 11, 21, 21)))


def test_pieces_behind_a_pole_stay_although_they_move() -> None:
    # the object's 20 columns have moved by 4; a pole hides 3 of them
    mask = _boxes((14, 10, 20, 20), (23, 10, 34, 20))
    np.testing.assert_array_equal(persistent_part(mask, Box(10, 10, 30, 20), 0.6), mask)


def test_overlap_decides_how_much_of_a_part_must_be_where_the_object_was() -> None:
    before = Box(0, 0, 20, 20)
    mask = _boxes((0, 0, 10, 10), (16, 12, 26, 20))  # 4 of the second part's 10 columns
    assert persistent_part(mask, before, 0.4).sum() == 180
    assert persistent_part(mask, before, 0.41).sum() == 100


def test_an_object_that_jumped_is_its_largest_part() -> None:
    mask = _boxes((10, 10, 12, 12), (20, 20, 30, 30))
    assert persistent_part(mask, Box(0, 0, 5, 5), 0.6).sum() == 100


@pytest.mark.parametrize("mask", [_boxes(), _boxes((3, 3, 4, 4)), _boxes((0, 0, 60, 40))])
def test_nothing_and_single_parts_come_back_as_they_are(mask: np.ndarray) -> None:
    assert persistent_part(mask, Box(0, 0, 5, 5), 0.6) is mask


@given(
    arrays(bool, (9, 11)), st.integers(0, 6), st.integers(0, 6), st.sampled_from([0.0, 0.3, 1.0])
)
def test_the_answer_is_made_of_whole_parts(
    mask: np.ndarray, left: int, top: int, overlap: float
) -> None:
    kept = persistent_part(mask, Box(left, top, left + 4, top + 3), overlap)
    assert not (kept & ~mask).any()
    rest = mask & ~kept
    # no kept pixel touches a rejected one
    assert not (kept[1:] & rest[:-1]).any()
    assert not (kept[:-1] & rest[1:]).any()
    assert not (kept[:, 1:] & rest[:, :-1]).any()
    assert not (kept[:, :-1] & rest[:, 1:]).any()
    assert kept.any() == mask.any()
    if overlap == 0.0:
        np.testing.assert_array_equal(kept, mask)
