"""`vosbench check` and `vosbench pack` as a user meets them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import MakeDavis, RunVosbench


@pytest.fixture
def data(make_davis: MakeDavis) -> Path:
    return make_davis({"alpha": 5, "beta": 5})


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "mini.toml"
    path.write_text(
        'extends = "davis2017"\nname = "mini"\ntitle = "Mini"\n'
        "[splits.val]\nsequences = 2\nframes = 10\n"
    )
    return path


def test_check_dataset(vosbench: RunVosbench, data: Path, card: Path) -> None:
    result = vosbench("check", "dataset", card, "--data", data)
    assert "0 errors" in result.out
    (data / "JPEGImages" / "480p" / "beta" / "00002.jpg").unlink()
    result = vosbench("check", "dataset", card, "--data", data, "--json", check=4)
    assert result.json["errors"] >= 1
    assert {"severity", "code", "sequence", "frame", "fix"} <= set(result.json["findings"][0])
    assert "error(s)" not in result.err
    assert " found" in result.err.splitlines()[-1]
    assert vosbench("check", "dataset", "davis2018", check=2).out == ""


def test_check_masks(vosbench: RunVosbench, data: Path, card: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    shutil.copytree(data / "Annotations" / "480p", masks)
    asked = ("check", "masks", masks, "--dataset", card, "--data", data)
    result = vosbench(*asked)
    assert "warning: predictions are identical to the ground truth: alpha, beta" in result.out
    (masks / "alpha" / "00002.png").write_bytes(b"")
    result = vosbench(*asked, "--json", check=4)
    assert [f["code"] for f in result.json["findings"] if f["severity"] == "error"] == [
        "unreadable"
    ]
    assert vosbench("check", "masks", masks, check=2).out == "", "loose masks need a data set"


def test_check_masks_of_a_run_needs_no_data_set(
    vosbench: RunVosbench, data: Path, card: Path, tmp_path: Path
) -> None:
    vosbench("run", "--method", "baseline-first-mask", "--dataset", card, "--data", data)
    run = next((tmp_path / "runs" / "mini").glob("*/*"))
    result = vosbench("check", "masks", run, "--json")
    texts = {finding["text"] for finding in result.json["findings"]}
    assert "every predicted mask is a copy of the first annotation" in texts
    out = tmp_path / "up.zip"
    packed = vosbench("pack", run, "--target", "lvos", "--out", out)
    assert packed.out.splitlines() == [str(out)]


def test_check_masks_of_a_run_on_chosen_sequences(
    vosbench: RunVosbench, data: Path, card: Path, tmp_path: Path
) -> None:
    task = ("--method", "baseline-first-mask", "--dataset", card, "--data", data)
    vosbench("run", *task, "--sequences", "beta")
    run = next((tmp_path / "runs" / "mini").glob("*/*"))
    result = vosbench("check", "masks", run)
    assert "0 errors" in result.out
    assert "1 of 2 sequences of mini val were chosen" in result.out
    masks = data / "Annotations" / "480p"
    loose = ("check", "masks", masks, "--dataset", card, "--data", data, "--limit", "1", "--json")
    findings = vosbench(*loose).json["findings"]
    assert ("note", "beta") in {(one["severity"], one["sequence"]) for one in findings}
    # a leaderboard takes whole splits
    refused = vosbench("pack", run, "--target", "lvos", "--out", tmp_path / "a.zip", check=4)
    assert "alpha" in refused.err


def test_check_method(vosbench: RunVosbench) -> None:
    result = vosbench("check", "method", "tp-follow", "--json")
    assert result.json["findings"] == []
    assert vosbench("check", "method", "tp-follow@told", "--json").json["errors"] == 0
    result = vosbench("check", "method", "tp-follow", "--set", "behaviour=wrong-size", check=4)
    assert "labels do not have the frame's size" in result.out
    vosbench("check", "method", "tp-follow@*", check=2)


def test_pack_and_verify(vosbench: RunVosbench, data: Path, card: Path, tmp_path: Path) -> None:
    masks = data / "Annotations" / "480p"
    out = tmp_path / "out" / "up.zip"
    task = ("--target", "mosev2", "--dataset", card, "--data", data)
    result = vosbench("pack", masks, *task, "--out", out)
    assert result.out.splitlines()[-1] == str(out)
    assert "sequences and frames are those of mini val" in result.err
    before = out.stat().st_mtime_ns
    assert "--replace" in vosbench("pack", masks, *task, "--out", out, check=2).err
    assert out.stat().st_mtime_ns == before
    vosbench("pack", masks, *task, "--out", out, "--replace")
    assert vosbench("pack", "--verify", out, *task).out.splitlines()[-1] == str(out)
    assert vosbench("pack", "--verify", out, *task, "--json").json["errors"] == 0
    wrong = ("--target", "lvos", *task[2:])
    assert "wrong place" in vosbench("pack", "--verify", out, *wrong, check=4).err


def test_pack_contradictions_are_usage_errors(
    vosbench: RunVosbench, data: Path, card: Path, tmp_path: Path
) -> None:
    masks, task = data / "Annotations" / "480p", ("--dataset", card, "--data", data)
    lvos = ("--target", "lvos")
    assert "youtube-vos" in vosbench("pack", masks, "--target", "nowhere", *task, check=2).err
    vosbench("pack", masks, *lvos, *task, check=2)
    vosbench("pack", *lvos, *task, "--out", "a.zip", check=2)
    vosbench("pack", masks, *lvos, *task, "--out", "a.tar", check=2)
    vosbench("pack", masks, *lvos, *task, "--out", "a.zip", "--verify", "b.zip", check=2)
    vosbench("pack", *lvos, "--verify", "b.zip", check=2)
    vosbench("pack", masks, *lvos, "--out", "a.zip", check=2)
    assert not (tmp_path / "a.zip").exists()


def test_pack_refuses_data_that_the_target_does_not_score(
    vosbench: RunVosbench, data: Path, card: Path, tmp_path: Path
) -> None:
    masks, out = data / "Annotations" / "480p", tmp_path / "a.zip"
    words = ("pack", masks, "--data", data, "--out", out, "--target")
    own = vosbench(*words, "davis2017-test-dev", "--dataset", card, check=4).err
    assert "davis2017 test-dev, which has 30 sequences; these are of mini val" in own
    split = vosbench(
        *words, "davis2017-test-dev", "--dataset", "davis2017", "--split", "val", check=4
    )
    assert "takes masks of davis2017 test-dev; these are of davis2017 val" in split.err
    other = vosbench(*words, "lvos", "--dataset", "davis2017", "--split", "val", check=4).err
    assert "takes masks of LVOS test; these are of davis2017 val" in other
    assert not out.exists()


def test_pack_refuses_what_is_not_complete(
    vosbench: RunVosbench, data: Path, card: Path, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    shutil.copytree(data / "Annotations" / "480p", masks)
    (masks / "beta" / "00004.png").unlink()
    out = tmp_path / "a.zip"
    task = ("--target", "mosev2", "--dataset", card, "--data", data, "--out", out)
    assert "beta 00004" in vosbench("pack", masks, *task, check=4).err
    assert not out.exists()
