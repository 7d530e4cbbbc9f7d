"""`vosbench gate`, `baseline` and `history` as a user meets them: outputs and every exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.vosbench.compare.made_runs import random_scores
from tests.vosbench.gate.gate_runs import STAGE_MS, gate_run_at
from vosbench.cli.app import app
from vosbench.gate import baseline_of, write_baseline
from vosbench.store import RunPaths, read_sequence, write_record

BASE = random_scores(0, sequences=4)
WORSE = BASE | {"clip-02": [value - 0.003 for value in BASE["clip-02"]]}


class Command:
    """The command in this process: a process of its own for each case would take long."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = self.err = ""

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        result = CliRunner().invoke(app, [str(word) for word in words])
        self.out, self.err = result.stdout, result.stderr
        assert result.exit_code == code, f"{result.exit_code}\n{result.output}{result.exception!r}"
        return self.out


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """In a folder with runs `good`, `bad`, `part`, `other` and the baseline `good.json`."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    good = gate_run_at(tmp_path / "good", BASE)
    gate_run_at(tmp_path / "bad", WORSE, masks={"clip-02": {3: "x"}})
    write_baseline(tmp_path / "good.json", baseline_of(good))
    return Command(tmp_path)


def test_pass_is_0(command: Command) -> None:
    assert command("gate", "good", "--baseline", "good.json").startswith("PASS")


def test_fail_is_1_in_every_output(command: Command) -> None:
    words = ("--baseline", "good.json", "--junit", "j.xml", "--markdown", "m.md")
    out = command("gate", "bad", *words, code=1)
    assert out.startswith("FAIL")
    assert out.splitlines()[-2:] == ["j.xml", "m.md"]
    for file in ("j.xml", "m.md"):
        assert "clip-02" in (command.folder / file).read_text()
    record = json.loads(command("gate", "bad", "--baseline", "good.json", "--json", code=1))
    assert record["verdict"] == "fail"
    assert record["changed_frames"] == {"clip-02": ["00003"]}


def failed(command: Command, run: str, *words: str) -> dict[str, dict[str, Any]]:
    """Checks that fail the gate of a run, by name."""
    out = command("gate", run, "--baseline", "good.json", "--json", *words, code=1)
    checks = json.loads(out)["checks"]
    return {c["name"]: c for c in checks if (c["status"], c["verdict"]) == ("blocking", "fail")}


def test_a_drop_of_0_3_points_names_its_sequence(command: Command) -> None:
    found = failed(command, "bad")
    assert {"accuracy/J", "accuracy/J&F"} <= set(found)
    assert "J of clip-02 fell by 0.30 points" in found["accuracy/J"]["reason"]
    named = {one["name"] for one in found["accuracy/J"]["blame"] if one["kind"] == "sequence"}
    assert named == {"clip-02"}


@pytest.mark.parametrize("expect", ["same", "changed"])
def test_one_missing_frame_is_named_whatever_the_rules(command: Command, expect: str) -> None:
    """On disk, and where a method never wrote it and so recorded nothing."""
    (command.folder / "p.toml").write_text(f"schema_version = 1\n[accuracy]\nexpect = '{expect}'\n")
    root = gate_run_at(command.folder / "lost", BASE)
    (RunPaths(root).sequence_masks("clip-01") / "00007.png").unlink()
    found = failed(command, "lost", "--policy", "p.toml")
    assert "clip-01/00007" in found["masks/complete"]["reason"]
    record = read_sequence(root, "record-1")
    left = {name: one for name, one in record.masks_sha256.items() if name != "00007"}
    write_record(
        RunPaths(root).sequence("record-1"), record.model_copy(update={"masks_sha256": left})
    )
    found = failed(command, "lost", "--policy", "p.toml")
    assert [one["name"] for one in found["masks/complete"]["blame"]] == ["clip-01/00007"]


def test_doubled_peak_memory_is_named(command: Command) -> None:
    gate_run_at(command.folder / "fat", BASE, process_mb=1000)
    found = failed(command, "fat")
    assert list(found) == ["memory/process"]
    assert "500 to 1000 MB (times 2.00)" in found["memory/process"]["reason"]


def test_a_slower_stage_against_stored_times_is_named_after_a_repeat(command: Command) -> None:
    """Times of another day: 10 % is beyond them, and a policy that blocks on them finds 60 %."""
    (command.folder / "p.toml").write_text("schema_version = 1\n[speed]\nnormalised = 'blocking'\n")
    content = json.loads((command.folder / "good.json").read_text())
    noise = {"rounds": 12, "paired_sd": 0.01, "session_sd": 0.03, "load": None}
    content["speed"]["noise"] = noise | {"low": 0.99, "high": 1.01, "detectable": 0.06}
    (command.folder / "good.json").write_text(json.dumps(content))
    slower = STAGE_MS | {"step": 1.6 * STAGE_MS["step"]}
    for name in ("slow", "slow-again"):
        gate_run_at(command.folder / name, BASE, stage_ms=slower)
    found = failed(command, "slow", "--policy", "p.toml", "--repeat", "slow-again")
    assert list(found) == ["speed/step"]
    assert found["speed/step"]["blame"][0]["name"] == "step"
    words = ("--baseline", "good.json", "--policy", "p.toml")
    assert "--repeat" in command("gate", "slow", *words, code=5)


def test_other_hardware_decides_accuracy_and_not_speed(command: Command) -> None:
    settings = {"threads": 8}
    gate_run_at(command.folder / "there", BASE, settings=settings, process_mb=5000)
    out = command("gate", "there", "--baseline", "good.json")
    assert "(inconclusive)  memory/process" in out
    assert "other hardware or settings than the baseline's (threads: " in out
    (command.folder / "p.toml").write_text("schema_version = 1\n[speed]\nnormalised = 'blocking'\n")
    command("gate", "there", "--baseline", "good.json", "--policy", "p.toml", code=5)


def test_inconclusive_is_5(command: Command) -> None:
    less = {name: BASE[name] for name in list(BASE)[:2]}
    gate_run_at(command.folder / "part", less)
    out = command("gate", "part", "--baseline", "good.json", code=5)
    assert out.startswith("INCONCLUSIVE")


def test_other_data_are_5(command: Command) -> None:
    gate_run_at(command.folder / "other", BASE, dataset="other")
    command("gate", "other", "--baseline", "good.json", code=5)
    assert "dataset" in command.err
    assert command.out == ""


def test_wrong_input_is_4(command: Command) -> None:
    (command.folder / "old.json").write_text('{"schema_version": 0}')
    (command.folder / "nan.json").write_text('{"schema_version": NaN}')
    (command.folder / "blank.json").write_text("")
    content = json.loads((command.folder / "good.json").read_text())
    (command.folder / "none-scored.json").write_text(json.dumps(content | {"objects": {}}))
    content["overall"]["J-Mean"] = float("nan")
    (command.folder / "nan-figure.json").write_text(json.dumps(content))
    (command.folder / "later.toml").write_text("schema_version = 2\n")
    (command.folder / "older.toml").write_text("schema_version = 0\n")
    (command.folder / "nan.toml").write_text("schema_version = 1\n[speed]\nmargin = nan\n")
    (command.folder / "empty").mkdir()
    (command.folder / "p.toml").write_text("schema_version = 1\n[data]\ndataset = 'davis2017'\n")
    (command.folder / "q.toml").write_text("")
    for words, said in (
        (("good", "--baseline", "none.json"), "does not exist"),
        (("good", "--baseline", "old.json"), "no longer read"),
        (("good", "--baseline", "nan.json"), "NaN"),
        (("good", "--baseline", "blank.json"), "blank.json"),
        (("good", "--baseline", "none-scored.json"), "no object"),
        (("good", "--baseline", "nan-figure.json"), "NaN"),
        (("good", "--baseline", "good.json", "--policy", "later.toml"), "version 2"),
        (("good", "--baseline", "good.json", "--policy", "older.toml"), "version 0"),
        (("good", "--baseline", "good.json", "--policy", "nan.toml"), "finite"),
        (("nowhere", "--baseline", "good.json"), "no run directory"),
        (("empty", "--baseline", "good.json"), "holds none"),
        ((".", "--baseline", "good.json"), "holds 2 runs"),
        (("good", "--baseline", "good.json", "--policy", "p.toml"), "davis2017"),
        (("good", "--baseline", "good.json", "--policy", "q.toml"), "empty"),
        (("good", "--baseline", "good.json", "--policy", "none.toml"), "does not exist"),
        (("good", "--baseline", "good.json", "--baseline-python", "none"), "cannot be started"),
    ):
        command("gate", *words, code=4)
        assert said in command.err
    (command.folder / "bad" / "scores.json").unlink()
    command("gate", "bad", "--baseline", "good.json", code=4)
    assert "has not been scored" in command.err


def test_contradictions_are_2(command: Command) -> None:
    command("gate", "good", code=2)
    command("gate", "good", "--self-test", "--baseline", "good.json", code=2)
    more = ("--baseline-python", "python", "--repeat", "good")
    command("gate", "good", "--baseline", "good.json", *more, code=2)
    command("baseline", "set", "good", "--out", "good.json", code=2)


def test_github(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    out = command("gate", "bad", "--baseline", "good.json", code=1)
    assert "::error title=vosbench gate%3A accuracy/J fail::" in out
    assert "clip-02" in (command.folder / "summary.md").read_text()
    out = command("gate", "bad", "--baseline", "good.json", "--json", code=1)
    assert json.loads(out)["verdict"] == "fail"
    assert "::error" in command.err
    out = command("gate", "bad", "--baseline", "good.json", "--annotations", "none", code=1)
    assert "::error" not in out


def test_baseline_verbs(command: Command) -> None:
    out = command("baseline", "set", "bad", "--out", "all/bad.json", "--no-diagnose")
    assert out.splitlines()[-1] == "all/bad.json"
    command("baseline", "set", "bad", "--out", "all/bad.json", "--no-diagnose", "--replace")
    assert "J&F" in command("baseline", "show", "all/bad.json")
    assert json.loads(command("baseline", "show", "all/bad.json", "--json"))["dataset"] == "tiny"
    assert "all/bad.json" in command("baseline", "list", "all")
    listed = json.loads(command("baseline", "list", "all", "--json"))
    assert listed["baselines"][0]["sequences"] == list(BASE)
    assert "clip-02" in command("baseline", "diff", "good.json", "all/bad.json")
    found = json.loads(command("baseline", "diff", "good.json", "good", "--json"))
    assert found["figures"] == []
    command("baseline", "list", "nowhere", code=4)


def test_a_baseline_goes_without_causes_where_the_data_are_gone(command: Command) -> None:
    command("baseline", "set", "bad", "--out", "b.json")
    assert "causes of loss are not kept" in command.err


def test_history_verb(command: Command) -> None:
    out = command("history", "good", "bad", "--out", "h.html")
    assert out.splitlines()[-1] == "h.html"
    assert "<svg" in (command.folder / "h.html").read_text()
    assert json.loads(command("history", "good", "--json"))["series"]
    command("history", "nowhere", code=4)
