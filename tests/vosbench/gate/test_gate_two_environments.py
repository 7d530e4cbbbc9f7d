"""The gate between two revisions, each in an environment of its own, as a pull request has them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.vosbench.gate.environments import environment_with, install_paced, make_environment

POLICY = """
schema_version = 1
[speed]
rounds = 6
repeat = false
inconclusive = "advisory"
stages = ["step"]
"""
DATA = ("--dataset", "diagnostic-tiny", "--sequences", "control", "--device", "cpu")


def vosbench(
    python: Path | str, *words: str | Path, folder: Path, variables: Mapping[str, str], code: int
) -> str:
    done = subprocess.run(
        [str(python), "-m", "vosbench", *map(str, words)],
        cwd=folder,
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="virtual environments are laid out otherwise")
def test_a_slower_stage_and_doubled_memory_are_found_between_two_environments(
    tmp_path: Path,
) -> None:
    """`encode` takes 10 % longer and memory doubles; everything else is the same."""
    log = tmp_path / "log"
    old = make_environment(tmp_path / "old", encode_ms=20.0)
    install_paced(tmp_path / "new", encode_ms=22.0, megabytes=400)
    variables = environment_with(tmp_path / "new", log)
    alone = {name: value for name, value in variables.items() if name != "PYTHONPATH"}
    run = ("run", "--method", "paced", *DATA)

    vosbench(old, *run, "--out", "old-runs", folder=tmp_path, variables=alone, code=0)
    words = ("baseline", "set", "old-runs", "--out", "b.json", "--no-diagnose")
    vosbench(old, *words, folder=tmp_path, variables=alone, code=0)
    vosbench(sys.executable, *run, "--out", "runs", folder=tmp_path, variables=variables, code=0)
    log.unlink()
    (tmp_path / "p.toml").write_text(POLICY)
    gate = ("gate", "runs", "--baseline", "b.json", "--policy", "p.toml", "--json")
    record = json.loads(
        vosbench(
            sys.executable,
            *gate,
            "--baseline-python",
            old,
            folder=tmp_path,
            variables=variables,
            code=1,
        )
    )

    failed = {one["name"]: one for one in record["checks"] if one["verdict"] == "fail"}
    blocking = {name for name, one in failed.items() if one["status"] == "blocking"}
    assert blocking == {"speed/step", "memory/process"}
    step = failed["speed/step"]
    assert 1.05 < step["low"] <= step["change"] <= step["high"] < 1.3
    assert [one["name"] for one in step["blame"]] == ["step", "step.encode"]
    assert "step.match" not in failed
    assert not any("is not the one the baseline file is of" in note for note in record["notes"])
    # both revisions ran, each its own copy of everything, in turns
    places = ["old" if str(tmp_path) in line else "new" for line in log.read_text().splitlines()]
    assert places == ["old", "new", "new", "old"] * 3
    assert accuracy(record) == {"pass"}


def accuracy(record: dict[str, Any]) -> set[str]:
    return {c["verdict"] for c in record["checks"] if c["name"].startswith("accuracy/")}
