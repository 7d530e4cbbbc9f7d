from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vosbench.diagnose import (
    best_assignment,
    find_identity_events,
    frame_overlap,
    leaks,
    stack_overlaps,
)

Labels = NDArray[np.uint8]


def _truth() -> Labels:
    labels = np.zeros((40, 60), np.uint8)
    labels[5:25, 5:25] = 1
    labels[5:25, 30:50] = 2
    return labels


def _swapped() -> Labels:
    return np.array([0, 2, 1], np.uint8)[_truth()]


def _tables(masks: list[Labels]) -> NDArray[np.int64]:
    return stack_overlaps([frame_overlap(mask, _truth()) for mask in masks], (1, 2))


def _found(masks: list[Labels]) -> list[tuple[str, int, int, int, int]]:
    events = find_identity_events(_tables(masks), (1, 2))
    return [(e.kind, e.object_id, e.other, e.onset, e.end) for e in events]


def test_true_masks_confuse_nothing() -> None:
    assert _found([_truth()] * 5) == []


def test_a_swap_must_last_three_frames() -> None:
    good, bad = _truth(), _swapped()
    assert ("swap", 1, 2, 2, 4) in _found([good, good, bad, bad, bad, good])
    assert [e for e in _found([good, bad, bad, good, bad, good]) if e[0] == "swap"] == []


def test_a_swap_that_gains_little_is_none() -> None:
    # both masks lie half on either object, a little more on the wrong one
    mask = _truth()
    mask[5:25, 5:16], mask[5:25, 16:25] = 2, 1
    mask[5:25, 30:41], mask[5:25, 41:50] = 1, 2
    assert [e[0] for e in _found([mask] * 5)].count("swap") == 0


def test_a_merge_is_one_mask_over_two_objects() -> None:
    mask = np.where(_truth() > 0, 1, 0).astype(np.uint8)
    found = _found([_truth(), mask, mask])
    assert ("merge", 1, 2, 1, 2) in found
    assert [e for e in found if e[0] == "swap"] == []


def test_a_split_is_one_object_under_two_masks() -> None:
    mask = _truth()
    mask[5:25, 5:12] = 2
    assert _found([mask]) == [("split", 1, 2, 0, 0)]


def test_leaks_are_shares_of_the_true_objects() -> None:
    mask = _truth()
    mask[5:25, 30:35] = 1
    matrix = leaks(_tables([mask, _truth()]))
    assert matrix == pytest.approx(np.array([[1, 0.125], [0, 0.875]]))


def test_an_object_that_is_never_there_has_no_leaks() -> None:
    truth = np.where(_truth() == 1, 1, 0).astype(np.uint8)
    matrix = leaks(stack_overlaps([frame_overlap(_truth(), truth)], (1, 2)))
    assert np.isnan(matrix[:, 1]).all()
    assert matrix[:, 0].tolist() == [1, 0]


def test_assignment_keeps_objects_where_that_costs_nothing() -> None:
    assert best_assignment(np.zeros((3, 3))).tolist() == [0, 1, 2]
    assert best_assignment(np.array([[0.1, 0.8], [0.7, 0.2]])).tolist() == [1, 0]
    assert best_assignment(np.array([[0.5, 0.5], [0.0, 0.0]])).tolist() == [0, 1]
