"""Slowdowns and memory: found in turns, named by stage, and not seen where there are none."""

from __future__ import annotations

import shutil
import stat
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.vosbench.compare.made_runs import random_scores
from tests.vosbench.gate.gate_runs import STAGE_MS, gate_run_at, simulated_rounds
from vosbench.errors import InputError
from vosbench.gate import (
    BaselineRecord,
    CalibrationRecord,
    GateRecord,
    NoiseRecord,
    Policy,
    Side,
    baseline_of,
    check_interleaved,
    gate_run,
    measure,
    noise_floor,
    overall_verdict,
)
from vosbench.gate.interleave import run_command
from vosbench.gate.speed import needs_repeat
from vosbench.gate.stages import read_stages
from vosbench.store import RunPaths, read_run
from vosbench.timing import read_trace, write_trace

BASE = random_scores(0, sequences=6)
RULES = Policy().speed
MEASURED_SD = 0.454
"""Scatter of a pair in an A/A run of `vosbench gate --self-test` on a badly overloaded machine."""


def trial(seed: int, slower: dict[str, float], pair_sd: float = 0.03) -> list[str]:
    """Blocking stages that are red in one simulated gate, repeat included."""
    random = np.random.default_rng(seed)
    first = simulated_rounds(random, rounds=RULES.rounds, slower=slower, pair_sd=pair_sd)
    repeat = []
    if needs_repeat(first, RULES):
        repeat = simulated_rounds(random, rounds=RULES.rounds, slower=slower, pair_sd=pair_sd)
    judged = check_interleaved(first, repeat, RULES)
    return [c.name for c in judged.checks if c.decides and c.verdict == "fail"]


@pytest.mark.parametrize("stage", ["step", "decode"])
def test_a_slowdown_of_10_percent_in_one_stage_is_found_and_named(stage: str) -> None:
    found = [trial(seed, {stage: 1.10}) for seed in range(100)]
    assert sum(red == [f"speed/{stage}"] for red in found) >= 80


@pytest.mark.parametrize("pair_sd", [0.03, 0.09, MEASURED_SD])
def test_identical_code_is_red_in_at_most_2_of_100_trials(pair_sd: float) -> None:
    assert sum(bool(trial(1000 + seed, {}, pair_sd)) for seed in range(100)) <= 2


def test_a_slower_stage_is_blamed_with_what_it_adds() -> None:
    random = np.random.default_rng(3)
    rounds = [simulated_rounds(random, rounds=10, slower={"step": 1.3}) for _ in range(2)]
    judged = check_interleaved(rounds[0], rounds[1], RULES)
    check = next(c for c in judged.checks if c.name == "speed/step")
    assert check.verdict == "fail"
    assert check.low is not None
    assert check.low > 1.05
    assert check.blame[0].kind == "stage"
    assert "step: +" in check.blame[0].text
    others = [c.verdict for c in judged.checks if c.decides and c.name != "speed/step"]
    assert set(others) == {"pass"}


def test_a_slowdown_that_does_not_repeat_is_not_red() -> None:
    random = np.random.default_rng(4)
    first = simulated_rounds(random, rounds=10, slower={"step": 1.3})
    assert needs_repeat(first, RULES)
    again = simulated_rounds(random, rounds=10)
    check = next(c for c in check_interleaved(first, again, RULES).checks if "step" in c.name)
    assert check.verdict == "inconclusive"
    alone = next(c for c in check_interleaved(first, [], RULES).checks if "step" in c.name)
    assert alone.verdict == "inconclusive"
    assert "not measured again" in alone.reason


def test_too_few_rounds_are_inconclusive() -> None:
    rounds = simulated_rounds(np.random.default_rng(5), rounds=3)
    judged = check_interleaved(rounds, [], RULES)
    assert overall_verdict(judged.checks)[0] == "inconclusive"
    lenient = RULES.model_copy(update={"inconclusive": "advisory"})
    judged = check_interleaved(rounds, [], lenient)
    assert {check.verdict for check in judged.checks} == {"inconclusive"}
    assert not any(check.decides for check in judged.checks)


def test_times_of_a_clock_that_stopped_too_early_decide_nothing() -> None:
    """A method that does not wait for its device looks faster than it is."""
    rounds = simulated_rounds(np.random.default_rng(7), rounds=12, slower={"step": 0.5})
    assert overall_verdict(check_interleaved(rounds, [], RULES).checks)[0] == "pass"
    doubted = [
        replace(one, candidate=replace(one.candidate, doubt="returned before the device was done"))
        for one in rounds
    ]
    judged = check_interleaved(doubted, [], RULES)
    assert overall_verdict(judged.checks)[0] == "inconclusive"
    assert all("before the device was done" in check.reason for check in judged.checks)


def test_a_trace_with_an_unsynchronised_step_is_not_believed(tmp_path: Path, good: Path) -> None:
    root = gate_run_at(tmp_path / "new", BASE)
    path = RunPaths(root).trace
    table = read_trace(path)
    assert read_stages(root, {}).doubt == ""
    # the device goes on for 30 ms after each call has returned
    on_device = table.assign(device_begin_ms=table["begin_ms"], device_ms=table["ms"] + 30.0)
    write_trace(path, on_device)
    assert "returned before the device was done" in read_stages(root, {}).doubt
    record = gate_run(root, baseline_of(good, noise=QUIET), baseline_name="good", policy=BLOCKING)
    speed = [check for check in record.checks if check.name.startswith("speed/")]
    assert {check.verdict for check in speed} == {"inconclusive"}
    assert record.exit_code == 5


def test_short_stages_are_left_out_and_said_to_be() -> None:
    rounds = simulated_rounds(np.random.default_rng(6), rounds=6)
    judged = check_interleaved(rounds, [], RULES.model_copy(update={"least_share": 0.095}))
    assert {c.name for c in judged.checks} == {"speed/decode", "speed/step"}
    assert any("collect is too short" in note for note in judged.notes)


def test_noise_floor_finds_the_scatter() -> None:
    rounds = simulated_rounds(np.random.default_rng(8), rounds=200, pair_sd=0.05)
    noise = noise_floor(rounds, RULES)
    assert noise is not None
    assert 0.04 < noise.paired_sd < 0.06
    assert noise.session_sd > 2 * noise.paired_sd
    assert noise.low < 1 < noise.high
    assert noise_floor(rounds[:1], RULES) is None


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return gate_run_at(tmp_path / "good", BASE)


def held(tmp_path: Path, good: BaselineRecord, scale: float, repeat: bool = False) -> GateRecord:
    slower = {stage: ms * scale for stage, ms in STAGE_MS.items()}
    root = gate_run_at(tmp_path / f"new-{scale}", BASE, stage_ms=slower)
    again = gate_run_at(tmp_path / f"again-{scale}", BASE, stage_ms=slower) if repeat else None
    return gate_run(root, good, baseline_name="good", policy=BLOCKING, repeat=again)


BLOCKING = Policy.model_validate({"speed": {"normalised": "blocking"}})
QUIET = NoiseRecord(rounds=10, paired_sd=0.01, session_sd=0.01, low=0.99, high=1.01, detectable=0.1)


def test_stored_times_need_a_repeat_before_red(tmp_path: Path, good: Path) -> None:
    baseline = baseline_of(good, noise=QUIET)
    assert held(tmp_path, baseline, 1.0).verdict == "inconclusive"  # the floor is 3 % at least
    assert held(tmp_path, baseline, 0.9).verdict == "pass"
    once = held(tmp_path, baseline, 1.3)
    assert once.verdict == "inconclusive"
    assert "--repeat" in once.reason
    twice = held(tmp_path, baseline, 1.4, repeat=True)
    assert twice.exit_code == 1
    assert "speed/step" in twice.reason


def test_stored_times_without_a_noise_floor_decide_nothing_small(
    tmp_path: Path, good: Path
) -> None:
    record = held(tmp_path, baseline_of(good), 1.3, repeat=True)
    assert record.verdict == "inconclusive"
    assert any("noise floor" in note for note in record.notes)


def test_other_hardware_is_inconclusive_for_speed_and_silent_for_nothing(
    tmp_path: Path, good: Path
) -> None:
    root = gate_run_at(tmp_path / "new", BASE, settings={"threads": 8}, process_mb=5000)
    record = gate_run(root, baseline_of(good, noise=QUIET), baseline_name="good")
    speed = [c for c in record.checks if c.name.startswith(("speed/", "memory/"))]
    assert {c.verdict for c in speed} == {"inconclusive"}
    assert not any(c.decides for c in speed)
    assert all("threads" in c.reason for c in speed)
    assert record.verdict == "pass"
    strict = gate_run(root, baseline_of(good, noise=QUIET), baseline_name="good", policy=BLOCKING)
    assert strict.exit_code == 5


def test_calibration_carries_times_over_only_if_the_kernels_agree(
    tmp_path: Path, good: Path
) -> None:
    sizes = dict.fromkeys(("convolution", "matrix-product", "copy", "host-loop"), "s")

    def machine(factor: float, copy: float = 1.0) -> CalibrationRecord:
        ms = {name: factor * (copy if name == "copy" else 1.0) for name in sizes}
        return CalibrationRecord(
            device="cpu", architecture="x", precision="fp32", threads=1, ms=ms, sizes=sizes
        )

    baseline = baseline_of(good, noise=QUIET, calibration=machine(1.0))
    slower = {stage: 1.8 * ms for stage, ms in STAGE_MS.items()}
    root = gate_run_at(tmp_path / "new", BASE, stage_ms=slower)

    def step(calibration: CalibrationRecord) -> tuple[str, float | None]:
        record = gate_run(root, baseline, baseline_name="good", calibration=calibration)
        check = next(c for c in record.checks if c.name == "speed/step")
        return check.verdict, check.change

    assert step(machine(2.0)) == ("pass", pytest.approx(0.9))
    assert step(machine(2.0, copy=1.5))[0] == "inconclusive"


def test_doubled_peak_memory_fails_by_name(tmp_path: Path, good: Path) -> None:
    root = gate_run_at(tmp_path / "new", BASE, process_mb=1000)
    record = gate_run(root, baseline_of(good), baseline_name="good")
    assert record.exit_code == 1
    assert "memory/process" in record.reason
    assert "500 to 1000 MB" in record.reason
    slightly = gate_run_at(tmp_path / "slightly", BASE, process_mb=550)
    assert gate_run(slightly, baseline_of(good), baseline_name="good").exit_code == 0


def test_a_run_without_a_trace_says_so(tmp_path: Path, good: Path) -> None:
    root = gate_run_at(tmp_path / "new", BASE, without_trace=True)
    record = gate_run(root, baseline_of(good), baseline_name="good")
    assert any("no trace" in note for note in record.notes)


def test_a_repeat_of_something_else_is_refused(tmp_path: Path, good: Path) -> None:
    other = gate_run_at(tmp_path / "other", BASE, run_id="r2")
    with pytest.raises(InputError, match="no repeat"):
        gate_run(good, baseline_of(good), baseline_name="good", repeat=other)


def interpreter(folder: Path, name: str, run: Path) -> Path:
    """Stands for a Python with a vosbench whose `run` leaves a copy of a run directory."""
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != "--out" ]; do shift; done\n'
        f'mkdir -p "$2/tiny/toy" && cp -r "{run}" "$2/tiny/toy/r1"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_two_interpreters_are_run_in_turns_and_again_before_red(tmp_path: Path, good: Path) -> None:
    slow = gate_run_at(
        tmp_path / "slow", BASE, stage_ms={**STAGE_MS, "step": 24.0}, process_mb=1200
    )
    sides = Side(interpreter(tmp_path, "old", good)), Side(interpreter(tmp_path, "new", slow))
    policy = Policy.model_validate({"speed": {"rounds": 6}})
    told: list[int] = []
    measured = measure(slow, *sides, policy=policy, progress=lambda done, of: told.append(done))
    assert told == [*range(1, 7)] * 2
    assert measured.repeat is not None
    record = gate_run(
        slow, baseline_of(good), baseline_name="good", policy=policy, measured=measured
    )
    failed = {c.name for c in record.checks if c.decides and c.verdict == "fail"}
    assert failed == {"speed/step", "memory/process"}
    assert record.exit_code == 1
    same = measure(good, sides[0], sides[0], policy=policy)
    assert same.repeat is None
    assert gate_run(good, baseline_of(good), baseline_name="good", measured=same).exit_code == 0


def test_an_interpreter_that_cannot_run_is_an_error(tmp_path: Path, good: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no vosbench here >&2\nexit 1\n")
    broken.chmod(0o755)
    for python, words in ((broken, "no vosbench here"), (tmp_path / "none", "cannot be started")):
        with pytest.raises(InputError, match=words):
            measure(good, Side(python), Side(python), policy=Policy())


def test_the_command_is_repeated_without_its_place(good: Path) -> None:
    run = read_run(good)
    words = "vosbench run --method a@b --dataset=d --set x=1 --out o --json --limit 2 --fresh"
    told = run_command(run.model_copy(update={"command": words.split()}))
    names = ",".join(BASE)
    assert told == ["run", "--method", "toy", "--dataset=d", "--set", "x=1", "--sequences", names]
    bare = run_command(run.model_copy(update={"command": []}))
    assert bare[:5] == ["run", "--method", "toy", "--dataset", "tiny"]
    shutil.rmtree(good)
