"""Means, recall and decay: definitions, and the official toolkit's overflow on request."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from vosbench.metrics import Figures, decay, mean_figures, object_figures, statistics


def toolkit_decay(values: np.ndarray) -> float:
    """The bins as the toolkit computes them, in 8 bits, run by this NumPy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ids = (np.round(np.linspace(1, len(values), 5) + 1e-10) - 1).astype(np.int64)
        ids = ids.astype(np.uint8)
        bins = [values[ids[k] : ids[k + 1] + np.uint8(1)] for k in range(4)]
        return float(np.nanmean(bins[0]) - np.nanmean(bins[3]))


def test_recall_needs_more_than_one_half() -> None:
    found = statistics(np.array([0.5, 0.5, 0.5000001, 1.0]))
    assert found.recall == 0.5
    assert found.mean == pytest.approx(0.625)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 7, 8, 66, 78, 254, 255])
def test_both_decays_agree_below_256_frames(frames: int) -> None:
    values = np.random.default_rng(frames).random(frames)
    assert decay(values) == decay(values, official=True) == toolkit_decay(values)


@pytest.mark.parametrize("frames", [256, 257, 300, 400, 500, 513, 600, 767, 1000])
def test_official_decay_overflows_like_the_toolkit(frames: int) -> None:
    values = np.linspace(1, 0, frames)
    assert decay(values) == pytest.approx(0.75, abs=0.01)
    found, expected = decay(values, official=True), toolkit_decay(values)
    assert found == expected or (math.isnan(found) and math.isnan(expected))
    assert not math.isclose(decay(values), found)


def test_steady_drift_of_400_frames() -> None:
    # A drift whose decay is 0.60 reads 0.086 in the toolkit.
    values = 0.9 - 0.8 * np.arange(400) / 399
    assert decay(values) == pytest.approx(0.60, abs=0.005)
    assert decay(values, official=True) == pytest.approx(0.086, abs=0.005)


def test_figures_of_an_object() -> None:
    found = object_figures(np.array([1.0, 0.5, 0.0]), np.array([1.0, 1.0, 0.4]))
    assert found.j_mean == 0.5
    assert found.f_mean == pytest.approx(0.8)
    assert found.jf_mean == (found.j_mean + found.f_mean) / 2
    assert found.j_recall == pytest.approx(1 / 3)
    assert found.f_recall == pytest.approx(2 / 3)


def test_mean_over_objects_counts_each_object_once() -> None:
    one = Figures(0.5, 0.4, 0.3, 0.2, 0.6, 0.5, 0.1)
    two = Figures(0.9, 0.8, 0.9, 0.0, 1.0, 1.0, -0.1)
    found = mean_figures([one, two])
    assert found is not None
    assert found.j_mean == pytest.approx(0.6)
    assert found.f_decay == pytest.approx(0.0)
    assert found.jf_mean == (found.j_mean + found.f_mean) / 2
    assert mean_figures([]) is None


def test_no_frames_have_no_statistics() -> None:
    with pytest.raises(ValueError, match="at least one"):
        statistics(np.zeros(0))
