"""Dose-response curves and the dose at which a method breaks."""

from __future__ import annotations

import pytest

from vosbench.data.diagnostic import Dose
from vosbench.explain.doses import breaking_dose, dose_records
from vosbench.explain.records import DosePoint


def point(level: int, dose: float, drop: float) -> DosePoint:
    return DosePoint(level=level, dose=dose, j_mean=0.9 - drop, drop=drop)


def test_the_breaking_dose_lies_between_levels() -> None:
    points = [point(1, 0.2, 0.0), point(2, 0.4, 0.1), point(3, 0.6, 0.3), point(4, 0.8, 0.1)]
    assert breaking_dose(0.0, points) == pytest.approx(0.5)
    assert breaking_dose(0.0, points[:2]) is None
    assert breaking_dose(0.0, [point(1, 0.2, 0.4)]) == pytest.approx(0.1)
    assert breaking_dose(0.0, [point(1, 0.2, 0.2)]) == pytest.approx(0.2)
    # a gain at a low dose is no drop
    assert breaking_dose(0.0, [point(1, 1.0, -0.2), point(2, 2.0, 0.6)]) == pytest.approx(1.5)


def test_series_need_their_control() -> None:
    doses = {
        "a-0": ("a", Dose(0, 0, "px", "a-0")),
        "a-2": ("a", Dose(2, 5, "px", "a-0")),
        "a-1": ("a", Dose(1, 2, "px", "a-0")),
        "b-1": ("b", Dose(1, 2, "px", "b-0")),
        "c-0": ("c", Dose(0, 2, "px", "c-0")),
    }
    regions = {"a-0": 0.9, "a-1": 0.85, "a-2": 0.5, "b-1": 0.3, "c-0": 0.8}
    (record,) = dose_records(regions, doses)
    assert (record.factor, record.control) == ("a", 0.9)
    assert [one.level for one in record.points] == [1, 2]
    assert record.points[1].drop == pytest.approx(0.4)
    assert record.breaking_dose == pytest.approx(2 + 3 * 0.15 / 0.35)
    assert dose_records({}, {}) == []


def test_several_series_of_one_factor_are_averaged() -> None:
    doses = {
        f"{clip}-{level}": ("a", Dose(level, level, "px", f"{clip}-plain"))
        for clip in ("x", "y", "z")
        for level in (1, 2)
    }
    del doses["z-2"]
    regions = dict.fromkeys(doses, 0.5) | {"x-plain": 0.9, "y-plain": 0.8, "x-1": 0.7}
    regions["z-plain"] = 0.1
    (record,) = dose_records(regions, doses)
    # z lacks a level, so it is left out
    assert record.series == 2
    assert record.control == pytest.approx(0.85)
    assert [point.j_mean for point in record.points] == pytest.approx([0.6, 0.5])
    assert record.breaking_dose == pytest.approx(0.8)
