from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.vosbench.diagnose.literal_waterfall import literal_loss
from vosbench.diagnose import TERMS, frame_loss, frame_overlap, grouped, stack_overlaps

Labels = NDArray[np.uint8]


@st.composite
def label_maps(draw: st.DrawFn) -> tuple[Labels, Labels]:
    """Two maps of a few rectangles with some noise, so that every term occurs."""
    height, width = draw(st.integers(3, 26)), draw(st.integers(3, 30))
    # small, or the largest id of all, which does not fit the short code
    highest = draw(st.sampled_from([1, 3, 3, 254]))
    maps = []
    for _ in range(2):
        labels = np.zeros((height, width), np.uint8)
        for _ in range(draw(st.integers(0, 4))):
            top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
            rows, columns = draw(st.integers(1, height)), draw(st.integers(1, width))
            one = draw(st.sampled_from([0, 1, min(2, highest), highest]))
            labels[top : top + rows, left : left + columns] = one
        maps.append(labels)
    if draw(st.booleans()):
        maps[1] = np.where(maps[1] == 0, maps[0], maps[1])
    return maps[0], maps[1]


@settings(max_examples=150, deadline=None)
@given(label_maps())
def test_terms_sum_to_the_loss_and_agree_with_the_literal_reading(
    maps: tuple[Labels, Labels],
) -> None:
    prediction, truth = maps
    ids = (1, 2, 254)
    loss = frame_loss(prediction, truth, ids)
    assert loss.terms.min() >= 0
    assert np.abs(loss.terms.sum(axis=1) - (1 - loss.region)).max() <= 1e-12
    for k, one in enumerate(ids):
        region, terms = literal_loss(prediction, truth, one)
        assert loss.region[k] == pytest.approx(region, abs=1e-12)
        expected = [terms.get(name, 0.0) for name in TERMS]
        assert loss.terms[k] == pytest.approx(expected, abs=1e-12)
    assert sum(grouped(loss.terms[0]).values()) == pytest.approx(1 - loss.region[0], abs=1e-12)


def _scene() -> Labels:
    truth = np.zeros((60, 80), np.uint8)
    truth[10:40, 5:35] = 1
    truth[10:40, 40:70] = 2
    return truth


def _terms(prediction: Labels, truth: Labels, one: int = 1) -> dict[str, float]:
    terms = frame_loss(prediction, truth, (one,)).terms[0]
    return {name: value for name, value in zip(TERMS, terms.tolist(), strict=True) if value}


def test_no_loss_without_a_mistake() -> None:
    truth = _scene()
    loss = frame_loss(truth, truth, (1, 2, 3))
    assert loss.region.tolist() == [1, 1, 1]
    assert not loss.terms.any()
    assert not loss.other.any()


def test_a_leak_shows_on_both_objects_and_names_the_other() -> None:
    truth = _scene()
    prediction = truth.copy()
    prediction[10:40, 40:50] = 1
    loss = frame_loss(prediction, truth, (1, 2))
    assert _terms(prediction, truth, 1) == {"leak": pytest.approx(300 / 1200)}
    assert _terms(prediction, truth, 2) == {"stolen": pytest.approx(300 / 900)}
    assert loss.other.tolist() == [2, 1]


def test_hallucination_says_on_what() -> None:
    truth = _scene()
    truth[truth == 1] = 0
    prediction = truth.copy()
    prediction[truth == 2] = 1
    on_object = frame_loss(prediction, truth, (1,))
    assert (on_object.terms[0].max(), on_object.other[0]) == (1, 2)
    prediction = truth.copy()
    prediction[:5, :5] = 1
    on_background = frame_loss(prediction, truth, (1,))
    assert on_background.terms[0, TERMS.index("hallucinated")] == 1
    assert on_background.other[0] == 0


def test_the_edge_of_the_frame_is_no_contour() -> None:
    truth = np.ones((40, 40), np.uint8)
    truth[:, 30:] = 0
    prediction = truth.copy()
    prediction[:, 0] = 0
    assert list(_terms(prediction, truth)) == ["interior_miss"]


def test_maps_of_unequal_size_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        frame_overlap(np.zeros((3, 4), np.uint8), np.zeros((4, 3), np.uint8))


def test_stacked_tables_keep_all_pixels_of_the_chosen_objects() -> None:
    truth = _scene()
    prediction = np.where(truth == 1, 7, truth).astype(np.uint8)
    prediction[45:50, 5:10] = 2
    table = stack_overlaps([frame_overlap(prediction, truth)], (1, 2))[0]
    assert table[2].sum() == 925
    assert table[:, 1].sum() == 900
    assert table[2, 2] == 900
    assert table[1].sum() == 0
