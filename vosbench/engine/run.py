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

import vosbench
from vosbench.data import Dataset, cache_folder, late_objects
from vosbench.engine.device import resolve_device, resolve_precision, seed_all
from vosbench.engine.environment import (
    engine_code_sha256,
    file_sha256,
    hardware,
    packages,
    threads_in_use,
)
from vosbench.engine.keys import digest_of, inputs_sha256
from vosbench.engine.reuse import adopt, clear_leftovers, holds_soft, is_complete, set_aside
from vosbench.engine.sequence import SequenceFailed, run_sequence, without_later_truth
from vosbench.errors import InputError, UsageError
from vosbench.plugins import ResolvedMethod
from vosbench.store import (
    RunPaths,
    exclusive,
    read_record,
    read_sequence,
    write_record,
)
from vosbench.store.schema import (
    DataRecord,
    FailureRecord,
    MethodRecord,
    RunRecord,
    SequenceRecord,
    SettingsRecord,
)
from vosbench.store.selfreport import SelfReport
from vosbench.timing import (
    ConditionWatch,
    Meters,
    Snapshot,
    Trace,
    read_trace,
    summarise,
    summarise_conditions,
    working_on,
    write_trace,
)
from vosbench.types import (
    BuildOptions,
    ClipMethod,
    Method,
    OutsideMethod,
    Precision,
    Sequence,
)

__all__ = ["Listener", "RunRequest", "build_method", "check", "execute"]


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
        masks: folder or archive of masks, for a method that hands them on.
        fresh: segment again even what is complete.
        command: command line, for the record.
        reference: what named the data set, so that a later command finds it again.
        store_soft: also keep each object's own probability, from before objects compete. None: for
            sequences of several objects, if the method has soft masks; a sequence that is complete
            without them is not segmented again for their sake.
    """

    method: ResolvedMethod
    dataset: Dataset
    out: Path
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    seed: int = 0
    weights: Path | None = None
    masks: Path | None = None
    fresh: bool = False
    command: tuple[str, ...] = field(default_factory=tuple)
    reference: str = ""
    store_soft: bool | None = None


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
    built, device, precision = build_method(request)
    settings = SettingsRecord(
        device=device,
        precision=precision,
        compile=request.compile,
        seed=request.seed,
        threads=threads_in_use(),
    )
    record, config_key = _record(request, settings, built)
    # a colon is no part of a file name everywhere
    folder = record.method.reference.replace(":", "-")
    root = request.out / record.data.dataset / folder / record.run_id
    paths = RunPaths(root)
    root.mkdir(parents=True, exist_ok=True)
    with exclusive(paths), working_on(settings.device, cache_folder() / "locks"):
        return root, _execute_locked(
            request,
            built,
            record=record,
            config_key=config_key,
            paths=paths,
            listener=listener,
        )


def check(request: RunRequest) -> None:
    """Build the method and let it go, so that a wrong request fails before anything is run.

    Raises:
        UsageError: for a device, precision or parameters that the method cannot use.
        InputError: for weights that cannot be used.
    """
    build_method(request)


def build_method(request: RunRequest) -> tuple[Method | ClipMethod, str, Precision]:
    """Build what was asked for; the device and precision it was built for.

    Raises:
        UsageError: for a device, precision or parameters that the method cannot use.
        InputError: for weights that cannot be used.
    """
    capabilities = request.method.found.card.capabilities
    if request.store_soft and not capabilities.soft_masks:
        raise UsageError(
            f"method {request.method.reference} has no soft masks to store",
            hint="leave --store-soft out; `vosbench list methods` tells which methods have them",
        )
    device = resolve_device(request.device, capabilities)
    precision = resolve_precision(request.precision, device, capabilities)
    options = BuildOptions(
        parameters=request.method.parameters,
        device=device,
        precision=precision,
        compile=request.compile,
        seed=request.seed,
        weights=request.weights,
        oracle=request.method.oracle,
        masks=request.masks,
    )
    try:
        return request.method.found.plugin.build(options), device, precision
    except SystemExit as error:
        name = request.method.reference
        raise InputError(f"method {name} called sys.exit({error.code!r}) when built") from error


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
        asked={
            "variant": method.variant,
            "set": method.asked,
            **({"masks": str(request.masks)} if request.masks else {}),
        },
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
    # what decides the masks beside code, parameters and one weight file
    content: str | None = getattr(built, "content_sha256", None)
    if content is not None:
        code["content_sha256"] = content
    machine = hardware(settings.device)
    config_key = digest_of(
        {
            "method": [method.found.name, method_record.parameters, method.oracle],
            "weights": method_record.weights_sha256,
            "code": code,
            "settings": settings.model_dump(mode="json"),
            # other arithmetic or another decoder gives other masks
            "packages": {name: packages().get(name) for name in ("torch", "numpy", "pillow")},
            "processor": [machine.get("processor"), machine.get("gpu")],
        }
    )
    asked = [method_record.reference, data_record.split, data_record.manifest_sha256]
    run_id = digest_of([config_key, asked])[:12]
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
        hardware=machine,
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
    clear_leftovers(paths)
    has_late = request.dataset.card.late_objects
    jobs = [
        _job(s, config_key, late_objects(s) if has_late else {}, oracle=record.method.oracle)
        for s in request.dataset.sequences
    ]
    to_do = [
        j
        for j in jobs
        if request.fresh
        or not is_complete(paths, j.sequence.name, j.key)
        or (request.store_soft and not holds_soft(paths, j.sequence.name))
    ]
    if isinstance(built, OutsideMethod):
        built.prepare(
            tuple(without_later_truth(j.sequence, j.late) for j in to_do),
            scratch=paths.partial.resolve() / ".program",
            logs=paths.root.resolve() / "logs",
        )
    earlier = _earlier(paths)
    if earlier is not None:
        record = record.model_copy(update={"created": earlier.created})
        if not to_do and _still_true(earlier, paths):
            listener.run_started(paths.root, earlier, len(jobs))
            return earlier
    if to_do:
        for path in paths.derived():
            path.unlink(missing_ok=True)
    write_record(paths.run, record)
    listener.run_started(paths.root, record, len(jobs) - len(to_do))
    failed = []
    meters = Meters(record.settings.device)
    watch = ConditionWatch(record.settings.device)
    watch.snapshot()
    try:
        for job in to_do:
            listener.sequence_started(job.sequence)
            ended = _one(
                request, built, job, paths=paths, listener=listener, meters=meters, watch=watch
            )
            listener.sequence_ended(ended)
            if ended.status == "failed":
                failed.append(job.sequence.name)
    except KeyboardInterrupt:
        write_record(paths.run, record.model_copy(update={"status": "interrupted"}))
        raise
    finally:
        shutil.rmtree(paths.partial, ignore_errors=True)
    complete = [job.sequence.name for job in jobs if job.sequence.name not in failed]
    record = record.model_copy(
        update={
            "status": "incomplete" if failed else "complete",
            "failed": failed,
            "finished": _now(),
            "timing": _join_traces(paths, complete, watch.settings())
            | (dict(built.timing(tuple(complete))) if isinstance(built, OutsideMethod) else {}),
        }
    )
    write_record(paths.run, record)
    return record


def _earlier(paths: RunPaths) -> RunRecord | None:
    """What an earlier start of the same run recorded; a damaged record is as good as none."""
    try:
        return read_record(paths.run, RunRecord)
    except InputError:
        return None


def _still_true(earlier: RunRecord, paths: RunPaths) -> bool:
    """Whether the record holds as it is once no sequence has to be segmented again.

    It is of the start that made the masks, so it is kept to the byte, unless that start did not
    end, or data or masks have moved since.
    """
    ended = earlier.status == "complete" and paths.trace.is_file()
    places = (earlier.data.root, earlier.method.asked.get("masks", earlier.data.root))
    return ended and all(Path(one).exists() for one in places)


@dataclass(frozen=True)
class _Job:
    """One sequence with what decides its masks.

    `seconds` is what finding out took: reading every input once.
    """

    sequence: Sequence
    late: Mapping[str, tuple[int, ...]]
    key: str
    seconds: float


def _keeps_soft(request: RunRequest, job: _Job) -> bool:
    """Whether the sequence's soft masks are written."""
    if request.store_soft is not None:
        return request.store_soft
    objects = len(job.sequence.object_ids) + sum(len(ids) for ids in job.late.values())
    return objects > 1 and request.method.found.card.capabilities.soft_masks


def _job(
    sequence: Sequence, config_key: str, late: Mapping[str, tuple[int, ...]], *, oracle: bool
) -> _Job:
    begin = time.perf_counter()
    annotated = {sequence.frames[0].name, *late}
    if oracle:
        annotated = {ref.name for ref in sequence.frames}
    given = {
        "size": [sequence.height, sequence.width],
        "object_ids": list(sequence.object_ids),
        "label_kind": sequence.label_kind,
        "late": {name: list(ids) for name, ids in late.items()},
    }
    key = digest_of([config_key, inputs_sha256(sequence, annotated), given])
    return _Job(sequence, late, key, time.perf_counter() - begin)


def _one(
    request: RunRequest,
    built: Method | ClipMethod,
    job: _Job,
    *,
    paths: RunPaths,
    listener: Listener,
    meters: Meters,
    watch: ConditionWatch,
) -> SequenceRecord:
    sequence, name = job.sequence, job.sequence.name
    before = watch.snapshot()
    trace = Trace(
        name,
        frames=[ref.name for ref in sequence.frames],
        device=meters.device,
        memory=meters.memory,
    )
    seed_all(request.seed, name)
    begin = time.perf_counter()
    failure: FailureRecord | None = None
    digests: dict[str, str] = {}
    told = SelfReport()
    soft = paths.partial / ".soft" / name if _keeps_soft(request, job) else None
    try:
        digests = run_sequence(
            built,
            sequence,
            capabilities=request.method.found.card.capabilities,
            folder=paths.partial / name,
            trace=trace,
            late=job.late,
            oracle=request.method.oracle,
            soft_folder=soft,
            self_report=told,
            frame_done=listener.frame_done,
        )
    except SequenceFailed as error:
        failure = error.failure
        _free_memory(error)
    record = SequenceRecord(
        sequence=name,
        status="complete" if failure is None else "failed",
        frames=len(sequence.frames),
        object_ids=list(sequence.object_ids),
        height=sequence.height,
        width=sequence.width,
        run_key=job.key,
        masks_sha256=digests,
        seconds=round(time.perf_counter() - begin + job.seconds, 3),
        failure=failure,
        conditions=[before.as_dict(), watch.snapshot().as_dict()],
    )
    if failure is None:
        # the old record goes first: a crash from here on must not leave it beside other masks
        paths.sequence(name).unlink(missing_ok=True)
        adopt(paths, name, masks=paths.partial / name, soft=soft)
        told.write(paths.sequence_self(name))
        write_trace(paths.sequence_trace(name), trace.table())
        shutil.rmtree(paths.kept(name), ignore_errors=True)
    else:
        set_aside(paths, name)
    write_record(paths.sequence(name), record)
    return record


def _free_memory(error: SequenceFailed) -> None:
    """Let go of the failed sequence's tensors, so that the next one starts with all the memory."""
    error.__cause__ = None
    error.__traceback__ = None
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _join_traces(paths: RunPaths, names: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    import pandas as pd

    if not names:
        return {}
    table = pd.concat([read_trace(paths.sequence_trace(name)) for name in names], ignore_index=True)
    write_trace(paths.trace, table)
    records = [read_sequence(paths.root, name) for name in names]
    wall = sum(record.seconds for record in records)
    snapshots = [Snapshot.from_dict(one) for record in records for one in record.conditions]
    conditions = summarise_conditions(settings, snapshots)
    return summarise(table, wall_seconds=wall) | {"conditions": conditions.as_dict()}
