"""Attributes from masks and frames, on made clips whose answer is plain."""

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
    cohen_kappa,
    has_attribute,
    mask_figures,
)

SIZE = (96, 160)


def figures(masks: list[NDArray[np.bool_]]) -> dict[str, float]:
    shapes = [measure_shapes(mask.astype(np.uint8), (1,))[0] for mask in masks]
    return mask_figures(shapes, SIZE)


def box(top: int, left: int, height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros(SIZE, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def bar(degrees: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    angle = math.radians(degrees)
    u = (x - 80) * math.cos(angle) + (y - 48) * math.sin(angle)
    v = (y - 48) * math.cos(angle) - (x - 80) * math.sin(angle)
    mask: NDArray[np.bool_] = (np.abs(u) < 40) & (np.abs(v) < 8)
    return mask


def test_exact_figures_of_a_moving_square() -> None:
    found = figures([box(20, 10 + 5 * t, 20, 20) for t in range(15)])
    assert set(found) == set(MASK_ATTRIBUTES)
    assert found["LR"] == pytest.approx(400 / (96 * 160))
    assert found["SV"] == 1
    assert found["FM"] == pytest.approx(5 / math.hypot(*SIZE))
    assert found["OV"] == found["OCC"] == 0
    assert found["DEF"] == pytest.approx(0, abs=0.02)
    # a square: (4 a)^2 / (4 pi a^2)
    assert found["SC"] == pytest.approx(4 / math.pi, rel=0.05)


def test_scale_turn_shape_and_loss() -> None:
    assert figures([box(10, 20, 20 + t, 20 + t) for t in range(21)])["SV"] == pytest.approx(0.25)
    turned = figures([bar(4 * t) for t in range(31)])
    assert turned["ROT"] == pytest.approx(120, abs=3)
    assert figures([bar(10) for _ in range(3)])["ROT"] == pytest.approx(0, abs=0.5)
    comb = box(30, 40, 40, 40)
    comb[30:66, 42::8] = comb[30:66, 43::8] = comb[30:66, 44::8] = comb[30:66, 45::8] = False
    assert figures([comb])["SC"] > 3 * figures([box(30, 40, 40, 40)])["SC"]
    leaving = figures([box(30, 100 + 6 * t, 30, 60) for t in range(9)])
    assert leaving["OV"] > 0.3
    assert leaving["OCC"] == 0
    covered = [box(30, 60, 30, 30 if t < 5 else 12) for t in range(10)]
    assert figures(covered)["OCC"] == 0.5
    # bars upright on the left, then lying: not the same shape, whichever way it is turned
    cross = box(30, 40, 40, 10) | box(45, 40, 10, 60)
    assert figures([box(30, 40, 40, 40)] * 12 + [cross] * 12)["DEF"] > 0.1


def test_what_is_never_seen_has_no_figures() -> None:
    assert all(math.isnan(value) for value in mask_figures([None, None], SIZE).values())
    assert figures([np.zeros(SIZE, np.bool_), box(5, 5, 10, 10)])["LR"] > 0
    assert math.isnan(figures([box(5, 5, 10, 10)])["FM"])


def frames(
    *, object_colour: int, ground: int, shift: int = 0, noise: int = 20
) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    random = np.random.default_rng(1)
    wide = random.integers(ground - noise, ground + noise, (SIZE[0], 400, 3))
    # texture that survives the shrinking by four
    wide = wide.reshape(SIZE[0] // 8, 8, 50, 8, 3).mean(axis=(1, 3)).repeat(8, 0).repeat(8, 1)
    made = []
    for t in range(6):
        image = wide[:, 60 + shift * t : 60 + shift * t + SIZE[1]].astype(np.uint8).copy()
        labels = box(30, 40, 30, 40).astype(np.uint8)
        image[labels > 0] = object_colour
        made.append((image, labels))
    return made


def meter(clip: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> dict[str, float]:
    one = FrameMeter(1)
    for image, labels in clip:
        one.add(image, labels)
    return one.figures()


def test_frames_tell_clutter_edges_and_colours() -> None:
    plain = meter(frames(object_colour=230, ground=60))
    cluttered = meter(frames(object_colour=62, ground=60, noise=6))
    assert set(plain) == set(FRAME_ATTRIBUTES)
    assert plain["BC"] == pytest.approx(1, abs=1e-9)
    assert cluttered["BC"] < plain["BC"]
    assert cluttered["EA"] < 0.2 * plain["EA"]
    assert plain["AC"] == 0
    assert plain["HO"] == pytest.approx(1)
    changing = frames(object_colour=230, ground=60)
    for t, (image, labels) in enumerate(changing):
        image[labels > 0] = 230 - 36 * t
    assert meter(changing)["AC"] > 0.5


def test_a_steady_pan_is_no_shake_and_explains_the_ground() -> None:
    still, panned = (meter(frames(object_colour=200, ground=90, shift=s)) for s in (0, 8))
    assert still["CS"] == panned["CS"] == 0
    assert still["DB"] == pytest.approx(0, abs=1e-9)
    assert panned["DB"] < 3
    shaken = frames(object_colour=200, ground=90)
    shaken = [
        (np.roll(image, 12 * (t % 2), axis=1), labels) for t, (image, labels) in enumerate(shaken)
    ]
    assert meter(shaken)["CS"] == 0  # there and back by the same step every time
    uneven = [
        (np.roll(image, 4 * t * t, axis=1), labels)
        for t, (image, labels) in enumerate(frames(object_colour=200, ground=90))
    ]
    assert meter(uneven)["CS"] > 0.01


def test_nothing_to_measure_is_undefined() -> None:
    found = meter([(np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8))])
    assert all(math.isnan(value) for value in found.values())


def test_decisions_and_kappa() -> None:
    assert has_attribute(0.3, 0.2, above=True) is True
    assert has_attribute(0.3, 0.2, above=False) is False
    assert has_attribute(math.nan, 0.2, above=True) is None
    assert cohen_kappa([True, False, True], [True, False, True]) == 1
    # the textbook's 20, 5, 10, 15 of 50: 0.7 observed, 0.5 expected
    one = [True] * 25 + [False] * 25
    two = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert cohen_kappa(one, two) == pytest.approx(0.4)
    assert math.isnan(cohen_kappa([True], [True]))
    assert math.isnan(cohen_kappa([], []))
    with pytest.raises(ValueError, match="ratings"):
        cohen_kappa([True], [])
