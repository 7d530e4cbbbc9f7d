"""Diagnosing masks that are anywhere, and leaving the diagnosis of a run inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from vosbench.data import Dataset
from vosbench.data.masks import open_masks
from vosbench.diagnose import DEFAULTS
from vosbench.engine.reuse import refuse_changed
from vosbench.errors import InputError, UsageError, VosbenchError
from vosbench.explain.build import Diagnosis, Origin, build_diagnosis
from vosbench.explain.collect import examine_sequence
from vosbench.explain.findings import SequenceFindings
from vosbench.metrics import PROTOCOLS, Protocol, get_protocol
from vosbench.store import (
    RunPaths,
    exclusive,
    write_record,
    write_table,
)
from vosbench.workflow import data_of_masks

__all__ = ["DIAGNOSIS_JSON", "DIAGNOSIS_TABLE", "Progress", "diagnose_path"]

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
    progress: Progress | None = None,
) -> Diagnosis:
    """Diagnose a run directory, or a folder or zip of masks.

    For a run directory all but the path may be left out; diagnosing it as it was run leaves
    `diagnosis.json` and `diagnosis.parquet` inside it. Otherwise nothing is written.

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
    if run is None or not as_run:
        return _diagnose(path, opened, rules, origin, failed={}, progress=progress)
    failed = dict.fromkeys(run.failed, "the run failed on it; see sequences/<name>.json")
    with exclusive(paths):
        for clip in opened.sequences:
            if not paths.sequence(clip.name).is_file():
                failed.setdefault(clip.name, "the run has not come to it")
            elif clip.name not in failed:
                refuse_changed(paths, clip.name)
        diagnosis = _diagnose(path, opened, rules, origin, failed=failed, progress=progress)
        write_table(path / DIAGNOSIS_TABLE, diagnosis.frames)
        # last, so that the record never speaks of a table that is not there
        write_record(path / DIAGNOSIS_JSON, diagnosis.record)
    return diagnosis


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


def _diagnose(
    path: Path,
    opened: Dataset,
    rules: Protocol,
    origin: Origin,
    *,
    failed: Mapping[str, str],
    progress: Progress | None,
) -> Diagnosis:
    source = open_masks(path)
    found: list[SequenceFindings] = []
    undiagnosed = dict(failed)
    for done, clip in enumerate(opened.sequences, 1):
        if clip.name in failed:
            continue
        try:
            found.append(examine_sequence(source, clip, rules, limits=DEFAULTS))
        except VosbenchError as error:
            undiagnosed[clip.name] = f"{error} {error.hint}".strip()
        if progress is not None:
            progress(clip.name, done, len(opened.sequences))
    if not found:
        reasons = "\n".join(f"  {name}: {reason}" for name, reason in undiagnosed.items())
        raise InputError(f"no sequence can be diagnosed:\n{reasons}")
    return build_diagnosis(found, origin, undiagnosed=undiagnosed, limits=DEFAULTS)
