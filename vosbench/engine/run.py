"""A whole run: one method over the sequences of a dataset, resumable at any moment.

The run directory's name is a digest of what was asked, so the same command finds its own work
again. A sequence counts as done when its record says so, its key matches, and every mask file still
has the recorded digest. Anything else is segmented again. What fails on one sequence is recorded
there and costs that sequence only.
"""

from __future__ import annotations

import gc
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

import vosbench
from vosbench.data import Dataset, late_objects
from vosbench.engine.device import resolve_device, resolve_precision, seed_all
from vosbench.engine.environment import (
    engine_code_sha256,
    file_sha256,
    hardware,
    packages,
    threads_in_use,
)
from vosbench.engine.keys import digest_of, inputs_sha256
from vosbench.engine.sequence import SequenceFailed, run_sequence
from vosbench.errors import InputError
from vosbench.plugins import ResolvedMethod
from vosbench.store import RunPaths, read_sequence, read_table, write_record, write_table
from vosbench.store.schema import (
    DataRecord,
    FailureRecord,
    MethodRecord,
    RunRecord,
    SequenceRecord,
    SettingsRecord,
)
from vosbench.timing import Trace, summarise
from vosbench.types import BuildOptions, ClipMethod, Method, Sequence

__all__ = ["Listener", "RunRequest", "execute"]


@dataclass(frozen=True)
class RunRequest:
    """What to run, with everything the user may choose.

    Attributes:
        method: method, variant and parameters.
        dataset: opened dataset with the chosen sequences.
        out: folder that takes `<dataset>/<method>/<id>`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        precision: `auto`, `fp32`, `bf16` or `fp16`.
        compile: use `torch.compile`.
        seed: for everything random.
        weights: weight file instead of the method's own.
        fresh: segment again even what is complete.
        command: command line, for the record.
        reference: what named the data set, so that a later command finds it again.
    """

    method: ResolvedMethod
    dataset: Dataset
    out: Path
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    seed: int = 0
    weights: Path | None = None
    fresh: bool = False
    command: tuple[str, ...] = field(default_factory=tuple)
    reference: str = ""


class Listener(Protocol):
    """Told of a run's progress; all calls come from the thread that called `execute`."""

    def run_started(self, root: Path, record: RunRecord, reused: int) -> None:
        """The directory is open; `reused` sequences were already complete."""

    def sequence_started(self, sequence: Sequence) -> None:
        """A sequence is about to be segmented."""

    def frame_done(self, count: int) -> None:
        """`count` frames of the sequence are done."""

    def sequence_ended(self, record: SequenceRecord) -> None:
        """A sequence is complete or failed."""


def execute(request: RunRequest, listener: Listener) -> tuple[Path, RunRecord]:
    """Run a method over a dataset.

    Returns:
        The run directory, and its record with status `complete` or `incomplete`.

    Raises:
        UsageError: for a device or precision that the method cannot use.
        InputError: for weights or data that cannot be used, or a run another process is writing.
        KeyboardInterrupt: passed on after the record says `interrupted`.
    """
    card = request.method.found.card
    device = resolve_device(request.device, card.capabilities)
    precision = resolve_precision(request.precision, device, card.capabilities)
    built = request.method.found.plugin.build(
        BuildOptions(
            parameters=request.method.parameters,
            device=device,
            precision=precision,
            compile=request.compile,
            seed=request.seed,
            weights=request.weights,
        )
    )
    settings = SettingsRecord(
        device=device,
        precision=precision,
        compile=request.compile,
        seed=request.seed,
        threads=threads_in_use(),
    )
    record, config_key = _record(request, settings, built)
    root = request.out / record.data.dataset / record.method.reference / record.run_id
    paths = RunPaths(root)
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(paths.lock, timeout=0):
            return root, _execute_locked(
                request,
                built,
                record=record,
                config_key=config_key,
                paths=paths,
                listener=listener,
            )
    except Timeout as error:
        raise InputError(
            f"another process is writing the run {root}",
            hint="wait for it, or choose another --out",
        ) from error


def _record(
    request: RunRequest, settings: SettingsRecord, built: Method | ClipMethod
) -> tuple[RunRecord, str]:
    method, dataset = request.method, request.dataset
    weights: Path | None = getattr(built, "weights_path", None)
    method_record = MethodRecord(
        name=method.found.name,
        variant=method.variant,
        title=method.found.card.method.title,
        oracle=method.oracle,
        asked={"variant": method.variant, "set": method.asked},
        parameters=dict(sorted(method.parameters.items())),
        weights=weights.name if weights else None,
        weights_sha256=file_sha256(weights) if weights else None,
        weights_note=getattr(built, "weights_note", ""),
        untrained=bool(getattr(built, "untrained", False)),
        notes=list(getattr(built, "notes", ())),
    )
    data_record = DataRecord(
        dataset=dataset.card.name,
        reference=request.reference or dataset.card.name,
        split=dataset.split,
        title=dataset.card.title,
        protocol=dataset.protocol,
        root=str(dataset.root),
        sequences=[sequence.name for sequence in dataset.sequences],
        frames=sum(len(sequence.frames) for sequence in dataset.sequences),
        manifest_sha256=dataset.manifest_sha256,
        warnings=list(dataset.warnings),
    )
    code = {
        "method_sha256": method.found.code_sha256,
        "engine_sha256": engine_code_sha256(),
        "distribution": method.found.distribution,
    }
    config_key = digest_of(
        {
            "method": [method.found.name, method_record.parameters, method.oracle],
            "weights": method_record.weights_sha256,
            "code": code,
            "settings": settings.model_dump(mode="json"),
            "torch": packages().get("torch"),
        }
    )
    run_id = digest_of([config_key, method_record.reference, data_record.manifest_sha256])[:12]
    record = RunRecord(
        run_id=run_id,
        status="running",
        created=_now(),
        vosbench_version=vosbench.__version__,
        command=list(request.command),
        code=code,
        method=method_record,
        data=data_record,
        settings=settings,
        hardware=hardware(settings.device),
        packages=packages(),
    )
    return record, config_key


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _execute_locked(
    request: RunRequest,
    built: Method | ClipMethod,
    *,
    record: RunRecord,
    config_key: str,
    paths: RunPaths,
    listener: Listener,
) -> RunRecord:
    shutil.rmtree(paths.partial, ignore_errors=True)
    sequences = request.dataset.sequences
    has_late = request.dataset.card.late_objects
    late = {s.name: late_objects(s) if has_late else {} for s in sequences}
    keys = {
        s.name: _sequence_key(s, config_key, late[s.name], oracle=record.method.oracle)
        for s in request.dataset.sequences
    }
    complete = set() if request.fresh else {n for n, key in keys.items() if _done(paths, n, key)}
    write_record(paths.run, record)
    listener.run_started(paths.root, record, len(complete))
    failed = []
    try:
        for sequence in request.dataset.sequences:
            if sequence.name in complete:
                continue
            listener.sequence_started(sequence)
            ended = _one(
                request,
                built,
                sequence,
                listener=listener,
                key=keys[sequence.name],
                late=late[sequence.name],
                paths=paths,
            )
            listener.sequence_ended(ended)
            if ended.status == "failed":
                failed.append(sequence.name)
    except KeyboardInterrupt:
        write_record(paths.run, record.model_copy(update={"status": "interrupted"}))
        raise
    finally:
        shutil.rmtree(paths.partial, ignore_errors=True)
    record = record.model_copy(
        update={
            "status": "incomplete" if failed else "complete",
            "failed": failed,
            "finished": _now(),
            "timing": _join_traces(paths, [s.name for s in request.dataset.sequences]),
        }
    )
    write_record(paths.run, record)
    return record


def _sequence_key(
    sequence: Sequence, config_key: str, late: Mapping[str, tuple[int, ...]], *, oracle: bool
) -> str:
    annotated = {sequence.frames[0].name, *late}
    if oracle:
        annotated = {ref.name for ref in sequence.frames}
    late_ids = {name: list(ids) for name, ids in late.items()}
    return digest_of([config_key, inputs_sha256(sequence, annotated), late_ids])


def _done(paths: RunPaths, name: str, key: str) -> bool:
    if not paths.sequence(name).is_file() or not paths.sequence_trace(name).is_file():
        return False
    try:
        record = read_sequence(paths.root, name)
    except InputError:
        return False  # a damaged record is no proof of work done; the sequence is segmented again
    if record.status != "complete" or record.run_key != key:
        return False
    folder = paths.sequence_masks(name)
    files = {frame: folder / f"{frame}.png" for frame in record.masks_sha256}
    return all(
        path.is_file() and file_sha256(path) == record.masks_sha256[frame]
        for frame, path in files.items()
    )


def _one(
    request: RunRequest,
    built: Method | ClipMethod,
    sequence: Sequence,
    *,
    listener: Listener,
    key: str,
    late: Mapping[str, tuple[int, ...]],
    paths: RunPaths,
) -> SequenceRecord:
    facts: dict[str, Any] = {
        "sequence": sequence.name,
        "frames": len(sequence.frames),
        "object_ids": list(sequence.object_ids),
        "height": sequence.height,
        "width": sequence.width,
        "run_key": key,
    }
    # the old record goes first: a crash from here on must not leave it beside other masks
    paths.sequence(sequence.name).unlink(missing_ok=True)
    shutil.rmtree(paths.sequence_masks(sequence.name), ignore_errors=True)
    trace = Trace(sequence.name)
    seed_all(request.seed, sequence.name)
    begin = time.perf_counter()
    failure: FailureRecord | None = None
    digests: dict[str, str] = {}
    try:
        digests = run_sequence(
            built,
            sequence,
            capabilities=request.method.found.card.capabilities,
            folder=paths.partial / sequence.name,
            trace=trace,
            late=late,
            oracle=request.method.oracle,
            frame_done=listener.frame_done,
        )
    except SequenceFailed as error:
        failure = error.failure
        _free_memory(error)
    seconds = time.perf_counter() - begin
    if failure is None:
        paths.masks.mkdir(parents=True, exist_ok=True)
        (paths.partial / sequence.name).rename(paths.sequence_masks(sequence.name))
        write_table(paths.sequence_trace(sequence.name), trace.table())
    record = SequenceRecord(
        status="complete" if failure is None else "failed",
        masks_sha256=digests,
        seconds=round(seconds, 3),
        failure=failure,
        **facts,
    )
    write_record(paths.sequence(sequence.name), record)
    return record


def _free_memory(error: SequenceFailed) -> None:
    """Let go of the failed sequence's tensors, so that the next one starts with all the memory."""
    error.__cause__ = None
    error.__traceback__ = None
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _join_traces(paths: RunPaths, names: list[str]) -> dict[str, float]:
    import pandas as pd

    parts = [
        read_table(paths.sequence_trace(name))
        for name in names
        if paths.sequence_trace(name).is_file()
    ]
    if not parts:
        return {}
    table = pd.concat(parts, ignore_index=True)
    write_table(paths.trace, table)
    return summarise(table)
