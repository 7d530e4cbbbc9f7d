"""Twenty-nine tiny sequences on which evaluators disagree, crash or hang: what davis2017 says here.

Where the official tool gives a score, so do we, to the last bit. Where it fails, a named file and
a reason come back, and other sequences are still scored.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vosbench.data.masks import open_masks
from vosbench.evaluate import Evaluation, score_masks
from vosbench.types import FrameRef, Sequence

SHARED = Path(os.environ.get("VOSBENCH_SHARED", Path(__file__).parents[4] / "shared"))
GOLDEN = SHARED / "reference" / "golden" / "scoring"

pytestmark = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"the scoring fixtures are not at {GOLDEN} (VOSBENCH_SHARED)"
)
CASES: dict[str, Any] = (
    json.loads((GOLDEN / "edge_cases.json").read_text())["cases"] if GOLDEN.is_dir() else {}
)
SCORED = [name for name, answers in CASES.items() if "J" in answers["official"]]
FAILING = {
    "late_object_id2_from_frame4": ("00004.png", "object id 2"),
    "pred_extra_id_in_background": (".png", "object id"),
    "two_frames_none_evaluated": ("2 of 2 frames", "no frame"),
    "pred_missing_frame_4": ("00004.png", "missing"),
    "pred_wrong_size": ("00001.png", "40x30 px"),
    "pred_one_frame_wrong_size": ("00004.png", "80x30 px"),
    "pred_rgb": (".png", "RGB"),
    "gt_no_object_first_frame": ("first annotation", "no object"),
    "gt_and_pred_0_255": ("00000.png", "binary"),
}


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_case(name: str, folder: Path) -> Sequence:
    frames: dict[int, Path] = {}
    with np.load(GOLDEN / "edge_inputs.npz") as arrays:
        for key in arrays.files:
            case, role, index = key.split("|")
            if case == name:
                path = folder / role / "s" / f"{int(index):05d}.png"
                save(path, arrays[key])
                if role == "gt":
                    frames[int(index)] = path
    refs = tuple(FrameRef(frames[k].stem, None, frames[k]) for k in sorted(frames))
    return Sequence("edge", "val", "s", refs, 60, 80, (1,), "ids")


def evaluate(name: str, folder: Path) -> Evaluation:
    clip = write_case(name, folder)
    return score_masks(
        open_masks(folder / "pred"),
        [clip],
        protocol="davis2017",
        dataset="edge",
        split="val",
        official_decay=True,
    )


def numbers(values: list[float]) -> list[float | None]:
    return [None if value != value else value for value in values]  # noqa: PLR0124


@pytest.mark.parametrize("name", SCORED)
def test_scores_are_those_of_the_official_tool(name: str, tmp_path: Path) -> None:
    evaluation = evaluate(name, tmp_path)
    official = CASES[name]["official"]
    assert evaluation.record.unscored == {}
    objects = list(evaluation.record.objects.values())
    assert [o.j_mean for o in objects] == official["J"]["M"]
    assert [o.j_recall for o in objects] == official["J"]["R"]
    assert [o.j_decay for o in objects] == numbers(official["J"]["D"])
    assert [o.f_mean for o in objects] == official["F"]["M"]
    assert [o.f_recall for o in objects] == official["F"]["R"]
    assert [o.f_decay for o in objects] == numbers(official["F"]["D"])


@pytest.mark.parametrize("name", sorted(FAILING))
def test_where_the_official_tool_fails_the_file_and_reason_are_named(
    name: str, tmp_path: Path
) -> None:
    record = evaluate(name, tmp_path).record
    assert "exit_code" in CASES[name]["official"]
    assert record.objects == {}
    assert record.overall.jf_mean is None
    for part in FAILING[name]:
        assert part in record.unscored["s"]
    assert "could not be scored" in record.warnings[0]


def test_a_binary_prediction_of_a_single_object_is_read_as_such(tmp_path: Path) -> None:
    # The official tool stops here, with exit status 0.
    record = evaluate("pred_0_255_gt_0_1", tmp_path).record
    assert record.overall.jf_mean == 1.0
    assert any("value 255 read as object 1" in line for line in record.notes)


def test_every_case_is_looked_at() -> None:
    assert {*SCORED, *FAILING, "pred_0_255_gt_0_1"} == set(CASES)


def test_phantom_and_late_objects_are_pointed_out(tmp_path: Path) -> None:
    gaps = evaluate("noncontiguous_ids_1_3", tmp_path / "a").record
    assert any("object ids 2 do not occur" in line for line in gaps.warnings)
    late = evaluate("late_object_pred_without_id2", tmp_path / "b").record
    assert any("object ids 2 appear after the first" in line for line in late.warnings)


def test_long_sequences_say_which_decay_they_carry(tmp_path: Path) -> None:
    official = evaluate("300_frames_drift", tmp_path / "a").record
    assert official.overall.j_decay is None
    assert any("as wrong as in the official tool" in line for line in official.warnings)
    clip = write_case("300_frames_drift", tmp_path / "b")
    corrected = score_masks(
        open_masks(tmp_path / "b" / "pred"), [clip], protocol="davis2017", dataset="e", split="v"
    ).record
    assert corrected.overall.j_decay is not None
    assert any("differs from the official tool" in line for line in corrected.warnings)
