"""Pixel counts, compiled and with NumPy, against the literal definition."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vosbench.metrics import bits as bits_module
from vosbench.metrics import boundary_radius, count_frame, frame_counts, pair_counts
from vosbench.metrics import counts as counts_module


def _literal() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "vosbench_literal_counts", Path(__file__).with_name("literal.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LITERAL = _literal()


@pytest.fixture(params=["compiled", "numpy"], scope="module", autouse=True)
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test runs with the compiled kernel and without it."""
    kernel = counts_module._KERNEL
    if request.param == "compiled" and kernel is None:
        pytest.skip("the compiled kernel was not built")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(counts_module, "_KERNEL", None)
        yield


def literal_counts(
    prediction: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    ids: tuple[int, ...],
    radius: int | None = None,
) -> list[list[int]]:
    return [LITERAL.counts(prediction == k, truth == k, radius) for k in ids]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """Two label maps of the same size, made of rectangles, lines, dots and noise."""
    height = draw(st.integers(1, 40))
    width = draw(st.integers(1, 140))

    def labels() -> NDArray[np.uint8]:
        canvas = np.zeros((height, width), np.uint8)
        for _ in range(draw(st.integers(0, 4))):
            top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
            rows, columns = draw(st.integers(1, height)), draw(st.integers(1, width))
            canvas[top : top + rows, left : left + columns] = draw(st.integers(0, 3))
        if draw(st.booleans()):
            noise = np.random.default_rng(draw(st.integers(0, 9))).random(canvas.shape) < 0.03
            canvas[noise] = draw(st.integers(0, 3))
        return canvas

    return labels(), labels(), draw(st.integers(1, 12))


@settings(max_examples=120, deadline=None)
@given(scenes())
def test_counts_equal_the_literal_definition(
    scene: tuple[NDArray[np.uint8], NDArray[np.uint8], int],
) -> None:
    prediction, truth, radius = scene
    ids = (1, 2, 3)
    found = frame_counts(prediction, truth, ids, radius=radius)
    assert found.tolist() == literal_counts(prediction, truth, ids, radius)
    swapped = frame_counts(truth, prediction, ids, radius=radius)
    assert swapped[:, [0, 1, 3, 2, 5, 4]].tolist() == found.tolist()


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_pairs_and_areas_agree_with_single_objects(
    scene: tuple[NDArray[np.uint8], NDArray[np.uint8], int],
) -> None:
    prediction, truth, _ = scene
    found = pair_counts(prediction, truth, 3, 3)
    for one in range(1, 4):
        for two in range(1, 4):
            masks = (prediction == one).astype(np.uint8), (truth == two).astype(np.uint8)
            assert found[one - 1, two - 1].tolist() == frame_counts(*masks, (1,))[0].tolist()
    areas = count_frame(prediction, truth, (1, 2, 3)).areas
    expected = [[(prediction == k).sum(), (truth == k).sum()] for k in (1, 2, 3)]
    assert areas.tolist() == expected


@pytest.mark.parametrize("width", [63, 64, 65, 127, 128, 129])
def test_a_box_as_wide_as_the_words_does_not_leak_into_the_next_row(width: int) -> None:
    truth = np.ones((30, width), np.uint8)
    truth[:, width // 2] = 0
    prediction = np.ones((30, width), np.uint8)
    prediction[15:] = 0
    found = frame_counts(prediction, truth, (1,), radius=9)
    assert found.tolist() == literal_counts(prediction, truth, (1,), 9)


@pytest.mark.parametrize(
    ("radius", "at"), [(10, (9, 2)), (12, (10, 0)), (12, (11, 1)), (22, (21, 8)), (36, (35, 3))]
)
def test_an_object_in_the_upper_left_corner_is_matched_in_full(
    radius: int, at: tuple[int, int]
) -> None:
    prediction = np.zeros((radius + 8, radius + 40), np.uint8)
    truth = np.zeros_like(prediction)
    prediction[0, 0] = 1
    truth[at] = 1
    found = frame_counts(prediction, truth, (1,), radius=radius)
    assert found.tolist() == literal_counts(prediction, truth, (1,), radius)


def test_radius_beyond_a_word_is_exact() -> None:
    truth = np.zeros((20, 400), np.uint8)
    truth[8:12, 5] = 1
    prediction = np.zeros_like(truth)
    prediction[8:12, 75] = 1
    prediction[8:12, 76] = 1
    for radius in (63, 64, 69, 70, 71, 90, 130):
        found = frame_counts(prediction, truth, (1,), radius=radius)
        assert found.tolist() == literal_counts(prediction, truth, (1,), radius)


@pytest.mark.parametrize(
    ("size", "radius"),
    [
        ((480, 854), 8),
        ((480, 910), 9),
        ((480, 1152), 10),
        ((480, 640), 7),
        ((720, 1280), 12),
        ((1080, 1920), 18),
        ((2160, 3840), 36),
        ((10, 10), 1),
    ],
)
def test_boundary_radius(size: tuple[int, int], radius: int) -> None:
    assert boundary_radius(*size) == radius


def test_a_mask_that_fills_the_image_has_no_boundary() -> None:
    full = np.ones((12, 20), np.uint8)
    assert frame_counts(np.zeros_like(full), full, (1,)).tolist() == [[0, 240, 0, 0, 0, 0]]


def test_empty_maps_count_nothing() -> None:
    empty = np.zeros((12, 20), np.uint8)
    assert not frame_counts(empty, empty, (1, 2)).any()


def test_label_maps_that_are_views_are_accepted() -> None:
    rng = np.random.default_rng(0)
    buffer = (rng.random((30, 61)) < 0.4).astype(np.uint8)
    prediction, truth = buffer[:, 1:], buffer[:, :-1]
    found = frame_counts(prediction, truth, (1,))
    assert found.tolist() == literal_counts(prediction, truth, (1,))


def test_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        frame_counts(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8), (1,))


def test_counting_without_bitwise_count_gives_the_same() -> None:
    grids = np.random.default_rng(1).integers(0, 2**63, (3, 5, 4), np.uint64)
    table = bits_module._count_with_table(grids).sum(axis=(1, 2), dtype=np.int64)
    assert table.tolist() == bits_module.count_bits(grids).tolist()
    assert table.tolist() == [sum(int(v).bit_count() for v in g.ravel()) for g in grids]
