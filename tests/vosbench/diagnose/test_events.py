from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from vosbench.diagnose import Event, Shape, change_of_shape, find_events, measure_shapes

Labels = NDArray[np.uint8]
SIZE = (100, 160)


def _box(left: int, top: int, width: int, height: int, one: int = 1) -> Labels:
    labels = np.zeros(SIZE, np.uint8)
    labels[max(top, 0) : top + height, max(left, 0) : max(left + width, 0)] = one
    return labels


def _events(frames: list[Labels], ids: tuple[int, ...] = (1,)) -> tuple[Event, ...]:
    return find_events([measure_shapes(frame, ids) for frame in frames], ids, SIZE)


def _spans(frames: list[Labels], kind: str, ids: tuple[int, ...] = (1,)) -> list[tuple[int, int]]:
    return [(e.onset, e.end) for e in _events(frames, ids) if e.kind == kind]


def _shape(labels: Labels, one: int = 1) -> Shape:
    shape = measure_shapes(labels, (one,))[0]
    assert shape is not None
    return shape


def test_a_still_object_has_no_events() -> None:
    assert _events([_box(40, 40, 20, 20)] * 12) == ()


def test_shape_is_measured() -> None:
    labels = _box(0, 10, 20, 30)
    labels[10:40, 21:30] = 2
    shape = _shape(labels)
    assert (shape.area, shape.box, shape.centre) == (600, (0, 10, 20, 40), (9.5, 24.5))
    # 96 pixels on the rim; the left side lies on the edge, the right side is 2 px from the other
    assert shape.border == pytest.approx(30 / 96)
    assert shape.contact == pytest.approx(30 / 96)
    labels[10:40, 21:22] = 0
    assert _shape(labels).contact == 0


def test_absence_inside_the_frame_is_an_occlusion() -> None:
    shown, gone = _box(40, 40, 20, 20), np.zeros(SIZE, np.uint8)
    frames = [shown] * 5 + [gone] * 3 + [shown] * 4
    assert _spans(frames, "absent") == [(5, 7)]
    assert _spans(frames, "disappear") == [(5, 5)]
    assert _spans(frames, "reappear") == [(8, 8)]
    assert _spans(frames, "occlusion") == [(5, 7)]
    assert _spans(frames, "out-of-view") == []


def test_absence_before_the_first_appearance_is_no_event() -> None:
    frames = [np.zeros(SIZE, np.uint8)] * 3 + [_box(40, 40, 20, 20)] * 3
    assert _events(frames) == ()


def test_an_object_that_never_returns_has_no_reappearance() -> None:
    frames = [_box(40, 40, 20, 20)] * 3 + [np.zeros(SIZE, np.uint8)] * 3
    assert _spans(frames, "absent") == [(3, 5)]
    assert _spans(frames, "reappear") == []


def test_leaving_by_the_edge_is_out_of_view_and_no_occlusion() -> None:
    frames = [_box(40 - 8 * t, 40, 30, 30) for t in range(12)]
    assert _spans(frames, "out-of-view") == [(6, 11)]
    assert _spans(frames, "occlusion") == []


def test_an_occluder_cuts_one_side_while_a_scale_change_shrinks_both() -> None:
    cut = [_box(40, 40, 24, 24)] * 4 + [_box(40, 40, 12, 24)] * 3 + [_box(40, 40, 24, 24)] * 4
    assert _spans(cut, "occlusion") == [(4, 6)]
    assert _spans(cut, "scale-change") == []
    small = [_box(40, 40, 40 - 3 * t, 40 - 3 * t) for t in range(9)]
    assert _spans(small, "occlusion") == []
    # the area of the box halves between 28 and 31 px
    assert _spans(small, "scale-change") == [(4, 8)]


def test_fast_motion_is_a_share_of_the_diagonal() -> None:
    step = math.ceil(math.hypot(*SIZE) * 20 / 979.66)
    slow = [_box(20 + (step - 1) * t, 40, 20, 20) for t in range(8)]
    fast = [_box(20 + step * t, 40, 20, 20) for t in range(8)]
    assert _spans(slow, "fast-motion") == []
    assert _spans(fast, "fast-motion") == [(1, 7)]


def test_turning_and_growing_are_no_deformation_but_bending_is() -> None:
    lying, standing, large = _box(30, 40, 40, 10), _box(45, 25, 10, 40), _box(20, 30, 80, 20)
    assert change_of_shape(_shape(lying), _shape(standing)) < 0.1
    assert change_of_shape(_shape(lying), _shape(large)) < 0.1
    bent = _box(30, 40, 20, 10) | _box(50, 40, 10, 20)
    assert change_of_shape(_shape(lying), _shape(bent)) > 0.25
    assert _spans([lying, lying, bent, bent, bent], "deformation") == [(2, 2)]


def _pass(t: int) -> Labels:
    """Object 2 runs from left to right over object 1."""
    labels = _box(70, 40, 20, 20)
    left = 30 + 6 * t
    labels[42:58, left : left + 16] = 2
    return labels


def test_a_crossing_names_both_objects_and_a_meeting_is_none() -> None:
    frames = [_pass(t) for t in range(16)]
    crossings = [e for e in _events(frames, (1, 2)) if e.kind == "crossing"]
    assert [(e.object_id, e.other, e.onset, e.end) for e in crossings] == [
        (1, 2, 5, 9),
        (2, 1, 5, 9),
    ]
    there_and_back = [_pass(min(t, 14 - t)) for t in range(15)]
    assert _spans(there_and_back, "crossing", (1, 2)) == []
    assert _spans(there_and_back, "contact", (1, 2)) != []


def test_crowding_is_of_all_objects_together() -> None:
    frames = [_pass(t) for t in range(16)]
    crowd = [e for e in _events(frames, (1, 2)) if e.kind == "crowding"]
    assert [(e.object_id, e.onset, e.end) for e in crowd] == [(0, 5, 9)]
    # both boxes whole: 20x20 and 16x16 that share 16x16 when one lies inside the other
    assert crowd[0].strength == pytest.approx(256 / 400)
