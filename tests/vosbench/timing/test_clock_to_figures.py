"""From a clock that a test turns to every figure: what is put in is what comes out.

One clip of 201 frames with a device beside the host. Each step uploads for 2 ms, encodes on the
device for 6 ms and 2 ms per object, waits for it, and downloads for 2 ms; the first frame takes
three times as long. Memory grows by a hundredth of a MB a frame. Then a stall, a throttled window
and a step that does not wait for its device are put in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from vosbench.timing import Trace, convention_rates, find_faults, summarise
from vosbench.timing.latency import early_stopping
from vosbench.timing.memory import MemoryReading
from vosbench.timing.streaming import replay
from vosbench.types import mark_stage

FRAMES = 201
OBJECTS = 3
STEP_MS = 2.0 + 6.0 + 2.0 * OBJECTS + 2.0


class Machine:
    """Host, device and memory in one; a device works off what it is given in order."""

    def __init__(self) -> None:
        self.ms, self.free, self.frames = 0.0, 0.0, 0

    def now_ns(self) -> int:
        return round(self.ms * 1e6)

    def work(self, ms: float) -> None:
        self.free = max(self.free, self.ms) + ms

    def synchronise(self) -> None:
        self.ms = max(self.ms, self.free)

    def record(self) -> float:
        return max(self.free, self.ms)

    def resolve(self, events: Sequence[float]) -> list[float]:
        return [event - events[0] for event in events]

    def read(self) -> MemoryReading:
        self.frames += 1
        return MemoryReading(500.0, 100.0 + 0.01 * self.frames, 128.0)


def clip(
    slower: Callable[[int], float] = lambda index: 1.0,
    *,
    objects: Callable[[int], int] = lambda index: OBJECTS,
    waits: Callable[[int], bool] = lambda index: True,
) -> pd.DataFrame:
    """A trace of the clip; `slower` stretches the device's work of a frame."""
    machine = Machine()
    trace = Trace("bear", clock=machine, device=machine, memory=machine)  # type: ignore[arg-type]
    for index in range(FRAMES):
        count = objects(index)
        scale = 3.0 if index == 0 else 1.0
        with trace.call(f"{index:05d}", "step" if index else "start", objects=count):
            mark_stage("upload")
            machine.ms += 2.0 * scale
            mark_stage("encode")
            machine.work((6.0 + 2.0 * count) * scale * slower(index))
            if waits(index):
                machine.synchronise()
            mark_stage("download")
            machine.ms += 2.0 * scale
        # between frames the host has other things to do
        machine.ms = max(machine.ms, machine.free) + 1.0
    return trace.table()


def kinds(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    return [(one.kind, one.first, one.last) for one in find_faults(table)]


def test_latency_and_rates_of_an_even_clip() -> None:
    figures = summarise(clip())
    for name in ("mean", "p50", "p90", "p99"):
        assert figures[f"step_ms_{name}"] == pytest.approx(STEP_MS)
    assert figures["step_ms_p90_bound"] == pytest.approx(STEP_MS)
    assert figures["step_fps"] == pytest.approx(1000 / STEP_MS)
    assert figures["start_ms_mean"] == pytest.approx(3 * STEP_MS)
    expected = {
        str(n): pytest.approx(1000 * n / (3 * STEP_MS + (n - 1) * STEP_MS)) for n in (30, 70, 300)
    }
    assert figures["fps_of_clip"] == expected
    stages: Mapping[str, Mapping[str, float]] = figures["method_stages"]
    assert {name: round(of["host_ms"], 6) for name, of in stages.items()} == {
        "upload": 2.0,
        "encode": STEP_MS - 4.0,
        "download": 2.0,
        "unmarked": 0.0,
    }
    assert figures["faults"] == []


def test_percentiles_of_uneven_frames_and_their_bound() -> None:
    """Frame i takes 12 + i/10 ms on the device: 200 different times."""
    table = clip(lambda index: 1.0 + index / 120)
    figures = summarise(table)
    ms = np.array([4.0 + 12.0 * (1.0 + index / 120) for index in range(1, FRAMES)])
    for percent in (50, 90, 99):
        expected = pytest.approx(float(np.percentile(ms, percent)))
        assert figures[f"step_ms_p{percent}"] == expected
    bound = early_stopping(ms)
    assert figures["step_ms_p90_bound"] == pytest.approx(bound.ms)
    assert figures["step_ms_p90_bound_discarded"] == bound.discarded > 0
    assert figures["step_ms_p90_bound"] > figures["step_ms_p90"]
    assert figures["growth_per_100"]["step_ms"] == pytest.approx(10.0)


def test_cost_by_objects_growth_and_memory() -> None:
    """Objects come in turn; the line is what the device was told to take."""
    figures = summarise(clip(objects=lambda index: 1 + index % 4))
    cost = figures["object_cost"]
    assert cost["fixed_ms"] == pytest.approx(10.0)
    assert cost["per_object_ms"] == pytest.approx(2.0)
    assert cost["worst_residual"] == pytest.approx(0.0, abs=1e-9)
    growth = figures["growth_per_100"]
    assert growth["allocated_mb"] == pytest.approx(1.0)
    assert (growth["process_mb"], growth["reserved_mb"]) == (0.0, 0.0)


def test_every_convention_from_one_trace() -> None:
    rates = {one.convention.name: one for one in convention_rates(clip())}
    steps = FRAMES - 1
    without_copies = STEP_MS - 4.0
    expected = {
        "vosbench": 1000 / STEP_MS,
        "XMem": 1000 * FRAMES / (without_copies * (3 + steps)),
        "Cutie": 1000 * FRAMES / (without_copies * (3 + steps)),
        "AOT": 1000 / without_copies,
        "AOT, mean of sequences": 1000 / without_copies,
        "SAM 2": 1000 * FRAMES / (without_copies * steps),
        "RGMP": 1000 * FRAMES / (STEP_MS * (3 + steps)),
        "STCN": 1000 * FRAMES / ((STEP_MS - 2.0) * (3 + steps)),
    }
    assert {name: one.fps for name, one in rates.items()} == {
        name: pytest.approx(fps) for name, fps in expected.items()
    }
    assert {one.clock for name, one in rates.items() if name in ("XMem", "Cutie")} == {"device"}
    assert rates["Cutie"].untold == ("paste-back", "merge")


@pytest.mark.parametrize(("rate", "shown"), [(15.0, 1.0), (24.0, 1.0), (30.0, 1.0), (100.0, 0.0)])
def test_a_stream_at_several_rates(rate: float, shown: float) -> None:
    """16 ms a frame keep up with 15, 24 and 30 frames a second, and never with 100."""
    table = clip()
    calls = table[table["inside"] == ""].sort_values("index")["ms"].tolist()
    assert replay(calls, rate).on_time == shown


def test_an_injected_stall_is_found_and_moves_no_median() -> None:
    table = clip(lambda index: 20.0 if index == 77 else 1.0)
    assert kinds(table) == [("stall", "00077", "00077")]
    figures = summarise(table)
    assert figures["step_ms_p50"] == pytest.approx(STEP_MS)
    assert figures["step_fps"] < 1000 / STEP_MS
    assert any("00077" in text for text in figures["faults"])
    calls = table[table["inside"] == ""].sort_values("index")["ms"].tolist()
    late = replay(calls, 30.0)
    # 244 ms against 33 ms a frame: the frames of the stall show what came before it
    assert set(late.shown[77:84]) == {76}
    assert late.shown[90] == 90


def test_an_injected_throttled_window_is_found_with_its_ends() -> None:
    table = clip(lambda index: 2.0 if 120 <= index < 160 else 1.0)
    assert kinds(table) == [("slow-stretch", "00120", "00159")]


def test_an_injected_error_of_synchronisation_is_found() -> None:
    table = clip(waits=lambda index: index not in (50, 51))
    assert kinds(table) == [("unsynchronised", "00050", "00051")]
    # what the host took for those frames is not what they cost
    steps = table[(table["stage"] == "step") & (table["index"] == 50)]
    assert steps["ms"].item() == pytest.approx(4.0)
    assert steps["device_ms"].item() > 12.0
