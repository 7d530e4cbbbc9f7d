"""Windows that cut the object, and errors of its centre."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vosbench.diagnose import centroid, clipped_share, mean_around, offset_error


def square() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    labels = np.zeros((20, 30), np.uint8)
    labels[4:14, 10:20] = 3
    return labels


@pytest.mark.parametrize(
    ("window", "share"),
    [
        ((-100, -100, 100, 100), 0.0),
        ((10, 4, 20, 14), 0.0),
        ((15, -5, 40, 40), 0.5),
        ((10.4, 4, 20, 14), 0.0),  # the first column's centre is still inside
        ((10.6, 4, 20, 14), 0.1),
        ((25, 0, 30, 20), 1.0),
        ((40, 40, 50, 50), 1.0),
        ((-30, -30, -10, -10), 1.0),
    ],
)
def test_share_outside_of_the_window(
    window: tuple[float, float, float, float], share: float
) -> None:
    assert clipped_share(square(), 3, window) == pytest.approx(share)


def test_an_absent_object_is_not_clipped() -> None:
    assert math.isnan(clipped_share(square(), 1, (0, 0, 5, 5)))
    assert centroid(square(), 1) is None


def test_offset_is_in_sides_of_the_object() -> None:
    centre = centroid(square(), 3)
    assert centre == (14.5, 8.5)
    assert offset_error((14.5 + 6, 8.5 + 8), centre, 100) == pytest.approx(1.0)


def test_means_line_up_at_onsets_and_keep_their_scale() -> None:
    values = np.full(50, 2.0)
    values[20:] = 5.0
    series = [("a", values, [20]), ("b", values + 1, [20]), ("c", values, [])]
    at = {point.offset: point for point in mean_around(series)}
    assert at[-1].mean == 2.5
    assert at[0].mean == 5.5
    assert at[0].events == 2
    assert at[0].high is not None
    assert at[0].high > 5.5
    assert mean_around([("a", values, [])]) == ()
