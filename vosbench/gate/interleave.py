"""Running a run's own command in turns under two interpreters.

Each round runs both, and the next round in the other order, so that neither a machine that gets
busier nor a place in the order favours one side.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vosbench.compare import load_run_scores
from vosbench.data import cache_folder
from vosbench.errors import ComparisonError, InputError
from vosbench.gate.speed import Round
from vosbench.gate.stages import StageTimes, read_memory, read_stages
from vosbench.store import read_run
from vosbench.store.schema import RunRecord
from vosbench.timing import alone_on

__all__ = ["Interleaved", "Side", "alone_for", "measure_rounds", "run_command"]

_TAKES_VALUE: Final = frozenset({"--out", "--method", "--sequences", "--limit"})
_FLAGS: Final = frozenset({"--json", "--fresh"})
_TAIL: Final = 800


@dataclass(frozen=True)
class Side:
    """One of the two that are run.

    Attributes:
        python: interpreter with vosbench and the method installed.
        isolated: do not import from the current folder, so that a working tree cannot take the
            place of what is installed there.
    """

    python: Path
    isolated: bool = False


@dataclass(frozen=True)
class Interleaved:
    """What the rounds gave.

    Attributes:
        rounds: pairs in the order of measurement.
        baseline: record of the baseline side's last run.
        candidate: record of the candidate side's last run.
        memory: peak memory of baseline and candidate by kind, highest of all rounds.
    """

    rounds: tuple[Round, ...]
    baseline: RunRecord
    candidate: RunRecord
    memory: tuple[Mapping[str, float], Mapping[str, float]] = field(default=({}, {}))


@contextmanager
def alone_for(run: RunRecord) -> Iterator[None]:
    """Have the device of a run for oneself, as far as vosbench is concerned.

    Raises:
        InputError: while another vosbench process works on it.
    """
    with alone_on(run.settings.device, cache_folder() / "locks"):
        yield


def run_command(run: RunRecord) -> list[str]:
    """Words of `vosbench run` that do again what a run did, without the place for results."""
    words = list(run.command[2:]) if run.command[1:2] == ["run"] else []
    kept = []
    at = 0
    while at < len(words):
        name, sign, _ = words[at].partition("=")
        if name in _TAKES_VALUE:
            at += 1 if sign else 2
        elif name in _FLAGS:
            at += 1
        else:
            kept.append(words[at])
            at += 1
    if not words:
        kept = ["--dataset", run.data.reference or run.data.dataset, "--split", run.data.split]
        kept += ["--device", run.settings.device, "--precision", run.settings.precision]
        kept += ["--seed", str(run.settings.seed)]
    method = ["--method", run.method.reference]
    return ["run", *method, *kept, "--sequences", ",".join(run.data.sequences)]


def measure_rounds(
    run: RunRecord,
    baseline: Side,
    candidate: Side,
    *,
    rounds: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Interleaved:
    """Run both sides in turns, ABBA.

    Before every round no other vosbench process may work on the device. The rounds' own runs do, so
    the device cannot be kept for the whole measurement.

    Args:
        run: whose command is repeated, in the current folder.
        baseline: first side.
        candidate: second side.
        rounds: how many pairs.
        progress: told how many rounds are done, of how many.

    Raises:
        InputError: if an interpreter does not start, a command fails, or another vosbench process
            works on the device.
    """
    words = run_command(run)
    pairs: list[Round] = []
    records: dict[int, RunRecord] = {}
    memory: tuple[dict[str, float], dict[str, float]] = ({}, {})
    with tempfile.TemporaryDirectory(prefix="vosbench-gate-") as folder:
        for number in range(rounds):
            times: dict[int, StageTimes] = {}
            with alone_for(run):
                pass
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                side = (baseline, candidate)[which]
                out = Path(folder) / f"{number}-{which}"
                root = _run(side, words, out)
                records[which] = read_run(root)
                times[which] = read_stages(root, load_run_scores(root).sequences)
                for kind, peak in read_memory(root).items():
                    memory[which][kind] = max(peak, memory[which].get(kind, 0.0))
            if not times[0].ms or not times[1].ms:
                raise ComparisonError("the runs left no trace: there is no time to compare")
            pairs.append(Round(times[0], times[1]))
            progress(number + 1, rounds)
    return Interleaved(tuple(pairs), records[0], records[1], memory)


def _run(side: Side, words: Sequence[str], out: Path) -> Path:
    command = [str(side.python), *(["-P"] if side.isolated else []), "-m", "vosbench", *words]
    command += ["--out", str(out), "--fresh", "--no-report"]
    environment = dict(os.environ)
    # links are not followed: environments share the interpreter that theirs point to
    if side.isolated and side.python.absolute() != Path(sys.executable).absolute():
        environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(  # noqa: S603 - the user named the interpreter
            command, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise InputError(
            f"{side.python} cannot be started: {error.strerror or error}",
            hint="name the Python of an environment that has vosbench and the method installed",
        ) from error
    if done.returncode != 0:
        tail = done.stderr.strip()[-_TAIL:]
        raise InputError(
            f"the run's command ended with exit code {done.returncode} under {side.python}: {tail}",
            hint="run it by hand in this folder: " + " ".join(command[command.index("run") :]),
        )
    found = [path.parent for path in sorted(out.glob("*/*/*/run.json"))]
    if len(found) != 1:
        raise InputError(f"{side.python} left {len(found)} runs under {out}, not one")
    return found[0]
