from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vosbench.diagnose import CONTOUR_PARTS, TERMS, find_cause, frame_loss

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def _grown(mask: Mask, width: float) -> Mask:
    """All pixels within `width` px of the mask, one by one."""
    ys, xs = np.nonzero(mask)
    grown = np.zeros_like(mask)
    for y, x in np.ndindex(*mask.shape):
        grown[y, x] = bool(((ys - y) ** 2 + (xs - x) ** 2 <= width**2 + 1e-9).any())
    return grown


def _pieces(mask: Mask) -> list[Mask]:
    left, pieces = mask.copy(), []
    while left.any():
        piece = np.zeros_like(mask)
        piece[tuple(np.argwhere(left)[0])] = True
        while True:
            wider = _grown(piece, 1.5) & mask
            if (wider == piece).all():
                break
            piece = wider
        pieces.append(piece)
        left &= ~piece
    return pieces


def _literal(prediction: Labels, truth: Labels) -> dict[str, float]:
    mine, true = prediction == 1, truth == 1
    union = (mine | true).sum()
    width = max(1.0, min(math.ceil(0.008 * math.hypot(*truth.shape)), 0.1 * math.sqrt(true.sum())))
    extra, missed = mine & (truth == 0), true & (prediction == 0)
    near, inner_near = _grown(true, width), _grown(~true, width)
    opened = _grown(true & ~inner_near, width)
    counts = {
        "thin": missed & inner_near & ~opened,
        "miss_rim": missed & inner_near & _grown(missed & ~inner_near, width),
        "extra_rim": extra & near & _grown(extra & ~near, width),
        "detached": np.zeros_like(mine),
    }
    if (extra & ~near).any():
        for piece in _pieces(mine):
            if not (piece & true).any():
                counts["detached"] |= piece & extra
    return {name: float(mask.sum() / union) for name, mask in counts.items()}


def _parts(prediction: Labels, truth: Labels) -> dict[str, float]:
    loss = frame_loss(prediction, truth, (1,))
    return dict(zip(CONTOUR_PARTS, loss.contour[0].tolist(), strict=True))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Labels, Labels]:
    """A large object and rectangles that are added to or taken from its mask."""
    truth = np.zeros((26, 34), np.uint8)
    truth[6:20, 5:22] = 1
    if draw(st.booleans()):
        truth[2:6, 12] = 1
    prediction = truth.copy()
    for _ in range(draw(st.integers(0, 4))):
        top, left = draw(st.integers(0, 25)), draw(st.integers(0, 33))
        rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 7))
        value = draw(st.sampled_from([0, 1, 1, 2]))
        prediction[top : top + rows, left : left + columns] = value
    return prediction, truth


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_parts_agree_with_the_literal_reading(maps: tuple[Labels, Labels]) -> None:
    prediction, truth = maps
    loss = frame_loss(prediction, truth, (1,))
    terms = dict(zip(TERMS, loss.terms[0].tolist(), strict=True))
    parts = _parts(prediction, truth)
    if loss.region[0] >= 0.1 and (prediction == 1).any():
        assert parts == pytest.approx(_literal(prediction, truth), abs=1e-12)
    assert parts["thin"] + parts["miss_rim"] + parts["extra_rim"] <= terms["boundary"] + 1e-12
    assert parts["detached"] <= terms["boundary"] + terms["bg_fp"] + 1e-12


def _kite() -> Labels:
    """A body of 60x60 px on twenty strings of 2 px."""
    truth = np.zeros((240, 320), np.uint8)
    truth[150:210, 120:180] = 1
    for k in range(20):
        truth[20:150, 20 + 12 * k : 22 + 12 * k] = 1
    return truth


def _cause(prediction: Labels, truth: Labels, *, centre_error: float | None = None) -> str:
    loss = frame_loss(prediction, truth, (1,))
    none = np.zeros(1, np.bool_)
    return find_cause(
        loss.terms,
        lag=None,
        frozen=none,
        swapped=none,
        merged=none,
        contour=loss.contour,
        centre_error=centre_error,
    )


def test_missed_strings_are_thin_parts_and_no_matter_of_precision() -> None:
    truth = _kite()
    prediction = truth.copy()
    prediction[:150] = 0
    parts = _parts(prediction, truth)
    # all but a pixel where each string meets the body
    assert parts["thin"] > 0.99 * (1 - frame_loss(prediction, truth, (1,)).region[0])
    assert _cause(prediction, truth) == "thin parts"


def test_a_missed_limb_counts_with_its_rim() -> None:
    truth = np.zeros((240, 320), np.uint8)
    truth[100:180, 100:180] = 1
    truth[20:100, 130:150] = 1
    prediction = truth.copy()
    prediction[:100] = 0
    loss = frame_loss(prediction, truth, (1,))
    terms = dict(zip(TERMS, loss.terms[0].tolist(), strict=True))
    # most of a limb of 20 px lies in the two bands of 4 px and at its ends
    parts = _parts(prediction, truth)
    assert parts["miss_rim"] > 0.9 * terms["boundary"]
    assert _cause(prediction, truth) == "interior"


def test_a_piece_of_its_own_is_told_from_a_spill() -> None:
    truth = np.zeros((240, 320), np.uint8)
    truth[100:180, 100:180] = 1
    alone, spilt = truth.copy(), truth.copy()
    alone[100:140, 220:260] = 1
    spilt[100:140, 180:220] = 1
    assert _parts(alone, truth)["detached"] == pytest.approx(1600 / (6400 + 1600))
    assert _parts(spilt, truth)["detached"] == 0
    assert _parts(spilt, truth)["extra_rim"] > 0
    assert _cause(alone, truth) == _cause(spilt, truth) == "background"


def test_as_much_too_much_as_missed_is_displaced_only_where_the_mask_is_off() -> None:
    truth = np.zeros((240, 320), np.uint8)
    truth[100:180, 100:180] = 1
    moved = np.roll(truth, 24, axis=1)
    assert _cause(moved, truth, centre_error=0.3) == "displaced"
    # a bite on one side and a spill on the other leave the centroid where it is
    assert _cause(moved, truth, centre_error=0.02) in ("background", "interior")
    # another object far away, and a bite
    other = truth.copy()
    other[140:180, 140:180] = 0
    other[20:60, 20:60] = 1
    assert _cause(other, truth, centre_error=0.3) != "displaced"
