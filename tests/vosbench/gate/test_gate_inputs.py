"""Baselines and policies: what is written, and every way in which one can be unusable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.vosbench.compare.made_runs import random_scores
from tests.vosbench.gate.gate_runs import gate_run_at
from vosbench.errors import InputError, VosbenchError
from vosbench.gate import (
    Policy,
    baseline_of,
    gate_run,
    read_baseline,
    read_policy,
    write_baseline,
)
from vosbench.gate.baseline import frame_digests
from vosbench.gate.difference import compare_baselines, render_baseline, render_baseline_difference

BASE = random_scores(0, sequences=4)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return gate_run_at(tmp_path / "good", BASE)


@pytest.fixture
def file(tmp_path: Path, good: Path) -> Path:
    path = tmp_path / "good.json"
    write_baseline(path, baseline_of(good))
    return path


def test_round_trip(file: Path, good: Path) -> None:
    record = read_baseline(file)
    assert record.overall.jf_mean == baseline_of(good).overall.jf_mean
    digests = frame_digests(record.sequences["clip-00"])
    assert len(digests) == 32
    assert all(len(digest) == 12 for digest in digests.values())
    assert record.speed.stages["step"]["clip-00"] == 20.0
    assert record.speed.memory_mb == {"process": 500.0}


def test_small_and_without_paths(file: Path, good: Path) -> None:
    text = file.read_text()
    assert str(good) not in text
    assert "/data" not in text
    assert max(map(len, text.splitlines())) < 140


def test_a_baseline_of_an_incomplete_run_is_refused(tmp_path: Path) -> None:
    root = gate_run_at(tmp_path / "bad", BASE, failed={"broken": "RuntimeError"})
    with pytest.raises(InputError, match="incomplete"):
        baseline_of(root)


def test_a_baseline_of_nothing_is_refused(tmp_path: Path) -> None:
    root = gate_run_at(tmp_path / "bad", {})
    with pytest.raises(VosbenchError, match="no scored object"):
        baseline_of(root)


def spoilt(content: Any, *path: str, value: Any) -> str:
    *way, last = path
    inner = content
    for name in way:
        inner = inner[name]
    inner[last] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema_version",), 0, "no longer read"),
        (("schema_version",), 2, "reads up to 1"),
        (("schema_version",), "1", "no schema_version"),
        (("objects", "clip-00_1", "J-Mean"), float("nan"), "NaN"),
        (("objects", "clip-00_1", "J-Mean"), float("inf"), "Infinity"),
        (("objects", "clip-00_1", "J-Mean"), 71.3, "within 0..1"),
        (("objects", "clip-00_1", "J-Mean"), "high", "J-Mean"),
        (("objects",), {}, "no object"),
        (("sequences",), {}, "unknown sequence"),
        (("speed", "stages", "step", "clip-00"), -1.0, "-1.0 ms"),
        (("speed", "memory_mb", "process"), 0.0, "0.0 MB"),
        (("unheard",), 1, "unheard"),
    ],
)
def test_malformed_baselines(file: Path, path: tuple[str, ...], value: object, words: str) -> None:
    file.write_text(spoilt(json.loads(file.read_text()), *path, value=value))
    with pytest.raises(InputError, match=words):
        read_baseline(file)


def test_all_figures_undefined(file: Path) -> None:
    content = json.loads(file.read_text())
    for one in content["objects"].values():
        one["J&F-Mean"] = None
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match="every figure"):
        read_baseline(file)


@pytest.mark.parametrize("text", ["", "  \n", "{", "[]", "null", "{}", "\udcff"])
def test_files_that_are_no_baseline(tmp_path: Path, text: str) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"baseline|b\.json"):
        read_baseline(path)
    with pytest.raises(InputError, match="does not exist"):
        read_baseline(tmp_path / "none.json")


def test_a_picture_is_no_baseline(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(InputError, match=r"mask\.png is no baseline: it is no text"):
        read_baseline(path)


def test_a_run_directory_is_a_baseline_too(good: Path) -> None:
    assert gate_run(good, read_baseline(good), baseline_name="x").verdict == "pass"


def test_difference_of_two_baselines(tmp_path: Path, file: Path) -> None:
    worse = BASE | {"clip-01": [value - 0.05 for value in BASE["clip-01"]]}
    other = gate_run_at(
        tmp_path / "other",
        worse,
        masks={"clip-01": {4: "x"}},
        stage_ms={"step": 40.0},
        settings={"precision": "bf16"},
    )
    same = compare_baselines(read_baseline(file), read_baseline(file))
    assert same.empty
    assert "same figures" in render_baseline_difference(same)
    found = compare_baselines(read_baseline(file), read_baseline(other))
    assert found.changed_frames == {"clip-01": ["00004"]}
    assert found.times["step"] == 2.0
    text = render_baseline_difference(found)
    assert "precision: fp32 / bf16" in text
    assert "clip-01_1: J mean" in text
    assert "J&F" in render_baseline(read_baseline(file))


def test_default_policy_and_partial_files(tmp_path: Path) -> None:
    assert read_policy(None) == Policy()
    path = tmp_path / "p.toml"
    path.write_text(
        "schema_version = 1\n[accuracy.metrics.F]\nstatus = 'off'\n[accuracy.floors]\ndog = 50\n"
    )
    policy = read_policy(path)
    assert policy.accuracy.metrics["F"].status == "off"
    assert policy.accuracy.metrics["J"].status == "blocking"
    assert policy.accuracy.floors == {"dog": 50}
    assert policy.speed == Policy().speed


def test_a_tolerance_left_out_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        "schema_version = 1\n[accuracy.same]\nsequence = 0.5\n"
        "[accuracy.numerics]\nrelative = 0.01\n"
        "[accuracy.metrics.J.same]\noverall = 0.7\n"
    )
    found, usual = read_policy(path).accuracy, Policy().accuracy
    assert found.same == usual.same.model_copy(update={"sequence": 0.5})
    assert found.numerics == usual.numerics.model_copy(update={"relative": 0.01})
    # of one figure: as for all figures, not as without a policy
    assert found.metrics["J"].same == found.same.model_copy(update={"overall": 0.7})
    assert found.metrics["J"].numerics is None
    assert found.metrics["F"].same is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("schema_version = 0", "version 0"),
        ("schema_version = 2", "version 2"),
        ("[speed]\nmargin = 0.1", "version None"),
        ("schema_version = 1\nspeeed = 1", "speeed"),
        ("schema_version = 1\n[speed]\nmargin = nan", "finite"),
        ("schema_version = 1\n[speed]\nmargin = inf", "finite"),
        ("schema_version = 1\n[speed]\nmargin = 0", "margin"),
        ("schema_version = 1\n[speed]\nrounds = 2", "rounds"),
        ("schema_version = 1\n[speed.margins]\nstep = -1.0", "step"),
        ("schema_version = 1\n[accuracy.same]\noveral = 3", "same.overal: .*mean 'overall'"),
        ("schema_version = 1\n[accuracy.same]\noverall = 0", "same.overall: .* not 0"),
        ("schema_version = 1\naccuracy = 3", "accuracy: "),
        ("schema_version = 1\n[accuracy]\nsame = 3", "accuracy.same: "),
        ("schema_version = 1\n[accuracy.metrics]\nJ = 3", "accuracy.metrics.J: "),
        ("schema_version = 1\n[accuracy.metrics.J.same]\nsequenc = 3", "mean 'sequence'"),
        ("schema_version = 1\n[accuracy.metrics.IoU]\nstatus = 'off'", "IoU"),
        ("schema_version = 1\n[accuracy.metrics.'J decai']\nstatus = 'off'", "mean 'J decay'"),
        ("schema_version = 1\n[accuracy.metrics.J]\nstatus = 'red'", "status"),
        ("schema_version = 1\n[accuracy.floors]\ndog = 150", "dog"),
        ("schema_version = ", "cannot be read"),
    ],
)
def test_malformed_policies(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_policy(path)


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_policy(tmp_path / "none.toml")
