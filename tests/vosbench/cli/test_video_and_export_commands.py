"""`vosbench video` and `vosbench export` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import MakeDavis
from tests.vosbench.video.video_runs import make_scored_run
from vosbench.cli.app import app


def called(*words: str | Path, code: int = 0) -> tuple[str, str]:
    """Standard output and error of a command in this process."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_videos_are_written_and_mistakes_are_told(tmp_path: Path, make_davis: MakeDavis) -> None:
    pytest.importorskip("av", reason="the extra vosbench[video] is not installed")
    run = make_scored_run(tmp_path / "run", make_davis({"a": 12}), lost_from=4)
    assert called("video", run)[0].strip() == str(run / "videos" / "videos.json")
    reel = json.loads(called("video", run, "--reel", "--h264", "--most", "1", "--json")[0])
    assert [one["file"] for one in reel["videos"]] == ["failures.mp4", "failure-01.mp4"]
    assert (run / "videos" / "comparison-a.webm").is_file()
    assert "--reel" in called("video", run, "--most", "2", code=2)[1]
    assert "--fps" in called("video", run, "--fps", "0", code=2)[1]
    assert "twice" in called("video", run, run, code=2)[1]
    assert "no run directory" in called("video", tmp_path, code=4)[1]
    assert "no sequence" in called("video", run, "--sequences", "z*", code=5)[1]


def test_an_export_names_its_files(tmp_path: Path, make_davis: MakeDavis) -> None:
    run = make_scored_run(tmp_path / "run", make_davis({"a": 5}))
    out = tmp_path / "out"
    assert called("export", run, "--to", "jsonl", "--out", out)[0].strip() == str(out / "run.jsonl")
    told = json.loads(called("export", run, "--to", "jsonl", "--out", out, "--json")[0])
    assert told["files"] == [str(out / "run.jsonl")]
    assert "tensorboard" in called("export", run, "--to", "x", "--out", out, code=2)[1]
    assert (
        "no run directory" in called("export", tmp_path, "--to", "jsonl", "--out", out, code=4)[1]
    )
