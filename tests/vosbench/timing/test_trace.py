"""The trace and the figures that derive from it."""

from __future__ import annotations

import pandas as pd
import pytest

from vosbench.store.schema import TRACE_COLUMNS
from vosbench.timing import Trace, summarise


def test_rows_are_ordered_and_typed() -> None:
    trace = Trace("bear")
    for frame in ("00001", "00000"):
        with trace.measure(frame, "step"):
            pass
    table = trace.table()
    assert list(table.columns) == list(TRACE_COLUMNS)
    assert list(table["frame"]) == ["00000", "00001"]
    assert (table["ms"] >= 0).all()


def test_a_body_that_raises_leaves_no_row() -> None:
    trace = Trace("bear")
    with pytest.raises(ValueError, match="x"), trace.measure("00000", "step"):
        raise ValueError("x")
    assert trace.rows() == []


def test_figures_follow_from_the_rows() -> None:
    rows = [
        ("s", "0", "start", 100.0),
        ("s", "1", "step", 10.0),
        ("s", "2", "step", 20.0),
        ("s", "3", "step", 30.0),
        ("s", "1", "wait", 5.0),
        ("s", "1", "collect", 3.0),
        ("s", "1", "write", 50.0),
    ]
    figures = summarise(pd.DataFrame(rows, columns=list(TRACE_COLUMNS)), wall_seconds=0.2)
    assert figures["step_ms_mean"] == 20.0
    assert figures["step_ms_p50"] == 20.0
    assert figures["step_ms_p90"] == pytest.approx(28.0)
    assert figures["step_fps"] == 50.0
    assert figures["start_ms_mean"] == 100.0
    # 40 of the 200 ms are not the method's, as a share of its 160 ms
    assert figures["overhead_share"] == pytest.approx(40.0 / 160.0)
    assert figures["write_ms_total"] == 50.0


def test_nothing_measured_gives_no_figures() -> None:
    assert summarise(pd.DataFrame(columns=list(TRACE_COLUMNS))) == {}
