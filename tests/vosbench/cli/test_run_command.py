"""`vosbench run` as a user meets it: results, exit codes, resuming, other people's methods."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import MakeDavis, RunVosbench

FOLLOW = ("run", "--method", "tp-follow", "--dataset", "davis2017", "--data")


def masks_of(root: Path) -> dict[str, bytes]:
    """Every mask file of a run, by its path below `masks/`."""
    return {
        path.relative_to(root / "masks").as_posix(): path.read_bytes()
        for path in sorted((root / "masks").rglob("*.png"))
    }


def test_third_party_method_is_found_and_run(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 6, "beta": 5})
    result = vosbench(*FOLLOW, data)
    report = Path(result.out.strip().splitlines()[-1])
    assert report.name == "index.html"
    root = (Path(str(data)).parent / report).parent.parent
    assert len(masks_of(root)) == 11
    record = json.loads((root / "run.json").read_text())
    assert record["status"] == "complete"
    assert record["method"]["name"] == "tp-follow"
    assert (root / "global_results-val.csv").is_file()
    listed = vosbench("list", "methods", "--json").json["methods"]
    row = next(row for row in listed if row["method"] == "tp-follow")
    assert row["package"] == "vos-thirdparty"
    assert set(row["variants"]) == {"still", "told"}


def test_no_report_leaves_all_but_the_pages(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 6})
    result = vosbench(*FOLLOW, data, "--no-report")
    root = Path(str(data)).parent / result.out.strip().splitlines()[-1]
    assert (root / "scores.json").is_file()
    assert not (root / "report").exists()
    again = vosbench(*FOLLOW, data, "--no-report", "--json").json
    assert again["report"] is None
    vosbench("report", root)
    assert (root / "report" / "index.html").is_file()


def test_broken_plugin_hides_no_other(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    listed = vosbench("list", "methods", "--json").json["methods"]
    assert "No module named" in next(r for r in listed if r["method"] == "tp-broken")["error"]
    result = vosbench("run", "--method", "tp-broken", check=4)
    assert "tp-broken" in result.err
    assert "vos-thirdparty" in result.err


def test_json_holds_the_seven_figures(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 6})
    answer = vosbench(*FOLLOW, data, "--json").json
    assert set(answer["global"]) == {
        "J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay",
    }  # fmt: skip
    assert set(answer["objects"]) == {"alpha_1", "alpha_2"}
    mean = answer["global"]["J&F-Mean"]
    assert mean == (answer["global"]["J-Mean"] + answer["global"]["F-Mean"]) / 2
    assert 0 < mean < 1


def test_all_variants_and_oracle_mark(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 6})
    words = ("run", "--method", "tp-follow@*", "--dataset", "davis2017", "--data", data, "--json")
    runs = {run["method"]: run for run in vosbench(*words).json["runs"]}
    assert set(runs) == {"tp-follow", "tp-follow@still", "tp-follow@told"}
    assert runs["tp-follow@told"]["global"]["J-Mean"] == 1.0
    assert runs["tp-follow"]["global"]["J-Mean"] < 1.0
    told = json.loads(
        (Path(str(data)).parent / runs["tp-follow@told"]["run"] / "run.json").read_text()
    )
    assert told["method"]["oracle"] is True


def test_parameters_asked_and_in_effect_are_recorded(
    vosbench: RunVosbench, make_davis: MakeDavis
) -> None:
    data = make_davis({"alpha": 4})
    answer = vosbench(*FOLLOW, data, "--set", "step_px=5", "--json").json
    record = json.loads((Path(str(data)).parent / answer["run"] / "run.json").read_text())
    assert record["method"]["asked"] == {"variant": None, "set": {"step_px": 5}}
    assert record["method"]["parameters"]["step_px"] == 5
    assert record["method"]["parameters"]["on_frame"] == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--method", "dmvso"), "did you mean 'dmvos'"),
        (("--method", "tp-follow@stil"), "did you mean 'still'"),
        (("--method", "tp-follow@"), "no variant after the @"),
        (("--method", "tp-follow@still", "--set", "step_px=3"), "contradicts tp-follow@still"),
        (("--method", "dmvos", "--set", "oracle.box=true"), "dmvos@oracle-box"),
        (("--method", "tp-follow", "--set", "step=1"), "did you mean 'step_px'"),
        (("--method", "tp-follow", "--set", "step_px=many"), "whole number"),
        (("--method", "tp-follow", "--set", "step_px"), "key=value"),
        (("--method", "tp-follow", "--method", "tp-follow"), "twice"),
        (("--method", "tp-follow", "--device", "tpu"), "--device"),
        (("--method", "tp-follow", "--device", "cuda"), "runs on cpu only"),
        (("--method", "tp-follow", "--precision", "bf16"), "offers fp32 only"),
        (("--method", "tp-follow", "--limit", "0"), "--limit"),
        (("--method", "tp-follow", "--seed", "-1"), "--seed"),
        (("--method", "tp-follow", "--sequences", "zeta*"), "zeta"),
    ],
)
def test_usage_errors_exit_2(
    vosbench: RunVosbench, make_davis: MakeDavis, words: tuple[str, ...], says: str
) -> None:
    data = make_davis({"alpha": 3})
    result = vosbench("run", *words, "--dataset", "davis2017", "--data", data, check=2)
    assert says in result.err
    assert result.out == ""


def test_missing_data_exit_4_and_say_where(vosbench: RunVosbench, tmp_path: Path) -> None:
    result = vosbench(*FOLLOW, tmp_path / "nowhere", check=4)
    assert str(tmp_path / "nowhere") in result.err
    assert "error:" in result.err


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("raise", "ValueError"),
        ("memory", "out-of-memory"),
        ("wrong-size", "MethodDefect"),
        ("exit", "SystemExit"),
    ],
)
def test_failure_costs_one_sequence_and_exits_3(
    vosbench: RunVosbench, make_davis: MakeDavis, behaviour: str, kind: str
) -> None:
    data = make_davis({"alpha": 6, "beta": 6}, objects=1)
    words = (
        *FOLLOW,
        data,
        "--json",
        "--set",
        f"behaviour={behaviour}",
        "--set",
        "on_sequence=beta",
    )
    result = vosbench(*words, check=3)
    answer = result.json
    root = Path(str(data)).parent / answer["run"]
    assert answer["failed"] == ["beta"]
    assert answer["status"] == "incomplete"
    assert set(answer["objects"]) == {"alpha_1"}
    assert "sequences/beta.json" in answer["unscored"]["beta"]
    failure = json.loads((root / "sequences" / "beta.json").read_text())["failure"]
    assert failure["kind"] == kind
    assert failure["message"]
    assert "beta" in result.err
    assert sorted(path.name for path in (root / "masks").iterdir()) == ["alpha"]
    assert "beta" in (root / "report" / "index.html").read_text()


def test_damaged_image_costs_one_sequence(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 6, "beta": 6})
    image = data / "JPEGImages" / "480p" / "beta" / "00003.jpg"
    image.write_bytes(image.read_bytes()[:200])
    result = vosbench(*FOLLOW, data, "--json", check=3)
    assert result.json["failed"] == ["beta"]
    assert "FAILED at frame 00003" in result.err


def test_same_command_keeps_what_is_complete(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 6, "beta": 6})
    first = vosbench(*FOLLOW, data, "--json")
    root = Path(str(data)).parent / first.json["run"]
    before = {path: path.stat().st_mtime_ns for path in (root / "masks").rglob("*.png")}
    # times are recorded to the second: an old start makes a renewed one show
    record = json.loads((root / "run.json").read_text())
    record |= {"created": "2020-01-01T00:00:00+00:00", "finished": "2020-01-01T00:00:09+00:00"}
    (root / "run.json").write_text(json.dumps(record, indent=1))
    vosbench("report", root)
    files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    second = vosbench(*FOLLOW, data, "--json")
    assert second.json == first.json
    assert "2 of 2 sequences are complete" in second.err
    assert before == {path: path.stat().st_mtime_ns for path in (root / "masks").rglob("*.png")}
    assert files == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_run_keeps_the_time_of_its_first_start(
    vosbench: RunVosbench, make_davis: MakeDavis
) -> None:
    data = make_davis({"alpha": 4, "beta": 4})
    root = data.parent / vosbench(*FOLLOW, data, "--no-report", "--json").json["run"]
    path = root / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"created": "2020-01-01T00:00:00Z"}))
    (root / "masks" / "alpha" / "00002.png").unlink()
    vosbench(*FOLLOW, data, "--no-report")
    again = json.loads(path.read_text())
    assert again["created"] == "2020-01-01T00:00:00Z"
    assert again["finished"] > "2021"


def test_reuse_is_by_content(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 6, "beta": 6})
    first = vosbench(*FOLLOW, data, "--json").json
    root = Path(str(data)).parent / first["run"]
    whole = masks_of(root)
    (root / "masks" / "alpha" / "00002.png").write_bytes(b"damaged")
    again = vosbench(*FOLLOW, data, "--json")
    assert "1 of 2 sequences are complete" in again.err
    assert masks_of(root) == whole
    # an image with other content under the same name and time makes the sequence new
    other = data / "JPEGImages" / "480p" / "beta"
    (other / "00004.jpg").write_bytes((other / "00001.jpg").read_bytes())
    assert "1 of 2 sequences are complete" in vosbench(*FOLLOW, data, "--json").err


SLOW_FOLLOW = ("--method", "tp-follow", "--set", "sleep_ms=15.0")
SMALL_DMVOS = ("--method", "dmvos", "--set", "input.height=96", "--set", "input.width=171")


@pytest.mark.parametrize("method", [SLOW_FOLLOW, SMALL_DMVOS], ids=["follow", "dmvos"])
def test_kill_at_a_random_moment_and_resume(
    vosbench: RunVosbench, make_davis: MakeDavis, method: tuple[str, ...]
) -> None:
    data = make_davis({"alpha": 12, "beta": 12, "gamma": 12})
    folder = data.parent
    words = ("run", *method, "--dataset", "davis2017", "--data", data, "--json")
    reference = folder / vosbench(*words, "--out", "uninterrupted").json["run"]
    seed = time.time_ns()
    generator = random.Random(seed)  # noqa: S311 - any moment must do
    landed = []
    for _ in range(2):
        process = vosbench.start(*words, "--out", "killed")
        wanted = generator.randrange(1, 10)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(folder.glob("killed/*/*/*/.partial/*/*.png"))) >= wanted:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        landed.append(len(list(folder.glob("killed/*/*/*/.partial/*/*.png"))))
    assert any(landed), f"no kill hit a sequence in work; seed {seed}"
    root = folder / vosbench(*words, "--out", "killed").json["run"]
    assert masks_of(root) == masks_of(reference), f"seed {seed}"
    assert (root / "scores.json").read_bytes() == (reference / "scores.json").read_bytes()
    assert (root / "frames.parquet").read_bytes() == (reference / "frames.parquet").read_bytes()
    assert not list(root.rglob("*.tmp"))
    assert not (root / ".partial").exists()


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_exits_130_and_keeps_what_is_done(
    vosbench: RunVosbench, make_davis: MakeDavis, kind: signal.Signals
) -> None:
    data = make_davis({"alpha": 4, "beta": 60})
    process = vosbench.start(*FOLLOW, data, "--set", "sleep_ms=60.0")
    root = None
    deadline = time.monotonic() + 60
    while root is None and time.monotonic() < deadline:
        done = list((Path(str(data)).parent / "runs").glob("*/*/*/sequences/alpha.json"))
        root = done[0].parent.parent if done else None
        time.sleep(0.05)
    assert root is not None
    process.send_signal(kind)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert json.loads((root / "run.json").read_text())["status"] == "interrupted"
    assert json.loads((root / "sequences" / "alpha.json").read_text())["status"] == "complete"
    assert not (root / "masks" / "beta").exists()


def test_two_processes_do_not_write_one_run(vosbench: RunVosbench, make_davis: MakeDavis) -> None:
    data = make_davis({"alpha": 60})
    words = (*FOLLOW, data, "--set", "sleep_ms=80.0")
    first = vosbench.start(*words)
    folder = Path(str(data)).parent / "runs"
    deadline = time.monotonic() + 60
    while not list(folder.rglob("run.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    second = vosbench(*words, check=4)
    assert "another process" in second.err
    first.kill()
    first.communicate()


def test_help_needs_no_torch(vosbench: RunVosbench) -> None:
    import subprocess
    import sys

    code = (
        "import sys, vosbench.cli.app; print(sorted({'torch','pandas','numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "Usage" in vosbench("--help").out
