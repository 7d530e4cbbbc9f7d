"""Exports, read back by the readers of the tools themselves."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis, RunVosbench
from tests.vosbench.compare.made_runs import make_run, write_run
from tests.vosbench.video.video_runs import make_scored_run
from vosbench.errors import InputError, UsageError
from vosbench.export import EXPORTERS, export_run
from vosbench.store import read_scores, read_table

HOSTILE = "</script>\x1b[31m\u202e\u2028|*x*"


@pytest.fixture
def run(tmp_path: Path, make_davis: MakeDavis) -> Path:
    """A scored run with one overlay of a report."""
    root = make_scored_run(tmp_path / "run", make_davis({"a": 6, "b": 5}), lost_from=3)
    overlays = root / "report" / "overlays"
    overlays.mkdir(parents=True)
    Image.new("RGB", (32, 20), (200, 10, 10)).save(overlays / "worst-01-errors.webp", "WEBP")
    return root


def read_back(folder: Path) -> Any:
    pytest.importorskip("tensorboard", reason="vosbench[tensorboard] is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    found.Reload()
    return found


def test_json_lines_hold_every_frame_and_figure(run: Path, tmp_path: Path) -> None:
    (path,) = export_run(run, "jsonl", tmp_path / "out")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kinds = [line["kind"] for line in lines]
    table = read_table(run / "frames.parquet")
    assert kinds.count("frame") == int(table["evaluated"].sum()) == 14
    assert (kinds.count("sequence"), kinds.count("object")) == (2, 4)
    assert kinds.count("picture") == 1
    assert lines[0]["settings"]["parameter.threshold"] == 0.5
    assert lines[1]["J&F"] == read_scores(run).overall.jf_mean
    assert lines[1]["step_ms_mean"] == 12.5
    last = [line for line in lines if line["kind"] == "frame" and line["sequence"] == "a"][-1]
    assert (last["index"], last["frame"], last["J"]) == (4, "00004", 0.0)


def test_tensorboard_reads_what_was_scored(run: Path, tmp_path: Path) -> None:
    export_run(run, "tensorboard", tmp_path / "out")
    found = read_back(tmp_path / "out")
    scores = read_scores(run)
    (overall,) = found.Scalars("summary/J&F")
    assert overall.value == pytest.approx(scores.overall.jf_mean, rel=1e-6)
    (sequence,) = found.Scalars("sequence/b/J mean")
    assert sequence.value == pytest.approx(scores.sequences["b"].j_mean, rel=1e-6)
    events = found.Scalars("frames/a/object-2/J")
    rows = read_table(run / "frames.parquet").query("sequence == 'a' and object_id == 2")
    rows = rows[rows["evaluated"]]
    assert [event.step for event in events] == rows["index"].tolist()
    assert [event.value for event in events] == pytest.approx(rows["J"].tolist(), rel=1e-6)
    (picture,) = found.Images("worst/worst-01-errors")
    assert (picture.width, picture.height) == (32, 20)
    hparams = found.PluginTagToContent("hparams")
    from tensorboard.plugins.hparams import metadata

    start = metadata.parse_session_start_info_plugin_data(hparams[metadata.SESSION_START_INFO_TAG])
    assert start.hparams["parameter.threshold"].number_value == 0.5
    assert start.hparams["parameter.crop.enabled"].bool_value is True
    assert start.hparams["method"].string_value == "toy"


@pytest.mark.parametrize("to", ["jsonl", "tensorboard"])
def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path, to: str) -> None:
    files = [export_run(run, to, tmp_path / name) for name in ("one", "two")]
    assert [p.read_bytes() for p in files[0]] == [p.read_bytes() for p in files[1]]
    again = export_run(run, to, tmp_path / "one")
    assert again == files[0]
    assert len(list((tmp_path / "one").iterdir())) == 1


def test_wandb_is_written_offline_and_can_be_read_back(
    run: Path, tmp_path: Path, vosbench: RunVosbench
) -> None:
    if importlib.util.find_spec("wandb") is None:
        pytest.skip("vosbench[wandb] is not installed")
    (file,) = vosbench("export", run, "--to", "wandb", "--out", "out", "--json").json["files"]
    # in a process of its own: importing wandb warns of things that are not ours to judge
    reader = """
import json, struct, sys, zlib
from pathlib import Path
from wandb.proto import wandb_internal_pb2 as pb

def chunks(data):
    # the log format of LevelDB: blocks of 32 KiB, records with checksum, length and type
    assert data[:4] == b":W&B"
    at, whole = 7, b""
    while at < len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        checksum, length, kind = struct.unpack_from("<IHB", data, at)
        part = data[at + 7 : at + 7 + length]
        assert zlib.crc32(part, zlib.crc32(bytes([kind]))) == checksum
        whole, at = whole + part, at + 7 + length
        if kind in (1, 4):
            yield whole
            whole = b""

history, config, summary = [], {}, {}
for data in chunks(Path(sys.argv[1]).read_bytes()):
    record = pb.Record(); record.ParseFromString(data)
    kind = record.WhichOneof("record_type")
    if kind == "history":
        items = record.history.item
        history.append({i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items})
    if kind == "run":
        config.update({i.key: json.loads(i.value_json) for i in record.run.config.update})
    if kind == "summary":
        for i in record.summary.update:
            summary[i.key or "/".join(i.nested_key)] = json.loads(i.value_json)
print(json.dumps({"history": history, "config": config, "summary": summary}))
"""
    done = subprocess.run(
        [sys.executable, "-c", reader, str(tmp_path / file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["config"]["parameter.threshold"] == 0.5
    assert found["summary"]["J&F"] == pytest.approx(read_scores(run).overall.jf_mean)
    by_index = {line["frame_index"]: line for line in found["history"] if "frame_index" in line}
    assert sorted(by_index) == [1, 2, 3, 4]
    assert by_index[4]["frames/a/object-1/J"] == 0.0
    keys = {key for line in found["history"] for key in line}
    assert any(key.startswith("worst/worst-01-errors") for key in keys)
    assert not list(tmp_path.glob("out/**/requirements.txt"))


@pytest.mark.parametrize("to", ["tensorboard", "wandb"])
def test_a_missing_tool_is_named_with_its_extra(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    modules = {"tensorboard": "tensorboard.summary.writer.record_writer", "wandb": "wandb"}
    monkeypatch.setitem(sys.modules, modules[to], None)
    with pytest.raises(UsageError) as caught:
        export_run(run, to, tmp_path / "out")
    assert f"vosbench[{to}]" in caught.value.hint


def test_hostile_names_stay_text_and_undefined_scores_are_gaps(tmp_path: Path) -> None:
    made = make_run(
        {HOSTILE: [0.5, None]},
        method=HOSTILE,
        method_fields={"parameters": {HOSTILE: HOSTILE * 200}},
        frame_changes={(HOSTILE, 1, 3): float("nan")},
    )
    root = write_run(tmp_path / "run", made)
    (path,) = export_run(root, "jsonl", tmp_path / "lines")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    frames = [line for line in lines if line["kind"] == "frame" and line["object_id"] == 1]
    assert frames[2]["J"] is None
    assert np.isfinite(frames[3]["J"])
    assert frames[0]["sequence"] == HOSTILE
    assert "\u2028" not in path.read_text()
    (event_file,) = export_run(root, "tensorboard", tmp_path / "events")
    tags = read_back(event_file.parent).Tags()["scalars"]
    assert any("/object-1/J" in tag for tag in tags)
    assert not any("\x1b" in tag or "\u202e" in tag for tag in tags)


def test_what_cannot_be_exported_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such export") as caught:
        export_run(run, "mlflow", tmp_path / "out")
    assert all(name in caught.value.hint for name in EXPORTERS)
    with pytest.raises(UsageError, match="run directory"):
        export_run(run, "jsonl", run)
    with pytest.raises(InputError, match="no run directory"):
        export_run(tmp_path, "jsonl", tmp_path / "out")
    (run / "scores.json").unlink()
    with pytest.raises(InputError, match="not been scored"):
        export_run(run, "jsonl", tmp_path / "out")
