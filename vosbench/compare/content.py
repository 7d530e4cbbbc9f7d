"""What a comparison says, part by part, before it becomes text for a terminal or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vosbench.compare.common import shortened
from vosbench.compare.records import (
    CandidateComparison,
    ComparisonRecord,
    FrameChange,
    IntervalRecord,
    RunIdentity,
    SequenceChange,
    SettingDifference,
    TestedDifference,
)
from vosbench.report.table import p_text, signed, significant
from vosbench.report.text import UNDEFINED, count, points

__all__ = ["Block", "Made", "blocks", "unclear"]

_UP: Final = "↑"
_DOWN: Final = "↓"
_MOST_CHANGED: Final = 12


class Made(str):
    """Text that this module made; everything else came from outside and is escaped."""

    __slots__ = ()


@dataclass(frozen=True)
class Block:
    """A titled part: lines of text, then perhaps a table.

    Attributes:
        title: heading, or empty for the opening.
        lines: sentences.
        headers: of the table, or empty for none.
        rows: cells; those that are no `Made` are escaped.
        left: how many columns from the left hold text rather than numbers.
    """

    title: str
    lines: tuple[str, ...] = ()
    headers: tuple[Made, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    left: int = 1


def blocks(record: ComparisonRecord, *, details: bool) -> list[Block]:
    """All parts, in reading order; parts without content are left out.

    Args:
        record: the comparison.
        details: also the sequences and frames that changed most.
    """
    parts = [_opening(record), _headline(record), _parts(record), _plain(record)]
    for candidate in record.candidates:
        parts += _one_candidate(record.baseline, candidate)
        if details:
            parts += _where_changed(candidate)
    if record.left_out:
        lines = tuple(f"{name}: {reason}" for name, reason in record.left_out.items())
        parts.append(Block("Left out", lines))
    parts.append(_reading(record, details=details))
    return [part for part in parts if part.lines or part.rows]


def _opening(record: ComparisonRecord) -> Block:
    what = "Ablation: difference of each variant to" if record.ablation else "Compared with"
    lines = [
        f"{what} {_name(record.baseline)} on {record.dataset} {record.split}, protocol "
        f"{record.protocol}: {count(len(record.sequences), 'sequence')}, "
        f"{count(record.objects, 'object')} in common."
    ]
    lines += [f"warning: {warning}" for warning in record.warnings]
    return Block("", tuple(lines))


def _name(run: RunIdentity) -> str:
    marks = [word for word, on in (("ORACLE", run.oracle), ("untrained", run.untrained)) if on]
    return f"{run.label} ({', '.join(marks)})" if marks else run.label


def _headline(record: ComparisonRecord) -> Block:
    tests = [(candidate, _test(candidate, "J&F")) for candidate in record.candidates]
    base = points(tests[0][1].baseline)
    rows = [(_name(record.baseline), Made(base), *[Made("")] * 7)]
    rows += [
        (
            _name(candidate.run),
            Made(points(test.candidate)),
            Made(signed(test.difference)),
            _interval(test.interval, test.robust_interval),
            _p(test.p),
            _p(test.p_holm),
            _outcomes(test),
            Made(UNDEFINED if test.detectable is None else f"{100 * test.detectable:.2f}"),
            Made(test.verdict),
        )
        for candidate, test in tests
    ]
    headers = ("run", f"J&F {_UP}", "difference", "95 % interval", "p", "p Holm")
    more = ("wins/ties/losses", "detectable", "verdict")
    told = tuple(unclear(record, "J&F"))
    return Block("J&F", told, tuple(map(Made, headers + more)), tuple(rows))


def unclear(record: ComparisonRecord, *metrics: str) -> Iterable[str]:
    """Why verdicts on these figures are not clear, in a sentence each."""
    for candidate in record.candidates:
        for test in candidate.tests:
            if test.metric in metrics and test.verdict_reason:
                yield f"{candidate.run.label}, {test.metric} not clear: {test.verdict_reason}"


def _outcomes(test: TestedDifference) -> Made:
    if test.wins is None:
        return Made(UNDEFINED)
    return Made(f"{test.wins}/{test.ties}/{test.losses}")


def _test(candidate: CandidateComparison, metric: str) -> TestedDifference:
    return next(test for test in candidate.tests if test.metric == metric)


def _parts(record: ComparisonRecord) -> Block:
    rows = [
        (
            _name(candidate.run),
            Made(test.metric),
            Made(points(test.baseline)),
            Made(points(test.candidate)),
            Made(signed(test.difference)),
            _interval(test.interval, test.robust_interval),
            _p(test.p),
            _p(test.p_holm),
            Made(test.verdict),
        )
        for candidate in record.candidates
        for test in candidate.tests
        if test.metric != "J&F"
    ]
    headers = ("run", f"mean {_UP}", "baseline", "this run", "difference", "95 % interval", "p")
    told = tuple(unclear(record, "J", "F"))
    return Block(
        "Its parts", told, tuple(map(Made, (*headers, "p Holm", "verdict"))), tuple(rows), left=2
    )


def _plain(record: ComparisonRecord) -> Block:
    metrics = record.candidates[0].plain
    headers = ["run"] + [f"{m.metric} {_DOWN if m.lower_is_better else _UP}" for m in metrics]
    rows = [(_name(record.baseline), *(Made(points(metric.baseline)) for metric in metrics))]
    rows += [
        (
            _name(candidate.run),
            *(Made(f"{points(m.candidate)} ({signed(m.difference)})") for m in candidate.plain),
        )
        for candidate in record.candidates
    ]
    return Block("Recall and decay, without tests", (), tuple(map(Made, headers)), tuple(rows))


def _one_candidate(baseline: RunIdentity, one: CandidateComparison) -> Iterable[Block]:
    name = one.run.label
    facts = [*_masks(one), *_speed(one)]
    yield Block(f"{name} against {baseline.label}", tuple(facts))
    same_method = one.run.method.partition("@")[0] == baseline.method.partition("@")[0]
    # parameters of another method have no counterpart
    telling = [c for c in one.changed if same_method or not c.name.startswith("parameter ")]
    changed = telling[:_MOST_CHANGED]
    more = len(one.changed) - len(changed)
    left = [f"and {more} more; --json has all"] if more else []
    headers = tuple(map(Made, ("what differs", "baseline", "this run")))
    rows = tuple((c.name, c.baseline, c.candidate) for c in changed)
    yield Block(f"{name}: set differently", tuple(left), headers, rows, left=3)


def _where_changed(one: CandidateComparison) -> Iterable[Block]:
    name = one.run.label
    yield _changes(f"{name}: sequences that changed most, J&F", [*one.gains, *one.losses])
    if one.frame_gains is None or one.frame_losses is None:
        yield Block(f"{name}: frames", ("a run has no frame table; score it again",))
    else:
        changes = [*one.frame_gains, *one.frame_losses]
        yield _changes(f"{name}: frames that changed most, J", changes)


def _masks(one: CandidateComparison) -> Iterable[str]:
    same, compared = len(one.masks.identical), one.masks.compared
    if not compared:
        yield "masks: no digests to compare"
    elif not same:
        yield f"masks: different files in {'all ' if compared > 1 else ''}{_sequences(compared)}"
    else:
        names = "" if same == compared else f" ({shortened(one.masks.identical)})"
        yield f"masks of {same} of {_sequences(compared)} are identical{names}"


def _sequences(number: int) -> str:
    return count(number, "sequence")


def _speed(one: CandidateComparison) -> Iterable[str]:
    speed = one.speed
    if speed.baseline_step_ms is None or speed.candidate_step_ms is None or speed.ratio is None:
        yield f"speed: {speed.note}"
        return
    yield (
        f"speed: {significant(speed.candidate_step_ms)} ms a step, baseline "
        f"{significant(speed.baseline_step_ms)} ms (times {significant(speed.ratio)}; lower is "
        f"better); {speed.note}"
    )
    if speed.differing:
        yield f"speed, what differs: {_listed(speed.differing)}"


def _listed(differing: Sequence[SettingDifference]) -> str:
    return "; ".join(f"{d.name}: {d.baseline} / {d.candidate}" for d in differing)


def _changes(title: str, changes: Sequence[SequenceChange] | Sequence[FrameChange]) -> Block:
    rows = [
        (
            *_where(change),
            Made(points(change.baseline)),
            Made(points(change.candidate)),
            Made(signed(change.difference)),
        )
        for change in changes
    ]
    where = ("sequence", "object", "frame") if _has_frames(changes) else ("sequence", "objects")
    headers = tuple(map(Made, (*where, "baseline", "this run", "difference")))
    return Block(title, (), headers, tuple(rows))


def _has_frames(changes: Sequence[SequenceChange] | Sequence[FrameChange]) -> bool:
    return any(isinstance(change, FrameChange) for change in changes)


def _where(change: SequenceChange | FrameChange) -> tuple[str, ...]:
    if isinstance(change, FrameChange):
        return (change.sequence, Made(str(change.object_id)), change.frame)
    return (change.sequence, Made(str(change.objects)))


def _reading(record: ComparisonRecord, *, details: bool) -> Block:
    first = record.candidates[0].tests[0]
    drawn = {test.interval.low is None for one in record.candidates for test in one.tests}
    lines = [
        "Points; differences are run minus baseline. Intervals and p take the sequence as the "
        "sampled unit: bootstrap-t, and sign flips of whole sequences.",
        f"Ties differ by less than {100 * first.tie_threshold:.2f} points. 'detectable' is the "
        "true difference that so many sequences would find four times in five.",
        "A verdict needs both: p Holm at most 0.05 and an interval without 0. 'not shown' is no "
        "proof of equality; 'not clear' is where only one of the two holds.",
    ]
    if not details:
        lines.append("Sequences and frames that changed most: --details.")
    if True in drawn:
        lines.append("An interval with a * is by cluster-robust t; --json says why.")
    return Block("", tuple(lines))


def _interval(interval: IntervalRecord, fallback: IntervalRecord) -> Made:
    if interval.low is not None and interval.high is not None:
        return Made(f"[{signed(interval.low)}, {signed(interval.high)}]")
    if fallback.low is not None and fallback.high is not None:
        return Made(f"[{signed(fallback.low)}, {signed(fallback.high)}]*")
    return Made(UNDEFINED)


def _p(value: float | None) -> Made:
    return Made(p_text(value))
