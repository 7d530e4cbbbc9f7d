"""Calibration between machines, conditions that spoil times, and the lock of a device."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from vosbench.errors import InputError
from vosbench.timing import (
    ConditionWatch,
    Snapshot,
    alone_on,
    summarise_conditions,
    working_on,
)
from vosbench.timing.calibration import KERNELS, Calibration, Calibrator, comparability
from vosbench.timing.lock import device_lock_path

SIZES = dict.fromkeys(KERNELS, "as ever")


def machine(
    *ms: float, device: str = "cpu", architecture: str = "x", rounds: int = 5
) -> Calibration:
    values = {name: (value,) * rounds for name, value in zip(KERNELS, ms, strict=True)}
    return Calibration(device, architecture, "bf16", 2, values, SIZES)


def test_kernels_that_agree_on_one_factor_make_machines_comparable() -> None:
    found = comparability(machine(10, 20, 5, 2), machine(20, 41, 10.2, 4))
    assert found.verdict == "comparable"
    assert found.scale == pytest.approx(2.02, abs=0.02)


def test_kernels_that_disagree_leave_it_open() -> None:
    found = comparability(machine(10, 20, 5, 2), machine(20, 20, 5, 2))
    assert found.verdict == "ambiguous"
    assert "convolution 2.00" in found.reason


def test_gpus_of_one_architecture_are_comparable_and_others_by_their_kernels() -> None:
    first = machine(1, 2, 3, 4, device="A", architecture="sm_90")
    second = machine(2, 2, 3, 4, device="B", architecture="sm_90")
    assert comparability(first, second).verdict == "comparable"
    assert comparability(first, replace(second, architecture="sm_80")).verdict == "ambiguous"


def test_a_cpu_and_a_gpu_are_never_comparable() -> None:
    gpu = replace(machine(1, 2, 3, 4, device="A"), sizes=dict.fromkeys(KERNELS, "larger"))
    found = comparability(machine(1, 2, 3, 4), gpu)
    assert (found.verdict, found.scale) == ("ambiguous", None)


def test_rounds_in_which_every_kernel_was_slow_are_named() -> None:
    calibration = machine(10, 20, 5, 2, rounds=9)
    slowed = {name: (*ms[:3], ms[3] * 1.5, *ms[4:]) for name, ms in calibration.ms.items()}
    assert replace(calibration, ms=slowed).slow_rounds() == (3,)
    one = {**calibration.ms, "copy": slowed["copy"]}
    assert replace(calibration, ms=one).slow_rounds() == ()


def test_kernels_run_and_multiples_follow() -> None:
    calibrator = Calibrator("cpu", "fp32")
    calibrator.measure()
    calibrator.measure()
    found = calibrator.result()
    assert set(found.ms) == set(KERNELS)
    assert all(len(values) == 2 and min(values) > 0 for values in found.ms.values())
    multiples = found.multiples(100.0)
    assert multiples["copy"] == pytest.approx(100.0 / found.medians["copy"])


def test_throttling_is_told_with_its_reason() -> None:
    snapshots = [Snapshot(0.0, gpu_mhz=1900.0), Snapshot(1.0, throttled=("hardware slowdown",))]
    found = summarise_conditions({"device": "cuda:0", "gpu_max_mhz": 1980.0}, snapshots)
    assert found.label == "GPU"
    assert found.warnings == ("throttled in 1 of 2 readings: hardware slowdown",)


def test_a_low_clock_and_company_are_told() -> None:
    snapshots = [Snapshot(0.0, gpu_mhz=700.0), Snapshot(1.0, gpu_mhz=1200.0, gpu_processes=2)]
    found = summarise_conditions({"device": "cuda:0", "gpu_max_mhz": 1980.0}, snapshots)
    assert found.gpu_mhz == (700.0, 1200.0)
    assert any("1200 MHz at most, of 1980 MHz" in text for text in found.warnings)
    assert any("2 other process" in text for text in found.warnings)


def test_other_work_on_the_processors_is_seen() -> None:
    watch = ConditionWatch("cpu")
    watch.snapshot()
    endless = [sys.executable, "-c", "while True: pass"]
    other = subprocess.Popen(endless)
    try:
        time.sleep(1.0)
        taken = watch.snapshot()
    finally:
        other.kill()
        other.wait()
    assert taken.others is not None and taken.others > 0.25
    found = summarise_conditions(watch.settings(), [taken])
    assert found.label == "CPU"
    assert any("other processes kept" in text for text in found.warnings)
    assert Snapshot.from_dict(taken.as_dict()) == taken


HOLD = """
import sys, pathlib
from vosbench.timing import alone_on, working_on
with (alone_on if sys.argv[1] == "alone" else working_on)("cpu", pathlib.Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(kind: str, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, kind, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_measurement_refuses_a_device_in_use_and_gets_it_when_the_other_dies(
    tmp_path: Path,
) -> None:
    other = hold("working", tmp_path)
    try:
        with working_on("cpu", tmp_path), working_on("cuda:0", tmp_path):
            pass
        with (
            pytest.raises(InputError, match="another vosbench process is working on cpu"),
            alone_on("cpu", tmp_path),
        ):
            pass
    finally:
        other.kill()
        other.communicate()
    with alone_on("cpu", tmp_path):
        pass


def test_other_work_waits_for_a_measurement(tmp_path: Path) -> None:
    other = hold("alone", tmp_path)
    try:
        with pytest.raises(InputError, match="is measuring on cpu"), working_on("cpu", tmp_path):
            pass
    finally:
        other.kill()
        other.communicate()


def test_one_device_has_one_lock_however_it_is_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    assert device_lock_path("cuda:1", tmp_path).name.endswith("cuda-1.lock")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device_lock_path("cuda:1", tmp_path).name.endswith("cuda-1.lock")
    assert device_lock_path("cpu", tmp_path) != device_lock_path("cuda:0", tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_does_not_stop_a_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with working_on("cpu", tmp_path / "locks"):
        pass
