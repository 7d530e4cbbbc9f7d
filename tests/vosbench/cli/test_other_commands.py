"""`vosbench score`, `report`, `list` and `doctor` as a user meets them."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.conftest import MakeDavis, RunVosbench

SCORE = ("--dataset", "davis2017", "--split", "val", "--protocol", "davis2017", "--json")


@pytest.fixture
def data(make_davis: MakeDavis) -> Path:
    return make_davis({"alpha": 6, "beta": 6})


def truth_as_masks(data: Path, folder: Path) -> Path:
    shutil.copytree(data / "Annotations" / "480p", folder)
    return folder


def test_folder_and_zip_score_alike(vosbench: RunVosbench, data: Path, tmp_path: Path) -> None:
    folder = truth_as_masks(data, tmp_path / "masks")
    archive = tmp_path / "masks.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.rglob("*.png"):
            file.write(path, path.relative_to(folder))
    shutil.rmtree(data / "JPEGImages")
    from_folder = vosbench("score", folder, *SCORE, "--data", data)
    from_zip = vosbench("score", archive, *SCORE, "--data", data)
    assert from_folder.json["global"]["J&F-Mean"] == 1.0
    assert from_zip.json["global"] == from_folder.json["global"]
    assert set(from_zip.json["objects"]) == {"alpha_1", "alpha_2", "beta_1", "beta_2"}
    assert "identical" in from_zip.err, "predictions equal to the truth deserve a warning"


def test_missing_mask_costs_its_sequence_and_exits_3(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    folder = truth_as_masks(data, tmp_path / "masks")
    (folder / "beta" / "00003.png").unlink()
    result = vosbench("score", folder, *SCORE, "--data", data, check=3)
    assert set(result.json["objects"]) == {"alpha_1", "alpha_2"}
    assert "00003" in result.json["unscored"]["beta"]
    assert "00003" in result.err


def test_nothing_to_score_exits_4(vosbench: RunVosbench, data: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "empty" in vosbench("score", empty, *SCORE, "--data", data, check=4).err
    assert "nowhere" in vosbench("score", "nowhere", *SCORE, "--data", data, check=4).err


def test_masks_without_a_data_set_are_a_usage_error(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    truth_as_masks(data, tmp_path / "masks")
    assert "--dataset" in vosbench("score", tmp_path / "masks", check=2).err
    unknown = vosbench("score", tmp_path / "masks", "--dataset", "davis2018", check=None)
    assert unknown.code in (2, 4)
    assert "davis2017" in unknown.err


@pytest.mark.parametrize("verb", ["score", "diagnose", "check masks", "report"])
def test_an_empty_folder_is_said_to_be_empty(
    vosbench: RunVosbench, tmp_path: Path, verb: str
) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    told = vosbench(*verb.split(), empty, check=4).err
    assert "hint: name a folder that vosbench run has written" in told
    assert f"{empty} is empty" in told or "it has no run.json" in told


def test_masks_of_another_split_are_recognised(
    vosbench: RunVosbench, data: Path, make_davis: MakeDavis, tmp_path: Path
) -> None:
    folder = truth_as_masks(data, tmp_path / "masks")
    make_davis({"gamma": 6, "delta": 6}, root=data, split="train")
    words = ("score", folder, "--dataset", "davis2017", "--data", data, "--split", "train")
    result = vosbench(*words, check=4)
    assert result.out == ""
    assert "gamma, delta: " in result.err
    assert result.err.count("there are no masks of sequence") == 1
    looks = "these masks have the sequences of davis2017 val, not of davis2017 train"
    assert looks in result.err
    asked = (*words[1:],)
    assert looks in vosbench("diagnose", *asked, check=4).err
    assert looks in vosbench("check", "masks", *asked, check=4).out


def test_score_under_other_rules_names_the_run_and_what_it_leaves(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    words = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--data", data, "--json")
    root = tmp_path / vosbench(*words).json["run"]
    other = vosbench("score", root, "--protocol", "davis2016")
    assert other.out.startswith("tp-follow on davis2017 val, protocol davis2016")
    assert "nothing was written" in other.err and "protocol davis2017" in other.err
    assert "nothing was written" not in vosbench("score", root).err


def test_unknown_protocol_names_the_known(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    folder = truth_as_masks(data, tmp_path / "masks")
    words = ("score", folder, "--dataset", "davis2017", "--data", data, "--protocol", "davis2018")
    assert "davis2017" in vosbench(*words, check=2).err


def test_run_scores_again_to_the_same_bytes(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    words = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--data", data, "--json")
    root = tmp_path / vosbench(*words).json["run"]
    before = (root / "scores.json").read_bytes()
    (root / "scores.json").unlink()
    (root / "frames.parquet").unlink()
    vosbench("score", root)
    assert (root / "scores.json").read_bytes() == before
    assert (root / "frames.parquet").is_file()


def test_report_is_drawn_again_and_without_images_too(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    words = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--data", data, "--json")
    root = tmp_path / vosbench(*words).json["run"]
    shutil.rmtree(root / "report")
    page = Path(vosbench("report", root).out.strip())
    assert (tmp_path / page).is_file()
    latex = vosbench("report", root, "--format", "latex", "--table", "scores").out
    assert latex.count(r"\begin{tabular}") == 1
    written = vosbench("report", root, "--paper", "paper", "--json").json
    assert {Path(one).suffix for one in written["files"]} == {
        ".tex", ".csv", ".md", ".json", ".svg", ".pdf"
    }  # fmt: skip
    assert all((tmp_path / one).is_file() for one in written["files"])
    assert "formats: " in vosbench("report", root, "--format", "docx", check=2).err
    assert "tables: " in vosbench("report", root, "--format", "csv", "--table", "x", check=2).err
    shutil.rmtree(data)
    assert (tmp_path / vosbench("report", root).out.strip()).is_file()
    assert "error" in vosbench("report", root, "--data", data, check=4).err


def test_other_data_than_the_run_saw_are_refused(
    vosbench: RunVosbench, data: Path, tmp_path: Path, make_davis: MakeDavis
) -> None:
    words = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--data", data, "--json")
    root = tmp_path / vosbench(*words).json["run"]
    other = make_davis({"alpha": 7, "beta": 6}, root=tmp_path / "other")
    result = vosbench("score", root, "--data", other, check=4)
    assert "not what run" in result.err


def test_runs_are_listed_and_a_damaged_one_says_so(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    words = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--data", data, "--json")
    answer = vosbench(*words).json
    rows = vosbench("list", "runs", "--json").json["runs"]
    assert [row["run"] for row in rows] == [answer["run"]]
    root = tmp_path / answer["run"]
    for folder in (root, root.parent, root.parent.parent, root.parent.parent.parent):
        rows = vosbench("list", "runs", folder, "--json").json["runs"]
        assert [row["run"] for row in rows] == [str(root)]
    assert "does not exist" in vosbench("list", "runs", "--out", "nowhere", check=4).err
    vosbench("list", "runs", root, "--out", root, check=2)
    vosbench("history", root, "--out", tmp_path / "history.html")
    assert rows[0]["J&F-Mean"] == answer["global"]["J&F-Mean"]
    (tmp_path / answer["run"] / "run.json").write_text("{")
    assert "cannot be read" in vosbench("list", "runs", "--json").json["runs"][0]["error"]


def test_lists_name_what_is_shipped(vosbench: RunVosbench) -> None:
    datasets = vosbench("list", "datasets", "--json").json["datasets"]
    assert {"davis2016", "davis2017", "folder", "diagnostic"} <= {
        row["dataset"] for row in datasets
    }
    assert "dmvos" in vosbench("list", "methods").out
    assert "planets" in vosbench("list", "planets", check=2).err


def test_one_method_is_listed_with_all_that_can_be_set(vosbench: RunVosbench) -> None:
    shown = vosbench("list", "methods", "tp-follow").out
    assert "step_px" in shown and "Does not move." in shown
    told = vosbench("list", "methods", "tp-follow", "--json").json
    assert told["parameters"]["step_px"] == 2
    assert told["variants"]["still"]["set"] == {"step_px": 0}
    assert told["variants"]["told"]["oracle"] is True
    assert told["capabilities"]["soft_masks"] is False
    dmvos = vosbench("list", "methods", "dmvos", "--json").json
    assert dmvos["weights"] and dmvos["parameters"]
    assert "did you mean" in vosbench("list", "methods", "tp-folow", check=2).err
    assert "one at a time" in vosbench("list", "methods", "tp-follow@*", check=2).err
    vosbench("list", "datasets", "davis2017", check=2)


def test_doctor_fails_on_a_broken_plugin_and_names_it(vosbench: RunVosbench) -> None:
    result = vosbench("doctor", "--json", check=4)
    states = {check["name"]: check["state"] for check in json.loads(result.out)["checks"]}
    assert states["method dmvos"] == "ok"
    assert states["method tp-broken"] == "broken"
    assert states["data set diagnostic"] == "ok"
    assert "tp-broken" in result.err


def test_version_and_no_arguments(vosbench: RunVosbench) -> None:
    assert vosbench("--version").out.startswith("vosbench ")
    assert "Usage" in vosbench(check=2).err + vosbench(check=2).out


def test_scores_of_chosen_sequences_say_so_each_time(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    words = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--data", data, "--json")
    root = tmp_path / vosbench(*words, "--limit", "1").json["run"]
    before = json.loads((root / "scores.json").read_text())["warnings"]
    assert any("1 of 30 sequences of davis2017 val were chosen" in line for line in before)
    assert vosbench("score", root, "--json").json["warnings"] == before


def test_scores_on_part_of_a_split_say_so(
    vosbench: RunVosbench, data: Path, tmp_path: Path
) -> None:
    folder = truth_as_masks(data, tmp_path / "masks")
    result = vosbench("score", folder, *SCORE, "--data", data)
    assert any("2 of 30 sequences" in warning for warning in result.json["warnings"])
    assert "2 of 30 sequences" in result.err
