"""`vosbench compare` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeDavis, RunVosbench
from tests.vosbench.compare.made_runs import make_run, random_scores, shifted, write_run

BASE = random_scores(0)


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Path]:
    """Runs `base`, `fast`, `slow` of one method, and one on other data."""
    data = tmp_path / "runs" / "tiny"
    fast = make_run(shifted(BASE, 0.03, 0.01), variant="fast", run_id="r2")
    slow = make_run(shifted(BASE, -0.01, 0.03), variant="slow", run_id="r3")
    elsewhere = make_run({"elsewhere": [0.5]}, method="other")
    return {
        "base": write_run(data / "toy" / "r1", make_run(BASE)),
        "fast": write_run(data / "toy@fast" / "r2", fast),
        "slow": write_run(data / "toy@slow" / "r3", slow),
        "elsewhere": write_run(tmp_path / "apart", elsewhere),
    }


def test_table_json_and_markdown(vosbench: RunVosbench, runs: dict[str, Path]) -> None:
    table = vosbench("compare", runs["base"], runs["fast"])
    assert "J&F ↑" in table.out
    assert "better" in table.out
    record = vosbench("compare", runs["base"], runs["fast"], "--json").json
    assert record["baseline"]["label"] == "toy"
    assert record["candidates"][0]["tests"][0]["verdict"] == "better"
    assert record["candidates"][0]["tests"][0]["difference"] > 0
    markdown = vosbench("compare", runs["base"], runs["fast"], "--markdown").out
    assert markdown.startswith("## Comparison")
    assert "| toy@fast" in markdown


def test_first_run_is_the_baseline_unless_said_otherwise(
    vosbench: RunVosbench, runs: dict[str, Path]
) -> None:
    fast_first = vosbench("compare", runs["fast"], runs["slow"], "--json").json
    assert (fast_first["baseline"]["label"], fast_first["ablation"]) == ("toy@fast", False)
    words = ("compare", runs["fast"], runs["base"], "--baseline", runs["fast"], "--json")
    chosen = vosbench(*words).json
    assert (chosen["baseline"]["label"], chosen["ablation"]) == ("toy@fast", False)
    assert [one["run"]["label"] for one in chosen["candidates"]] == ["toy"]


def test_variants_are_held_to_their_base(vosbench: RunVosbench, runs: dict[str, Path]) -> None:
    named = vosbench("compare", runs["slow"], runs["fast"], runs["base"], "--json").json
    found = vosbench("compare", "--ablation", "runs", "--json").json
    for record in (named, found):
        assert record["ablation"]
        assert record["baseline"]["label"] == "toy"
        assert {one["run"]["label"] for one in record["candidates"]} == {"toy@fast", "toy@slow"}


def test_nothing_in_common_exits_5_and_writes_nothing(
    vosbench: RunVosbench, runs: dict[str, Path], tmp_path: Path
) -> None:
    result = vosbench("compare", runs["base"], runs["elsewhere"], "--out", "page", check=5)
    assert not (tmp_path / "page").exists()
    assert "elsewhere" in result.err
    assert result.out == ""


def test_damage_exits_4(vosbench: RunVosbench, runs: dict[str, Path]) -> None:
    (runs["fast"] / "scores.json").write_text("{}")
    assert "scores.json" in vosbench("compare", runs["base"], runs["fast"], check=4).err
    (runs["fast"] / "scores.json").unlink()
    assert "vosbench score" in vosbench("compare", runs["base"], runs["fast"], check=4).err
    assert "nowhere" in vosbench("compare", runs["base"], "nowhere", check=4).err


def test_masks_of_no_data_set_exit_4_and_say_how_to_make_a_run(
    vosbench: RunVosbench, runs: dict[str, Path], tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    (masks / "bear").mkdir(parents=True)
    (masks / "bear" / "00000.png").write_bytes(b"")
    zipped = tmp_path / "masks.zip"
    zipped.write_bytes(b"")
    other = tmp_path / "other.zip"
    other.write_bytes(b"")
    for path in (masks, zipped):
        error = vosbench("compare", path, other, check=4).err
        assert "--dataset" in error
        assert f"vosbench run --method precomputed --masks {path} --name NAME" in error
    assert "--dataset" in vosbench("compare", *list(runs.values())[:2], "--dataset", "x",
                                   check=2).err  # fmt: skip


def test_a_page_and_tables_are_written_where_asked(
    vosbench: RunVosbench, runs: dict[str, Path], tmp_path: Path
) -> None:
    result = vosbench("compare", runs["base"], runs["fast"], "--out", "page")
    assert result.out.splitlines()[-1] == "page/index.html"
    assert (tmp_path / "page" / "index.html").is_file()
    words = ("compare", runs["base"], runs["fast"], "--format", "latex", "--table", "differences")
    assert r"\begin{tabular}" in vosbench(*words).out
    record = vosbench("compare", runs["base"], runs["fast"], "--json", "--out", "again")
    assert record.json["candidates"]
    pages = [(tmp_path / name / "index.html").read_bytes() for name in ("page", "again")]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["base"],
        ["base", "base"],
        ["base", "--baseline", "base"],
        ["base", "fast", "--json", "--markdown"],
        ["base", "fast", "--json", "--format", "csv"],
        ["base", "fast", "--format", "docx"],
        ["base", "fast", "--format", "csv", "--table", "nothing"],
        ["base", "fast", "--out", "base"],
        ["base", "fast", "--method", "toy"],
        ["base", "--ablation", "runs"],
    ],
)
def test_contradictions_exit_2(
    vosbench: RunVosbench, runs: dict[str, Path], words: list[str]
) -> None:
    result = vosbench("compare", *(runs.get(word, word) for word in words), check=2)
    assert "error" in result.err.lower()


def test_real_runs_compare(vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path) -> None:
    data = make_davis({"alpha": 6, "beta": 6, "gamma": 6})
    common = ("--dataset", "davis2017", "--data", data, "--out", "real", "--json")
    vosbench("run", "--method", "tp-follow", *common)
    vosbench("run", "--method", "tp-follow@still", *common)
    record = vosbench("compare", "--ablation", "real", "--json").json
    assert record["sequences"] == ["alpha", "beta", "gamma"]
    one = record["candidates"][0]
    assert one["masks"]["compared"] == 3
    assert one["masks"]["identical"] == []
    assert {"name": "parameter step_px", "baseline": "2", "candidate": "0"} in one["changed"]
    assert one["speed"]["baseline_step_ms"] > 0
    assert one["frame_gains"] is not None
