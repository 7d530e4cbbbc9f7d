"""`vosbench run` with a program's card: exit codes, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import psutil

from tests.conftest import REPOSITORY, MakeDavis, RunVosbench

CARD = REPOSITORY / "tests" / "support" / "program" / "card.toml"
RUN = ("run", "--method", CARD, "--set", f"python={sys.executable}", "--dataset", "davis2017")


def test_a_program_is_run_scored_and_reported(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 4, "beta": 3})
    result = vosbench(*RUN, "--data", data, "--json")
    answer = result.json
    assert answer["method"] == "external:follow"
    assert set(answer["objects"]) == {"alpha_1", "alpha_2", "beta_1", "beta_2"}
    assert "frames/s" not in result.err
    page = (data.parent / answer["run"] / "report" / "report.md").read_text()
    assert "frames a second" in page
    assert "start-up" in page


def test_exit_codes_of_a_program_that_fails(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 4, "beta": 3})
    words = (*RUN, "--data", data, "--set", "behaviour=half", "--set", "on=beta")
    result = vosbench(*words, "--json", check=3)
    assert result.json["failed"] == ["beta"]
    assert "cut off" in result.err
    nothing = vosbench(
        "run", "--method", CARD, "--set", "python=/nowhere/python", "--dataset", "davis2017",
        "--data", data, check=4,
    )  # fmt: skip
    assert "/nowhere/python" in nothing.err


def test_ctrl_c_ends_the_program(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 4, "beta": 3})
    process = vosbench.start(*RUN, "--data", data, "--set", "behaviour=hang")
    logs: list[Path] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        logs = list(data.parent.glob("runs/*/*/*/logs/*.log"))
        if logs and "child" in logs[0].read_text():
            break
        time.sleep(0.05)
    child = int(logs[0].read_text().partition("child ")[2].split()[0])
    program = psutil.Process(child).ppid()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    for pid in (child, program):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    record = json.loads((logs[0].parent.parent / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert not (logs[0].parent.parent / ".partial").exists()
