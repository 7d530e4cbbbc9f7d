"""Masks made elsewhere become a run like any other, but for its speed."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import MakeDavis, RunVosbench

DATA = ("--dataset", "davis2017", "--data")


def masks_of(data: Path, folder: Path) -> Path:
    """The truth without first frames, as results may be."""
    shutil.copytree(data / "Annotations" / "480p", folder)
    for first in folder.glob("*/00000.png"):
        first.unlink()
    return folder


def record_of(data: Path, answer: dict[str, str]) -> dict[str, dict[str, object]]:
    record: dict[str, dict[str, object]] = json.loads(
        (data.parent / answer["run"] / "run.json").read_text()
    )
    return record


def test_a_folder_becomes_a_whole_run(
    vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 5, "beta": 4})
    shutil.rmtree(data / "JPEGImages")
    folder = masks_of(data, tmp_path / "masks of others")
    words = ("run", "--method", "precomputed", "--masks", folder, *DATA, data, "--json")
    unnamed = vosbench(*words, check=2)
    assert "cannot be called 'masks of others'" in unnamed.err
    named = vosbench(*words, "--name", "truth")
    assert "frames/s" not in named.err, "reading files is no speed of a method"
    answer = named.json
    assert answer["method"] == "precomputed:truth"
    assert answer["global"]["J-Mean"] == 1.0
    assert Path(answer["run"]).parent.name == "precomputed-truth"
    record = record_of(data, answer)
    assert "step_fps" not in record["timing"]
    assert record["method"]["asked"] == {"variant": None, "set": {}, "masks": str(folder)}
    report = (data.parent / answer["report"]).with_name("report.md").read_text()
    assert "speed was not measured" in report
    assert "1000 / mean" not in report

    # what decides is the masks' content, wherever they lie
    moved = tmp_path / "moved"
    folder.rename(moved)
    words = ("run", "--method", "precomputed", "--masks", moved, *DATA, data, "--json")
    again = vosbench(*words, "--name", "truth")
    assert again.json["run"] == answer["run"]
    shutil.copyfile(moved / "alpha" / "00002.png", moved / "alpha" / "00003.png")
    other = vosbench(*words, "--name", "truth").json
    assert other["run"] != answer["run"]
    assert other["global"]["J-Mean"] < 1.0

    compared = vosbench("compare", answer["run"], other["run"], "--json").json
    assert json.dumps(compared)
    assert vosbench("diagnose", other["run"]).code == 0
    restarted = vosbench("diagnose", other["run"], "--restart", check=2)
    assert "masks on disk cannot be restarted" in restarted.err
    assert "--masks" not in restarted.err
    assert vosbench("report", other["run"]).code == 0


def test_bad_masks_cost_their_sequence_and_none_at_all_is_unusable(
    vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 5, "beta": 4, "gamma": 4})
    folder = masks_of(data, tmp_path / "half")
    (folder / "beta" / "00002.png").unlink()
    cut = (folder / "gamma" / "00003.png").read_bytes()
    (folder / "gamma" / "00003.png").write_bytes(cut[: len(cut) // 2])
    packed = tmp_path / "half.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, f"results/{path.relative_to(folder)}")
    words = ("run", "--method", "precomputed", "--masks", packed, *DATA, data, "--json")
    result = vosbench(*words, check=3)
    assert result.json["method"] == "precomputed:half"
    assert set(result.json["failed"]) == {"beta", "gamma"}
    assert "1 of 3 masks of beta are missing: 00002" in result.err
    assert "gamma" in result.err
    assert "damaged" in result.err or "cut off" in result.err
    # what is mended has other bytes, and a run is found again by bytes
    assert "makes a new run of them" in result.err
    assert "tries them again" not in result.err
    for name in ("beta", "gamma"):
        shutil.rmtree(folder / name)
    (folder / "alpha").rename(folder / "delta")
    nothing = vosbench(*words[:4], folder, *words[5:], check=4)
    assert "none of the sequences asked for" in nothing.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--method", "precomputed"), "needs masks"),
        (("--method", "precomputed", "--masks", "m", "--weights", "w"), "no weights"),
        (("--method", "baseline-first-mask", "--masks", "m"), "not with baseline-first-mask"),
        (("--method", "baseline-first-mask", "--name", "m"), "--name says what masks"),
        (("--method", "precomputed", "--masks", "m", "--name", "../up"), "cannot be called"),
        (("--method", "precomputed", "--masks", "m", "--set", "layout=x"), "is none of auto"),
    ],
)
def test_contradictions_are_usage_errors(
    vosbench: RunVosbench,
    make_davis: MakeDavis,
    tmp_path: Path,
    words: tuple[str, ...],
    says: str,
) -> None:
    data = make_davis({"alpha": 3})
    masks_of(data, tmp_path / "m")
    assert says in vosbench("run", *words, *DATA, data, check=2).err


@pytest.mark.parametrize("method", ["ranet", "rgmp", "premvos", "stm"])
def test_published_masks_score_what_the_davis_site_says(
    shared: Path, tmp_path: Path, method: str
) -> None:
    from vosbench.data import open_dataset
    from vosbench.engine import Listener, RunRequest, execute
    from vosbench.plugins import resolve_methods
    from vosbench.workflow import score_run

    class Quiet(Listener):
        """Does not listen."""

    results = shared / "data" / "results" / "davis2016"
    official = json.loads((results / f"{method}.official.json").read_text())["sequences"]
    (resolved,) = resolve_methods([f"precomputed:{method}"])
    data = open_dataset(
        "davis2016", split="val", root=shared / "data" / "DAVIS2016", need_images=False
    )
    request = RunRequest(
        method=resolved, dataset=data, out=tmp_path, masks=results / f"{method}.zip"
    )
    root, record = execute(request, Quiet())
    assert record.status == "complete"
    score_run(root, record, data)
    table = pd.read_parquet(root / "frames.parquet")
    scored = table[table["evaluated"]].sort_values(["sequence", "index"])
    assert set(scored["sequence"]) == set(official)
    for name, rows in scored.groupby("sequence"):
        for figure in ("J", "F"):
            found = [f"{value:.3f}" for value in rows[figure]]
            assert found == [f"{value:.3f}" for value in official[name][figure]]
