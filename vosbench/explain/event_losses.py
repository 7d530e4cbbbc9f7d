"""What is lost while something happens to an object, and what at other times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose import EVENT_KINDS, TERMS, EventKind
from vosbench.explain.findings import ObjectFindings, SequenceFindings
from vosbench.explain.records import EventLossRecord

__all__ = ["during", "event_losses"]


def during(found: SequenceFindings, one: ObjectFindings, kind: EventKind) -> NDArray[np.bool_]:
    """Annotated frames on which this happens to the object or to all of the clip, (T,)."""
    frames = np.zeros(len(found.frame_names), np.bool_)
    for event in found.events:
        if event.kind == kind and event.object_id in (0, one.object_id):
            frames[event.onset : event.end + 1] = True
    return frames


def event_losses(findings: Sequence[SequenceFindings]) -> list[EventLossRecord]:
    """J and the terms on object-frames with and without each kind of event that occurs."""
    records = []
    for kind in EVENT_KINDS:
        parts = [
            (found.sequence, one, during(found, one, kind))
            for found in findings
            for one in found.objects
        ]
        happens = [part for part in parts if (part[2] & part[1].evaluated).any()]
        if not happens:
            continue
        with_it = np.concatenate([one.terms[one.evaluated & now] for _, one, now in happens])
        without = np.concatenate([one.terms[one.evaluated & ~now] for _, one, now in happens])
        records.append(
            EventLossRecord(
                kind=kind,
                objects=len(happens),
                sequences=len({sequence for sequence, _, _ in happens}),
                frames_with=len(with_it),
                frames_without=len(without),
                j_with=1.0 - float(with_it.sum() / len(with_it)),
                j_without=1.0 - float(without.sum() / len(without)) if len(without) else None,
                terms_with=_means(with_it),
                terms_without=_means(without) if len(without) else None,
            )
        )
    return records


def _means(terms: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(TERMS, terms.mean(axis=0).tolist(), strict=True))
