"""What a user sees while a run goes on."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vosbench.cli import progress
from vosbench.cli.progress import ProgressLines, duration
from vosbench.store.schema import (
    DataRecord,
    FailureRecord,
    MethodRecord,
    RunRecord,
    SequenceRecord,
    SettingsRecord,
)
from vosbench.types import FrameRef, Sequence


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run_record(**method: object) -> RunRecord:
    return RunRecord(
        run_id="x",
        status="running",
        created="2020-01-01T00:00:00+00:00",
        vosbench_version="0",
        method=MethodRecord(name="demo", **method),  # type: ignore[arg-type]
        data=DataRecord(
            dataset="d", split="val", protocol="davis2017", root="/d", sequences=["a", "b", "c"],
            frames=30, manifest_sha256="0",
        ),
        settings=SettingsRecord(device="cpu", precision="bf16", threads=2),
    )  # fmt: skip


def sequence(name: str) -> Sequence:
    frames = tuple(FrameRef(f"{index:05d}", None, None) for index in range(10))
    return Sequence("d", "val", name, frames, 4, 4, (1,), "ids")


def ended(name: str, failure: FailureRecord | None = None) -> SequenceRecord:
    return SequenceRecord(
        sequence=name,
        status="failed" if failure else "complete",
        frames=10,
        object_ids=[1],
        height=4,
        width=4,
        run_key="k",
        seconds=2.0,
        failure=failure,
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_without_a_terminal_one_plain_line_per_sequence(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ProgressLines()
    lines.run_started(tmp_path_factory.getbasetemp(), run_record(oracle=True), 1)
    lines.sequence_started(sequence("b"))
    lines.frame_done(5)
    lines.sequence_ended(ended("b"))
    failure = FailureRecord(kind="ValueError", message="no", frame="00003")
    lines.sequence_ended(ended("c", failure))
    out = capsys.readouterr()
    assert out.out == ""
    assert "\x1b" not in out.err
    assert "1 of 3 sequences are complete" in out.err
    assert "[2/3] b: 10 frames, 5.0 frames/s, about" in out.err
    assert "[3/3] c: FAILED at frame 00003: ValueError: no" in out.err
    assert "shown the ground truth" in out.err


def test_without_a_terminal_a_long_sequence_gives_a_sign_every_half_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    now = 100.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: now))
    lines = ProgressLines()
    lines.run_started(tmp_path, run_record(), 0)
    capsys.readouterr()
    lines.sequence_started(sequence("a"))
    for count in range(1, 11):
        now += 12.0
        lines.frame_done(count)
    assert capsys.readouterr().err.splitlines() == [
        "  [1/3] a: 3/10 frames, 1 min 24 s left in it",
        "  [1/3] a: 6/10 frames, 48 s left in it",
        "  [1/3] a: 9/10 frames, 12 s left in it",
    ]
    silent = ProgressLines(quiet=True)
    silent.sequence_started(sequence("a"))
    now += 60.0
    silent.frame_done(1)
    assert capsys.readouterr().err == ""


def test_of_masks_made_outside_seconds_are_told_and_no_rate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = ProgressLines(rates=False)
    lines.run_started(tmp_path, run_record(), 2)
    lines.sequence_started(sequence("c"))
    lines.sequence_ended(ended("c"))
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == "  [3/3] c: 10 frames, 2.0 s"


def test_on_a_terminal_the_sequence_in_work_shows_its_frames(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    lines = ProgressLines()
    lines.run_started(tmp_path_factory.getbasetemp(), run_record(), 0)
    lines.sequence_started(sequence("a"))
    for count in range(1, 11):
        lines.frame_done(count)
    lines.sequence_ended(ended("a"))
    text = terminal.getvalue()
    assert "a: 0/10 frames" in text
    assert text.count("\r") <= 4, "the line is renewed a few times a second, not at every frame"
    assert text.rstrip().split("\x1b[2K")[-1].startswith("  [1/3] a: 10 frames")
