"""Claims, contested pixels and merging rules, held against literal counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosbench.diagnose import MERGE_RULES, SWEEP, count_claims, sum_claims

SIZE = (4, 5)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_counts_are_those_of_a_literal_walk(seed: int, objects: int) -> None:
    random = np.random.default_rng(seed)
    ids = sorted(random.choice(np.arange(1, 9), objects, replace=False).tolist())
    soft = random.choice(np.array([0, 0.2, 0.5, 0.8, 1], np.float32), (objects, *SIZE))
    values = np.array([0, *ids, 200], np.uint8)
    labels, truth = random.choice(values, SIZE), random.choice(values, SIZE)
    counts = count_claims(soft, ids, labels, truth)

    claimed = dict.fromkeys(SWEEP, 0)
    contested = dict.fromkeys(SWEEP, 0)
    unclaimed = disputed = by_rule = by_network = 0
    on_truth = np.zeros((objects, objects), int)
    shared = np.zeros((objects, objects), int)
    for y, x in np.ndindex(SIZE):
        for threshold in SWEEP:
            n = sum(soft[k, y, x] >= threshold for k in range(objects))
            claimed[threshold] += n > 0
            contested[threshold] += n > 1
        who = [k for k in range(objects) if soft[k, y, x] >= 0.5]
        for i in who:
            for j in who:
                shared[i, j] += 1
        if truth[y, x] not in ids:
            continue
        right = ids.index(int(truth[y, x]))
        for i in who:
            on_truth[i, right] += 1
        unclaimed += not who
        if len(who) > 1:
            disputed += 1
            if labels[y, x] != truth[y, x]:
                by_rule += right in who
                by_network += right not in who
    assert counts.claimed.tolist() == list(claimed.values())
    assert counts.contested.tolist() == list(contested.values())
    np.testing.assert_array_equal(counts.shared, shared)
    np.testing.assert_array_equal(counts.on_truth, on_truth)
    assert (counts.unclaimed, counts.disputed) == (unclaimed, disputed)
    assert (counts.by_rule, counts.by_network) == (by_rule, by_network)


def test_fault_lies_with_the_rule_or_with_the_network() -> None:
    truth = np.array([[1, 1, 2, 0]], np.uint8)
    labels = np.array([[2, 2, 2, 1]], np.uint8)
    soft = np.zeros((3, 1, 4), np.float32)
    soft[0, 0] = (0.9, 0.1, 0.1, 0.9)  # object 1 claims its first pixel and background
    soft[1, 0] = (0.9, 0.9, 0.9, 0.9)
    soft[2, 0] = (0.1, 0.9, 0.1, 0.1)
    counts = count_claims(soft, (1, 2, 3), labels, truth)
    assert counts.disputed == 2
    assert counts.by_rule == 1
    assert counts.by_network == 1
    assert counts.contest_rate == pytest.approx(3 / 4)
    assert counts.arbitration_error == 1.0
    assert counts.unclaimed_share == 0.0
    assert counts.contest_matrix[0, 1] == 1.0
    assert counts.leak_matrix[1, 0] == 1.0
    both = sum_claims([counts, counts])
    assert both.disputed == 4
    assert both.contest_rate == counts.contest_rate


def test_nothing_claimed_leaves_rates_undefined() -> None:
    empty = np.zeros((2, 3, 3), np.float32)
    none = np.zeros((3, 3), np.uint8)
    counts = count_claims(empty, (1, 2), none, none)
    assert math.isnan(counts.contest_rate)
    assert math.isnan(counts.arbitration_error)
    assert math.isnan(counts.unclaimed_share)
    truth = np.full((3, 3), 2, np.uint8)
    assert count_claims(empty, (1, 2), none, truth).unclaimed_share == 1.0


def test_rules_differ_where_they_should() -> None:
    #                     both claim, low twice, tie,      one alone
    soft = np.array(
        [[[0.6, 0.45, 0.8, 0.7, 0.5]], [[0.9, 0.45, 0.8, 0.1, 0.0]]],
        np.float32,
    )
    made = {name: rule(soft, (1, 2))[0].tolist() for name, rule in MERGE_RULES.items()}
    assert made["argmax"] == [2, 0, 1, 1, 1]
    # 0.45 beats the background's (1 - 0.45)^2 = 0.30; 0.5 does not beat its own 0.5
    assert made["soft-aggregation"] == [2, 1, 1, 1, 0]
    assert made["priority"] == [1, 0, 1, 1, 1]
    assert made["largest"] == [1, 0, 1, 1, 1]
    assert made["ranet"] == [2, 0, 2, 1, 0]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_aggregation_is_that_of_the_papers(seed: int) -> None:
    """Odds of every object and of the background, normalised, and the largest taken."""
    random = np.random.default_rng(seed)
    soft = random.uniform(0.01, 0.99, (3, *SIZE)).astype(np.float32)
    background = (1 - soft).prod(axis=0, keepdims=True)
    every = np.concatenate([background, soft]).clip(1e-7, 1 - 1e-7)
    odds = every / (1 - every)
    literal = np.array([0, 4, 5, 9])[(odds / odds.sum(axis=0)).argmax(axis=0)]
    np.testing.assert_array_equal(MERGE_RULES["soft-aggregation"](soft, (4, 5, 9)), literal)
