"""Diagnosing masks that are anywhere, and leaving the diagnosis of a run inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from vosbench.data import Dataset
from vosbench.data.diagnostic import read_dose
from vosbench.data.guess import looks_like
from vosbench.data.masks import open_masks
from vosbench.diagnose import DEFAULTS
from vosbench.engine.reuse import refuse_changed
from vosbench.errors import InputError, UsageError, VosbenchError
from vosbench.evaluate import reason_lines
from vosbench.explain.attribute_frames import attribute_frames
from vosbench.explain.attributes import attributes_record, examine_all, read_tags
from vosbench.explain.build import Diagnosis, Origin, build_diagnosis
from vosbench.explain.centres import SeenFrame, seen_frames
from vosbench.explain.collect import examine_sequence
from vosbench.explain.findings import SequenceFindings
from vosbench.explain.overlap import SequenceOverlap, examine_overlap, overlap_record
from vosbench.explain.restart import restart_failures
from vosbench.explain.told import self_told
from vosbench.metrics import PROTOCOLS, Protocol, get_protocol
from vosbench.plugins import resolve_methods
from vosbench.store import (
    RunPaths,
    exclusive,
    read_run,
    write_record,
    write_table,
)
from vosbench.store.schema import RunRecord
from vosbench.workflow import data_of_masks, open_run_data

__all__ = [
    "DIAGNOSIS_JSON",
    "DIAGNOSIS_TABLE",
    "Attributes",
    "Progress",
    "Restart",
    "diagnose_path",
]


@dataclass(frozen=True)
class Restart:
    """How to start the method again at failures.

    Attributes:
        weights: file of the run, where it was run with `--weights`.
        device: `auto`, `cpu` or `cuda:N`.
        progress: told of each restart before it begins.
    """

    weights: Path | None = None
    device: str = "auto"
    progress: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Attributes:
    """How to find the attributes of sequences.

    Attributes:
        tags: CSV file with what people say of them, to be compared with.
        progress: told of each sequence before it is looked at.
    """

    tags: Path | None = None
    progress: Callable[[str], None] = lambda text: None


_NO_SOFT: Final = (
    "contest rate, arbitration errors and a replay of merging rules need the soft masks from "
    "before the objects compete for pixels; label maps do not hold them, `run --store-soft` does"
)
DIAGNOSIS_JSON: Final = "diagnosis.json"
DIAGNOSIS_TABLE: Final = "diagnosis.parquet"
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called after each sequence with its name, the number done, and the number in all."""


def diagnose_path(
    path: Path,
    *,
    dataset: str | None = None,
    split: str | None = None,
    data: Path | None = None,
    protocol: str | None = None,
    sequences: str | None = None,
    limit: int | None = None,
    replay: bool = False,
    restart: Restart | None = None,
    attributes: Attributes | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Diagnose a run directory, or a folder or zip of masks.

    For a run directory all but the path may be left out; diagnosing it as it was run leaves
    `diagnosis.json` and `diagnosis.parquet` inside it. Otherwise nothing is written. Where the run
    stored soft masks, those of sequences with several objects are examined too; with `replay` they
    are also put through other merging rules.

    Raises:
        UsageError: the data set of loose masks is not named, or J-Mean is no mean over frames under
            the protocol.
        InputError: for masks or data that cannot be used, or if not one sequence can be.
    """
    paths = RunPaths(path)
    run, opened = data_of_masks(path, dataset, split, data, sequences=sequences, limit=limit)
    rules = _rules(protocol or (run.data.protocol if run and not dataset else opened.protocol))
    as_run = (
        run is not None
        and opened.manifest_sha256 == run.data.manifest_sha256
        and (opened.card.name, rules.name) == (run.data.dataset, run.data.protocol)
    )
    origin = Origin(
        path=str(path),
        method=run.method.reference if run else "",
        dataset=opened.card.name,
        split=opened.split,
        protocol=rules.name,
    )
    if replay and run is None:
        raise UsageError(f"{path} is no run directory, and only runs hold the soft masks to replay")
    if restart is not None and not as_run:
        raise UsageError(
            "a restart needs a run directory, diagnosed as it was run",
            hint="leave out --dataset, --split, --protocol, --sequences and --limit",
        )
    if restart is not None and run is not None and "masks" in run.method.asked:
        raise UsageError(
            f"{path} is of masks that were made elsewhere, and masks on disk cannot be restarted: "
            "a restart runs the method again",
            hint="leave --restart out; a method that runs here can be restarted",
        )
    if run is None or not as_run:
        job = _Job(path, opened, rules, origin, replay=replay, paths=paths if run else None)
        plain = _diagnose(job, failed={}, progress=progress)
        return _with_attributes(plain, opened, rules, attributes)
    failed = {name: f"the run failed on it; see sequences/{name}.json" for name in run.failed}
    with exclusive(paths):
        for clip in opened.sequences:
            if not paths.sequence(clip.name).is_file():
                failed.setdefault(clip.name, "the run has not come to it")
            elif clip.name not in failed:
                refuse_changed(paths, clip.name)
        job = _Job(path, opened, rules, origin, replay=replay, paths=paths)
        diagnosis = _diagnose(job, failed=failed, progress=progress)
        if restart is not None:
            diagnosis = _with_restarts(run, diagnosis, rules, data, restart)
        diagnosis = _with_attributes(diagnosis, opened, rules, attributes)
        write_table(path / DIAGNOSIS_TABLE, diagnosis.frames)
        # last, so that the record never speaks of a table that is not there
        write_record(path / DIAGNOSIS_JSON, diagnosis.record)
    return replace(diagnosis, written=(path / DIAGNOSIS_TABLE, path / DIAGNOSIS_JSON))


def _could_store_soft(job: _Job) -> bool:
    """Whether running again would give soft masks of objects that compete."""
    if job.paths is None or job.rules.objects == "union":
        return False
    if all(len(clip.object_ids) < 2 for clip in job.opened.sequences):
        return False
    run = read_run(job.paths.root)
    if "masks" in run.method.asked:
        # made elsewhere, so not made again here
        return False
    try:
        (method,) = resolve_methods([run.method.name])
    except VosbenchError:
        # not installed here, so not run again here
        return False
    return method.found.card.capabilities.soft_masks


def _rules(name: str) -> Protocol:
    rules = get_protocol(name)
    if _can_split(rules):
        return rules
    known = ", ".join(one.name for one in PROTOCOLS.values() if _can_split(one))
    raise UsageError(
        f"the loss under protocol {name} cannot be split: its J is no mean over frames of the "
        "intersection over union of objects with fixed ids",
        hint=f"Name another with --protocol: {known}.",
    )


def _can_split(rules: Protocol) -> bool:
    plain = rules.measures in ("davis", "region", "mosev2", "lvos", "vots")
    return plain and rules.objects != "best-match"


def _with_restarts(
    run: RunRecord, diagnosis: Diagnosis, rules: Protocol, data: Path | None, restart: Restart
) -> Diagnosis:
    restarts = restart_failures(
        run,
        open_run_data(run, data, need_images=True),
        diagnosis,
        rules,
        weights=restart.weights,
        device=restart.device,
        progress=restart.progress,
    )
    record = diagnosis.record.model_copy(update={"restarts": restarts})
    return Diagnosis(record, diagnosis.findings)


def _with_attributes(
    diagnosis: Diagnosis, opened: Dataset, rules: Protocol, attributes: Attributes | None
) -> Diagnosis:
    if attributes is None:
        return diagnosis
    tags = read_tags(attributes.tags) if attributes.tags is not None else None
    clips = [clip for clip in opened.sequences if clip.name in diagnosis.record.sequences]
    objects = {
        found.sequence: [one.object_id for one in found.objects] for found in diagnosis.findings
    }
    examined = examine_all(clips, rules, objects=objects, progress=attributes.progress)
    found = attributes_record(
        {name: one.figures for name, one in examined.items()},
        diagnosis.record.sequences,
        tags=tags,
        frames=attribute_frames(diagnosis.findings, examined),
    )
    record = diagnosis.record.model_copy(update={"attributes": found})
    return replace(diagnosis, record=record, attributes=examined)


@dataclass(frozen=True)
class _Job:
    """What to diagnose; `paths` where it is a run."""

    path: Path
    opened: Dataset
    rules: Protocol
    origin: Origin
    replay: bool
    paths: RunPaths | None


def _diagnose(job: _Job, *, failed: Mapping[str, str], progress: Progress | None) -> Diagnosis:
    source = open_masks(job.path)
    opened, rules = job.opened, job.rules
    found: list[SequenceFindings] = []
    overlaps: list[SequenceOverlap] = []
    seen: list[SeenFrame] = []
    undiagnosed = dict(failed)
    for done, clip in enumerate(opened.sequences, 1):
        if clip.name in failed:
            continue
        try:
            told = None
            # windows and centres are of the objects one by one, not of their union
            if job.paths is not None and (rules.objects != "union" or clip.object_ids == (1,)):
                told = self_told(job.paths, clip.name)
            examined = examine_sequence(source, clip, rules, told=told, limits=DEFAULTS)
            overlap = None
            if job.paths is not None:
                overlap = examine_overlap(job.paths, source, clip, rules, replay=job.replay)
            found.append(examined)
            if overlap is not None:
                overlaps.append(overlap)
            if told is not None and read_dose(opened.root, clip.name) is not None:
                seen += seen_frames(examined, told, opened.root)
        except VosbenchError as error:
            undiagnosed[clip.name] = f"{error} {error.hint}".strip()
        if progress is not None:
            progress(clip.name, done, len(opened.sequences))
    if not found:
        reasons = "\n".join(reason_lines(undiagnosed))
        asked = f"{opened.card.name} {opened.split}"
        raise InputError(
            f"no sequence can be diagnosed:\n{reasons}",
            hint=looks_like(source.sequences(), asked, [opened.root]),
        )
    if job.replay and not overlaps:
        raise InputError(
            f"{job.path} holds no soft masks of sequences with several objects, so there is "
            "nothing to replay",
            hint="run the method again with --store-soft on a data set with several objects",
        )
    return build_diagnosis(
        found,
        job.origin,
        undiagnosed=undiagnosed,
        limits=DEFAULTS,
        overlap=overlap_record(overlaps, rules),
        notes=[_NO_SOFT] if not overlaps and _could_store_soft(job) else [],
        doses={
            name: dose
            for name in (one.sequence for one in found)
            if (dose := read_dose(opened.root, name)) is not None
        },
        seen=seen,
    )
