"""Soft masks of a run against its truth: claims, arbitration, and other merging rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from vosbench.data.masks import MaskSource
from vosbench.diagnose import MERGE_RULES, SWEEP, ClaimCounts, count_claims, sum_claims
from vosbench.evaluate import Scorer, SequenceScore, make_scorer
from vosbench.evaluate.overall import overall_of
from vosbench.explain.masks import read_prediction, read_truth
from vosbench.explain.records import ClaimsRecord, OverlapRecord, ReplayRecord
from vosbench.metrics import Protocol
from vosbench.store import RunPaths, read_sequence, read_soft, soft_digests
from vosbench.types import Sequence as Clip

__all__ = ["AS_RUN", "SequenceOverlap", "examine_overlap", "overlap_record"]

AS_RUN: Final = "as run"


@dataclass(frozen=True, eq=False)
class SequenceOverlap:
    """What the soft masks of one sequence with several objects show.

    Attributes:
        sequence: name.
        object_ids: K ids, ascending.
        frame_names: of the frames that count.
        frames: of each of them.
        scores: of the masks as run, and of those that other rules make; empty without a replay.
        same: how many of the frames each rule leaves as they were.
    """

    sequence: str
    object_ids: tuple[int, ...]
    frame_names: tuple[str, ...]
    frames: tuple[ClaimCounts, ...]
    scores: dict[str, SequenceScore] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)


def examine_overlap(
    paths: RunPaths, source: MaskSource, clip: Clip, protocol: Protocol, *, replay: bool
) -> SequenceOverlap | None:
    """Examine the soft masks of one sequence.

    Args:
        paths: of the run.
        source: its masks.
        clip: the sequence.
        protocol: says which frames count.
        replay: also put the soft masks through every rule of `MERGE_RULES` and score the result.

    Returns:
        None where fewer than two objects compete, or where there are no soft masks of every mask.

    Raises:
        InputError: a file is damaged.
    """
    if protocol.objects == "union":
        return None
    annotated = [k for k, frame in enumerate(clip.frames) if frame.annotation is not None]
    names = [frame.name for frame in clip.frames]
    first = read_truth(clip, 0, protocol)

    def scorer() -> Scorer:
        return make_scorer(clip.name, protocol, names, annotated, first, objects=clip.objects)

    counted = [k for k in scorer().positions if k > 0]
    folder = paths.sequence_soft(clip.name)
    digests = read_sequence(paths.root, clip.name).masks_sha256
    stored = soft_digests(folder)
    if not counted or any(stored.get(names[k]) != digests.get(names[k]) for k in counted):
        return None
    soft_frames = {k: read_soft(folder, names[k]) for k in counted}
    ids = tuple(sorted({one for frame in soft_frames.values() for one in frame.object_ids}))
    if len(ids) < 2:
        return None
    scorers = {name: scorer() for name in (AS_RUN, *MERGE_RULES)} if replay else {}
    same = dict.fromkeys(scorers, 0)
    frames: list[ClaimCounts] = []
    for index in counted:
        truth = read_truth(clip, index, protocol)
        labels = read_prediction(source, clip, index, protocol, single_object=False)
        frame = soft_frames[index]
        planes = frame.probabilities()
        # objects that have not come yet claim nothing
        soft = np.zeros((len(ids), clip.height, clip.width), np.float32)
        for plane, one in zip(planes, frame.object_ids, strict=True):
            soft[ids.index(one)] = plane
        frames.append(count_claims(soft, ids, labels, truth))
        for name, one_scorer in scorers.items():
            made = labels if name == AS_RUN else MERGE_RULES[name](planes, frame.object_ids)
            same[name] += int(np.array_equal(made, labels))
            one_scorer.add(index, made, truth, where=f"{clip.name} merged by {name}")
    return SequenceOverlap(
        sequence=clip.name,
        object_ids=ids,
        frame_names=tuple(names[k] for k in counted),
        frames=tuple(frames),
        scores={name: one.finish() for name, one in scorers.items()},
        same=same,
    )


def overlap_record(found: Sequence[SequenceOverlap], protocol: Protocol) -> OverlapRecord | None:
    """Sequences together, or None if there is none."""
    if not found:
        return None
    sequences = {one.sequence: _claims(one) for one in found}
    records = list(sequences.values())
    disputed = sum(one.disputed_px for one in records)
    by_rule = sum(one.wrong_by_rule_px for one in records)
    by_network = sum(one.wrong_by_network_px for one in records)
    rates = {name: _mean([one.contest_rate[name] for one in records]) for name in map(str, SWEEP)}
    return OverlapRecord(
        contest_rate=rates,
        disputed_px=disputed,
        wrong_by_rule_px=by_rule,
        wrong_by_network_px=by_network,
        arbitration_error=(by_rule + by_network) / disputed if disputed else None,
        sequences=sequences,
        replay=_replay(found, protocol),
    )


def _claims(found: SequenceOverlap) -> ClaimsRecord:
    total = sum_claims(found.frames)
    rates = np.stack([frame.contest_rates for frame in found.frames])
    peak = int(np.argmax(np.nan_to_num(rates[:, SWEEP.index(0.5)])))
    ids = found.object_ids
    return ClaimsRecord(
        frames=len(found.frames),
        contest_rate={
            str(threshold): _mean(rates[:, at].tolist()) for at, threshold in enumerate(SWEEP)
        },
        peak_contest_rate=_known(float(rates[peak, SWEEP.index(0.5)])),
        peak_frame=found.frame_names[peak],
        contest_matrix=_matrix(ids, total.contest_matrix, diagonal=False),
        claimed_truth=_matrix(ids, total.leak_matrix, diagonal=True),
        unclaimed=_known(total.unclaimed_share),
        disputed_px=total.disputed,
        wrong_by_rule_px=total.by_rule,
        wrong_by_network_px=total.by_network,
        arbitration_error=_known(total.arbitration_error),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _matrix(
    ids: Sequence[int], values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *, diagonal: bool
) -> dict[str, dict[str, float | None]]:
    return {
        str(one): {
            str(two): _known(float(values[i, j])) for j, two in enumerate(ids) if diagonal or i != j
        }
        for i, one in enumerate(ids)
    }


def _replay(found: Sequence[SequenceOverlap], protocol: Protocol) -> list[ReplayRecord]:
    tried = [one for one in found if one.scores]
    if not tried:
        return []
    frames = sum(len(one.frames) for one in tried)
    base = overall_of([one.scores[AS_RUN] for one in tried], protocol).figures
    records = []
    for name in (AS_RUN, *MERGE_RULES):
        figures = overall_of([one.scores[name] for one in tried], protocol).figures
        if figures is None or base is None:
            continue
        records.append(
            ReplayRecord(
                rule=name,
                jf_mean=_known(figures.jf_mean),
                j_mean=_known(figures.j_mean),
                f_mean=_known(figures.f_mean),
                change=_known(figures.jf_mean - base.jf_mean),
                change_by_sequence={
                    one.sequence: _known(
                        one.scores[name].figures().jf_mean - one.scores[AS_RUN].figures().jf_mean
                    )
                    for one in tried
                },
                same_frames=sum(one.same[name] for one in tried),
                frames=frames,
            )
        )
    return records
