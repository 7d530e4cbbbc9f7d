"""Injected regressions of accuracy are caught and named; null changes are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis, RunVosbench
from tests.vosbench.compare.made_runs import random_scores, shifted
from tests.vosbench.gate.gate_runs import gate_run_at
from vosbench.engine.environment import file_sha256
from vosbench.errors import ComparisonError, InputError
from vosbench.gate import (
    GateRecord,
    Policy,
    baseline_of,
    gate_run,
    read_policy,
    render_gate_terminal,
)
from vosbench.store import RunPaths, read_run, read_scores, read_sequence, write_record
from vosbench.workflow import open_run_data, score_run

BASE = random_scores(0)
CHANGED = {"clip-03": {5: "other", 6: "other"}}
EVERY = {name: {1: "other"} for name in BASE}


def gated(tmp_path: Path, scores: Any, policy: Policy | None = None, **fields: Any) -> GateRecord:
    good = gate_run_at(tmp_path / "good", BASE)
    root = gate_run_at(tmp_path / "new", scores, **fields)
    return gate_run(root, baseline_of(good), baseline_name="good.json", policy=policy)


def named(record: GateRecord, verdict: str = "fail") -> set[str]:
    return {check.name for check in record.checks if check.decides and check.verdict == verdict}


def test_the_same_masks_pass(tmp_path: Path) -> None:
    record = gated(tmp_path, BASE)
    assert (record.verdict, record.exit_code, record.regime) == ("pass", 0, "identical")
    assert record.changed_frames == {}


def test_a_drop_of_0_3_points_on_one_sequence(tmp_path: Path) -> None:
    scores = BASE | {"clip-03": [value - 0.003 for value in BASE["clip-03"]]}
    record = gated(tmp_path, scores, masks=CHANGED)
    assert (record.verdict, record.exit_code, record.regime) == ("fail", 1, "same")
    assert {"accuracy/J", "accuracy/J&F"} <= named(record)
    text = render_gate_terminal(record)
    assert "J of clip-03 fell by 0.30 points" in text
    assert "clip-03: 2 frames: 00005, 00006" in text
    assert all("clip-03" in b.name for c in record.checks if c.decides for b in c.blame)


def test_a_drop_within_the_tolerance_passes_and_lists_the_frames(tmp_path: Path) -> None:
    scores = BASE | {"clip-03": [value - 0.0005 for value in BASE["clip-03"]]}
    record = gated(tmp_path, scores, masks=CHANGED)
    assert record.verdict == "pass"
    assert record.changed_frames == {"clip-03": ["00005", "00006"]}
    advisory = {check.name: check.verdict for check in record.checks if not check.decides}
    assert advisory["masks/determinism"] == "fail"


def test_a_rise_never_fails(tmp_path: Path) -> None:
    record = gated(tmp_path, shifted(BASE, 0.02), masks=EVERY)
    assert record.verdict == "pass"


def test_relative_tolerance(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        "schema_version = 1\n[accuracy.same]\n"
        "overall = 0.1\nsequence = 0.2\nobject = 0.2\nrelative = 0.05\n"
    )
    scores = BASE | {"clip-03": [value - 0.003 for value in BASE["clip-03"]]}
    assert gated(tmp_path, scores, read_policy(path), masks=CHANGED).verdict == "pass"


def test_decay_counts_upwards(tmp_path: Path) -> None:
    policy = Policy.model_validate({"accuracy": {"metrics": {"J decay": {"status": "blocking"}}}})
    good = gate_run_at(tmp_path / "good", BASE)
    root = gate_run_at(tmp_path / "new", BASE, masks=CHANGED)
    scores = json.loads((root / "scores.json").read_text())
    for one in scores["objects"].values():
        one["J-Decay"] += 0.01
    (root / "scores.json").write_text(json.dumps(scores))
    record = gate_run(root, baseline_of(good), baseline_name="good.json", policy=policy)
    assert "accuracy/J decay" in named(record)
    (check,) = [one for one in record.checks if one.name == "accuracy/J decay"]
    assert "rose by 1.00 points" in check.reason
    assert not any("fell" in text for text in (check.reason, *(b.text for b in check.blame)))


def test_a_fall_too_small_to_show_is_not_told_as_0(tmp_path: Path) -> None:
    falls = {"clip-00": 1e-5, "clip-01": 0.15}
    scores = BASE | {name: [value - by for value in BASE[name]] for name, by in falls.items()}
    record = gated(tmp_path, scores, masks=EVERY, method_fields={"weights_sha256": "b" * 64})
    assert record.verdict == "fail"
    assert "by 0.00 points" not in render_gate_terminal(record)
    blamed = {b.name for c in record.checks for b in c.blame if b.kind == "sequence"}
    assert "clip-01" in blamed
    assert "clip-00" not in blamed


def test_other_numerics_fall_back_to_tolerances(tmp_path: Path) -> None:
    small = BASE | {"clip-03": [value - 0.003 for value in BASE["clip-03"]]}
    record = gated(tmp_path, small, masks=CHANGED, settings={"precision": "bf16"})
    assert (record.verdict, record.regime) == ("pass", "numerics")
    assert "precision" in record.regime_reason
    large = BASE | {"clip-03": [value - 0.03 for value in BASE["clip-03"]]}
    record = gated(tmp_path, large, masks=CHANGED, settings={"precision": "bf16"})
    assert record.verdict == "fail"
    assert "clip-03" in record.reason


@pytest.mark.parametrize(
    ("by", "spread", "verdict"),
    [(0.004, 0.004, "pass"), (-0.04, 0.01, "fail"), (-0.01, 0.01, "inconclusive")],
)
def test_changed_weights_are_held_by_interval(
    tmp_path: Path, by: float, spread: float, verdict: str
) -> None:
    record = gated(
        tmp_path,
        shifted(BASE, by, spread),
        masks=EVERY,
        method_fields={"weights_sha256": "b" * 64},
    )
    assert (record.regime, record.verdict) == ("changed", verdict)
    check = next(c for c in record.checks if c.name == "accuracy/J&F")
    assert check.low is not None
    assert "interval" in check.reason
    if verdict == "inconclusive":
        assert record.exit_code == 5
        assert "four times in five" in check.reason


def test_a_single_sequence_that_falls_far_fails_under_changed_weights(tmp_path: Path) -> None:
    scores = {**shifted(BASE, 0.01), "clip-05": [value - 0.15 for value in BASE["clip-05"]]}
    fields = {"weights_sha256": "b" * 64}
    record = gated(tmp_path, scores, masks=EVERY, method_fields=fields)
    assert record.verdict == "fail"
    assert "clip-05" in record.reason


def test_code_that_is_expected_to_change_nothing(tmp_path: Path) -> None:
    scores = BASE | {"clip-03": [value - 0.003 for value in BASE["clip-03"]]}
    fields = {"parameters": {"crop.enabled": False}}
    policy = Policy.model_validate({"accuracy": {"expect": "same"}})
    record = gated(tmp_path, scores, policy, masks=CHANGED, method_fields=fields)
    assert (record.regime, record.verdict) == ("same", "fail")
    assert "parameter crop.enabled" in record.regime_reason


def test_floors(tmp_path: Path) -> None:
    policy = Policy.model_validate(
        {"accuracy": {"floors": {"clip-03": 99.0, "overall": 10.0, "absent": 5.0}}}
    )
    record = gated(tmp_path, BASE, policy)
    assert named(record) == {"floor/clip-03"}
    assert named(record, "inconclusive") == {"floor/absent"}


def test_other_scores_for_the_same_masks(tmp_path: Path) -> None:
    scores = BASE | {"clip-03": [value + 0.001 for value in BASE["clip-03"]]}
    record = gated(tmp_path, scores)
    assert named(record) == {"scoring"}
    assert "clip-03_1" in record.reason


def test_a_missing_mask_file(tmp_path: Path) -> None:
    good = gate_run_at(tmp_path / "good", BASE)
    root = gate_run_at(tmp_path / "new", BASE)
    (RunPaths(root).sequence_masks("clip-04") / "00017.png").unlink()
    record = gate_run(root, baseline_of(good), baseline_name="good.json")
    assert record.exit_code == 1
    assert "clip-04/00017" in record.reason
    (RunPaths(root).sequence_masks("clip-04") / "00017.png").write_bytes(b"other")
    record = gate_run(root, baseline_of(good), baseline_name="good.json")
    assert "masks/complete" in named(record)


def test_a_failed_sequence_fails_and_a_part_is_inconclusive(tmp_path: Path) -> None:
    less = {name: values for name, values in BASE.items() if name != "clip-02"}
    record = gated(tmp_path, less, failed={"clip-02": "out-of-memory"})
    assert record.exit_code == 1
    assert "clip-02" in record.reason
    assert any("out-of-memory" in blame.text for c in record.checks for blame in c.blame)
    record = gated(tmp_path / "part", less)
    assert (record.exit_code, named(record, "inconclusive")) == (5, {"coverage"})
    allowed = Policy.model_validate({"data": {"allow_partial": True}})
    assert gated(tmp_path / "allowed", less, allowed).verdict == "pass"


def test_a_run_that_failed_everywhere_fails(tmp_path: Path) -> None:
    record = gated(tmp_path, {}, failed=dict.fromkeys(BASE, "RuntimeError"))
    assert (record.exit_code, named(record)) == (1, {"coverage"})


def test_an_undefined_figure_is_no_pass(tmp_path: Path) -> None:
    good = gate_run_at(tmp_path / "good", BASE)
    root = gate_run_at(tmp_path / "new", BASE, masks=CHANGED)
    path = root / "scores.json"
    scores = json.loads(path.read_text())
    for broken in (None, float("nan")):
        scores["objects"]["clip-03_1"]["J-Mean"] = broken
        path.write_text(json.dumps(scores))
        record = gate_run(root, baseline_of(good), baseline_name="good.json")
        assert "accuracy/J" in named(record)
        assert "clip-03_1" in record.reason


def test_nothing_that_blocks_is_never_a_pass(tmp_path: Path) -> None:
    off = dict.fromkeys(
        ("J&F", "J", "F", "J recall", "J decay", "F recall", "F decay"), {"status": "off"}
    )
    policy = Policy.model_validate({"accuracy": {"metrics": off}, "memory": {"status": "off"}})
    record = gated(tmp_path, BASE, policy)
    assert (record.verdict, record.exit_code) == ("inconclusive", 5)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"dataset": "other"}, "dataset"),
        ({"protocol": "davis2016"}, "protocol"),
        ({"data_fields": {"split": "test"}}, "split"),
        ({"data_fields": {"manifest_sha256": "x"}}, "digests"),
        ({"sequence_fields": {"height": 96}}, "height"),
        ({"method_fields": {"oracle": True}}, "oracle"),
    ],
)
def test_other_data_are_refused(tmp_path: Path, fields: dict[str, Any], word: str) -> None:
    if "split" in word:
        good = gate_run_at(tmp_path / "good", BASE)
        root = gate_run_at(tmp_path / "new", BASE)
        scores = read_scores(root).model_copy(update={"split": "test"})
        write_record(RunPaths(root).scores, scores)
        with pytest.raises(ComparisonError, match="split"):
            gate_run(root, baseline_of(good), baseline_name="good.json")
        return
    with pytest.raises(ComparisonError, match=word):
        gated(tmp_path, BASE, **fields)


def test_a_run_the_policy_does_not_ask_for(tmp_path: Path) -> None:
    policy = Policy.model_validate({"data": {"dataset": "davis2017"}})
    with pytest.raises(InputError, match="davis2017"):
        gated(tmp_path, BASE, policy)


def test_null_changes_by_other_arithmetic_are_never_red(tmp_path: Path) -> None:
    good = baseline_of(gate_run_at(tmp_path / "good", BASE))
    root = gate_run_at(
        tmp_path / "new", BASE, masks=EVERY, settings={"threads": 4}, without_trace=True
    )
    shutil.rmtree(root / "masks")
    random = np.random.default_rng(7)
    content = json.loads((root / "scores.json").read_text())
    red = 0
    for _ in range(100):
        moved = json.loads(json.dumps(content))
        for one in moved["objects"].values():
            for name in ("J-Mean", "F-Mean", "J&F-Mean"):
                one[name] += 0.0005 * float(random.standard_normal())
        (root / "scores.json").write_text(json.dumps(moved))
        red += gate_run(root, good, baseline_name="good.json").verdict != "pass"
    assert red <= 2


@pytest.fixture
def real_run(vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path) -> Path:
    data = make_davis({"first": 8, "second": 8})
    words = ("--method", "baseline-first-mask", "--dataset", "davis2017", "--data", data)
    vosbench("run", *words, "--device", "cpu", "--out", "runs")
    return next((tmp_path / "runs").glob("*/*/*/run.json")).parent


def test_swapped_ids_on_one_clip(vosbench: RunVosbench, real_run: Path, tmp_path: Path) -> None:
    vosbench("baseline", "set", real_run, "--out", "good.json")
    assert vosbench("gate", real_run, "--baseline", "good.json").code == 0
    root = tmp_path / "swapped"
    shutil.copytree(real_run, root)
    swap_ids(root, "second")
    result = vosbench("gate", root, "--baseline", "good.json", "--json", check=1)
    failed = [check for check in result.json["checks"] if check["verdict"] == "fail"]
    accuracy = next(check for check in failed if check["name"] == "accuracy/J")
    assert {one["name"] for one in accuracy["blame"] if one["kind"] == "sequence"} == {"second"}
    assert {one["name"] for one in accuracy["blame"] if one["kind"] == "loss"} <= {
        "wrong object",
        "identity",
    }
    assert any(one["kind"] == "loss" for one in accuracy["blame"])
    assert list(result.json["changed_frames"]) == ["second"]


def swap_ids(root: Path, name: str) -> None:
    """Exchange objects 1 and 2 on every later frame of a clip, and score the run again."""
    paths = RunPaths(root)
    record = read_sequence(root, name)
    digests = dict(record.masks_sha256)
    for frame in sorted(digests)[1:]:
        path = paths.sequence_masks(name) / f"{frame}.png"
        with Image.open(path) as image:
            labels, palette = np.array(image), image.getpalette()
        swapped = Image.fromarray(np.array([0, 2, 1], np.uint8)[labels])
        assert palette is not None
        swapped.putpalette(palette)
        swapped.save(path)
        digests[frame] = file_sha256(path)
    write_record(paths.sequence(name), record.model_copy(update={"masks_sha256": digests}))
    for path in paths.derived():
        if path.name != "trace.parquet":
            path.unlink(missing_ok=True)
    run = read_run(root)
    score_run(root, run, open_run_data(run, None))
