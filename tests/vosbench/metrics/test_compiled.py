"""The compiled code and its NumPy twins give the same, and the compiled code bears nonsense."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vosbench.compiled import compiled_twin
from vosbench.data.masks import encode_labels
from vosbench.data.masks import png as png_module
from vosbench.data.masks.png import one_object
from vosbench.metrics import count_frame, look_at
from vosbench.metrics import counts as counts_module
from vosbench.metrics.counts import Tolerance
from vosbench.metrics.disks import pack_plan, round_disk
from vosbench.types import LabelMap

COMPILED = ("vosbench.metrics._kernel", "vosbench.data.masks._rows")


def compiled(module: ModuleType | None) -> ModuleType:
    if module is None:
        pytest.skip("the compiled modules were not built")
    return module


@contextmanager
def numpy_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts_module, "_KERNEL", None)
        patch.setattr(png_module, "_ROWS", None)
        yield


@st.composite
def pairs(draw: st.DrawFn) -> tuple[LabelMap, LabelMap]:
    """Two label maps of one size, rows apart as in a PNG file; sometimes nearly the same."""
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 330))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    highest = draw(st.sampled_from([1, 3, 12, 255]))

    def labels() -> LabelMap:
        rows = np.zeros((height, width + 1), np.uint8)
        canvas = rows[:, 1:]
        for _ in range(int(rng.integers(0, 6))):
            top, left = rng.integers(0, height), rng.integers(0, width)
            down, along = rng.integers(1, height + 1), rng.integers(1, width + 1)
            canvas[top : top + down, left : left + along] = rng.integers(0, highest + 1)
        if rng.random() < 0.4:
            canvas[rng.random(canvas.shape) < 0.05] = rng.integers(0, highest + 1)
        return canvas

    one = labels()
    if draw(st.booleans()):
        return one, np.roll(one, tuple(rng.integers(-3, 4, 2)), (0, 1))
    return one, labels()


@settings(max_examples=300, deadline=None)
@given(
    pairs(),
    st.one_of(st.none(), st.integers(0, 61)),
    st.sampled_from(["davis", "mosev2", "mosev2-official"]),
)
def test_counts_are_the_same(
    pair: tuple[LabelMap, LabelMap], radius: int | None, tolerance: Tolerance
) -> None:
    compiled(counts_module._KERNEL)
    ids = sorted({1, 2, *np.unique(pair[1])} - {0})
    found = count_frame(*pair, ids, radius=radius, tolerance=tolerance)
    with numpy_only():
        expected = count_frame(*pair, ids, radius=radius, tolerance=tolerance)
    assert np.array_equal(found.counts, expected.counts)
    assert np.array_equal(found.areas, expected.areas)


@settings(max_examples=100, deadline=None)
@given(pairs())
def test_a_look_finds_the_values(pair: tuple[LabelMap, LabelMap]) -> None:
    expected = [np.bincount(labels.ravel(), minlength=256).tolist() for labels in pair]
    found = look_at(*pair)
    assert found.values.tolist() == expected
    assert found.predicted == tuple(np.unique(pair[0][pair[0] > 0]))
    assert found.true == tuple(np.unique(pair[1][pair[1] > 0]))
    with numpy_only():
        assert look_at(*pair).values.tolist() == expected


def unfiltered(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The filters of the PNG specification, pixel by pixel."""
    height, width = rows.shape[0], rows.shape[1] - 1
    out = np.zeros((height + 1, width + 1), np.int64)
    for y in range(height):
        for x in range(width):
            left, above, corner = out[y + 1, x], out[y, x + 1], out[y, x]
            guess = left + above - corner
            paeth = min((left, above, corner), key=lambda one: abs(guess - one))
            base = (0, left, above, (left + above) // 2, paeth)[rows[y, 0]]
            out[y + 1, x + 1] = (int(rows[y, x + 1]) + base) % 256
    return out[1:, 1:].astype(np.uint8)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_row_filters_are_undone_as_the_specification_says(data: st.DataObject) -> None:
    kernel = compiled(png_module._ROWS)
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 150))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = np.zeros((height, width + 1), np.uint8)
    changed = rng.random(rows.shape) < data.draw(st.sampled_from([0.01, 0.05, 0.5]))
    rows[changed] = rng.integers(0, 256, int(changed.sum()))
    rows[:, 0] = data.draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    pixels = np.full((height, width), 77, np.uint8)
    assert kernel.undo(rows, pixels) == -1
    assert np.array_equal(pixels, unfiltered(rows))


def test_an_unknown_row_filter_is_named_by_its_row() -> None:
    kernel = compiled(png_module._ROWS)
    rows = np.zeros((5, 9), np.uint8)
    rows[3, 0] = 5
    assert kernel.undo(rows, np.zeros((5, 8), np.uint8)) == 3


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_one_object_is_made_of_all(pair: tuple[LabelMap, LabelMap]) -> None:
    pixels = pair[0]
    values = set(np.unique(pixels)) - {0}
    with numpy_only():
        expected = one_object(pixels, int(pixels.max()))
    found = one_object(pixels, int(pixels.max()))
    for labels, several in (expected, found):
        assert np.array_equal(labels, pixels != 0)
        assert several == (len(values) > 1)


MAP = np.ones((6, 70), np.uint8)
MARKS = np.ones((6, 2), np.uint8)
PLAN = pack_plan(round_disk(2))


@pytest.mark.parametrize(
    "arguments",
    [
        (MAP, MAP[:5], MARKS, b"\x01", PLAN, np.zeros((1, 8), np.int64)),
        (MAP, MAP, MARKS[:5], b"\x01", PLAN, np.zeros((1, 8), np.int64)),
        (MAP, MAP, MARKS, b"\x00", PLAN, np.zeros((1, 8), np.int64)),
        (MAP, MAP, MARKS, b"\x01", PLAN[:-1], np.zeros((1, 8), np.int64)),
        (MAP, MAP, MARKS, b"\x01", np.array([1, 64, 0, 0, 0, 1, 0], np.int16), np.zeros(8, int)),
        (MAP, MAP, MARKS, b"\x01", np.array([-1], np.int16), np.zeros(8, int)),
        (MAP, MAP, MARKS, b"\x01", np.array([0, 0, 99, 1, 0], np.int16), np.zeros(8, int)),
        (MAP, MAP, MARKS, b"\x01", PLAN, np.zeros((1, 7), np.int64)),
        (MAP.T, MAP.T, MARKS, b"\x01", PLAN, np.zeros((1, 8), np.int64)),
        (MAP.ravel(), MAP.ravel(), MARKS, b"\x01", PLAN, np.zeros((1, 8), np.int64)),
        (MAP.astype(np.int64),) * 2 + (MARKS, b"\x01", PLAN, np.zeros((1, 8), np.int64)),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: tuple[object, ...]) -> None:
    kernel = compiled(counts_module._KERNEL)
    with pytest.raises(ValueError, match="fit together|differ in size|label map must"):
        kernel.count(*arguments)


def test_other_wrong_calls_are_refused() -> None:
    kernel, rows = compiled(counts_module._KERNEL), compiled(png_module._ROWS)
    with pytest.raises(TypeError):
        kernel.count(MAP)
    with pytest.raises(ValueError, match="another size"):
        kernel.look(MAP, MAP, MARKS, np.zeros(511, np.int64))
    frozen = np.zeros((2, 256), np.int64)
    frozen.flags.writeable = False
    with pytest.raises((BufferError, ValueError)):
        kernel.look(MAP, MAP, MARKS.copy(), frozen)
    with pytest.raises(ValueError, match="fit together"):
        rows.undo(np.zeros((4, 9), np.uint8), np.zeros((4, 9), np.uint8))
    with pytest.raises(ValueError, match="fit together"):
        rows.binary(MAP, MAP[:5].copy(), 1)


def test_maps_of_other_types_and_strides_are_counted_with_numpy() -> None:
    pair = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)
    pair[0][3:9, 4:12] = pair[1][4:9, 4:15] = 2
    expected = count_frame(*pair, (2,)).counts.tolist()
    wide = [np.asfortranarray(labels) for labels in pair]
    assert count_frame(wide[0], wide[1], (2,)).counts.tolist() == expected


def test_a_build_of_another_version_is_left_aside() -> None:
    compiled(counts_module._KERNEL)
    assert compiled_twin(COMPILED[0], version=-1) is None
    assert compiled_twin("vosbench.metrics._no_such_module", version=1) is None


def test_scores_without_the_compiled_code_are_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for folder, shift in (("data/Annotations", 0), ("masks", 2)):
        (tmp_path / folder / "clip").mkdir(parents=True)
        for k in range(6):
            labels = np.zeros((60, 90), np.uint8)
            labels[10:30, 5 + k + shift : 40 + k] = 1
            labels[25 + shift : 50, 50:80] = 2
            if shift:
                labels[rng.random(labels.shape) < 0.02] = 1
            (tmp_path / folder / "clip" / f"{k:05d}.png").write_bytes(encode_labels(labels))
    command = [sys.executable, "-m", "vosbench", "score", str(tmp_path / "masks"), "--json"]
    command += ["--dataset", "folder", "--data", str(tmp_path / "data")]
    answers = []
    for wish in ("1", "0"):
        environment = {**os.environ, "VOSBENCH_COMPILED": wish}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1]
    assert 0 < answers[0]["global"]["J&F-Mean"] < 1
