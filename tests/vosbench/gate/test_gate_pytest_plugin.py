"""The fixture `vosbench_gate` in a suite of somebody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vosbench.compare.made_runs import random_scores
from tests.vosbench.gate.gate_runs import gate_run_at
from vosbench.gate import baseline_of, write_baseline
from vosbench.pytest_plugin import VosbenchGate

BASE = random_scores(0, sequences=4)
SUITE = """
import time

def test_good(vosbench_gate):
    assert vosbench_gate("good", baseline="good.json").verdict == "pass"

def test_bad(vosbench_gate):
    vosbench_gate("bad", baseline="good.json")

def test_same_speed(vosbench_gate, benchmark):
    assert vosbench_gate.not_slower(
        benchmark, lambda: time.sleep(0.002), lambda: time.sleep(0.004), rounds=8
    ).ratio < 1

def test_slower(vosbench_gate, benchmark):
    vosbench_gate.not_slower(
        benchmark, lambda: time.sleep(0.02), lambda: time.sleep(0.002), rounds=8
    )
"""


def test_a_suite_holds_its_method_to_a_baseline(tmp_path: Path) -> None:
    write_baseline(tmp_path / "good.json", baseline_of(gate_run_at(tmp_path / "good", BASE)))
    worse = BASE | {"clip-02": [value - 0.003 for value in BASE["clip-02"]]}
    gate_run_at(tmp_path / "bad", worse, masks={"clip-02": {3: "x"}})
    (tmp_path / "test_lab.py").write_text(SUITE)
    plugins = ["pytest_benchmark.plugin", "vosbench.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_lab.py"]
    for plugin in plugins:
        command += ["-p", plugin]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        # pytest-benchmark measures nothing where it takes itself for a worker of this very run
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "J of clip-02 fell by 0.30 points" in done.stdout
    assert "slower than its reference" in done.stdout


def test_a_method_is_run_in_this_process(tmp_path: Path) -> None:
    gate = VosbenchGate()
    root = gate.run("baseline-first-mask", limit=1, out=tmp_path)
    write_baseline(tmp_path / "good.json", baseline_of(root))
    assert gate(tmp_path / "diagnostic-tiny", baseline=tmp_path / "good.json").verdict == "pass"


def test_files_that_cannot_be_used_are_errors(tmp_path: Path) -> None:
    from vosbench.errors import InputError

    with pytest.raises(InputError):
        VosbenchGate()(tmp_path, baseline=tmp_path / "none.json")
