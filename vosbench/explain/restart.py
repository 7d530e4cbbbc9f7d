"""Counterfactual restart: is it the propagation that fails, or are the frames hard?

At each failure the method is started again from the truth of that frame and goes on to the end of
the failure. What it then gains over the run was lost by carrying errors along; what it loses all
the same is due to the frames themselves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from vosbench.data import Dataset, late_objects
from vosbench.data.masks import MaskSource, open_masks
from vosbench.engine.device import resolve_device, resolve_precision, seed_all
from vosbench.engine.environment import file_sha256
from vosbench.engine.sequence import SequenceFailed, run_sequence
from vosbench.errors import InputError
from vosbench.explain.build import Diagnosis
from vosbench.explain.findings import ObjectFindings, SequenceFindings
from vosbench.explain.masks import as_counted, read_prediction, read_truth
from vosbench.explain.records import RestartRecord, RestartsRecord
from vosbench.metrics import Protocol
from vosbench.plugins import ResolvedMethod, resolve_methods
from vosbench.store.schema import RunRecord
from vosbench.timing import Trace
from vosbench.types import BuildOptions, ClipMethod, Method
from vosbench.types import Sequence as Clip

__all__ = ["restart_failures"]

_HALF: Final = 0.5


@dataclass(frozen=True)
class _Start:
    """Failures of one sequence that are restarted at the same frame."""

    index: int
    failures: tuple[tuple[ObjectFindings, int, int | None], ...]


def restart_failures(
    run: RunRecord,
    dataset: Dataset,
    diagnosis: Diagnosis,
    protocol: Protocol,
    *,
    weights: Path | None = None,
    device: str = "auto",
    progress: Callable[[str], None] = lambda text: None,
) -> RestartsRecord:
    """Start the method again at every failure of a diagnosed run.

    The restart is on the first annotated frame of the failure on which the object can be seen. All
    objects that can be seen there are given. J is compared over the frames that follow, up to the
    failure's end, on which the object counts.

    Args:
        run: record of the run.
        dataset: its data, with images.
        diagnosis: of the run.
        protocol: the rules of the diagnosis.
        weights: file of the run, where it was run with `--weights`.
        device: `auto`, `cpu` or `cuda:N`.
        progress: told of each restart before it begins.

    Raises:
        InputError: the method or its weights are no longer what the run used.
    """
    clips = {clip.name: clip for clip in dataset.sequences}
    starts = [
        (found, start)
        for found in diagnosis.findings
        if found.sequence in clips
        for start in _starts(found, clips[found.sequence], protocol)
    ]
    records: list[RestartRecord] = []
    notes: list[str] = []
    if starts:
        resolved, built, changed = _built(run, weights, device)
        notes += changed
        for found, start in starts:
            clip = clips[found.sequence]
            progress(f"{clip.name}: restarted at frame {clip.frames[start.index].name}")
            try:
                records += _restarted(
                    run, resolved, built, clip=clip, found=found, start=start, protocol=protocol
                )
            except SequenceFailed as error:
                notes.append(f"{clip.name}, frame {clip.frames[start.index].name}: {error}")
    failures = sum(len(one.failures) for found in diagnosis.findings for one in found.objects)
    if failures > len(records):
        notes.append(
            f"{failures - len(records)} of {failures} failures were not restarted: the object is "
            "not seen again before their end, or no frame follows"
        )
    frames = sum(one.frames for one in records)
    lost = sum(one.frames * (1 - one.j_run) for one in records)
    kept = sum(one.frames * (1 - one.j_restarted) for one in records)
    return RestartsRecord(
        restarts=records,
        frames=frames,
        loss_run=lost / frames if frames else None,
        loss_restarted=kept / frames if frames else None,
        propagation_share=(lost - kept) / lost if lost else None,
        notes=notes,
    )


def _starts(found: SequenceFindings, clip: Clip, protocol: Protocol) -> list[_Start]:
    starts: dict[int, list[tuple[ObjectFindings, int, int | None]]] = {}
    for one in found.objects:
        for failure in one.failures:
            stop = failure.recovery if failure.recovery is not None else len(found.indices)
            for at in range(failure.onset, stop - 1):
                index = found.indices[at]
                if (read_truth(clip, index, protocol) == one.object_id).any():
                    starts.setdefault(index, []).append((one, at, failure.recovery))
                    break
    return [_Start(index, tuple(starts[index])) for index in sorted(starts)]


def _built(
    run: RunRecord, weights: Path | None, device: str
) -> tuple[ResolvedMethod, Method | ClipMethod, list[str]]:
    settings = [f"{key}={_written(value)}" for key, value in run.method.asked["set"].items()]
    resolved = resolve_methods([run.method.reference], settings)[0]
    notes = []
    if resolved.found.code_sha256 != run.code.get("method_sha256"):
        notes.append("the method's code is no longer what the run used: restarts are with today's")
    capabilities = resolved.found.card.capabilities
    place = resolve_device(device, capabilities)
    built = resolved.found.plugin.build(
        BuildOptions(
            parameters=resolved.parameters,
            device=place,
            precision=resolve_precision(
                run.settings.precision if place == run.settings.device else "auto",
                place,
                capabilities,
            ),
            seed=run.settings.seed,
            weights=weights,
            oracle=resolved.oracle,
        )
    )
    path: Path | None = getattr(built, "weights_path", None)
    digest = file_sha256(path) if path is not None else None
    if digest != run.method.weights_sha256:
        raise InputError(
            f"the run used weights {run.method.weights or 'none'} "
            f"({(run.method.weights_sha256 or 'no digest')[:12]}), "
            f"{run.method.reference} now loads {path.name if path else 'none'} "
            f"({(digest or 'no digest')[:12]})",
            hint="name the run's weight file with --weights",
        )
    return resolved, built, notes


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _restarted(
    run: RunRecord,
    resolved: ResolvedMethod,
    built: Method | ClipMethod,
    *,
    clip: Clip,
    found: SequenceFindings,
    start: _Start,
    protocol: Protocol,
) -> list[RestartRecord]:
    truth = read_truth(clip, start.index, protocol)
    ids = tuple(int(one) for one in np.unique(truth) if one)
    rest = replace(clip, frames=clip.frames[start.index :], object_ids=ids)
    # objects that have started already are given above; those that come later are still to come
    late = {
        name: tuple(one for one in new if one not in ids)
        for name, new in (late_objects(rest) if _has_late(clip, found) else {}).items()
    }
    seed_all(run.settings.seed, clip.name)
    with tempfile.TemporaryDirectory(prefix="vosbench-restart-") as folder:
        run_sequence(
            built,
            rest,
            capabilities=resolved.found.card.capabilities,
            folder=Path(folder) / clip.name,
            trace=Trace(clip.name),
            late=late,
            oracle=resolved.oracle,
        )
        source = open_masks(Path(folder))
        records = []
        for one, at, recovery in start.failures:
            stop = recovery if recovery is not None else len(found.indices)
            places = [t for t in range(at + 1, stop) if one.evaluated[t]]
            if not places:
                continue
            again = [
                _region(source, clip, found.indices[t], one.object_id, protocol) for t in places
            ]
            records.append(_record(clip, found, one, places, at=at, again=again))
    return records


def _has_late(clip: Clip, found: SequenceFindings) -> bool:
    return any(one.object_id not in clip.object_ids for one in found.objects)


def _region(
    source: MaskSource, clip: Clip, index: int, object_id: int, protocol: Protocol
) -> float:
    labels = read_prediction(source, clip, index, protocol, single_object=False)
    mine = as_counted(labels, protocol) == object_id
    true = read_truth(clip, index, protocol) == object_id
    union = int(np.count_nonzero(mine | true))
    return int(np.count_nonzero(mine & true)) / union if union else 1.0


def _record(
    clip: Clip,
    found: SequenceFindings,
    one: ObjectFindings,
    places: Sequence[int],
    *,
    at: int,
    again: Sequence[float],
) -> RestartRecord:
    before = float(one.region[list(places)].mean())
    after = float(np.mean(again))
    share = (after - before) / (1 - before) if before < 1 else 0.0
    return RestartRecord(
        sequence=clip.name,
        object_id=one.object_id,
        restarted_at=found.frame_names[at],
        frames=len(places),
        j_run=before,
        j_restarted=after,
        propagation_share=share,
        verdict="propagation" if share >= _HALF else "hard frames",
    )
