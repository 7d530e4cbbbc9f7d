"""`vosbench gate RUN --self-test`: the noise floor, false alarms, and what would be found."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.vosbench.compare.made_runs import random_scores
from tests.vosbench.gate.gate_runs import STAGE_MS, gate_run_at, simulated_rounds, trace_table
from vosbench.cli.app import app
from vosbench.data import cache_folder
from vosbench.errors import InputError
from vosbench.gate import NoiseRecord, Policy, Round, Side, measure
from vosbench.gate.selftest import SelfTestRecord, render_self_test, self_test
from vosbench.gate.trials import KernelWorkload, ResampledWorkload, TrialsRecord, run_trials
from vosbench.store import RunPaths
from vosbench.timing import working_on, write_trace
from vosbench.timing.calibration import KERNELS, Kernels

RULES = Policy().speed
BASE = random_scores(0, sequences=2)


class Simulated:
    """Rounds of a made-up machine."""

    source = "rounds"

    def __init__(self, pair_sd: float, stages: Sequence[str], hit: str | None = None) -> None:
        self.stages = stages
        self._random, self._pair_sd, self._hit = np.random.default_rng(1), pair_sd, hit

    def rounds(self, count: int, slower: str | None) -> list[Round]:
        change = {} if slower is None else {self._hit or slower: 1.1}
        return simulated_rounds(self._random, rounds=count, slower=change, pair_sd=self._pair_sd)


def test_trials_count_false_alarms_and_what_is_named() -> None:
    quiet = run_trials(Simulated(0.02, ("step", "decode")), RULES, trials=20)
    assert (quiet.trials, quiet.red, quiet.misnamed) == (20, 0, 0)
    assert quiet.found >= 16
    assert {stage: of for stage, (_, of) in quiet.by_stage.items()} == {"step": 10, "decode": 10}
    assert 0.01 < quiet.paired_sd["step"] < 0.04
    assert not quiet.too_noisy
    busy = run_trials(Simulated(0.4, ("step",)), RULES, trials=20)
    assert busy.red == 0
    assert busy.too_noisy
    # the wrong stage is slow: red, but not found
    other = run_trials(Simulated(0.01, ("step",), hit="decode"), RULES, trials=10)
    assert (other.found, other.misnamed) == (0, 10)
    assert other.too_noisy


def test_draws_of_measured_rounds_keep_equal_code_equal() -> None:
    """One side was slower by chance in every round; drawn sides are not."""
    measured = simulated_rounds(np.random.default_rng(2), rounds=12, slower={"step": 1.08})
    workload = ResampledWorkload(measured, "step")
    found = run_trials(workload, RULES, trials=30)
    assert found.red <= 1
    again = run_trials(ResampledWorkload(measured, "step"), RULES, trials=30)
    same = {"red", "found", "misnamed", "by_stage", "paired_sd"}
    assert found.model_dump(include=same) == again.model_dump(include=same)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """More threads than free processors make kernels wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_trials_on_real_kernels_have_their_structure() -> None:
    workload = KernelWorkload("cpu", "fp32", frames=1)
    rounds = workload.rounds(2, "copy")
    assert all(set(side.ms) == set(KERNELS) for side in (rounds[0].baseline, rounds[1].candidate))
    assert all(ms > 0 for of in rounds[0].candidate.ms.values() for ms in of.values())
    rules = RULES.model_copy(update={"rounds": 6, "repeat": False})
    found = run_trials(workload, rules, trials=4)
    assert found.source == "kernels"
    assert {stage: of for stage, (_, of) in found.by_stage.items()} == dict.fromkeys(KERNELS, 1)
    assert found.rounds == 6
    assert set(found.paired_sd) == set(KERNELS)


def test_a_slowed_kernel_does_a_tenth_more_work() -> None:
    workload = KernelWorkload("cpu", "fp32", frames=1)
    calls = dict.fromkeys(KERNELS, 0)

    def counted(name: str) -> None:
        calls[name] += 1

    run = {name: partial(counted, name) for name in KERNELS}
    workload._kernels = Kernels(run, {}, lambda: None)
    workload.rounds(1, "convolution")
    assert calls == {name: 21 if name == "convolution" else 20 for name in KERNELS}


@pytest.fixture
def itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run whose command, run again, leaves the same run."""
    root = gate_run_at(tmp_path / "good", BASE, settings={"threads": 1})
    path = tmp_path / "python"
    path.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != "--out" ]; do shift; done\n'
        f'mkdir -p "$2/tiny/toy" && cp -r "{root}" "$2/tiny/toy/r1"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(path))
        yield root


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_the_command_prints_the_noise_floor_and_the_trials(itself: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("schema_version = 1\n[speed]\nrounds = 6\nrepeat = false\n")
    words = ["gate", str(itself), "--self-test", "--trials", "1", "--policy"]
    result = CliRunner().invoke(app, [*words, str(tmp_path / "p.toml"), "--json"])
    record = SelfTestRecord.model_validate(json.loads(result.stdout))
    assert result.exit_code == record.exit_code
    assert [(one.source, one.trials) for one in record.trials] == [("rounds", 100), ("kernels", 1)]
    assert (record.trials[0].red, record.trials[0].found) == (0, 100)
    assert record.noise is not None
    assert record.noise.paired_sd == 0
    text = render_self_test(record)
    assert "equal code red in 0 of 100" in text
    assert "found and named in 100 of 100" in text
    assert "measured 1 of 1 trials" in result.stderr
    # the noise floor goes into a baseline
    out = str(tmp_path / "b.json")
    words = ["baseline", "set", str(itself), "--out", out, "--self-test", "--no-diagnose"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert json.loads(Path(out).read_text())["speed"]["noise"]["rounds"] == 12


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_a_step_too_short_to_be_judged_gives_no_noise_floor(itself: Path) -> None:
    """Noise of a step of microseconds says nothing of the machine, and is not blamed on it."""
    write_trace(RunPaths(itself).trace, trace_table(list(BASE), STAGE_MS | {"step": 0.002}, 500.0))
    record = self_test(itself, Policy.model_validate({"speed": {"rounds": 6}}))
    assert (record.noise, record.rounds_needed, record.trials) == (None, None, [])
    assert any("step is too short here" in note for note in record.notes)
    assert "too noisy" not in render_self_test(record)


def test_trials_without_a_self_test_are_a_contradiction(tmp_path: Path) -> None:
    words = ["gate", str(tmp_path), "--baseline", "b.json", "--trials", "3"]
    assert CliRunner().invoke(app, words).exit_code == 2


def told(pair_sd: float, *trials: TrialsRecord, detectable: float, needed: int) -> str:
    noise = NoiseRecord(
        rounds=12, paired_sd=pair_sd, session_sd=0.2, low=0.9, high=1.1, detectable=detectable
    )
    return render_self_test(
        SelfTestRecord(
            verdict="inconclusive",
            reason="r",
            run="x",
            noise=noise,
            rounds_needed=needed,
            trials=list(trials),
            checks=[],
            notes=[],
        )
    )


def test_a_machine_that_is_too_noisy_is_told_plainly() -> None:
    text = told(0.3, detectable=0.4, needed=200)
    assert "this machine is too noisy now to find 10 %" in text
    assert "200 rounds" in text
    assert "too noisy" not in told(0.01, detectable=0.06, needed=6)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.parametrize(("red", "found", "verdict"), [(3, 95, "fail"), (2, 79, "inconclusive")])
def test_trials_decide_the_verdict(
    itself: Path, monkeypatch: pytest.MonkeyPatch, red: int, found: int, verdict: str
) -> None:
    def made(workload: ResampledWorkload, rules: object, *, trials: int) -> TrialsRecord:
        return TrialsRecord(
            source="rounds",
            trials=trials,
            rounds=6,
            red=red,
            slowdown=0.1,
            found=found,
            misnamed=0,
            by_stage={"step": [found, trials]},
            paired_sd={},
            seconds=1.0,
        )

    monkeypatch.setattr("vosbench.gate.selftest.run_trials", made)
    record = self_test(itself, Policy.model_validate({"speed": {"rounds": 6}}))
    assert record.verdict == verdict
    words = "equal code was red in 3 of 100" if verdict == "fail" else "too noisy"
    assert words in record.reason


@pytest.mark.skipif(sys.platform == "win32", reason="files are locked otherwise there")
def test_a_gate_refuses_to_measure_beside_another_worker(itself: Path) -> None:
    side, policy = Side(Path(sys.executable)), Policy.model_validate({"speed": {"rounds": 6}})
    with (
        working_on("cpu", cache_folder() / "locks"),
        pytest.raises(InputError, match="another vosbench process"),
    ):
        measure(itself, side, side, policy=policy)
    assert len(measure(itself, side, side, policy=policy).first.rounds) == 6
