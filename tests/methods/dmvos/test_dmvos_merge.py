"""Competition of objects for pixels."""

from __future__ import annotations

import torch
from vosbench_methods.dmvos.merge import merge


def planes(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)[:, None, :]


def test_argmax_with_background_below_the_threshold() -> None:
    probability = planes([0.9, 0.4, 0.6, 0.5, 0.0], [0.2, 0.45, 0.7, 0.1, 0.0])
    assert merge(probability, [3, 7], "argmax", 0.5).tolist() == [[3, 0, 7, 3, 0]]
    assert merge(probability, [3, 7], "argmax", 0.41).tolist() == [[3, 7, 7, 3, 0]]


def test_ties_go_to_the_first_object() -> None:
    probability = planes([1.0, 0.8], [1.0, 0.8])
    for rule in ("argmax", "soft-aggregation"):
        assert merge(probability, [5, 2], rule, 0.5).tolist() == [[5, 5]]  # type: ignore[arg-type]


def test_soft_aggregation_worked_out() -> None:
    # Background 0.6*0.55 = 0.33 against 0.4 and 0.45: object 2 wins below one half.
    probability = planes([0.4, 0.3], [0.45, 0.3])
    # Second pixel: background 0.49 against 0.3.
    assert merge(probability, [1, 2], "soft-aggregation", 0.5).tolist() == [[2, 0]]
    assert merge(probability, [1, 2], "argmax", 0.5).tolist() == [[0, 0]]


def test_certain_objects_are_not_undefined() -> None:
    probability = planes([1.0, 0.0], [0.0, 0.0])
    assert merge(probability, [1, 2], "soft-aggregation", 0.5).tolist() == [[1, 0]]


def test_rules_agree_on_one_object() -> None:
    probability = torch.rand(1, 20, 20)
    first = merge(probability, [1], "argmax", 0.5)
    assert torch.equal(first, merge(probability, [1], "soft-aggregation", 0.5))
    assert torch.equal(first, (probability[0] >= 0.5).to(torch.uint8))
