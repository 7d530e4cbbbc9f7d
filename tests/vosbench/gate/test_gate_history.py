"""The history: order, steps, and a page that is safe and always the same."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from tests.vosbench.compare.made_runs import random_scores
from tests.vosbench.gate.gate_runs import STAGE_MS, gate_run_at
from vosbench.errors import ComparisonError, InputError
from vosbench.gate import baseline_of, write_baseline
from vosbench.gate.history import find_history, make_history
from vosbench.gate.history_page import render_history_page, render_history_terminal
from vosbench.gate.steps import fit_steps

BASE = random_scores(0, sequences=3)


def brute_force(values: list[float], price: float, least: int) -> float:
    """Cost of the best of all ways to cut the series."""
    size = len(values)
    best = np.inf
    for cuts in range(size):
        for places in itertools.combinations(range(1, size), cuts):
            edges = [0, *places, size]
            parts = [values[a:b] for a, b in itertools.pairwise(edges)]
            if len(parts) > 1 and min(map(len, parts)) < least:
                continue
            cost = sum(float(np.abs(np.array(p) - np.median(p)).sum()) for p in parts)
            best = min(best, cost + price * cuts)
    return best


@pytest.mark.parametrize("least", [1, 2, 3])
def test_the_fit_is_the_best_of_all(least: int) -> None:
    random = np.random.default_rng(least)
    for _ in range(12):
        values = (random.standard_normal(8) + 3 * (np.arange(8) > 4)).tolist()
        segments = fit_steps(values, floor=0.1, least=least)
        scatter = max(0.1, 0.84 * float(np.median(np.abs(np.diff(values)))))
        price = 2 * scatter * float(np.log(8))
        cost = sum(
            float(np.abs(np.array(values[s.begin : s.end]) - s.level).sum()) for s in segments
        )
        cost += price * (len(segments) - 1)
        assert cost == pytest.approx(brute_force(values, price, least))
        assert [s.begin for s in segments[1:]] == [s.end for s in segments[:-1]]


def test_steps_are_found_where_they_are_and_not_in_noise() -> None:
    random = np.random.default_rng(0)
    noise = random.standard_normal(40)
    assert len(fit_steps(noise, floor=0.01, least=2)) == 1
    (first, second) = fit_steps(noise + 8 * (np.arange(40) >= 25), floor=0.01, least=2)
    assert (first.end, second.begin) == (25, 25)
    assert fit_steps([], floor=1) == ()
    assert len(fit_steps([1.0, 1.0, 9.0], floor=0.1, least=2)) == 1
    with pytest.raises(ValueError, match="finite"):
        fit_steps([1.0, float("nan")], floor=1)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Eight revisions: J&F falls for good at the fifth, the step gets slower at the seventh."""
    roots = []
    for at in range(8):
        fall = 0.01 if at >= 4 else 0.0
        scores = {name: [value - fall for value in values] for name, values in BASE.items()}
        step = {**STAGE_MS, "step": 20.0 + 0.1 * (at % 3) + (6.0 if at >= 6 else 0.0)}
        root = tmp_path / "runs" / "tiny" / "toy" / f"r{at}"
        day = f"2020-10-{at + 1:02d}T08:00:00Z"
        fields = {"parameters": {"crop.enabled": at < 4}}
        roots.append(
            gate_run_at(
                root,
                scores,
                run_id=f"r{at}",
                created=day,
                stage_ms=step,
                method_fields=fields,
            )
        )
    return roots


def test_steps_of_accuracy_and_speed(runs: list[Path]) -> None:
    record = make_history(*find_history(list(reversed(runs))))
    series = {one.figure: one for one in record.series}
    assert [point.run for point in series["J&F"].points] == [f"r{at}" for at in range(8)]
    (fall,) = series["J&F"].steps
    assert (fall.run, fall.worse) == ("r4", True)
    assert fall.differing == ["parameter crop.enabled"]
    assert fall.before - fall.after == pytest.approx(1.0)
    (slower,) = series["step"].steps
    assert (slower.run, slower.worse) == ("r6", True)
    assert series["peak memory"].steps == []
    text = render_history_terminal(record)
    assert "worse from run r4" in text


def test_a_folder_of_runs_and_baseline_files(runs: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "files"
    for root in runs:
        write_baseline(folder / f"{root.name}.json", baseline_of(root))
    (runs[2] / "scores.json").unlink()
    whole = make_history(*find_history([folder]))
    assert len(whole.series[0].points) == 8
    part = make_history(*find_history([tmp_path / "runs"]))
    assert len(part.series[0].points) == 7
    assert "has not been scored" in part.notes[0]


def test_the_page_is_the_same_and_escapes(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>\u202e"
    root = gate_run_at(tmp_path / "r", BASE, method=name)
    page = render_history_page(make_history([("x", baseline_of(root))]))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page == render_history_page(make_history([("x", baseline_of(root))]))


def test_the_page_is_drawn_for_wide_and_narrow_screens(runs: list[Path]) -> None:
    record = make_history(*find_history(runs))
    page = render_history_page(record)
    assert page.count('<div class="wide"><svg') == page.count('<div class="narrow"><svg') > 0
    # the first run after a step is numbered below the drawing, and in the list
    accuracy = page.split("</section>")[0]
    for drawing in accuracy.split("<svg")[1:]:
        ticks = re.findall(r'class="tick middle"[^>]*>(\d+)<', drawing)
        assert ticks == ["1", "5", "8"]
    assert "from run 5, <bdi>r4</bdi>" in accuracy


def test_one_run_is_a_line_and_no_chart(runs: list[Path]) -> None:
    record = make_history(*find_history(runs[:1]))
    (line,) = render_history_terminal(record).splitlines()
    assert "one run, r0, so no history yet: J&F " in line
    assert "step 20.00 ms" in line
    assert "0 steps" not in line
    page = render_history_page(record)
    assert "<svg" not in page
    assert "20.00 ms, of one run" in page


def test_small_figures_have_their_digits(tmp_path: Path) -> None:
    roots = [
        gate_run_at(
            tmp_path / name,
            BASE,
            run_id=name,
            created=f"2020-10-0{at}T08:00:00Z",
            stage_ms={**STAGE_MS, "step": 0.0101},
        )
        for at, name in enumerate(("one", "two"), 1)
    ]
    record = make_history(*find_history(roots))
    assert "step 0.010 ms over 2 runs" in render_history_terminal(record)
    (section,) = [s for s in render_history_page(record).split("<section>") if ": step" in s]
    drawing = section.split("<svg")[1]
    ticks = re.findall(r'class="tick" [^>]*>([0-9.]+)<', drawing)
    assert ticks == ["0.0100", "0.0101", "0.0102"]


def test_nothing_to_draw(tmp_path: Path, runs: list[Path]) -> None:
    with pytest.raises(InputError, match="neither"):
        find_history([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no run"):
        find_history([tmp_path / "empty"])
    for root in runs:
        (root / "scores.json").unlink()
    with pytest.raises(ComparisonError, match="no history"):
        find_history([tmp_path / "runs"])
