"""The trace, driven by clocks that tests turn by hand."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vosbench.errors import InputError
from vosbench.store import write_table
from vosbench.store.schema import TRACE_COLUMNS, TRACE_VERSION
from vosbench.timing import (
    MemoryProbe,
    Trace,
    find_faults,
    method_stages,
    read_trace,
    summarise,
    write_trace,
)
from vosbench.types import STOPWATCH, mark_stage

GOLDEN = Path(__file__).parents[2] / "golden"


class FakeHost:
    """A host clock that tests turn."""

    def __init__(self) -> None:
        self.ms = 1000.0

    def now_ns(self) -> int:
        return round(self.ms * 1e6)


class FakeDevice:
    """A device with a queue: work is put in at once and done one after the other.

    `record` notes when an event will pass; nothing waits. `waits` counts synchronisations.
    """

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.free = 0.0
        self.waits = 0
        self.resolved = 0

    def work(self, ms: float) -> None:
        self.free = max(self.free, self.host.ms) + ms

    def synchronise(self) -> None:
        self.waits += 1
        self.host.ms = max(self.host.ms, self.free)

    def record(self) -> float:
        return max(self.free, self.host.ms)

    def resolve(self, events: Sequence[float]) -> list[float]:
        self.resolved += 1
        return [event - events[0] for event in events]


def call(trace: Trace, host: FakeHost, frame: str, stages: dict[str, float], rest: float) -> None:
    """A call on the CPU that marks stages and then works unmarked at the beginning for `rest`."""
    with trace.call(frame, "step", objects=2):
        host.ms += rest
        for stage, ms in stages.items():
            mark_stage(stage)
            host.ms += ms


def test_stages_marked_by_a_method_add_up_within_the_call() -> None:
    host = FakeHost()
    trace = Trace("bear", clock=host)
    host.ms += 3
    call(trace, host, "00001", {"crop": 2.0, "encode": 30.0, "match": 5.0}, rest=1.0)
    call(trace, host, "00002", {"crop": 4.0, "encode": 30.0, "match": 7.0}, rest=1.0)
    table = trace.table()
    first = table[table["frame"] == "00001"].set_index("stage")
    assert list(first.index) == ["step", "crop", "encode", "match"]
    assert first["ms"].to_dict() == {"step": 38.0, "crop": 2.0, "encode": 30.0, "match": 5.0}
    assert first["begin_ms"].to_dict() == {"step": 3.0, "crop": 4.0, "encode": 6.0, "match": 36.0}
    assert set(first["inside"].iloc[1:]) == {"step"}
    assert (table["objects"] == 2).all()
    assert table["device_ms"].isna().all()
    stages = method_stages(table)
    assert stages["crop"] == {"host_ms": 3.0, "device_ms": None}
    assert stages["unmarked"]["host_ms"] == pytest.approx(1.0)


def test_a_stage_marked_once_per_object_is_one_row() -> None:
    host = FakeHost()
    trace = Trace("bear", clock=host)
    with trace.call("00001", "step"):
        for _ in range(3):
            mark_stage("encode")
            host.ms += 10
            mark_stage("match")
            host.ms += 1
    rows = {row.stage: row.ms for row in trace.rows()}
    assert rows == {"step": 33.0, "encode": 30.0, "match": 3.0}


def test_marks_outside_a_call_or_on_another_thread_are_nothing() -> None:
    mark_stage("crop")
    trace = Trace("bear")
    with trace.call("00001", "step"):
        thread = threading.Thread(target=mark_stage, args=("encode",))
        thread.start()
        thread.join()
    assert [row.stage for row in trace.rows()] == ["step"]
    assert STOPWATCH.get() is None


def test_a_body_that_raises_leaves_no_row_and_no_listener() -> None:
    trace = Trace("bear")
    with pytest.raises(ValueError, match="x"), trace.measure("00000", "collect"):
        raise ValueError("x")
    with pytest.raises(ValueError, match="x"), trace.call("00000", "step"):
        mark_stage("crop")
        raise ValueError("x")
    assert trace.rows() == []
    assert STOPWATCH.get() is None


def test_frames_come_in_their_order_whatever_thread_was_first() -> None:
    trace = Trace("bear", frames=["b", "a"])
    for frame in ("a", "b"):
        with trace.measure(frame, "decode"):
            pass
    table = trace.table()
    assert list(table["frame"]) == ["b", "a"]
    assert list(table["index"]) == [0, 1]
    assert list(table.columns) == list(TRACE_COLUMNS)


def device_step(
    trace: Trace, host: FakeHost, device: FakeDevice, frame: str, *, wait: bool
) -> None:
    """Enqueue 20 ms of encoding and 5 ms of matching in 2 ms of host time, then wait or do not."""
    with trace.call(frame, "step", objects=1):
        mark_stage("encode")
        host.ms += 1
        device.work(20)
        mark_stage("match")
        host.ms += 1
        device.work(5)
        if wait:
            host.ms = device.free


def test_device_times_are_told_apart_from_host_times_without_waiting_in_a_frame() -> None:
    host = FakeHost()
    device = FakeDevice(host)
    trace = Trace("bear", clock=host, device=device)
    for frame in ("00001", "00002", "00003"):
        device_step(trace, host, device, frame, wait=True)
    assert device.waits == 1, "the one wait is before the first frame"
    table = trace.table()
    assert device.resolved == 1
    trace.rows()
    assert device.resolved == 1, "events are used again once they are read"
    encode = table[table["stage"] == "encode"]
    assert encode["ms"].to_list() == [1.0] * 3
    # the device starts a millisecond after the event before it, when the host has enqueued the work
    assert encode["device_ms"].to_list() == [21.0] * 3
    steps = table[table["stage"] == "step"]
    assert steps["ms"].to_list() == [26.0] * 3
    assert steps["device_ms"].to_list() == [26.0] * 3
    assert find_faults(table) == ()


def test_a_method_that_does_not_wait_for_its_device_is_found() -> None:
    host = FakeHost()
    device = FakeDevice(host)
    trace = Trace("bear", clock=host, device=device)
    for index in range(1, 6):
        device_step(trace, host, device, f"{index:05d}", wait=index != 3)
        host.ms = max(host.ms, device.free) if index != 3 else host.ms
    faults = find_faults(trace.table())
    assert [(f.kind, f.sequence, f.first, f.last) for f in faults] == [
        ("unsynchronised", "bear", "00003", "00003")
    ]
    # 26 ms of work on the device, of which the host saw 2
    assert faults[0].ratio == pytest.approx(24.0)
    assert "1 of 5 calls" in faults[0].text


def test_memory_is_read_after_each_call() -> None:
    trace = Trace("bear", memory=MemoryProbe("cpu"))
    with trace.call("00000", "start"):
        mark_stage("encode")
    table = trace.table().set_index("stage")
    assert table.loc["start", "process_mb"] > 1
    assert np.isnan(table.loc["encode", "process_mb"])
    assert np.isnan(table.loc["start", "allocated_mb"])


def rows(*given: tuple[str, int, str, float]) -> pd.DataFrame:
    made = [
        {"sequence": s, "round": 0, "index": i, "frame": str(i), "stage": stage, "inside": "",
         "begin_ms": 0.0, "ms": ms, "device_begin_ms": np.nan, "device_ms": np.nan, "objects": 1,
         "process_mb": np.nan, "allocated_mb": np.nan, "reserved_mb": np.nan}
        for s, i, stage, ms in given
    ]  # fmt: skip
    return pd.DataFrame(made, columns=list(TRACE_COLUMNS))


def test_figures_follow_from_the_rows() -> None:
    table = rows(
        ("s", 0, "start", 100.0),
        ("s", 1, "step", 10.0),
        ("s", 2, "step", 20.0),
        ("s", 3, "step", 30.0),
        ("s", 1, "wait", 5.0),
        ("s", 1, "collect", 3.0),
        ("s", 1, "write", 50.0),
    )
    figures = summarise(table, wall_seconds=0.2)
    assert figures["step_ms_mean"] == 20.0
    assert figures["step_ms_p50"] == 20.0
    assert figures["step_ms_p90"] == pytest.approx(28.0)
    assert figures["step_ms_p99"] == pytest.approx(29.8)
    assert figures["step_ms_p90_bound"] is None, "three frames bound no percentile"
    assert figures["step_fps"] == 50.0
    assert figures["start_ms_mean"] == 100.0
    assert figures["fps_of_clip"]["30"] == pytest.approx(30 / (0.1 + 29 * 0.02))
    assert figures["conventions"]["STCN"] == pytest.approx(4 / 0.16)
    # 40 of the 200 ms are not the method's, as a share of its 160 ms
    assert figures["overhead_share"] == pytest.approx(40.0 / 160.0)
    assert figures["write_ms_total"] == 50.0


def test_nothing_measured_gives_no_figures() -> None:
    assert summarise(pd.DataFrame(columns=list(TRACE_COLUMNS))) == {}


def test_a_trace_comes_back_as_written(tmp_path: Path) -> None:
    table = rows(("s", 0, "start", 100.0), ("s", 1, "step", 10.0))
    write_trace(tmp_path / "trace.parquet", table)
    back = read_trace(tmp_path / "trace.parquet")
    pd.testing.assert_frame_equal(back, table, check_dtype=True)
    assert back.attrs["schema_version"] == TRACE_VERSION


def test_a_trace_of_the_first_version_is_read_with_what_it_lacks_unknown() -> None:
    table = read_trace(GOLDEN / "trace-1.parquet")
    assert list(table.columns) == list(TRACE_COLUMNS)
    bear = table[(table["sequence"] == "bear") & (table["stage"].isin(["start", "step"]))]
    assert bear["index"].to_list() == [0, 1, 2, 3]
    assert bear["ms"].to_list() == [60.0, 21.0, 22.0, 23.0]
    assert table[["begin_ms", "device_ms", "process_mb"]].isna().all().all()
    assert (table["objects"] == -1).all()
    figures = summarise(table)
    assert figures["step_ms_p50"] == 22.0
    assert figures["start_ms_mean"] == 60.0


def test_a_trace_of_a_later_version_or_without_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    write_table(path, rows(("s", 0, "start", 1.0)), version=TRACE_VERSION + 1)
    with pytest.raises(InputError, match=f"version {TRACE_VERSION + 1}.*up to {TRACE_VERSION}"):
        read_trace(path)
    write_table(path, rows(("s", 0, "start", 1.0))[["sequence"]], version=TRACE_VERSION)
    with pytest.raises(InputError, match="no column round"):
        read_trace(path)
