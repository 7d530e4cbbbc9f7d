"""Masks that four methods published score exactly what the DAVIS site published for them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from vosbench.data.masks import open_masks
from vosbench.evaluate import score_masks
from vosbench.types import FrameRef, Sequence

SHARED = Path(os.environ.get("VOSBENCH_SHARED", Path(__file__).parents[4] / "shared"))
RESULTS = SHARED / "data" / "results" / "davis2016"
ANNOTATIONS = SHARED / "data" / "DAVIS2016" / "Annotations" / "480p"

pytestmark = pytest.mark.skipif(
    not (RESULTS.is_dir() and ANNOTATIONS.is_dir()),
    reason=f"published results or DAVIS are not under {SHARED} (VOSBENCH_SHARED)",
)


def clips(names: list[str]) -> list[Sequence]:
    return [
        Sequence(
            dataset="davis2016",
            split="val",
            name=name,
            frames=tuple(
                FrameRef(path.stem, None, path) for path in sorted((ANNOTATIONS / name).glob("*"))
            ),
            height=480,
            width=854,
            object_ids=(1,),
            label_kind="binary",
        )
        for name in names
    ]


@pytest.mark.parametrize(
    ("method", "note"),
    [
        ("ranet", "value 255 read as object 1"),
        ("rgmp", "extra folder rgmp/"),
        ("premvos", "masks are missing on annotated frames that do not count"),
        ("stm", ""),
    ],
)
def test_every_frame_agrees_to_three_decimals(method: str, note: str) -> None:
    official = json.loads((RESULTS / f"{method}.official.json").read_text())["sequences"]
    evaluation = score_masks(
        open_masks(RESULTS / f"{method}.zip"),
        clips(sorted(official)),
        protocol="davis2016",
        dataset="davis2016",
        split="val",
    )
    assert evaluation.record.unscored == {}
    assert len(evaluation.sequences) == len(official) == 10
    for score in evaluation.sequences:
        chosen = score.evaluated[0]
        for name, values in (("J", score.region[0]), ("F", score.boundary[0])):
            found = [f"{value:.3f}" for value in values[chosen]]
            assert found == [f"{value:.3f}" for value in official[score.sequence][name]]
    # One object per sequence: the overall mean is the mean of the sequences' means.
    means = [np.mean(official[name]["J"]) for name in official]
    assert evaluation.record.overall.j_mean == pytest.approx(np.mean(means), abs=5e-4)
    notes = " ".join(evaluation.record.notes)
    assert note in notes
    assert bool(notes) == bool(note)
    assert evaluation.record.warnings == []
