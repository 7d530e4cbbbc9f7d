"""A real program in a process of its own: what it is given, what is taken, how it may end."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import REPOSITORY, MakeDavis
from vosbench.checks import check_method
from vosbench.data import open_dataset
from vosbench.engine import RunRequest, execute
from vosbench.errors import InputError, UsageError
from vosbench.plugins import resolve_methods
from vosbench.store import read_sequence
from vosbench.store.schema import RunRecord, SequenceRecord
from vosbench.types import BuildOptions, Sequence

CARD = REPOSITORY / "tests" / "support" / "program" / "card.toml"


class Quiet:
    """A listener that does not listen."""

    def run_started(self, root: Path, record: RunRecord, reused: int) -> None: ...
    def sequence_started(self, sequence: Sequence) -> None: ...
    def frame_done(self, count: int) -> None: ...
    def sequence_ended(self, record: SequenceRecord) -> None: ...


Run = Callable[..., tuple[Path, RunRecord]]


@pytest.fixture
def run(make_davis: MakeDavis, tmp_path: Path) -> Run:
    """Run the program on two sequences; `program` changes keys of the card's table."""
    data = make_davis({"alpha": 4, "beta": 3})

    def go(*settings: str, program: str = "", reference: str = "", **options: Any) -> Any:
        card = CARD
        if program:
            card = tmp_path / "card.toml"
            text = CARD.read_text().replace("[program]\n", f"[program]\n{program}\n")
            text = text.replace("{card}", str(CARD.parent))
            changed = {line.partition("=")[0].strip() for line in program.splitlines()}
            kept = [
                line
                for at, line in enumerate(text.splitlines())
                if line.partition("=")[0].strip() not in changed or line in program.splitlines()
            ]
            card.write_text("\n".join(kept))
        words = [f"python={sys.executable}", *settings]
        (method,) = resolve_methods([reference or str(card)], words)
        dataset = open_dataset("davis2017", root=data)
        request = RunRequest(method=method, dataset=dataset, out=tmp_path / "runs", **options)
        return execute(request, Quiet())

    return go


def failures(root: Path, names: tuple[str, ...] = ("alpha", "beta")) -> dict[str, str]:
    """Why sequences failed."""
    records = {name: read_sequence(root, name) for name in names}
    return {n: f"{r.failure.kind}: {r.failure.message}" for n, r in records.items() if r.failure}


def test_masks_time_and_log_of_a_program(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    root, record = run()
    assert record.status == "complete"
    assert record.method.name == "external:follow"
    assert root.parent.name == "external-follow"
    first = (root / "masks" / "alpha" / "00000.png").read_bytes()
    assert [p.read_bytes() for p in sorted((root / "masks" / "alpha").iterdir())] == [first] * 4
    assert record.timing["process_frames"] == 7
    assert record.timing["process_ms_total"] > 5
    assert "step_fps" not in record.timing
    assert any("start-up" in note for note in record.method.notes)
    (log,) = (root / "logs").glob("*.log")
    printed = log.read_text()
    assert "token: a b;$HOME" in printed, "no shell touches what the card says"
    assert "device: cpu" in printed
    assert "SECRET_KEY" not in printed
    told = json.loads(log.with_suffix(".json").read_text())
    assert told["frames"] == {"alpha": 4, "beta": 3}
    assert told["fps_claimed"] == "12.5"
    assert told["exit_code"] == 0
    assert not (root / ".partial").exists()


def test_one_process_for_each_sequence(run: Run) -> None:
    root, record = run(program='granularity = "sequence"')
    assert record.status == "complete"
    told = [json.loads(path.read_text()) for path in sorted((root / "logs").glob("*.json"))]
    assert [list(one["frames"]) for one in told] == [["alpha"], ["beta"]]


def test_the_same_command_starts_nothing_again(run: Run) -> None:
    root, record = run()
    again, twice = run()
    assert (again, twice.status) == (root, "complete")
    assert len(list((root / "logs").glob("*.log"))) == 1
    assert twice.timing["process_ms_total"] == record.timing["process_ms_total"]


def test_another_program_is_another_run(run: Run, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "net.py").write_text("a = 1")
    program = f'sources = ["*.py"]\nlinks = {{ "code/*" = "{repository}" }}'
    card_words = {"program": program}
    text = CARD.read_text()
    assert "repository" not in text
    one, _ = run(**card_words)
    card = tmp_path / "card.toml"
    text = card.read_text().replace('"on" = ""', f'"on" = ""\n"repository" = "{repository}"')
    card.write_text(text)
    two, _ = run(reference=str(card))
    (repository / "net.py").write_text("a = 2")
    three, _ = run(reference=str(card))
    assert len({one, two, three}) == 3


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("crash", "exit code 7; the last it printed: .*illegal memory access"),
        ("kill", "ended by signal 9"),
        ("silent", "no masks of sequence beta"),
        ("missing", "1 of 2 masks of beta are missing: 00002"),
        ("half", "the PNG is cut off"),
        ("garbage", "not a PNG file"),
    ],
)
def test_bad_ends_cost_what_they_touch(run: Run, behaviour: str, says: str) -> None:
    root, record = run(f"behaviour={behaviour}", "on=beta")
    assert record.status == "incomplete"
    found = failures(root)
    assert re.search(says, found["beta"])
    assert "logs/process-0001.log" in found["beta"]
    # a program that failed is not believed in what it wrote before; bad files are found one by one
    whole = behaviour in ("crash", "kill")
    assert set(found) == ({"alpha", "beta"} if whole else {"beta"})
    assert not (root / ".partial").exists()
    assert not (root / "masks" / "beta").exists()


def test_a_card_may_say_that_finished_sequences_are_kept(run: Run) -> None:
    root, _ = run("behaviour=crash", "on=beta", program="keep_finished = true")
    assert set(failures(root)) == {"beta"}


@pytest.mark.parametrize("behaviour", ["link", "pipe"])
def test_only_plain_files_are_read(run: Run, behaviour: str) -> None:
    root, _ = run(f"behaviour={behaviour}", "on=beta")
    assert "no plain file" in failures(root)["beta"]


def gone(pid: int) -> bool:
    """Whether a process ended within a moment."""
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def child_of(root: Path) -> int:
    (log,) = (root / "logs").glob("*.log")
    return int(log.read_text().partition("child ")[2].split()[0])


def test_a_timeout_ends_the_program_and_all_it_started(run: Run) -> None:
    begin = time.perf_counter()
    root, record = run("behaviour=hang", program="timeout_s = 1.5")
    assert time.perf_counter() - begin < 30
    assert record.status == "incomplete"
    assert "longer than 1.5 s" in failures(root)["alpha"]
    assert gone(child_of(root)), "a child in a session of its own is left"


def test_what_a_program_leaves_running_is_ended(run: Run) -> None:
    root, record = run("behaviour=orphan", "on=alpha")
    assert record.status == "complete"
    assert gone(child_of(root))


def test_a_program_that_is_not_there_is_unusable_input(run: Run) -> None:
    with pytest.raises(InputError, match="not there or cannot be executed"):
        run("python=/nowhere/python")
    with pytest.raises(InputError, match="wants '/nowhere/models' as 'models'"):
        run(program='links = { "models" = "/nowhere/models" }')


def test_weights_are_named_where_they_are_needed(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no place for weights"):
        run(weights=tmp_path / "net.pth")
    wanted = 'environment = { TOKEN = "{weights}" }'
    with pytest.raises(InputError, match="needs weights"):
        run(program=wanted)
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"1")
    root, record = run(program=wanted, weights=weights)
    assert record.method.weights == "net.pth"
    assert record.method.weights_sha256 is not None
    assert str(weights) in next((root / "logs").glob("*.log")).read_text()


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("timeout_s = 0", "program.timeout_s"),
        ("timeout = 5", "program.timeout: there is no such key (did you mean 'timeout_s'"),
        ('output = "{outptu}"', "unknown placeholder {outptu}"),
        ('output = "{sequence}"', "unknown placeholder {sequence}"),
        ('output = "a{b"', "single '{'"),
        ('links = { "../../etc" = "/etc" }', "no path inside"),
        ('folders = ["/etc"]', "no path inside"),
        ('fps_pattern = "FPS"', "0 groups"),
        ('fps_pattern = "("', "no regular expression"),
    ],
)
def test_wrong_cards_say_what_is_wrong(run: Run, program: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        run(program=program)
    assert says in str(caught.value)


def test_masks_outside_the_scratch_folder_are_stale(run: Run, tmp_path: Path) -> None:
    root, _ = run(program=f'output = "{tmp_path}"')
    assert "not in the program's folder" in failures(root)["alpha"]


def test_masks_in_a_folder_whose_name_the_program_makes_up(run: Run) -> None:
    root, _ = run(program='output = "{scratch}/*"')
    assert "several folders of masks: davis, output, tmp" in failures(root)["alpha"]
    root, _ = run(program='output = "{scratch}/*/nowhere"')
    assert "no masks" in failures(root)["alpha"]


def test_a_program_keeps_the_contract() -> None:
    (resolved,) = resolve_methods([str(CARD)], [f"python={sys.executable}"])
    assert check_method(resolved).findings == ()


def test_frames_by_number_and_masks_as_0_255(run: Run) -> None:
    program = 'frame_names = "numbered"\nimage_suffix = ".jpeg"\nmask_values = "0-255"'
    root, _ = run(program=program)
    # 0 and 255 on two objects has no meaning, and is not guessed at
    assert "binary mask; object ids are expected" in failures(root)["alpha"]


def test_single_object_programs_are_spared_what_they_cannot_do(
    run: Run, make_davis: MakeDavis, tmp_path: Path
) -> None:
    make_davis({"gamma": 3}, objects=1, root=tmp_path / "DAVIS")
    (tmp_path / "DAVIS" / "ImageSets" / "2017" / "val.txt").write_text("alpha\ngamma\n")
    card = tmp_path / "single.toml"
    text = CARD.read_text().replace("multi_object = true", "multi_object = false")
    card.write_text(text.replace("{card}", str(CARD.parent)))
    root, record = run(reference=str(card))
    assert record.failed == ["alpha"]
    assert "follows one" in failures(root, ("alpha", "gamma"))["alpha"]
    told = json.loads(next((root / "logs").glob("*.json")).read_text())
    assert list(told["frames"]) == ["gamma"]


def test_our_cards_are_sound_and_say_that_they_were_not_run() -> None:
    from vosbench_methods.external import CARDS
    from vosbench_methods.external.card import load_program

    from vosbench.method_card import load_method_card

    names = {path.stem for path in CARDS.glob("*.toml")}
    assert names >= {"rgmp", "ranet", "premvos", "stm", "stcn", "xmem", "cutie", "aot", "sam2"}
    for path in CARDS.glob("*.toml"):
        card = load_method_card(path)
        program = load_program(path, card)
        assert card.method.name == path.stem
        assert card.method.url.startswith("https://github.com/")
        assert card.method.licence
        assert not program.tried
        assert "repository" in card.parameters
        (found,) = resolve_methods([f"external:{path.stem}"])
        assert found.reference == f"external:{path.stem}"


def test_only_our_own_cards_are_said_to_be_untried(run: Run, tmp_path: Path) -> None:
    own = run(program="tried = false")[1].method.notes
    assert not any("never run by us" in note for note in own)
    for name in ("repository", "weights.pth"):
        (tmp_path / name).mkdir()
    (method,) = resolve_methods(["external:stcn"], [f"repository={tmp_path / 'repository'}"])
    options = BuildOptions(
        parameters=method.parameters,
        device="cpu",
        precision="fp32",
        weights=tmp_path / "weights.pth",
    )
    built: Any = method.found.plugin.build(options)
    assert any("never run by us" in note for note in built.notes)


def test_unknown_cards_and_members() -> None:
    with pytest.raises(UsageError, match="did you mean 'xmem'"):
        resolve_methods(["external:xmen"])
    with pytest.raises(UsageError, match="has no members"):
        resolve_methods(["baseline-first-mask:x"])
    with pytest.raises(InputError, match="cannot be read"):
        resolve_methods([os.fspath(Path("nowhere") / "card.toml")])
