"""A program that segments whole clips, from its card to the engine's hands.

What it answers is untrusted: its folder is looked through for anything but plain files, and each
mask goes through the one strict reader. Its time is the wall time of whole processes; where one
process does many sequences, each has the share of its frames.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from vosbench.data.masks import MaskSource, open_masks
from vosbench.errors import InputError, UsageError
from vosbench.method_card import MethodCard, load_method_card
from vosbench.types import BuildOptions, Prediction, Sequence

from ..precomputed.importing import imported
from .card import Program, filled, load_program
from .process import Ended, run_process
from .scratch import Scratch, check_program, frame_names, lay_out, lay_program

__all__ = ["ExternalProgram", "ProgramFailed", "build"]

_PASSED: Final = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "LD_LIBRARY_PATH"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_HOME", "OMP_NUM_THREADS"),
)
_TAIL_LINES: Final = 5
_TAIL_BYTES: Final = 1 << 20
_NOTES: Final = (
    "speed: wall time of whole processes, start-up, reading and writing of files included; not "
    "comparable with the time of a step",
)
_NOT_TRIED: Final = (
    "the card comes with vosbench: it was written from the program's own instructions and never "
    "run by us"
)
_OUR_CARDS: Final = (Path(__file__).parent / "cards").resolve()


class ProgramFailed(InputError):
    """The program did not end as it should, or left no masks that can be used."""


@dataclass(frozen=True)
class _Process:
    """One process that ended."""

    ended: Ended
    log: Path
    output: Path
    sequences: frozenset[str]


class ExternalProgram:
    """See `vosbench.types.OutsideMethod`.

    Attributes:
        content_sha256: digest of this package, the program's own source, and a folder of weights.
        weights_path: weight file, or None where there is none or it is a folder.
        notes: for the run's record.
    """

    def __init__(
        self, path: Path, card: MethodCard, program: Program, options: BuildOptions
    ) -> None:
        self._card, self._program = card, program
        self._values = _fixed_values(path, program, options)
        weights = options.weights
        self.weights_path = weights if weights is not None and weights.is_file() else None
        folder = weights if self.weights_path is None else None
        self.content_sha256 = _content(program, self._values.get("repository", ""), folder)
        # of a card of the user's own we know nothing
        untried = not program.tried and path.resolve().parent == _OUR_CARDS
        self.notes = (*_NOTES, _NOT_TRIED) if untried else _NOTES
        self._asked: tuple[Sequence, ...] = ()
        self._scratch = self._logs = Path()
        self._last: _Process | None = None

    def prepare(self, sequences: tuple[Sequence, ...], *, scratch: Path, logs: Path) -> None:
        """Take note of what is to come; nothing is started yet.

        Raises:
            InputError: if there is no such program, or files that the card wants are missing.
        """
        self._asked, self._scratch, self._logs = sequences, scratch, logs
        self._last = None
        if not sequences:
            return
        values = self._all_values(Scratch(scratch), sequences[0])
        check_program(scratch, self._program, values)
        word = filled(self._program.command[0], values)
        inside = word.startswith(str(scratch))
        if not inside and shutil.which(word, path=self._environment({}).get("PATH")) is None:
            raise InputError(
                f"program {word!r} of card {self._card.method.name!r} is not there or cannot be "
                "executed",
                hint="say with --set which it is; "
                f"this card has: {', '.join(sorted(self._card.parameters)) or 'no parameters'}",
            )

    def segment(self, sequence: Sequence) -> Iterator[Prediction]:
        """The program's masks of a sequence.

        Raises:
            ProgramFailed: if its process failed.
            InputError: if a mask is missing or cannot be used.
        """
        self._refuse_unfit(sequence)
        done = self._last
        if done is None or sequence.name not in done.sequences:
            done = self._last = self._run(sequence)
        source = self._masks(done, sequence)
        try:
            yield from imported(source, sequence, names=frame_names(self._program, sequence))
        except InputError as error:
            # the folder is removed in the end, so its path tells nobody anything
            found = str(error).replace(str(done.output), "the program's output")
            raise ProgramFailed(f"{found} (its log: {_short(done.log)})") from error

    def timing(self, sequences: tuple[str, ...]) -> Mapping[str, float]:
        """Milliseconds and frames of the processes that did these sequences."""
        ms, frames = 0.0, 0
        shares = _shares(self._logs)
        for name in sequences:
            share = shares.get(name)
            if share is not None:
                ms, frames = ms + share[0], frames + share[1]
        if not frames:
            return {}
        return {
            "process_ms_total": ms,
            "process_frames": float(frames),
            "process_fps": 1000.0 * frames / ms,
        }

    def _refuse_unfit(self, sequence: Sequence) -> None:
        if len(sequence.object_ids) > 1 and not self._card.capabilities.multi_object:
            raise InputError(
                f"{sequence.name} has {len(sequence.object_ids)} objects, and the program follows "
                "one (its card says multi_object = false)"
            )

    def _run(self, sequence: Sequence) -> _Process:
        together: tuple[Sequence, ...] = (sequence,)
        if self._program.granularity == "set":
            most = 256 if self._card.capabilities.multi_object else 1
            together = tuple(s for s in self._asked if len(s.object_ids) <= most)
        program = self._program
        late = self._card.capabilities.late_objects
        scratch = lay_out(self._scratch, program, together, late_objects=late)
        values = self._all_values(scratch, sequence)
        lay_program(scratch.root, program, values, [one.name for one in together])
        folder = Path(filled(program.working_directory, values))
        if not folder.is_dir():
            raise InputError(f"working directory {folder} of the program is not there")
        output = Path(filled(program.output, values))
        if not output.is_relative_to(scratch.root):
            raise InputError(
                f"the card takes masks from {output}, which is not in the program's folder",
                hint="masks of an earlier run may lie there: use {output}, or a path in {scratch}",
            )
        self._logs.mkdir(parents=True, exist_ok=True)
        log = _next_log(self._logs)
        command = [filled(word, values) for word in program.command]
        try:
            ended = run_process(
                command,
                folder=folder,
                environment=self._environment(values),
                timeout_s=program.timeout_s,
                log=log,
            )
        except OSError as error:
            raise ProgramFailed(f"{command[0]} cannot be started: {error.strerror}") from error
        counts = {one.name: len(one.frames) for one in together}
        _write_record(log, ended, counts, command=command, fps_pattern=program.fps_pattern)
        return _Process(ended, log, output, frozenset(s.name for s in together))

    def _masks(self, done: _Process, sequence: Sequence) -> MaskSource:
        problem = _problem(done.ended)
        if problem and not self._program.keep_finished:
            raise _failed(problem, done.log)
        output = _one_folder(done.output)
        _refuse_odd_files(output)
        try:
            source = open_masks(output, layout=self._program.layout)
        except InputError as error:
            raise _failed(problem or f"the program left no masks: {error}", done.log) from error
        if problem:
            present = set(source.frames(sequence.name))
            names = list(frame_names(self._program, sequence).values())
            if not set(names[1:]) <= present:
                raise _failed(problem, done.log)
        return source

    def _all_values(self, scratch: Scratch, sequence: Sequence) -> dict[str, str]:
        return self._values | scratch.values() | {"sequence": sequence.name}

    def _environment(self, values: Mapping[str, str]) -> dict[str, str]:
        passed = (*_PASSED, *self._program.pass_environment)
        found = {name: os.environ[name] for name in passed if name in os.environ}
        if not values:
            return found
        found["TMPDIR"] = str(self._scratch / "tmp")
        return found | {k: filled(v, values) for k, v in self._program.environment.items()}


def _fixed_values(path: Path, program: Program, options: BuildOptions) -> dict[str, str]:
    """What placeholders stand for in every process."""
    values = {}
    for name, value in options.parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        is_path = name in ("repository", "python") or name.endswith("_path")
        if is_path and (name == "repository" or os.sep in text) and text:
            # not resolved: the interpreter of a virtual environment is a link
            text = str(Path(text).expanduser().absolute())
        values[name] = text
    if values.get("repository") == "" and program.uses("repository"):
        raise InputError(
            "the program's repository is not named",
            hint="fetch it as docs/external-programs.md says; then --set repository=PATH",
        )
    if values.get("repository") and not Path(values["repository"]).is_dir():
        raise InputError(f"repository {values['repository']} is no folder")
    if options.weights is None and program.uses("weights"):
        raise InputError("the program needs weights", hint="name them with --weights")
    if options.weights is not None:
        if not program.uses("weights"):
            raise UsageError("the card has no place for weights; leave --weights out")
        if not options.weights.exists():
            raise InputError(f"weights {options.weights} are not there")
        values["weights"] = str(options.weights.absolute())
    kind, _, index = options.device.partition(":")
    values["device"] = options.device
    values["device_index"] = "-1" if kind == "cpu" else index or "0"
    values["visible_device"] = _visible(values["device_index"])
    values["seed"] = str(options.seed)
    values["card"] = str(path.absolute().parent)
    return values


def _visible(index: str) -> str:
    """The device as CUDA_VISIBLE_DEVICES names it, by its index among those that we may see."""
    mine = [one.strip() for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    seen = [one for one in mine if one]
    return seen[int(index)] if 0 <= int(index) < len(seen) else index


def _content(program: Program, repository: str, weights: Path | None) -> str:
    digest = hashlib.sha256()
    package = Path(__file__).parent
    files = sorted([*package.glob("*.py"), package.parent / "precomputed" / "importing.py"])
    try:
        for file in files:
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        if repository:
            root = Path(repository)
            for file in sorted({f for pattern in program.sources for f in root.glob(pattern)}):
                if file.is_file():
                    digest.update(file.relative_to(root).as_posix().encode() + b"\0")
                    digest.update(file.read_bytes() + b"\0")
        if weights is not None:
            for file in sorted(weights.rglob("*")):
                if file.is_file():
                    digest.update(file.relative_to(weights).as_posix().encode() + b"\0")
                    with file.open("rb") as stream:
                        digest.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _next_log(logs: Path) -> Path:
    numbers = [int(path.stem.partition("-")[2]) for path in logs.glob("process-[0-9]*.log")]
    return logs / f"process-{max(numbers, default=0) + 1:04d}.log"


def _write_record(
    log: Path, ended: Ended, frames: Mapping[str, int], *, command: list[str], fps_pattern: str
) -> None:
    found = re.findall(fps_pattern, _tail(log)) if fps_pattern else []
    record = {
        "command": command,
        **asdict(ended),
        "frames": dict(frames),
        "fps_claimed": found[-1] if found else None,
    }
    log.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _shares(logs: Path) -> dict[str, tuple[float, int]]:
    """Milliseconds and frames of each sequence in the last process that did it."""
    shares: dict[str, tuple[float, int]] = {}
    for path in sorted(logs.glob("process-[0-9]*.json")):
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            frames: dict[str, int] = record["frames"]
            per_frame = 1000.0 * float(record["seconds"]) / sum(frames.values())
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise InputError(
                f"{path} is damaged ({type(error).__name__})",
                hint="remove it and run with --fresh",
            ) from error
        shares |= {name: (per_frame * count, count) for name, count in frames.items()}
    return shares


def _problem(ended: Ended) -> str:
    """What went wrong with a process, in words; empty if nothing did."""
    if ended.well:
        return ""
    if ended.stopped:
        return f"the program was stopped: {ended.stopped}"
    if ended.exit_code < 0:
        return f"the program was ended by signal {-ended.exit_code}"
    return f"the program ended with exit code {ended.exit_code}"


def _failed(problem: str, log: Path) -> ProgramFailed:
    printed = [line.strip() for line in _tail(log).splitlines() if line.strip()]
    last = " | ".join(printed[-_TAIL_LINES:])
    said = f"the last it printed: {last}" if last else "it printed nothing"
    return ProgramFailed(f"{problem}; {said} (its log: {_short(log)})")


def _short(log: Path) -> str:
    return f"{log.parent.name}/{log.name}"


def _tail(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - _TAIL_BYTES))
        text = stream.read().decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _one_folder(output: Path) -> Path:
    """The folder that a path with `*` for whole names stands for; any other path as it is."""
    if "*" not in output.parts:
        return output
    top = Path(*output.parts[: output.parts.index("*")])
    found = sorted(path for path in top.glob(str(output.relative_to(top))) if path.is_dir())
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(top)) for path in found)
        raise ProgramFailed(f"the program left several folders of masks: {names}")
    return found[0] if found else output


def _refuse_odd_files(output: Path) -> None:
    """A link could show us the truth, and reading a pipe would never end."""
    for folder, names, files in os.walk(output):
        for name in (*names, *files):
            path = Path(folder) / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ProgramFailed(
                    f"the program left {path.relative_to(output)}, which is no plain file",
                    hint="masks are read from plain files only",
                )


def build(path: Path, options: BuildOptions) -> ExternalProgram:
    """Make the method of a card.

    Raises:
        InputError: if the card is wrong, or something that it needs is not named or not there.
        UsageError: for weights that it has no place for.
    """
    card = load_method_card(path)
    return ExternalProgram(path, card, load_program(path, card), options)
