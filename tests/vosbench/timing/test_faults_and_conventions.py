"""Faults that are put into a trace are found; conventions count what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vosbench.store.schema import TRACE_COLUMNS
from vosbench.timing import CONVENTIONS, convention_rates, fault_lines, find_faults
from vosbench.timing.faults import slow_stretches

STAGES = {
    "upload": 1.0,
    "crop": 2.0,
    "encode": 10.0,
    "match": 4.0,
    "paste-back": 3.0,
    "merge": 0.5,
    "download": 1.5,
}


def trace_of(ms: list[float], *, sequence: str = "bear", start: float = 50.0) -> pd.DataFrame:
    """A trace of one sequence without marks."""
    rows, at = [], 0.0
    for index, value in enumerate([start, *ms]):
        rows.append(row(sequence, index, ("step" if index else "start", ""), at, value))
        at += value
    return pd.DataFrame(rows, columns=list(TRACE_COLUMNS))


def row(  # noqa: PLR0917 - a table in code
    sequence: str, index: int, call: tuple[str, str], at: float, ms: float, device: float = np.nan
) -> dict[str, object]:
    return {
        "sequence": sequence, "round": 0, "index": index, "frame": f"{index:05d}", "stage": call[0],
        "inside": call[1], "begin_ms": at, "ms": ms, "device_ms": device,
        "device_begin_ms": at if device > 0 else np.nan, "objects": 1, "process_mb": np.nan,
        "allocated_mb": np.nan, "reserved_mb": np.nan,
    }  # fmt: skip


def noisy(count: int, seed: int = 0) -> list[float]:
    """Durations around 40 ms as they are on a machine that others use a little."""
    return np.random.default_rng(seed).gamma(100, 0.4, count).tolist()


def test_many_stalls_are_one_line_and_of_short_steps_none() -> None:
    ms = [20.0] * 40
    for at in (3, 9, 17, 25):
        ms[at] = 100.0 + at
    (line,) = fault_lines(find_faults(trace_of(ms)), 20.0)
    assert line.startswith("4 frames took over three times as long as their neighbours, most of ")
    assert "bear 00026: 125.0 ms" in line
    few = [20.0] * 10 + [100.0] + [20.0] * 10
    assert fault_lines(find_faults(trace_of(few)), 20.0) == [
        "bear 00011: 100.0 ms, 5.0 times its neighbours"
    ]
    short = [one / 4000 for one in ms]
    assert "bear 00004: 0.026 ms" in find_faults(trace_of(short))[0].text
    (line,) = fault_lines(find_faults(trace_of(short)), 0.005)
    assert line.startswith("steps of 0.005 ms are too short to be judged")


def test_an_even_trace_has_no_fault() -> None:
    for seed in range(10):
        assert find_faults(trace_of(noisy(120, seed))) == ()


@pytest.mark.parametrize("at", [0, 1, 57, 118, 119])
def test_a_stall_is_found_where_it_is(at: int) -> None:
    ms = noisy(120)
    ms[at] = 400.0
    faults = find_faults(trace_of(ms))
    assert [(f.kind, f.first) for f in faults] == [("stall", f"{at + 1:05d}")]
    assert faults[0].ratio == pytest.approx(10, rel=0.1)
    assert "400.0 ms" in faults[0].text


@pytest.mark.parametrize(("begin", "end"), [(0, 15), (30, 60), (95, 120), (40, 52)])
def test_a_throttled_stretch_is_found_with_its_ends(begin: int, end: int) -> None:
    ms = np.array(noisy(120))
    ms[begin:end] *= 1.6
    found = slow_stretches(ms)
    assert len(found) == 1
    first, stop, ratio = found[0]
    assert abs(first - begin) <= 1 and abs(stop - end) <= 1
    assert ratio == pytest.approx(1.6, abs=0.1)
    faults = find_faults(trace_of(ms.tolist()))
    assert [f.kind for f in faults] == ["slow-stretch"]


def test_a_method_that_grows_slower_along_the_clip_is_not_called_throttled() -> None:
    ms = np.linspace(20, 80, 200) * np.random.default_rng(1).normal(1, 0.03, 200)
    assert find_faults(trace_of(ms.tolist())) == ()


def test_each_sequence_is_held_to_itself() -> None:
    slow = trace_of([200.0] * 60, sequence="camel")
    assert find_faults(pd.concat([trace_of([20.0] * 60), slow])) == ()


def marked(sequence: str, frames: int, *, device: float) -> pd.DataFrame:
    """Frames that mark every stage; the device takes `device` times the host's ms."""
    rows = []
    for index in range(frames):
        scale = 1.0 if index else 2.0
        call = "step" if index else "start"
        whole = sum(STAGES.values()) * scale + 1.0
        rows.append(row(sequence, index, (call, ""), 0.0, whole, whole * device))
        for stage, ms in STAGES.items():
            rows.append(row(sequence, index, (stage, call), 0.0, ms * scale, ms * scale * device))
    return pd.DataFrame(rows, columns=list(TRACE_COLUMNS))


def test_every_convention_counts_what_it_says() -> None:
    table = pd.concat([marked("a", 11, device=2.0), marked("b", 5, device=2.0)])
    rates = {rate.convention.name: rate for rate in convention_rates(table)}
    # a step takes 23 ms, a start 45 ms, on the host; twice that on the device
    steps, starts = 14, 2
    expected = {
        "vosbench": 1 / 0.023,
        "XMem": (steps + starts) / (2 * (steps * 0.020 + starts * (0.045 - 0.006))),
        "Cutie": (steps + starts) / (2 * (steps * 0.017 + starts * (0.045 - 0.012))),
        "AOT": 1 / (2 * 0.0205),
        "AOT, mean of sequences": 1 / (2 * 0.0205),
        "SAM 2": (steps + starts) / (steps * 0.018),
        "RGMP": np.mean([11 / (10 * 0.023 + 0.045), 5 / (4 * 0.023 + 0.045)]),
        "STCN": (steps + starts) / (steps * 0.022 + starts * (0.045 - 0.002)),
    }
    assert {name: rate.fps for name, rate in rates.items()} == {
        name: pytest.approx(value) for name, value in expected.items()
    }
    assert rates["XMem"].clock == "device" and rates["STCN"].clock == "host"
    assert rates["XMem"].frames == 16 and rates["AOT"].frames == 14
    assert all(rate.untold == () for rate in rates.values())


def test_without_marks_or_device_a_convention_says_what_it_could_not_leave_out() -> None:
    rates = {r.convention.name: r for r in convention_rates(trace_of([20.0] * 10))}
    assert rates["Cutie"].untold == ("upload", "paste-back", "merge", "download")
    assert rates["Cutie"].clock == "host"
    assert rates["Cutie"].fps == pytest.approx(11 / 0.25)
    assert rates["vosbench"].untold == ()


def test_a_trace_without_steps_has_no_rates() -> None:
    rates = convention_rates(pd.DataFrame(columns=list(TRACE_COLUMNS)))
    assert len(rates) == len(CONVENTIONS)
    assert {rate.fps for rate in rates} == {None}
