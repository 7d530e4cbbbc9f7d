"""Pixel counts of real masks are those of the official toolkit, with no difference at all.

Every seventh frame of each sequence is counted; VOSBENCH_FULL=1 counts all and checks the digests
of the masks that the fixture was made from.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vosbench.data.masks import open_masks, read_labels
from vosbench.metrics import frame_counts
from vosbench.types import LabelMap

SHARED = Path(os.environ.get("VOSBENCH_SHARED", Path(__file__).parents[4] / "shared"))
GOLDEN = SHARED / "reference" / "golden" / "scoring"

pytestmark = pytest.mark.skipif(
    not (GOLDEN.is_dir() and (SHARED / "data" / "DAVIS2016").is_dir()),
    reason=f"the scoring fixtures or DAVIS are not under {SHARED} (VOSBENCH_SHARED)",
)


def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vosbench_perturb", GOLDEN / "perturb.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def truth_of(case: str, sequence: str, frames: int) -> Iterator[LabelMap]:
    if case == "d16-perturb":
        folder = SHARED / "data" / "DAVIS2016" / "Annotations" / "480p" / sequence
        paths = sorted(folder.glob("*.png"))
        assert len(paths) == frames
        for path in paths:
            yield read_labels(path, "binary")
    else:
        source = open_masks(SHARED / "data" / "results" / "davis2017" / "osvos.zip")
        names = source.frames(sequence)
        assert len(names) == frames
        for name in names:
            yield source.read(sequence, name, "ids").labels


@pytest.mark.parametrize("case", ["d16-perturb", "d17-multi"])
def test_counts_of_real_masks(case: str) -> None:
    perturb = recipe().perturb
    recorded: dict[str, Any] = json.loads((GOLDEN / f"counts_{case}.json").read_text())["objects"]
    sequences = json.loads((GOLDEN / f"official_{case}.json").read_text())["sequences"]
    compared = 0
    for sequence, facts in sequences.items():
        frames, ids = facts["frames"], range(1, facts["objects_first_frame"] + 1)
        digests = hashlib.sha256(), hashlib.sha256()
        for index, truth in enumerate(truth_of(case, sequence, frames)):
            prediction = perturb(truth, sequence, index, frames)
            digests[0].update(np.ascontiguousarray(truth))
            digests[1].update(np.ascontiguousarray(prediction))
            if 0 < index < frames - 1:
                found = frame_counts(prediction, truth, ids)
                expected = [recorded[f"{sequence}_{k}"][index - 1] for k in ids]
                assert found.tolist() == expected, (sequence, index)
                compared += len(expected)
        assert digests[0].hexdigest() == facts["gt_sha256"]
        assert digests[1].hexdigest() == facts["pred_sha256"]
    assert compared == sum(len(rows) for rows in recorded.values())
