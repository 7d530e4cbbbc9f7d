"""Cell sets and rank sampling against literal references."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from vosbench_methods.dmvos.config import NetworkConfig
from vosbench_methods.dmvos.isometric import (
    CellSets,
    IsometricCorrelation,
    partition_cells,
    rank_similarity,
)


def literal_sets(coverage: list[float]) -> tuple[set[int], set[int]]:
    cells = range(len(coverage))
    foreground = {j for j in cells if coverage[j] >= 0.5}
    if len(foreground) < 4:
        fourth = sorted(coverage, reverse=True)[: min(4, len(coverage))][-1]
        foreground = {j for j in cells if coverage[j] >= fourth and coverage[j] > 0}
    background = {j for j in cells if coverage[j] <= 0.1} - foreground
    if not background:
        background = set(cells) - foreground
    return foreground, background


def literal_ranks(values: list[float], samples: int, *, spread: bool) -> list[float]:
    if not values:
        return [-1.0] * samples
    values = sorted(values, reverse=True)
    n = len(values)
    if not spread:
        return [values[min(k, n - 1)] for k in range(samples)]
    steps = [Fraction(k * (n - 1), samples - 1) for k in range(samples)]
    return [values[math.floor(step + Fraction(1, 2))] for step in steps]


def literal_top(values: list[float], top: int) -> float:
    best = sorted(values, reverse=True)[:top]
    return sum(best) / len(best) if best else -1.0


COVERAGE = st.lists(
    st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.1, 0.2, 0.4, 0.5, 0.8, 1.0]), min_size=4, max_size=40
)


@given(COVERAGE)
def test_cell_sets(coverage: list[float]) -> None:
    sets = partition_cells(torch.tensor([coverage], dtype=torch.float64))
    foreground, background = literal_sets(coverage)
    assert set(sets.foreground[0].nonzero().flatten().tolist()) == foreground
    assert set(sets.background[0].nonzero().flatten().tolist()) == background


@settings(max_examples=60, deadline=None)
@given(st.lists(COVERAGE, min_size=1, max_size=3), st.booleans(), st.integers(0, 2**32 - 1))
def test_ranks_per_position(coverages: list[list[float]], spread: bool, seed: int) -> None:
    cells = min(map(len, coverages))
    coverage = torch.tensor([row[:cells] for row in coverages])
    torch.manual_seed(seed)
    similarity = torch.rand(len(coverages), 5, cells) * 2 - 1
    sets = partition_cells(coverage)
    for needs_gradient in (False, True):  # the two paths of the implementation
        given_ = similarity.clone().requires_grad_(needs_gradient)
        ranked = rank_similarity(given_, sets, samples=7, top=3, spread=spread)
        for b in range(len(coverages)):
            for members, stack, top in (
                (sets.foreground[b], ranked.foreground[b], ranked.foreground_top[b]),
                (sets.background[b], ranked.background[b], ranked.background_top[b]),
            ):
                for p in range(5):
                    values = similarity[b, p, members].tolist()
                    expected = literal_ranks(values, 7, spread=spread)
                    assert stack[p].tolist() == pytest.approx(expected, abs=1e-6)
                    assert top[p].item() == pytest.approx(literal_top(values, 3), abs=1e-6)


@pytest.mark.parametrize(
    ("foreground", "background"),
    [(0, 12), (1, 11), (2, 0), (12, 0), (0, 0)],
    ids=["no-fg", "one-fg", "few-fg-no-bg", "all-fg", "neither"],
)
@pytest.mark.parametrize("needs_gradient", [False, True])
def test_extreme_sets(foreground: int, background: int, needs_gradient: bool) -> None:
    similarity = torch.rand(1, 3, 12).requires_grad_(needs_gradient)
    fg, bg = torch.zeros(2, 1, 12, dtype=torch.bool)
    fg[0, :foreground] = True
    bg[0, 12 - background :] = True
    ranked = rank_similarity(similarity, CellSets(fg, bg), samples=32, top=8, spread=True)
    for members, stack, top in (
        (fg, ranked.foreground, ranked.foreground_top),
        (bg, ranked.background, ranked.background_top),
    ):
        for p in range(3):
            values = similarity[0, p, members[0]].tolist()
            assert stack[0, p].tolist() == pytest.approx(literal_ranks(values, 32, spread=True))
            assert top[0, p].item() == pytest.approx(literal_top(values, 8))


def test_gradient_reaches_only_the_sampled_cells() -> None:
    similarity = torch.rand(1, 1, 10, requires_grad=True)
    fg = torch.arange(10)[None] < 4
    ranked = rank_similarity(similarity, CellSets(fg, ~fg), samples=2, top=1, spread=True)
    ranked.foreground.sum().backward()
    touched = set(similarity.grad[0, 0].nonzero().flatten().tolist())  # type: ignore[index]
    best, worst = similarity[0, 0, :4].argmax().item(), similarity[0, 0, :4].argmin().item()
    assert touched == {best, worst}


def module(**changes: Any) -> IsometricCorrelation:
    torch.manual_seed(0)
    config = NetworkConfig(
        rank_samples=6, match_width=8, match_inner=4, ranked_maps=10, raw_cells=12, **changes
    )
    return IsometricCorrelation(config).eval()


def example() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(5)
    coverage = torch.zeros(2, 1, 3, 4)
    coverage[0, 0, :2, :2] = 1.0
    coverage[1, 0, 2, 3] = 0.3
    return torch.randn(2, 16, 6, 7), torch.randn(2, 16, 3, 4), coverage


@pytest.mark.parametrize("mode", ["rank_sample", "topk", "ranked_maps", "max", "none"])
def test_does_not_depend_on_the_order_of_cells(mode: Any) -> None:
    embed, z, coverage = example()
    order = torch.randperm(12)
    shuffled = z.flatten(2)[..., order].view_as(z)
    shuffled_coverage = coverage.flatten(2)[..., order].view_as(coverage)
    correlation = module(isometric_mode=mode)
    with torch.no_grad():
        first = correlation(embed, z, coverage)
        second = correlation(embed, shuffled, shuffled_coverage)
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["rank_sample", "topk", "ranked_maps", "raw", "max", "none"])
def test_every_mode_gives_the_same_shapes(mode: Any) -> None:
    embed, z, coverage = example()
    channels, logit = module(isometric_mode=mode)(embed, z, coverage)
    assert channels.shape == (2, 17, 6, 7)
    assert logit.shape == (2, 1, 6, 7)
    torch.testing.assert_close(channels[:, -1:], logit)


def test_modes_say_different_things() -> None:
    embed, z, coverage = example()
    with torch.no_grad():
        answers = [
            module(isometric_mode=mode)(embed, z, coverage)[0]
            for mode in ("rank_sample", "topk", "max", "none")
        ]
    for i, first in enumerate(answers):
        for second in answers[i + 1 :]:
            assert (first - second).abs().max() > 1e-3


def test_similarity_logit_is_scaled_difference_of_means() -> None:
    embed, z, coverage = example()
    correlation = module(isometric_mode="rank_sample", top=2)
    with torch.no_grad():
        correlation.bias.fill_(0.25)
        _, logit = correlation(embed, z, coverage)
    unit_x = embed / embed.norm(dim=1, keepdim=True)
    unit_z = z / z.norm(dim=1, keepdim=True)
    for b, (y, x) in ((0, (0, 0)), (1, (5, 6))):
        similarity = [(unit_x[b, :, y, x] @ cell).item() for cell in unit_z[b].flatten(1).T]
        foreground, background = literal_sets(coverage[b].flatten().tolist())
        expected = literal_top([similarity[j] for j in foreground], 2)
        expected -= literal_top([similarity[j] for j in background], 2)
        assert logit[b, 0, y, x].item() == pytest.approx(10 * expected + 0.25, abs=1e-4)


def test_half_precision_around_it_leaves_similarities_in_float32() -> None:
    embed, z, coverage = example()
    correlation = module(isometric_mode="rank_sample")
    with torch.no_grad():
        _, exact = correlation(embed, z, coverage)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            channels, logit = correlation(embed, z, coverage)
    assert channels.dtype == torch.bfloat16
    torch.testing.assert_close(logit, exact, rtol=0, atol=1e-5)


def test_raw_mode_names_the_size_it_needs() -> None:
    embed, _, _ = example()
    with pytest.raises(ValueError, match="12 template cells, got 4"):
        module(isometric_mode="raw")(embed, torch.randn(2, 16, 2, 2), torch.ones(2, 1, 2, 2))
