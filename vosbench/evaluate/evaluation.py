"""The result of scoring many sequences: a record to store, and a table of frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from vosbench.evaluate.checks import merge_findings
from vosbench.evaluate.overall import overall_of
from vosbench.evaluate.score import SequenceScore
from vosbench.metrics import COUNT_COLUMNS, WRAPS_FROM, Figures, Protocol
from vosbench.store.schema import FRAME_COLUMNS, ObjectScore, ScoreRecord, Summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Evaluation", "evaluation_of"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of a set of sequences under one protocol.

    Attributes:
        record: what is stored as `scores.json`.
        sequences: counts, J and F of every scored sequence.
        extras: figures beyond the record's seven that the protocol defines, by name; null where
            undefined.
    """

    record: ScoreRecord
    sequences: tuple[SequenceScore, ...]
    extras: Mapping[str, float | None] = field(default_factory=dict)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """One row per sequence, object and frame, columns `FRAME_COLUMNS`.

        Frames that the protocol does not count have J and F NaN and all counts 0. Built when first
        asked for, because pandas takes longer to import than most sequences to score.
        """
        import pandas as pd

        columns: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = {
            name: [] for name in FRAME_COLUMNS
        }
        for score in self.sequences:
            objects, frames = score.evaluated.shape
            rows = objects * frames
            columns["sequence"].append(np.full(rows, score.sequence, object))
            columns["object_id"].append(np.repeat(np.array(score.object_ids, np.int64), frames))
            columns["index"].append(np.tile(np.arange(frames, dtype=np.int64), objects))
            columns["frame"].append(np.tile(np.array(score.frame_names, object), objects))
            columns["evaluated"].append(score.evaluated.ravel())
            columns["J"].append(score.region.ravel())
            columns["F"].append(score.boundary.ravel())
            for name, values in zip(COUNT_COLUMNS, score.counts.reshape(rows, -1).T, strict=True):
                columns[name].append(values)
        empty = {"sequence": object, "frame": object, "evaluated": bool, "J": float, "F": float}
        return pd.DataFrame(
            {
                name: np.concatenate(parts) if parts else np.zeros(0, empty.get(name, np.int64))
                for name, parts in columns.items()
            }
        ).astype({"sequence": "str", "frame": "str"})


def evaluation_of(
    scores: Sequence[SequenceScore],
    *,
    protocol: Protocol,
    dataset: str,
    split: str,
    unscored: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
    official_decay: bool = False,
) -> Evaluation:
    """Put the scores of sequences together.

    The overall figures are over the objects of the sequences that could be scored. Whoever
    shows them must look at `unscored`: if it is not empty they do not describe the whole set, which
    is also the first warning.

    Args:
        scores: sequences in the order of the split.
        protocol: the rules that gave the scores.
        dataset: name for the record.
        split: name for the record.
        unscored: sequence to reason.
        warnings: further warnings about the whole set.
        notes: what was normalised in reading the whole set.
        official_decay: compute decay with the official toolkit's overflow from 256 frames on.
    """
    unscored = dict(unscored or {})
    objects: dict[str, ObjectScore] = {}
    long_sequences: list[tuple[str, str]] = []
    for score in scores:
        figures = score.object_figures(official_decay=official_decay)
        frames = score.evaluated.sum(axis=1).tolist()
        for object_id, member, evaluated in zip(score.object_ids, figures, frames, strict=True):
            objects[f"{score.sequence}_{object_id}"] = ObjectScore(
                **_fields(member),
                sequence=score.sequence,
                object_id=object_id,
                evaluated_frames=evaluated,
            )
        if frames and max(frames) >= WRAPS_FROM:
            long_sequences.append((score.sequence, _decay_warning(official=official_decay)))
    overall = overall_of(scores, protocol, official_decay=official_decay)
    lines = []
    if unscored:
        lines.append(
            f"{len(unscored)} of {len(unscored) + len(scores)} sequences could not be scored; the "
            "overall figures leave them out"
        )
    lines += [*warnings, *overall.warnings]
    findings = [(score.sequence, text) for score in scores for text in score.findings]
    normalised = [(score.sequence, text) for score in scores for text in score.notes]
    lines += merge_findings(findings + long_sequences)
    record = ScoreRecord.model_validate(
        {
            "protocol": protocol.name,
            "dataset": dataset,
            "split": split,
            "overall": _summary(overall.figures),
            "objects": objects,
            "sequences": {
                score.sequence: _summary(score.figures(official_decay=official_decay))
                for score in scores
            },
            "frames_evaluated": sum(score.frames_evaluated for score in scores),
            "unscored": unscored,
            "extras": overall.extras,
            "warnings": lines,
            "notes": [*notes, *merge_findings(normalised)],
        }
    )
    return Evaluation(record, tuple(scores), overall.extras)


def _decay_warning(*, official: bool) -> str:
    if official:
        return (
            f"{WRAPS_FROM} or more evaluated frames: decay is as wrong as in the official tool, "
            "whose bin edges overflow; ask for the corrected decay"
        )
    return (
        f"{WRAPS_FROM} or more evaluated frames: decay is computed as defined and differs from the "
        "official tool, whose bin edges overflow"
    )


def _fields(figures: Figures) -> dict[str, float | None]:
    """Field values with null for NaN."""
    values = {name: getattr(figures, name) for name in Figures.__dataclass_fields__}
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _summary(figures: Figures | None) -> Summary:
    if figures is None:
        return Summary(**dict.fromkeys(Figures.__dataclass_fields__))
    return Summary(**_fields(figures))
