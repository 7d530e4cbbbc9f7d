"""The tables of a comparison, for the page, for papers and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vosbench.compare.losses import LossChange
from vosbench.compare.records import (
    CandidateComparison,
    ComparisonRecord,
    SequenceChange,
    SpeedComparison,
    TestedDifference,
)
from vosbench.report.table import Field, Table, Value

__all__ = ["TABLE_NAMES", "comparison_tables", "speed_verdict"]

TABLE_NAMES: Final = (
    "differences",
    "ablation",
    "sequences",
    "losses",
    "frames",
    "speed",
    "recall-and-decay",
    "settings",
    "left-out",
    "runs",
)
_MASK_ONLY: Final = frozenset({"sequences timed", "frames"})
_NO_CHANGE: Final = "nothing"


def comparison_tables(
    record: ComparisonRecord,
    sequences: Sequence[Sequence[SequenceChange]],
    losses: Sequence[LossChange],
) -> Mapping[str, Table]:
    """All tables by name, in the order of `TABLE_NAMES`; those without rows are left out.

    Args:
        record: the comparison.
        sequences: for each candidate every sequence.
        losses: for each candidate.
    """
    made = (
        _differences(record),
        _ablation(record),
        _sequences(record, sequences),
        _losses(losses),
        _frames(record),
        _speed(record),
        _plain(record),
        _settings(record),
        _left_out(record),
        _runs(record),
    )
    return {table.name: table for table in made if table.rows}


def speed_verdict(speed: SpeedComparison) -> str:
    """One of `not measured`, `other conditions` and `not measured in turns`: none is a verdict."""
    if speed.ratio is None:
        return "not measured"
    if any(one.name not in _MASK_ONLY for one in speed.differing):
        return "other conditions"
    return "not measured in turns"


def _data(record: ComparisonRecord) -> str:
    return f"{record.dataset} {record.split}, {len(record.sequences)} sequences in common"


def _text(key: str) -> Field:
    return Field(key, key.replace("_", " "))


def _label(one: CandidateComparison) -> str:
    marks = [word for word, on in (("ORACLE", one.run.oracle), ("untrained", one.run.untrained))
             if on]  # fmt: skip
    return f"{one.run.label} ({', '.join(marks)})" if marks else one.run.label


def _differences(record: ComparisonRecord) -> Table:
    fields = (
        _text("run"),
        _text("metric"),
        _text("verdict"),
        Field("baseline", "baseline", "points"),
        Field("candidate", "this run", "points"),
        Field("difference", "difference", "change"),
        Field("low", "95 % from", "change"),
        Field("high", "to", "change"),
        Field("p", "p", "p"),
        Field("p_holm", "p Holm", "p"),
        Field("wins", "wins", "count"),
        Field("ties", "ties", "count"),
        Field("losses", "losses", "count"),
        Field("detectable", "detectable", "size"),
        _text("interval"),
    )
    rows = tuple(
        (
            _label(one),
            test.metric,
            test.verdict,
            test.baseline,
            test.candidate,
            test.difference,
            *_interval(test)[:2],
            test.p,
            test.p_holm,
            test.wins,
            test.ties,
            test.losses,
            test.detectable,
            _interval(test)[2],
        )
        for one in record.candidates
        for test in one.tests
    )
    title = f"Differences to {record.baseline.label} on {_data(record)}"
    return Table("differences", title, fields, rows)


def _interval(test: TestedDifference) -> tuple[float | None, float | None, str]:
    """Bootstrap-t where it can be had, else by cluster-robust t, and which of them it is."""
    one = test.shown_interval
    return (one.low, one.high, one.method) if one else (None, None, "")


def _ablation(record: ComparisonRecord) -> Table:
    fields = (
        _text("variant"),
        _text("changed"),
        Field("jf", "J&F", "points"),
        Field("difference", "difference", "change"),
        Field("low", "95 % from", "change"),
        Field("high", "to", "change"),
        Field("p_holm", "p Holm", "p"),
        _text("verdict"),
        Field("step_ms", "ms a step", "measured"),
    )
    rows: list[tuple[Value, ...]] = []
    if record.ablation:
        first = record.candidates[0]
        base = (_headline(first).baseline, None, None, None, None, "")
        rows.append((record.baseline.label, "", *base, first.speed.baseline_step_ms))
    for one in record.candidates if record.ablation else ():
        test = _headline(one)
        changed = "; ".join(
            f"{c.name.removeprefix('parameter ')} {c.baseline} to {c.candidate}"
            for c in one.changed
            if c.name.startswith("parameter ")
        )
        low, high, _ = _interval(test)
        figures = (test.candidate, test.difference, low, high, test.p_holm, test.verdict)
        speed = one.speed.candidate_step_ms
        rows.append((_label(one), changed or _NO_CHANGE, *figures, speed))
    title = f"Ablation of {record.baseline.label} on {_data(record)}"
    return Table("ablation", title, fields, tuple(rows))


def _headline(one: CandidateComparison) -> TestedDifference:
    return next(test for test in one.tests if test.metric == "J&F")


def _sequences(record: ComparisonRecord, sequences: Sequence[Sequence[SequenceChange]]) -> Table:
    fields = [_text("sequence"), Field("objects", "objects", "count")]
    fields.append(Field("baseline", record.baseline.label, "points"))
    for number, one in enumerate(record.candidates, start=2):
        fields.append(Field(f"run_{number}", one.run.label, "points"))
        fields.append(Field(f"run_{number}_difference", "difference", "change"))
    by_name = [{change.sequence: change for change in changes} for changes in sequences]
    rows = []
    for name in record.sequences:
        known = [changes.get(name) for changes in by_name]
        first = next((change for change in known if change is not None), None)
        row: list[Value] = [name]
        row += [first.objects, first.baseline] if first is not None else [None, None]
        for change in known:
            row += [change.candidate, change.difference] if change is not None else [None, None]
        rows.append(tuple(row))
    title = f"J&F by sequence on {record.dataset} {record.split}"
    return Table("sequences", title, tuple(fields), tuple(rows))


def _losses(losses: Sequence[LossChange]) -> Table:
    fields = (
        _text("run"),
        _text("cause"),
        Field("baseline", "loss of the baseline", "points"),
        Field("candidate", "of this run", "points"),
        Field("difference", "difference", "change"),
        Field("low", "95 % from", "change"),
        Field("high", "to", "change"),
    )
    rows = tuple(
        (change.label, term.group, term.baseline, term.candidate, term.difference,
         _finite(term.low), _finite(term.high))
        for change in losses
        if change.difference is not None
        for term in (change.difference.loss, *change.difference.groups)
    )  # fmt: skip
    return Table("losses", "What of 1 - J is lost to which cause; more is worse", fields, rows)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _frames(record: ComparisonRecord) -> Table:
    fields = (
        _text("run"),
        _text("sequence"),
        Field("object", "object", "count"),
        _text("frame"),
        Field("baseline", "J of the baseline", "points"),
        Field("candidate", "of this run", "points"),
        Field("difference", "difference", "change"),
    )
    rows = tuple(
        (
            one.run.label,
            change.sequence,
            change.object_id,
            change.frame,
            change.baseline,
            change.candidate,
            change.difference,
        )
        for one in record.candidates
        for change in (*(one.frame_gains or ()), *(one.frame_losses or ()))
    )
    return Table("frames", "Object-frames whose J changed most", fields, rows)


def _speed(record: ComparisonRecord) -> Table:
    fields = (
        _text("run"),
        Field("step_ms", "ms a step", "measured"),
        Field("fps", "FPS", "measured"),
        Field("ratio", "times the baseline", "measured"),
        _text("comparable"),
        _text("what_differs"),
    )
    before = record.candidates[0].speed.baseline_step_ms
    rows: list[tuple[Value, ...]] = [
        (record.baseline.label, before, _fps(before), None, "is the baseline", "")
    ]
    for one in record.candidates:
        speed = one.speed
        differing = "; ".join(f"{d.name}: {d.baseline} / {d.candidate}" for d in speed.differing)
        ms = speed.candidate_step_ms
        verdict = speed_verdict(speed)
        rows.append((one.run.label, ms, _fps(ms), speed.ratio, verdict, differing))
    timed = any(row[1] is not None for row in rows)
    return Table("speed", "Mean time of a step", fields, tuple(rows) if timed else ())


def _fps(ms: float | None) -> float | None:
    return 1000.0 / ms if ms else None


def _plain(record: ComparisonRecord) -> Table:
    metrics = record.candidates[0].plain
    fields = [_text("run")]
    for metric in metrics:
        key = metric.metric.lower().replace(" ", "_")
        down = " ↓" if metric.lower_is_better else " ↑"
        fields.append(Field(key, f"{metric.metric}{down}", "points"))
        fields.append(Field(f"{key}_difference", "difference", "change"))

    def row(label: str, values: Iterator[Value]) -> tuple[Value, ...]:
        return (label, *values)

    rows = [row(record.baseline.label, (v for m in metrics for v in (m.baseline, None)))]
    rows += [
        row(one.run.label, (v for m in one.plain for v in (m.candidate, m.difference)))
        for one in record.candidates
    ]
    return Table("recall-and-decay", "Recall and decay, without tests", tuple(fields), tuple(rows))


def _settings(record: ComparisonRecord) -> Table:
    rows = tuple(
        (one.run.label, change.name, change.baseline, change.candidate)
        for one in record.candidates
        for change in one.changed
    )
    fields = tuple(map(_text, ("run", "what_differs", "baseline", "this_run")))
    return Table("settings", "What was set differently", fields, rows)


def _left_out(record: ComparisonRecord) -> Table:
    fields = (_text("what"), _text("why"))
    return Table("left-out", "Left out for all runs", fields, tuple(record.left_out.items()))


def _runs(record: ComparisonRecord) -> Table:
    fields = (
        Field("number", "number", "count"),
        *map(_text, ("run", "method", "status", "run_id", "path")),
        Field("own_jf", "J&F over all it scored", "points"),
    )
    identities = [record.baseline, *(one.run for one in record.candidates)]
    rows = tuple(
        (number, run.label, run.method, run.status, run.run_id, run.path, run.own_jf)
        for number, run in enumerate(identities, start=1)
    )
    return Table("runs", "Runs", fields, rows)
