"""`vosbench diagnose` on runs that kept soft masks and told of themselves."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import REPOSITORY, MakeDavis, Result
from vosbench.cli.app import app
from vosbench.store import RunPaths, read_soft, read_table


class InProcess:
    """The command in this process, which spares the start of a new one for every call."""

    def __call__(self, *words: str | Path, check: int = 0) -> Result:
        done = CliRunner().invoke(app, [str(word) for word in words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == check, f"exit {done.exit_code}\n{done.output}"
        return Result(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def vosbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """The command, run in `tmp_path` with a method that gives soft masks installed."""
    site = tmp_path / "site"
    shutil.copytree(REPOSITORY / "tests" / "support" / "softparty", site)
    about = site / "tp_soft-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tp-soft\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[vosbench.methods]\ntp-soft = tp_soft:PLUGIN\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "tp_soft", raising=False)
    monkeypatch.chdir(tmp_path)
    return InProcess()


def test_claims_replay_and_placement(
    vosbench: InProcess, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 10})
    words = ("run", "--method", "tp-soft", "--dataset", "davis2017", "--data", data, "--json")
    run = tmp_path / vosbench(*words, "--no-store-soft").json["run"]
    paths = RunPaths(run)
    assert not paths.soft.exists()
    refused = vosbench("diagnose", run, "--replay", check=4)
    assert "--store-soft" in refused.err
    bare = vosbench("diagnose", run, "--json").json
    assert bare["overlap"] is None
    assert any("`run --store-soft` does" in line for line in bare["limits"])

    # what is complete is not segmented again unless soft masks are asked for
    vosbench(*words)
    assert not paths.soft.exists()
    # the same command with the flag fills in what is missing, and then nothing more
    again = vosbench(*words, "--store-soft")
    assert tmp_path / again.json["run"] == run
    frame = read_soft(paths.sequence_soft("alpha"), "00001")
    assert frame.object_ids == (1, 2)
    assert frame.probabilities()[0].max() == pytest.approx(0.95, abs=0.01)
    written = {path: path.stat().st_mtime_ns for path in paths.soft.rglob("*.soft")}
    assert len(written) == 9
    vosbench(*words, "--store-soft")
    vosbench(*words)
    assert {path: path.stat().st_mtime_ns for path in paths.soft.rglob("*.soft")} == written

    answer = vosbench("diagnose", run, "--replay", "--json").json
    overlap = answer["overlap"]
    one = overlap["sequences"]["alpha"]
    # half of object 2 is claimed by both, and the rule gives it to object 1
    assert one["arbitration_error"] == 1.0
    assert one["wrong_by_network_px"] == 0
    assert one["wrong_by_rule_px"] == one["disputed_px"] > 0
    assert one["contest_matrix"]["1"]["2"] == pytest.approx(0.5, abs=0.02)
    assert one["claimed_truth"]["1"]["2"] == pytest.approx(0.5, abs=0.02)
    assert one["contest_rate"]["0.5"] == pytest.approx(0.25, abs=0.02)
    replay = {line["rule"]: line for line in overlap["replay"]}
    assert replay["argmax"]["same_frames"] == replay["argmax"]["frames"] > 0
    assert replay["argmax"]["change"] == 0
    assert replay["as run"]["j_mean"] == pytest.approx(answer["j_mean"], abs=1e-12)
    assert answer["placement"]["clipped"] == pytest.approx(0.25, abs=0.02)
    assert answer["placement"]["clipped_frames"] == 1
    assert answer["placement"]["voted_error"] < 0.1
    table = read_table(run / "diagnosis.parquet")
    assert table["clipped"].between(0.2, 0.3).all()
    shown = vosbench("diagnose", run, "--replay").out
    assert "merging rule's fault" in shown
    assert "soft-aggregation" in shown
    assert "Where the method looked" in shown

    # masks that are not those of the soft masks are noticed
    victim = paths.sequence_soft("alpha") / "00003.soft"
    other = paths.sequence_soft("alpha") / "00004.soft"
    other.write_bytes(victim.read_bytes())
    assert vosbench("diagnose", run, "--json").json["overlap"] is None
    vosbench(*words, "--store-soft")
    assert vosbench("diagnose", run, "--json").json["overlap"] is not None


def test_a_restart_tells_propagation_from_hard_frames(
    vosbench: InProcess, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 40}, size=(48, 120))
    words = ("run", "--dataset", "davis2017", "--data", data, "--json", "--method")
    tired = tmp_path / vosbench(*words, "tp-soft@tires").json["run"]
    answer = vosbench("diagnose", tired, "--restart", "--json").json["restarts"]
    restarts = {one["object_id"]: one for one in answer["restarts"]}
    assert set(restarts) == {1, 2}
    # what is lost of object 2 because object 1 claims half of it, no restart brings back
    assert restarts[1]["verdict"] == "propagation"
    assert restarts[2]["j_restarted"] > restarts[2]["j_run"]
    assert 0.3 < answer["propagation_share"] < 1
    blind = tmp_path / vosbench(*words, "tp-soft@blind").json["run"]
    answer = vosbench("diagnose", blind, "--restart", "--json").json["restarts"]
    assert {one["verdict"] for one in answer["restarts"]} == {"hard frames"}
    assert answer["propagation_share"] == 0
    shown = vosbench("diagnose", blind, "--restart")
    assert "hard frames" in shown.out
    assert "restarted at frame" in shown.err
    fine = tmp_path / vosbench(*words, "tp-soft").json["run"]
    assert "nothing to restart" in vosbench("diagnose", fine, "--restart").out

    part = vosbench("diagnose", blind, "--restart", "--protocol", "vots", check=2)
    assert "as it was run" in part.err
    masks = vosbench(
        "diagnose", blind / "masks", "--dataset", "davis2017", "--data", data, "--restart", check=2
    )
    assert "run directory" in masks.err


def test_sequences_of_several_objects_keep_them_unasked(
    vosbench: InProcess, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 4})
    words = ("run", "--method", "tp-soft", "--dataset", "davis2017", "--json", "--data")
    several = RunPaths(tmp_path / vosbench(*words, data).json["run"])
    assert len(list(several.sequence_soft("alpha").rglob("*.soft"))) == 3
    data = make_davis({"alpha": 4}, objects=1, root=tmp_path / "one")
    one = RunPaths(tmp_path / vosbench(*words, data).json["run"])
    assert not one.soft.exists()


def test_a_method_without_soft_masks_is_refused(vosbench: InProcess, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 4})
    words = ("run", "--method", "baseline-first-mask", "--dataset", "davis2017", "--data", data)
    refused = vosbench(*words, "--store-soft", check=2)
    assert "no soft masks" in refused.err
