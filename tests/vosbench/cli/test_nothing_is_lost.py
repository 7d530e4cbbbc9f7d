"""What a run leaves when things go wrong: no wrong number, no finished result destroyed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis, Result, RunVosbench

FOLLOW = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--json", "--data")


@pytest.fixture
def data(make_davis: MakeDavis) -> Path:
    return make_davis({"alpha": 6, "beta": 6}, objects=1)


def run_of(result: Result, tmp_path: Path) -> Path:
    return tmp_path / result.json["run"]


def bytes_of(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.glob("masks/*/*.png")}


def test_if_every_sequence_fails_the_report_still_says_why(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    result = vosbench(*FOLLOW, data, "--set", "behaviour=raise", check=3)
    assert result.json["failed"] == ["alpha", "beta"]
    assert result.json["global"]["J&F-Mean"] is None
    page = (tmp_path / result.json["report"]).read_text()
    assert "the method lost its mind" in page


def test_a_failed_new_attempt_keeps_the_older_masks_and_no_stale_score(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    first = vosbench(*FOLLOW, data)
    root = run_of(first, tmp_path)
    before = bytes_of(root)
    image = data / "JPEGImages" / "480p" / "beta" / "00003.jpg"
    good = image.read_bytes()
    image.write_bytes(good[:300])
    broken = vosbench(*FOLLOW, data, check=3)
    assert run_of(broken, tmp_path) == root
    assert set(broken.json["objects"]) == {"alpha_1"}
    rows = vosbench("list", "runs", "--json").json["runs"]
    assert rows[0]["J&F-Mean"] == broken.json["global"]["J&F-Mean"]
    assert not (root / "masks" / "beta").exists(), "masks of a failed sequence are not on offer"
    image.write_bytes(good)
    again = vosbench(*FOLLOW, data)
    assert "2 of 2 sequences are complete" in again.err, "the older masks come back unchanged"
    assert bytes_of(root) == before
    assert again.json["global"] == first.json["global"]


def test_a_damaged_trace_is_segmented_again(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    root = run_of(vosbench(*FOLLOW, data), tmp_path)
    trace = root / "sequences" / "alpha.trace.parquet"
    trace.write_bytes(trace.read_bytes()[:50])
    assert "1 of 2 sequences are complete" in vosbench(*FOLLOW, data).err


def test_what_a_killed_process_left_half_written_is_cleared(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    root = run_of(vosbench(*FOLLOW, data), tmp_path)
    (root / ".run.json.abc.tmp").write_text("{")
    (root / ".partial" / "beta").mkdir(parents=True)
    vosbench(*FOLLOW, data)
    assert not list(root.rglob("*.tmp"))
    assert not (root / ".partial").exists()


def test_scoring_refuses_masks_that_the_run_did_not_write(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    root = run_of(vosbench(*FOLLOW, data), tmp_path)
    scores = (root / "scores.json").read_bytes()
    path = root / "masks" / "beta" / "00002.png"
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(path)
    result = vosbench("score", root, check=4)
    assert str(path.relative_to(tmp_path)) in result.err or str(path) in result.err
    assert (root / "scores.json").read_bytes() == scores


def test_reading_masks_otherwise_is_other_work(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    for path in (data / "Annotations" / "480p").rglob("*.png"):
        labels = np.array(Image.open(path))
        labels[-6:, :10] = 255
        Image.fromarray(labels).save(path)
    card = tmp_path / "mine.toml"
    head = 'extends = "davis2017"\nname = "mine"\ntitle = "Mine"\n'
    text = head + 'label_kind = "{}"\nprotocol = "davis2016"\n'
    card.write_text(text.format("ids"))
    words = ("run", "--method", "tp-follow@still", "--dataset", card, "--data", data, "--json")
    as_ids = vosbench(*words).json["global"]
    card.write_text(text.format("binary"))
    as_binary = vosbench(*words)
    assert "are complete and match" not in as_binary.err
    fresh = vosbench(*words, "--out", "elsewhere")
    assert as_binary.json["global"] == fresh.json["global"]
    assert as_ids != as_binary.json["global"]


def test_data_with_first_masks_only_are_segmented_and_exit_0(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    for path in (data / "Annotations" / "480p").rglob("*.png"):
        if path.stem != "00000":
            path.unlink()
    shutil.move(
        data / "ImageSets" / "2017" / "val.txt", data / "ImageSets" / "2017" / "test-dev.txt"
    )
    result = vosbench(*FOLLOW, data, "--split", "test-dev")
    assert result.json["failed"] == []
    assert result.json["without_truth"] == ["alpha", "beta"]
    assert result.json["global"]["J&F-Mean"] is None
    assert "no ground truth beyond the first frame" in result.err
    assert len(bytes_of(run_of(result, tmp_path))) == 12


@pytest.mark.skipif(os.name == "nt", reason="needs /proc")
def test_a_folder_that_cannot_be_written_exits_4(vosbench: RunVosbench, data: Path) -> None:
    result = vosbench(*FOLLOW, data, "--out", "/proc/nowhere", check=4)
    assert "/proc/nowhere" in result.err
    assert "Traceback" not in result.err


def test_a_later_method_that_cannot_be_built_stops_the_earlier_ones_too(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    words = ("--method", "dmvos", "--weights", "nowhere.safetensors")
    result = vosbench(*FOLLOW, data, *words, check=4)
    assert "nowhere.safetensors" in result.err
    assert not (tmp_path / "runs").exists()


def test_splits_of_one_data_set_do_not_share_a_run(
    vosbench: RunVosbench, data: Path, make_davis: MakeDavis
) -> None:
    lists = data / "ImageSets" / "2017"
    shutil.copy(lists / "val.txt", lists / "train.txt")
    one = vosbench(*FOLLOW, data, "--split", "val").json["run"]
    other = vosbench(*FOLLOW, data, "--split", "train").json["run"]
    assert one != other
    assert json.loads((data.parent / one / "run.json").read_text())["data"]["split"] == "val"
