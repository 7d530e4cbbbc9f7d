"""The analysis card: how often the diagnosis is right, measured where the whole truth is known.

Detectors that see masks only are held against the truth of the diagnostic suite, and faults that
are put into true masks on purpose must be found. Nothing here looks at a method.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.data import open_dataset
from vosbench.data.diagnostic import FULL_VERSION, SUITE_VERSION, ClipTruth, read_truth
from vosbench.data.masks import read_labels
from vosbench.diagnose import DEFAULTS, measure_shapes, occluded_frames
from vosbench.explain.card_records import (
    AnalysisCard,
    DetectorRecord,
    FaultRecord,
    IdentityRecord,
    TargetRecord,
)
from vosbench.explain.collect import examine_sequence
from vosbench.explain.faults import FAULTS, Fault, Labels, source_of
from vosbench.explain.findings import SequenceFindings
from vosbench.explain.rules import rules_digest
from vosbench.metrics import get_protocol
from vosbench.types import Sequence as Clip

__all__ = ["CARD_JSON", "CARD_MARKDOWN", "render_card", "self_test"]

CARD_JSON: Final = "analysis-card.json"
CARD_MARKDOWN: Final = "analysis-card.md"
_SETS: Final = ("diagnostic-tiny", "diagnostic-full-tiny")
_FAULTY_LEVELS: Final = (None, 0, 3)
"""Levels of clips that faults are put into; None is a clip that is of no series."""
_SHOWN: Final = 0.75
_LONGEST_MISSES: Final = 8


class _Made:
    """One clip with its true masks and all that is known of it."""

    def __init__(self, clip: Clip, root: Path) -> None:
        self.clip = clip
        self.truth: ClipTruth = read_truth(root, clip.name)
        self.labels: list[Labels] = [
            read_labels(frame.annotation, "ids") for frame in clip.frames if frame.annotation
        ]

    @property
    def absent_for_a_while(self) -> bool:
        """Whether object 1 is gone and back."""
        return any(not (labels == 1).any() for labels in self.labels[1:-1])

    def examined(self, masks: Sequence[Labels]) -> SequenceFindings:
        return examine_sequence(source_of(self.clip, masks), self.clip, get_protocol("davis2017"))


def self_test(
    *, sequences: str | None = None, progress: Callable[[str], None] = lambda text: None
) -> AnalysisCard:
    """Measure the diagnosis on the diagnostic clips at their smallest size.

    Args:
        sequences: only clips whose names match, for a quick look; the targets are for all clips.
        progress: told what is being done.

    Raises:
        InputError: the clips cannot be drawn.
    """
    made: list[_Made] = []
    for name in _SETS:
        progress(f"drawing or checking {name}")
        wanted = sequences if name == _SETS[1] else None
        opened = open_dataset(name, need_images=False, sequences=wanted)
        made += [_Made(clip, opened.root) for clip in opened.sequences]
    progress(f"detectors on {len(made)} clips")
    detectors = _detectors(made)
    controls = [(one, one.examined(one.labels)) for one in made]
    disturbed = [one for one, found in controls if found.identity]
    named: Counter[str] = Counter(obj.cause for _, found in controls for obj in found.objects)
    faulty = [
        one
        for one in made
        if (one.truth.dose.level if one.truth.dose is not None else None) in _FAULTY_LEVELS
    ]
    records, identity = [], []
    for fault in FAULTS:
        progress(f"fault: {fault.name}")
        record, seen, injected = _confused(fault, faulty)
        records.append(record)
        if fault.name in ("swap", "merge"):
            identity.append(
                IdentityRecord(
                    kind=fault.name,
                    injected=injected,
                    found=seen,
                    share=seen / injected if injected else None,
                )
            )
    card = AnalysisCard(
        suite_version=SUITE_VERSION,
        full_suite_version=FULL_VERSION,
        code_sha256=rules_digest(),
        clips=len(made),
        faulty_clips=len(faulty),
        detectors=detectors,
        faults=records,
        identity=identity,
        control_clips=len(controls),
        disturbed_controls=[one.clip.name for one in disturbed],
        control_causes=dict(named),
        targets=[],
        thresholds={name: float(getattr(DEFAULTS, name)) for name in DEFAULTS.__dataclass_fields__},
    )
    return card.model_copy(update={"targets": _targets(card)})


def _detectors(made: Sequence[_Made]) -> list[DetectorRecord]:
    """`occlusion` and `out-of-view` by frame, `absent` by frame."""
    counts = {name: np.zeros(3, np.int64) for name in ("occlusion", "out-of-view", "absent")}
    missed: dict[str, Counter[str]] = {name: Counter() for name in counts}
    wrong: dict[str, Counter[str]] = {name: Counter() for name in counts}
    for one in made:
        ids = one.clip.object_ids
        shapes = [measure_shapes(labels, ids) for labels in one.labels]
        truth = one.truth
        for k in range(len(ids)):
            mine = [frame[k] for frame in shapes]
            occluded, outside = occluded_frames(mine)
            gone = np.array([shape is None for shape in mine])
            inside, area = truth.in_frame[:, k], np.maximum(truth.area[:, k], 1)
            pairs: dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {
                "occlusion": (
                    occluded,
                    (inside > 0) & (truth.visible[:, k] <= _SHOWN * inside),
                ),
                "out-of-view": (outside, inside <= _SHOWN * area),
                "absent": (gone, truth.visible[:, k] == 0),
            }
            for name, (found, true) in pairs.items():
                hits = (found & true).sum(), (found & ~true).sum(), (~found & true).sum()
                counts[name] += hits
                wrong[name][one.clip.name] += int(hits[1])
                missed[name][one.clip.name] += int(hits[2])
    return [
        DetectorRecord(
            detector=name,
            frames=int(hits + misses),
            precision=float(hits / (hits + false)) if hits + false else None,
            recall=float(hits / (hits + misses)) if hits + misses else None,
            missed_on=_worst(missed[name]),
            false_on=_worst(wrong[name]),
        )
        for name, (hits, false, misses) in counts.items()
    ]


def _worst(counts: Counter[str]) -> dict[str, int]:
    return {name: n for name, n in counts.most_common(_LONGEST_MISSES) if n}


def _confused(fault: Fault, made: Sequence[_Made]) -> tuple[FaultRecord, int, int]:
    """What is named where a fault is made; and for swaps and merges how often the event is seen."""
    named: Counter[str] = Counter()
    other: dict[str, str] = {}
    seen = injected = 0
    for one in made:
        if len(one.clip.object_ids) < fault.objects:
            continue
        if fault.absence and not one.absent_for_a_while:
            continue
        masks = fault.make(one.labels, 1)
        if all(np.array_equal(a, b) for a, b in zip(masks, one.labels, strict=True)):
            continue
        found = one.examined(masks)
        cause = found.objects[0].cause
        named[cause] += 1
        injected += 1
        seen += any(event.kind == fault.name for event in found.identity)
        if cause != fault.cause:
            other[one.clip.name] = cause
    total = sum(named.values())
    return (
        FaultRecord(
            fault=fault.name,
            intended=fault.cause,
            made=total,
            named=dict(named.most_common()),
            most_often=named.most_common(1)[0][0] if named else "",
            share=named[fault.cause] / total if total else None,
            otherwise=other,
        ),
        seen,
        injected,
    )


def _targets(card: AnalysisCard) -> list[TargetRecord]:
    right = sum(one.most_often == one.intended for one in card.faults)
    occlusion = next(one for one in card.detectors if one.detector == "occlusion")
    shares = [one.share for one in card.identity]

    def reached(value: float | None, least: float) -> bool:
        return value is not None and value >= least

    return [
        TargetRecord(
            target="faults whose intended cause is the one named most often",
            least=10,
            measured=right,
            reached=right >= 10,
        ),
        TargetRecord(
            target="precision of occlusion at a visible fraction of 0.75 or less",
            least=0.95,
            measured=occlusion.precision,
            reached=reached(occlusion.precision, 0.95),
        ),
        TargetRecord(
            target="recall of occlusion at a visible fraction of 0.75 or less",
            least=0.85,
            measured=occlusion.recall,
            reached=reached(occlusion.recall, 0.85),
        ),
        *(
            TargetRecord(
                target=f"share of injected {one.kind}s that are found",
                least=0.95,
                measured=share,
                reached=reached(share, 0.95),
            )
            for one, share in zip(card.identity, shares, strict=True)
        ),
        TargetRecord(
            target="share of controls without a swap, merge or split",
            least=1.0,
            measured=1 - len(card.disturbed_controls) / card.control_clips,
            reached=not card.disturbed_controls,
        ),
    ]


def render_card(card: AnalysisCard) -> str:
    """The card as Markdown, without a line break at the end."""
    causes = sorted({name for one in card.faults for name in one.named})
    lines = [
        "# Analysis card",
        "",
        f"How often `vosbench diagnose` is right, measured on {card.clips} diagnostic clips of "
        f"96x160 px whose whole truth is known (suite {card.suite_version}, full suite "
        f"{card.full_suite_version}; rules {card.code_sha256[:12]}). Rules and thresholds were "
        "chosen with some of these clips in view, so this tells that they work, not how often they "
        "err on real video.",
        "",
        "| target | at least | measured | reached |",
        "|---|---|---|---|",
        *(
            f"| {one.target} | {one.least:g} | {_number(one.measured)} | "
            f"{'yes' if one.reached else '**no**'} |"
            for one in card.targets
        ),
        "",
        "## Detectors that see masks only",
        "",
        "| detector | object-frames | precision | recall | missed on | wrongly on |",
        "|---|---|---|---|---|---|",
        *(
            f"| {one.detector} | {one.frames} | {_number(one.precision)} | {_number(one.recall)} | "
            f"{_counts(one.missed_on)} | {_counts(one.false_on)} |"
            for one in card.detectors
        ),
        "",
        f"## Faults put into {card.faulty_clips} clips, and the cause that is named",
        "",
        f"| fault (intended cause) | {' | '.join(causes)} | right |",
        "|---|" + "---|" * (len(causes) + 1),
        *(
            f"| {one.fault} ({one.intended}) | "
            f"{' | '.join(str(one.named.get(name, '')) for name in causes)} | "
            f"{_number(one.share)} |"
            for one in card.faults
        ),
        "",
        "## Identity",
        "",
        *(
            f"- {one.kind}: found in {one.found} of {one.injected} clips where it was made"
            for one in card.identity
        ),
        f"- {card.control_clips - len(card.disturbed_controls)} of {card.control_clips} clips with "
        "their true masks have no swap, merge or split",
        f"- causes named for true masks: {_counts(card.control_causes)}",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items()) or "-"
