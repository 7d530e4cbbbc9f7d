"""Curves as SVG, and the summary of a trace."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from vosbench.report.curves import draw_curves
from vosbench.report.source import ObjectCurve, TraceTable, load_source
from vosbench.report.stages import summarise_trace
from vosbench.store import read_run

SVG = "{http://www.w3.org/2000/svg}"


def curve(j: list[float], object_id: int = 1) -> ObjectCurve:
    values = np.asarray(j, dtype=np.float64)
    index = np.arange(1, len(j) + 1)
    names = tuple(f"{one:05d}" for one in index)
    return ObjectCurve("s", object_id, index, names, values, values, len(j) + 2)


def shapes(svg: str) -> int:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own output
    return len(root.findall(f".//{SVG}path")) + len(root.findall(f".//{SVG}use"))


def test_a_figure_is_the_same_whatever_the_user_configured() -> None:
    plain = draw_curves([curve([0.5, 0.6, 0.7])])
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
        assert draw_curves([curve([0.5, 0.6, 0.7])]) == plain
    assert not re.search(r"\d{4}-\d\d-\d\d", plain)
    assert "matplotlib.org" not in plain


def test_text_stays_text_and_dark_readers_are_served() -> None:
    svg = draw_curves([curve([0.5] * 30)])
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own output
    words = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {"frame", "0", "100", "J", "F"} <= set(words)
    assert "prefers-color-scheme: dark" in svg


def test_a_value_between_undefined_ones_is_still_visible() -> None:
    alone = draw_curves([curve([math.nan, 0.5, math.nan, math.nan])])
    nothing = draw_curves([curve([math.nan] * 4)])
    assert shapes(alone) > shapes(nothing)


def test_marked_frames_get_a_ring() -> None:
    objects = [curve([0.5, 0.1, 0.6])]
    assert shapes(draw_curves(objects, marked=[(1, 2)])) > shapes(draw_curves(objects))
    assert draw_curves(objects, marked=[(7, 2), (1, 99)]) == draw_curves(objects)


def test_sequences_with_the_lowest_j_come_first(make_run: Any, clip: Any) -> None:
    from vosbench.report import write_report

    run = make_run(
        [
            clip("good", {1: [0.9] * 12}),
            clip("void", {1: [math.nan] * 12}),
            clip("bad", {1: [0.2] * 12}),
        ]
    )
    names = [path.stem for path in write_report(run).figures]
    assert names == ["sequence-3", "sequence-1", "sequence-2"]


def test_fps_counts_steps_only_and_shares_sum_to_the_loop(make_run: Any, clip: Any) -> None:
    run = make_run([clip("a", {1: [0.5] * 11}), clip("b", {1: [0.5] * 11})])
    source = load_source(run)
    assert source.trace is not None
    timing = summarise_trace(source.trace, source.run)
    assert timing is not None
    assert timing.fps == pytest.approx(50.0)
    assert timing.fps_with_start == pytest.approx(22 / (20 * 0.02 + 2 * 0.06))
    assert sum(row.share for row in timing.rows if row.share is not None) == pytest.approx(1.0)
    assert {row.stage for row in timing.rows if row.share is None} == {"decode", "write"}
    assert "20 frames" in timing.counted and "2 starts" in timing.counted


def test_a_trace_may_hold_stages_unknown_here_or_nothing(make_run: Any, clip: Any) -> None:
    run = read_run(make_run([clip("a", {1: [0.5] * 11})]))
    table = TraceTable(("upload", "upload", "step"), np.array([1.0, 3.0, math.nan]))
    timing = summarise_trace(table, run)
    assert timing is not None
    assert [(row.stage, row.mean) for row in timing.rows] == [("upload", 2.0)]
    assert timing.fps is None
    assert summarise_trace(TraceTable((), np.empty(0)), run) is None


def test_importing_the_report_loads_nothing_heavy() -> None:
    heavy = ("torch", "pandas", "pyarrow", "matplotlib", "jinja2", "PIL", "tabulate", "skimage")
    code = f"import sys, vosbench.report; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
