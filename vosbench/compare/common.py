"""What runs have in common, and why some runs cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vosbench.compare.source import RunScores
from vosbench.errors import ComparisonError
from vosbench.metrics.protocols import PROTOCOLS
from vosbench.report.text import count

__all__ = ["Common", "find_common", "shortened", "unscored_reasons"]

_MOST_NAMES = 5
_SAME_SCORE = 1e-9


@dataclass(frozen=True)
class Common:
    """What all runs scored.

    Attributes:
        sequences: names, in the order of the first run.
        objects: keys of `ScoreRecord.objects`, in that order.
        left_out: sequence or object to the reason why it is not compared.
        warnings: in words.
    """

    sequences: tuple[str, ...]
    objects: tuple[str, ...]
    left_out: dict[str, str]
    warnings: tuple[str, ...]


def find_common(runs: Sequence[RunScores], labels: Sequence[str]) -> Common:
    """Objects that all runs scored, after checks that they mean the same in all of them.

    Raises:
        ComparisonError: if the runs are of other data, splits or protocols, visibly saw other data
            under the same names, or have no object in common.
    """
    first = runs[0]
    for run, label in zip(runs[1:], labels[1:], strict=True):
        _refuse_other_data(first, run, labels[0], label)
        _refuse_other_content(first, run, labels[0], label)
    scored = [set(run.scores.sequences) for run in runs]
    shared = set.intersection(*scored)
    keys = [
        key
        for key, item in first.scores.objects.items()
        if item.sequence in shared and all(key in run.scores.objects for run in runs)
    ]
    if not keys:
        raise ComparisonError(
            "the runs have no scored object in common: "
            + "; ".join(
                f"{label} scored {shortened(sorted(names)) or 'nothing'}"
                for label, names in zip(labels, scored, strict=True)
            ),
            hint="run both on the same sequences",
        )
    used = {first.scores.objects[key].sequence for key in keys}
    left_out = _left_out(runs, labels, used)
    everything = {key for run in runs for key in run.scores.objects}
    for key in sorted(everything - set(keys)):
        holders = [run for run in runs if key in run.scores.objects]
        if holders[0].scores.objects[key].sequence in used:
            names = [n for n, r in zip(labels, runs, strict=True) if r not in holders]
            left_out[key] = f"object not scored in {', '.join(names)}"
    warnings = _warnings(runs, labels, len(used), len(left_out))
    order = {name: place for place, name in enumerate(first.run.data.sequences)}
    sequences = sorted(used, key=lambda name: (order.get(name, len(order)), name))
    return Common(tuple(sequences), tuple(keys), left_out, tuple(warnings))


def shortened(names: Sequence[str]) -> str:
    """The first few names, and how many more."""
    shown = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def unscored_reasons(run: RunScores) -> dict[str, str]:
    """Sequences that the run was asked for and that have no score, with the reason."""
    known = dict(run.scores.unscored)
    for name in run.run.data.sequences:
        if name not in run.scores.sequences and name not in known:
            record = run.sequences.get(name)
            failure = record.failure if record else None
            known[name] = f"failed: {failure.kind}" if failure else "has no score"
    return known


def _refuse_other_data(first: RunScores, other: RunScores, label: str, other_label: str) -> None:
    for what in ("dataset", "split", "protocol"):
        ours, theirs = getattr(first.scores, what), getattr(other.scores, what)
        if ours != theirs:
            raise ComparisonError(
                f"{what}: {label} has {ours!r}, {other_label} has {theirs!r}; "
                "their scores do not measure the same",
                hint="score both under one protocol" if what == "protocol" else "",
            )


def _refuse_other_content(first: RunScores, other: RunScores, label: str, other_label: str) -> None:
    """Refuse runs that show, by what they recorded, that equal names stand for other data."""
    names = sorted(set(first.scores.sequences) & set(other.scores.sequences))
    differing = [text for name in names if (text := _seen_difference(first, other, name))]
    same_selection = sorted(first.run.data.sequences) == sorted(other.run.data.sequences)
    in_order = first.run.data.sequences == other.run.data.sequences
    digests_differ = first.run.data.manifest_sha256 != other.run.data.manifest_sha256
    if not differing and not (digests_differ and same_selection and in_order):
        return
    seen = "; ".join(differing[:3]) or (
        "same sequences, but the digests of frame lists, sizes, objects and first masks differ"
    )
    more = f" (and {len(differing) - 3} more)" if len(differing) > 3 else ""
    raise ComparisonError(
        f"{label} and {other_label} did not see the same data: {seen}{more}",
        hint="run both on the same release of the data set, and score both with this version",
    )


def _seen_difference(first: RunScores, other: RunScores, name: str) -> str:
    ours, theirs = first.sequences.get(name), other.sequences.get(name)
    if ours is not None and theirs is not None:
        for what in ("frames", "object_ids", "height", "width"):
            a, b = getattr(ours, what), getattr(theirs, what)
            if a != b:
                return f"{name}: {what.replace('_', ' ')} {a} and {b}"
    protocol = PROTOCOLS.get(first.scores.protocol)
    # where an object counts from its first sight, the frames depend on the prediction
    fixed_frames = protocol is not None and protocol.objects != "seen"
    same_masks = bool(
        ours and theirs and ours.masks_sha256 and ours.masks_sha256 == theirs.masks_sha256
    )
    for key, a_score in first.scores.objects.items():
        b_score = other.scores.objects.get(key)
        if a_score.sequence != name or b_score is None:
            continue
        if fixed_frames and a_score.evaluated_frames != b_score.evaluated_frames:
            return (
                f"{key}: {a_score.evaluated_frames} and {b_score.evaluated_frames} evaluated frames"
            )
        pairs = ((a_score.j_mean, b_score.j_mean), (a_score.f_mean, b_score.f_mean))
        if same_masks and any(_apart(a, b) for a, b in pairs):
            return f"{key}: the masks are the same files, but the scores differ"
    return ""


def _apart(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is not theirs
    return abs(ours - theirs) > _SAME_SCORE


def _left_out(runs: Sequence[RunScores], labels: Sequence[str], used: set[str]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    unscored = [unscored_reasons(run) for run in runs]
    names = dict.fromkeys(
        name for run in runs for name in (*run.run.data.sequences, *sorted(run.scores.sequences))
    )
    for name in names:
        if name in used:
            continue
        parts = []
        for run, label, known in zip(runs, labels, unscored, strict=True):
            if name in known:
                parts.append(f"{label}: {known[name]}")
            elif name not in run.scores.sequences:
                parts.append(f"{label}: not among its sequences")
        reasons[name] = "; ".join(parts) or "no object in common"
    return reasons


def _warnings(
    runs: Sequence[RunScores], labels: Sequence[str], used: int, left_out: int
) -> list[str]:
    lines = []
    selections = {frozenset(run.run.data.sequences) for run in runs}
    if left_out:
        why = "the runs saw different selections of sequences; " if len(selections) > 1 else ""
        lines.append(
            f"{why}compared on the {count(used, 'sequence')} in common, {left_out} left out: the "
            "figures are not those of the whole set"
        )
    for run, label in zip(runs, labels, strict=True):
        if run.run.status != "complete":
            lines.append(f"{label} is {run.run.status}")
        # a sequence without annotations can be scored for nobody: that is no failure
        untold = set(run.scores.without_truth)
        failed = [name for name in unscored_reasons(run) if name not in untold]
        if failed:
            lines.append(
                f"{label} has no score for {shortened(failed)}: it is not judged where it failed"
            )
        if run.run.method.untrained:
            lines.append(f"{label} has random weights: its figures mean nothing")
        if run.run.method.oracle:
            lines.append(f"{label} is an ORACLE: it was shown the ground truth and cannot win")
    told: dict[str, list[str]] = {}
    for run, label in zip(runs, labels, strict=True):
        for warning in run.run.data.warnings:
            told.setdefault(warning, []).append(label)
    for warning, whose in told.items():
        # one line where it is of the data and not of a run
        name = "all runs" if len(whose) == len(runs) else ", ".join(whose)
        lines.append(f"{name}: {warning}")
    return lines
