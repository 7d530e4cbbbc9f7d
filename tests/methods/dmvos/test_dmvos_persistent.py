"""Which parts of a mask may move the window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from vosbench_methods.dmvos.persistent import persistent_part


def _boxes(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def test_a_look_alike_beside_the_object_is_left_out() -> None:
    accepted = _boxes((10, 10, 20, 20))
    mask = _boxes((11, 11, 21, 21), (5, 40, 30, 58))
    kept = persistent_part(mask, accepted, 0.5)
    np.testing.assert_array_equal(kept, _boxes((11, 11, 21, 21)))


def test_both_halves_of_an_object_split_by_an_occluder_stay() -> None:
    accepted = _boxes((10, 10, 20, 30))
    mask = _boxes((10, 10, 20, 18), (10, 22, 20, 30))
    np.testing.assert_array_equal(persistent_part(mask, accepted, 0.5), mask)


def test_overlap_decides_how_much_of_a_part_must_have_been_there() -> None:
    accepted = _boxes((0, 0, 20, 20))
    mask = _boxes((0, 0, 10, 10), (12, 16, 20, 26))  # 4 of the second part's 10 columns overlap
    assert persistent_part(mask, accepted, 0.4).sum() == 180
    assert persistent_part(mask, accepted, 0.41).sum() == 100


def test_an_object_that_jumped_is_its_largest_part() -> None:
    accepted = _boxes((0, 0, 5, 5))
    mask = _boxes((10, 10, 12, 12), (20, 20, 30, 30))
    assert persistent_part(mask, accepted, 0.5).sum() == 100


@pytest.mark.parametrize("mask", [_boxes(), _boxes((3, 3, 4, 4)), _boxes((0, 0, 40, 60))])
def test_nothing_and_single_parts_come_back_as_they_are(mask: np.ndarray) -> None:
    assert persistent_part(mask, _boxes(), 0.5) is mask


@given(
    arrays(bool, (9, 11)),
    arrays(bool, (9, 11)),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_the_answer_is_made_of_whole_parts(
    mask: np.ndarray, accepted: np.ndarray, overlap: float
) -> None:
    kept = persistent_part(mask, accepted, overlap)
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
