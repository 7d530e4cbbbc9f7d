"""Comparisons of runs: what is paired, what is refused, what is claimed."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from tests.vosbench.compare.made_runs import make_run, random_scores, shifted
from vosbench.compare import ComparisonRecord, RunScores, TestedDifference, compare_runs
from vosbench.errors import ComparisonError
from vosbench.stats import compare_pairs, holm

BASE = random_scores(0)


def test_of(record: ComparisonRecord, metric: str = "J&F", candidate: int = 0) -> TestedDifference:
    return next(t for t in record.candidates[candidate].tests if t.metric == metric)


test_of.__test__ = False  # type: ignore[attr-defined]


def test_figures_are_those_of_paired_statistics() -> None:
    better = shifted(BASE, 0.02, spread=0.01)
    record = compare_runs(make_run(BASE), [make_run(better, variant="b", run_id="r2")], seed=4)
    names = [name for name, values in BASE.items() for _ in values]
    before = np.array([value for values in BASE.values() for value in values], float)
    after = np.array([value for values in better.values() for value in values], float)
    expected = compare_pairs(before, after, names, seed=4)
    found = test_of(record)
    assert found.difference == pytest.approx(np.mean(after - before))
    assert (found.interval.low, found.interval.high) == (
        expected.bootstrap.low,
        expected.bootstrap.high,
    )
    assert (found.p, found.detectable) == (expected.test.p, expected.detectable)
    assert (found.wins, found.losses) == (expected.outcomes.wins, expected.outcomes.losses)
    assert found.verdict == "better"
    assert test_of(record, "J").difference == pytest.approx(found.difference)
    assert record.objects == 24
    assert record.sequences == list(BASE)


def test_worse_and_not_shown() -> None:
    worse = make_run(shifted(BASE, -0.02, spread=0.01), variant="worse")
    noisy = make_run(shifted(BASE, 0.001, spread=0.05, seed=2), variant="noisy")
    assert test_of(compare_runs(make_run(BASE), [worse])).verdict == "worse"
    assert test_of(compare_runs(make_run(BASE), [noisy])).verdict == "not shown"


def test_holm_is_over_candidates_for_each_figure() -> None:
    candidates = [
        make_run(shifted(BASE, by, spread=0.03, seed=seed), variant=f"v{seed}")
        for seed, by in enumerate((0.012, 0.02, 0.03))
    ]
    record = compare_runs(make_run(BASE), candidates)
    for metric in ("J&F", "J", "F"):
        tests = [test_of(record, metric, at) for at in range(3)]
        assert tuple(t.p_holm for t in tests) == holm([t.p for t in tests])
    assert any(t.p_holm != t.p for t in tests)


def test_what_only_many_tries_make_significant_is_not_clear() -> None:
    # all six gain: p = 2/64 alone, and no smaller value exists
    few = random_scores(2, sequences=6)
    one = make_run(shifted(few, 0.05, 0.001), variant="one")
    other = make_run(shifted(few, 0.05, 0.001, seed=1), variant="other")
    assert test_of(compare_runs(make_run(few), [one])).verdict == "better"
    together = compare_runs(make_run(few), [one, other])
    assert test_of(together).p == 2 / 64
    assert test_of(together).p_holm == 4 / 64
    assert test_of(together).verdict == "not clear"
    assert "p Holm is 0.062, by the number of candidates" in test_of(together).verdict_reason


def test_a_verdict_needs_the_interval_as_well_as_the_test() -> None:
    """All ten sequences gain, one of them very much: p is small and the interval wide."""
    gains = [0.119, 0.339, 0.037, 0.019, 0.047, 0.275, 0.065, 0.059, 0.089, 0.012]
    base = {f"clip-{at:02d}": [0.5] for at in range(10)}
    other = {name: [0.5 + gain] for name, gain in zip(base, gains, strict=True)}
    found = test_of(compare_runs(make_run(base), [make_run(other, variant="b")]))
    assert found.p == 2 / 1024
    assert (found.wins, found.losses) == (10, 0)
    assert found.interval.low is not None
    assert found.interval.low < 0
    assert found.verdict == "not clear"
    assert found.flip_interval.low is not None
    assert found.flip_interval.low > 0
    assert "10 wins" in found.verdict_reason
    assert f"[{100 * found.flip_interval.low:+.2f}, " in found.verdict_reason
    even = {name: [0.6 + 0.01 * at] for at, name in enumerate(base)}
    shown = test_of(compare_runs(make_run(base), [make_run(even, variant="b")]))
    assert (shown.verdict, shown.verdict_reason) == ("better", "")


@pytest.mark.parametrize("seed", range(12))
def test_verdicts_never_contradict_the_interval_shown(seed: int) -> None:
    base = random_scores(seed, sequences=8)
    others = [
        make_run(shifted(base, 0.01 * by, spread=0.03, seed=seed + by), variant=f"v{by}")
        for by in range(3)
    ]
    for one in compare_runs(make_run(base), others).candidates:
        for test in one.tests:
            shown = test.shown_interval
            assert shown is not None
            assert shown.low is not None
            assert shown.high is not None
            if test.verdict in ("better", "worse"):
                assert (shown.low > 0) if test.verdict == "better" else (shown.high < 0)
            if test.verdict == "not shown":
                assert shown.low <= 0 <= shown.high


def test_identical_runs_are_identical_and_no_more() -> None:
    record = compare_runs(make_run(BASE, masks="x"), [make_run(BASE, masks="x", run_id="r2")])
    found = test_of(record)
    assert found.verdict == "identical"
    assert found.difference == 0
    assert found.interval.low is None
    assert found.interval.reason
    one = record.candidates[0]
    assert one.masks.identical == list(BASE)
    assert one.gains == one.losses == []
    assert one.frame_gains == one.frame_losses == []
    assert one.changed == []


def test_identical_masks_are_found_by_digest() -> None:
    names = list(BASE)
    masks = {name: ("same" if at < 7 else "other") for at, name in enumerate(names[:10])}
    scores = {n: v if at < 7 else [x + 0.01 for x in v] for at, (n, v) in enumerate(BASE.items())}
    first = make_run(BASE, masks=dict.fromkeys(names[:10], "same"))
    record = compare_runs(first, [make_run(scores, variant="b", masks=masks)])
    assert record.candidates[0].masks.compared == 10
    assert record.candidates[0].masks.identical == names[:7]


def test_same_masks_with_other_scores_are_refused() -> None:
    other = make_run(shifted(BASE, 0.01), variant="b", masks="x")
    with pytest.raises(ComparisonError, match="masks are the same files, but the scores differ"):
        compare_runs(make_run(BASE, masks="x"), [other])


def test_intersection_of_other_selections_says_which() -> None:
    names = list(BASE)
    fewer = {name: BASE[name] for name in names[2:]}
    record = compare_runs(make_run(BASE), [make_run(shifted(fewer, 0.01, 0.01), variant="b")])
    assert record.sequences == names[2:]
    assert set(record.left_out) == set(names[:2])
    assert "not among its sequences" in record.left_out[names[0]]
    assert any("different selections" in warning for warning in record.warnings)
    expected = np.mean([value for values in fewer.values() for value in values])
    assert test_of(record).baseline == pytest.approx(expected)
    assert record.baseline.own_jf != pytest.approx(expected)


def test_failed_sequences_are_named_and_not_judged() -> None:
    fewer = dict(shifted(BASE, 0.01, 0.01))
    del fewer["clip-03"]
    other = make_run(fewer, variant="b", failed={"clip-03": "OutOfMemoryError"})
    record = compare_runs(make_run(BASE), [other])
    assert "clip-03" not in record.sequences
    assert "failed" in record.left_out["clip-03"]
    assert any("clip-03" in w and "not judged" in w for w in record.warnings)
    assert any("incomplete" in warning for warning in record.warnings)


def test_sequences_without_truth_are_left_out_and_no_failure() -> None:
    def hidden(run: RunScores) -> RunScores:
        scores = run.scores.model_copy(
            update={"unscored": {"secret": "no annotations"}, "without_truth": ["secret"]}
        )
        return RunScores(run.path, run.run, scores, run.sequences, run.frames)

    names = [*BASE, "secret"]
    other = make_run(shifted(BASE, 0.01, 0.01), variant="b", selection=names)
    record = compare_runs(hidden(make_run(BASE, selection=names)), [hidden(other)])
    assert "no annotations" in record.left_out["secret"]
    assert not any("not judged" in warning for warning in record.warnings)


def test_all_candidates_are_compared_on_the_same_sequences() -> None:
    names = list(BASE)
    first = make_run({n: BASE[n] for n in names[1:]}, variant="a")
    second = make_run({n: BASE[n] for n in names[:-1]}, variant="b")
    record = compare_runs(make_run(BASE), [first, second])
    assert record.sequences == names[1:-1]
    assert {t.sequences for one in record.candidates for t in one.tests} == {len(names) - 2}


def test_objects_of_one_run_only_are_left_out() -> None:
    short = {n: (v[:-1] if n == "clip-02" else v) for n, v in shifted(BASE, 0.01, 0.01).items()}
    fields = {"object_ids": [1, 2, 3]}
    record = compare_runs(
        make_run(BASE, sequence_fields=fields),
        [make_run(short, variant="b", sequence_fields=fields)],
    )
    assert record.objects == 23
    assert "clip-02_3" in record.left_out


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"protocol": "vos-benchmark"}, "protocol: .*davis2017.*vos-benchmark"),
        ({"dataset": "tiny-2"}, "dataset: .*tiny.*tiny-2"),
        ({"data_fields": {"manifest_sha256": "other"}}, "same sequences, but the digests"),
        ({"sequence_fields": {"height": 49}}, "clip-00: height 48 and 49"),
        ({"sequence_fields": {"frames": 33}}, "frames 32 and 33"),
    ],
)
def test_other_data_are_refused_with_what_differs(other: dict[str, Any], message: str) -> None:
    with pytest.raises(ComparisonError, match=message) as caught:
        compare_runs(make_run(BASE), [make_run(BASE, variant="b", **other)])
    assert caught.value.exit_code == 5


def test_other_evaluated_frames_are_refused_unless_predictions_decide_them() -> None:
    def with_fewer_frames(run: RunScores) -> RunScores:
        objects = dict(run.scores.objects)
        objects["clip-01_1"] = objects["clip-01_1"].model_copy(update={"evaluated_frames": 7})
        scores = run.scores.model_copy(update={"objects": objects})
        return RunScores(run.path, run.run, scores, run.sequences, run.frames)

    other = with_fewer_frames(make_run(BASE, variant="b"))
    with pytest.raises(ComparisonError, match="30 and 7 evaluated frames"):
        compare_runs(make_run(BASE), [other])
    seen = with_fewer_frames(make_run(BASE, variant="b", protocol="vos-benchmark"))
    assert compare_runs(make_run(BASE, protocol="vos-benchmark"), [seen]).objects == 24


def test_nothing_in_common_is_refused_by_name() -> None:
    other = make_run({"elsewhere": [0.5]}, variant="b")
    with pytest.raises(ComparisonError, match="no scored object in common.*elsewhere"):
        compare_runs(make_run(BASE), [other])
    empty = make_run({}, variant="b", failed={"clip-00": "Crash"})
    with pytest.raises(ComparisonError, match="toy@b scored nothing"):
        compare_runs(make_run(BASE), [empty])


def test_an_oracle_never_wins_and_costs_the_others_nothing() -> None:
    oracle = make_run(shifted(BASE, 0.2, 0.01), variant="told", method_fields={"oracle": True})
    honest = make_run(shifted(BASE, 0.01, 0.02), variant="b")
    record = compare_runs(make_run(BASE), [oracle, honest])
    for metric in ("J&F", "J", "F"):
        found = test_of(record, metric, 0)
        assert found.verdict == "oracle"
        assert found.wins is found.losses is found.p_holm is None
        assert found.difference is not None
    assert test_of(record, candidate=1).p_holm == test_of(record, candidate=1).p
    assert record.candidates[0].run.oracle
    assert any("ORACLE" in warning for warning in record.warnings)
    against = compare_runs(oracle, [honest])
    assert test_of(against).verdict == "oracle"


def test_one_sequence_is_undetermined() -> None:
    one = {"clip": [0.5, 0.6]}
    record = compare_runs(make_run(one), [make_run(shifted(one, 0.1), variant="b")])
    found = test_of(record)
    assert found.verdict == "undetermined"
    assert found.p is None
    assert found.interval.low is None
    assert "one sequence" in found.interval.reason
    assert any("rough" in warning for warning in record.warnings)


def test_too_few_sequences_to_show_anything_is_said() -> None:
    few = random_scores(1, sequences=4)
    record = compare_runs(make_run(few), [make_run(shifted(few, 0.3, 0.01), variant="b")])
    assert test_of(record).verdict == "not clear"
    assert "never give less" in test_of(record).verdict_reason
    assert any("cannot show any difference" in warning for warning in record.warnings)


def test_undefined_objects_are_dropped_and_counted() -> None:
    holes = {n: [None, *v[1:]] if n == "clip-01" else v for n, v in BASE.items()}
    record = compare_runs(
        make_run({**holes, "clip-00": [math.inf]}),
        [make_run(shifted(BASE, 0.01, 0.01), variant="b")],
    )
    assert test_of(record).dropped == 2
    assert test_of(record).objects == 22
    assert any("undefined" in warning for warning in record.warnings)
    json.dumps(record.model_dump(mode="json"), allow_nan=False)


def test_largest_gains_and_losses_of_sequences() -> None:
    changes = {"clip-00": 0.3, "clip-04": -0.2, "clip-08": 0.1, "clip-09": -0.05}
    moved = {n: [x + changes.get(n, 0.0) for x in v] for n, v in BASE.items()}
    one = compare_runs(make_run(BASE), [make_run(moved, variant="b")]).candidates[0]
    assert [(c.sequence, round(c.difference, 6)) for c in one.gains] == [
        ("clip-00", 0.3),
        ("clip-08", 0.1),
    ]
    assert [c.sequence for c in one.losses] == ["clip-04", "clip-09"]
    assert one.losses[0].objects == len(BASE["clip-04"])


def test_changed_frames_are_spread_over_events() -> None:
    changes = {("clip-01", 2, index): 0.1 for index in range(5, 25)}
    changes |= {("clip-02", 1, 9): 0.99}
    other = make_run(BASE, variant="b", frame_changes=changes)
    one = compare_runs(make_run(BASE), [other]).candidates[0]
    assert one.frame_gains is not None
    assert one.frame_losses is not None
    assert [(c.sequence, c.object_id, c.frame) for c in one.frame_gains] == [
        ("clip-02", 1, "00009")
    ]
    assert [(c.sequence, c.index) for c in one.frame_losses] == [("clip-01", 5), ("clip-01", 15)]
    assert one.frame_losses[0].candidate == 0.1


def test_without_frame_tables_frames_are_unknown_not_unchanged() -> None:
    run = make_run(BASE)
    bare = RunScores(run.path, run.run, run.scores, run.sequences)
    one = compare_runs(bare, [make_run(BASE, variant="b")]).candidates[0]
    assert one.frame_gains is one.frame_losses is None


def test_recall_and_decay_are_plain_differences() -> None:
    record = compare_runs(make_run(BASE), [make_run(shifted(BASE, 0.02), variant="b")])
    plain = {p.metric: p for p in record.candidates[0].plain}
    assert list(plain) == ["J recall", "J decay", "F recall", "F decay"]
    assert plain["J decay"].lower_is_better
    assert not plain["F recall"].lower_is_better
    assert plain["J recall"].difference == pytest.approx(0.02)


def test_speed_names_what_differs_and_gives_no_verdict() -> None:
    other = make_run(BASE, variant="b", step_ms=15.0, settings={"threads": 8, "precision": "bf16"})
    speed = compare_runs(make_run(BASE), [other]).candidates[0].speed
    assert speed.ratio == pytest.approx(1.5)
    assert {d.name for d in speed.differing} == {"threads", "precision"}
    assert "no verdict" in speed.note
    untimed = make_run(BASE, variant="b", step_ms=None)
    assert compare_runs(make_run(BASE), [untimed]).candidates[0].speed.ratio is None


def test_what_was_set_differently() -> None:
    other = make_run(
        BASE,
        variant="b",
        method_fields={"parameters": {"crop.enabled": False, "new": 1}, "weights_sha256": "w" * 64},
    )
    changed = compare_runs(make_run(BASE), [other]).candidates[0].changed
    shown = {c.name: (c.baseline, c.candidate) for c in changed}
    assert shown["parameter crop.enabled"] == ("true", "false")
    assert shown["parameter new"] == ("none", "1")
    assert shown["weights SHA-256"] == ("none", "w" * 12)


def test_labels_are_unique() -> None:
    runs = [make_run(shifted(BASE, 0.01, 0.01, s), run_id=f"id{s}") for s in range(3)]
    record = compare_runs(make_run(BASE, run_id="base", method="other"), runs)
    assert record.baseline.label == "other"
    assert [c.run.label for c in record.candidates] == ["toy id0", "toy id1", "toy id2"]
    twice = compare_runs(runs[0], [runs[0]])
    assert "(" in twice.baseline.label


def test_untrained_and_partial_data_are_warned_of() -> None:
    raw = make_run(BASE, variant="b", method_fields={"untrained": True})
    record = compare_runs(make_run(BASE, data_fields={"warnings": ["a partial copy"]}), [raw])
    assert any("random weights" in warning for warning in record.warnings)
    assert any("a partial copy" in warning for warning in record.warnings)


def test_same_seed_same_record_and_it_round_trips() -> None:
    runs = (make_run(BASE), [make_run(shifted(BASE, 0.01, 0.02), variant="b")])
    record = compare_runs(*runs, seed=3)
    assert compare_runs(*runs, seed=3) == record
    text = json.dumps(record.model_dump(mode="json"), allow_nan=False)
    assert ComparisonRecord.model_validate_json(text) == record
    assert json.loads(text)["schema_version"] == 1


def test_a_comparison_needs_a_candidate() -> None:
    with pytest.raises(ValueError, match="candidate"):
        compare_runs(make_run(BASE), [])
