"""Counts recorded from the official toolkit give its J, F and figures, to the last bit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vosbench.metrics import boundary_accuracy, object_figures, region_similarity

SHARED = Path(os.environ.get("VOSBENCH_SHARED", Path(__file__).parents[4] / "shared"))
GOLDEN = SHARED / "reference" / "golden" / "scoring"

pytestmark = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"the scoring fixtures are not at {GOLDEN} (VOSBENCH_SHARED)"
)


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((GOLDEN / name).read_text())
    return data["objects"]


@pytest.mark.parametrize("case", ["d16-perturb", "d17-multi"])
def test_figures_are_bit_identical(case: str) -> None:
    counts, official = load(f"counts_{case}.json"), load(f"official_{case}.json")
    assert counts.keys() == official.keys()
    for name, rows in counts.items():
        table = np.array(rows, np.int64)
        region, boundary = region_similarity(table), boundary_accuracy(table)
        expected = official[name]
        assert region.tolist() == expected["J_per_frame"], name
        assert boundary.tolist() == expected["F_per_frame"], name
        figures = object_figures(region, boundary, official_decay=True)
        found = {
            "J": {"mean": figures.j_mean, "recall": figures.j_recall, "decay": figures.j_decay},
            "F": {"mean": figures.f_mean, "recall": figures.f_recall, "decay": figures.f_decay},
        }
        assert found == {"J": expected["J"], "F": expected["F"]}, name
