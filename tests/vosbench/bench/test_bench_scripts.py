"""The scripts behind the tables of `docs/speed.md` run, here on a method that costs nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.conftest import REPOSITORY

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
CHEAP = ["--method", "baseline-first-mask", "--size", "48x64", "--threads", "1"]


def script(name: str) -> ModuleType:
    path: Path = REPOSITORY / "tests" / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"script_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(__import__("sys").modules, spec.name, module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_table_of_objects_precisions_and_modes(capsys: pytest.CaptureFixture[str]) -> None:
    words = [*CHEAP, "--device", "cpu", "--frames", "8", "--objects", "1,3", "--precisions"]
    script("speed_table").main([*words, "fp32,bf16", "--modes", "eager"])
    out = capsys.readouterr().out
    assert out.startswith("CPU: ")
    body = [line for line in out.splitlines() if line.startswith("| ")][1:]
    assert [line.split(" | ")[:3] for line in body] == [
        ["| 1", "fp32", "eager"],
        ["| 1", "bf16", "eager"],
        ["| 3", "fp32", "eager"],
        ["| 3", "bf16", "eager"],
    ]
    assert [line.endswith(" - |") for line in body] == [True, False, True, False]
    assert "2.9 FPS reached" in out


def test_the_floor_and_the_gain_are_those_of_known_times(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = script("speed_table")
    times = {"fp32": 40.0, "bf16": 10.0}
    cells = [
        table.Cell(precision, "eager", count, None, None, [times[precision] * count] * 10)
        for precision in times
        for count in (1, 2)
    ]
    # 63 GMACs at 12.6 and 63 a ms: 5 and 1 ms
    rows = table.rows(cells, 63.0, {"fp32": 12.6, "bf16": 63.0})[2:]
    assert [line.split(" | ")[3:7] for line in rows] == [
        ["40.0", "40.0", "25.0", "8.0"],
        ["10.0", "10.0", "100.0", "10.0"],
        ["80.0", "80.0", "12.5", "8.0"],
        ["20.0", "20.0", "50.0", "10.0"],
    ]
    assert "4.00 times as fast [4.00, 4.00]" in rows[1]
    assert table.verdicts(cells, "cuda") == [
        "- one object: 100.0 FPS, 10 ms a frame, with bf16 eager; 150.0 FPS missed",
        "- over eager fp32: 4.0 times; 4 times reached",
    ]


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    with pytest.raises(SystemExit, match="is not here"):
        script("speed_table").main([*CHEAP, "--device", "cuda"])


@pytest.mark.gpu
@CUDA
def test_the_table_on_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--device", "cuda", "--frames", "12", "--objects", "1,2", "--precisions", "bf16"]
    script("speed_table").main([*words, "--modes", "eager"])
    out = capsys.readouterr().out
    assert out.startswith("GPU: ")
    assert "before the device was done" not in out


def test_the_cost_of_the_trace_is_measured_in_turns(capsys: pytest.CaptureFixture[str]) -> None:
    script("trace_overhead").main([*CHEAP, "--frames", "12", "--precision", "fp32"])
    out = capsys.readouterr().out
    assert "12 frames in turns" in out
    assert "the trace costs " in out
