"""`vosbench bench` as a user types it."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import MakeDavis, RunVosbench


def test_bench_measures_prints_and_writes(
    vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path
) -> None:
    root = make_davis({"alpha": 6})
    words = ["bench", "--method", "baseline-first-mask", "--dataset", "davis2017", "--data", root]
    short = ["--rounds", "1", "--objects", "1,2", "--no-calibrate"]
    found = vosbench(*words, *short, "--json").json
    assert found["methods"][0]["method"] == "baseline-first-mask"
    assert found["methods"][0]["label"] == "CPU"
    assert (tmp_path / found["folder"] / "trace.parquet").is_file()
    again = vosbench(*words, *short, "--against", tmp_path / found["folder"])
    (row,) = [line for line in again.out.splitlines() if "| fp32 |" in line]
    assert float(row.split("|")[3]) > 0, "a step of microseconds is not 0.0 ms"
    assert again.out.count("times its neighbours") == 0
    assert "too short to be judged" in again.out
    assert "| baseline-first-mask |" in again.out
    assert "no ratio (one measurement has no calibration kernels)" in again.out
    assert (tmp_path / again.out.splitlines()[-1]).read_text().startswith("# Speed on a CPU")


def test_bench_streams_a_run(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    root = make_davis({"alpha": 6})
    made = vosbench(
        *("run", "--method", "baseline-first-mask", "--dataset", "davis2017"),
        *("--data", root, "--json"),
    ).json
    assert made["timing"]["conditions"]["label"] == "CPU"
    found = vosbench("bench", "--streaming", made["run"], "--rates", "5,10", "--json").json
    assert [one["rate"] for one in found["scores"]] == [None, 5.0, 10.0]
    assert found["scores"][0]["jf_mean"] == made["global"]["J&F-Mean"]


def test_contradictions_are_usage_errors(vosbench: RunVosbench) -> None:
    assert "--method" in vosbench("bench", check=2).err
    assert "no --method" in vosbench("bench", "--streaming", "x", "--method", "y", check=2).err
    assert "frame rate" in vosbench("bench", "--streaming", "x", "--rates", "0", check=2).err
    wrong = vosbench("bench", "--method", "baseline-first-mask", "--objects", "0", check=2)
    assert "1 to 254" in wrong.err
