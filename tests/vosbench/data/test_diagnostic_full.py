"""The full diagnostic suite: what its clips promise, measured on what is drawn."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from vosbench.data import open_dataset
from vosbench.data.diagnostic import (
    FACTORS,
    FULL_SIZES,
    ClipTruth,
    full_plans,
    read_dose,
    read_truth,
    write_full_suite,
)
from vosbench.data.diagnostic.render import DrawnFrame, draw_clip
from vosbench.data.diagnostic.truth import measure_truth
from vosbench.errors import InputError, UsageError

GOLDEN = json.loads((REPOSITORY / "tests/golden/diagnostic-full-tiny.json").read_text())
PLANS = {plan.name: plan for plan in full_plans("tiny")}
DIAGONAL = float(np.hypot(96, 160))


@pytest.fixture(scope="module")
def clips() -> dict[str, list[DrawnFrame]]:
    shape = FULL_SIZES["tiny"]
    return {
        name: list(draw_clip(plan, height=shape.height, width=shape.width, frames=shape.frames))
        for name, plan in PLANS.items()
    }


@pytest.fixture(scope="module")
def truths(clips: dict[str, list[DrawnFrame]]) -> dict[str, ClipTruth]:
    return {name: measure_truth(PLANS[name], frames) for name, frames in clips.items()}


def doses(factor: str) -> dict[str, float]:
    """Dose of the levels 1 to 5 by clip."""
    found = {name: plan.dose for name, plan in PLANS.items() if plan.factor == factor}
    return {name: dose.value for name, dose in found.items() if dose is not None and dose.level}


def test_there_are_fifteen_factors_of_five_levels_and_a_control() -> None:
    assert len(FACTORS) == 15
    assert list(PLANS) == [f"{one.name}-{level}" for one in FACTORS for level in range(6)]
    for one in FACTORS:
        assert list(one.doses) == sorted(set(one.doses))


def test_pictures_and_masks_are_the_same_on_every_machine(
    clips: dict[str, list[DrawnFrame]],
) -> None:
    found = {}
    for name, frames in clips.items():
        digest = hashlib.sha256()
        for frame in frames:
            digest.update(frame.labels.tobytes())
            digest.update(frame.image.tobytes())
        found[name] = digest.hexdigest()[:16]
    assert found == GOLDEN


def test_every_clip_begins_clean_and_whole(
    clips: dict[str, list[DrawnFrame]], truths: dict[str, ClipTruth]
) -> None:
    for name, truth in truths.items():
        np.testing.assert_array_equal(truth.visible[0], truth.area[0])
        assert truth.area[0].min() >= 100, name
        assert truth.severity[0] == truth.shutter[0] == 0
        assert truth.gain[0].tolist() == [1, 1]
        control = clips[f"{PLANS[name].factor}-0"]
        if PLANS[name].factor in ("light", "corruption", "motion-blur", "frame-drop"):
            np.testing.assert_array_equal(clips[name][0].image, control[0].image)


def test_truth_adds_up(truths: dict[str, ClipTruth]) -> None:
    for truth in truths.values():
        assert (truth.visible <= truth.in_frame).all()
        assert (truth.in_frame <= truth.area).all()
        lost = truth.in_frame - truth.visible
        assert (truth.hidden_by.max(axis=2, initial=0) <= lost).all()
        assert (lost <= truth.hidden_by.sum(axis=2)).all()
        assert truth.depth.max() < len(truth.actors)


@pytest.mark.parametrize("factor", ["light", "corruption", "motion-blur", "camouflage"])
def test_some_factors_change_the_picture_and_no_mask(
    factor: str, clips: dict[str, list[DrawnFrame]]
) -> None:
    changes = []
    for level in range(1, 6):
        pairs = list(zip(clips[f"{factor}-0"], clips[f"{factor}-{level}"], strict=True))
        for control, frame in pairs:
            np.testing.assert_array_equal(control.labels, frame.labels)
        changes.append(
            np.mean([np.abs(a.image.astype(int) - b.image.astype(int)).mean() for a, b in pairs])
        )
    assert changes == sorted(changes)
    assert changes[0] > 0


def test_occlusion_hides_what_it_says(truths: dict[str, ClipTruth]) -> None:
    assert truths["occlusion-0"].events == ()
    for name, dose in doses("occlusion").items():
        truth = truths[name]
        hidden = 1 - truth.visible / truth.in_frame
        assert hidden.max() == pytest.approx(dose, abs=0.05)
        assert hidden[-1] == 0
        assert truth.roles[int(truth.hidden_by[:, 0].sum(axis=0).argmax())] == "occluder"


def test_full_occlusion_lasts_as_long_as_it_says(truths: dict[str, ClipTruth]) -> None:
    frames = []
    for name, dose in doses("occlusion-time").items():
        hidden = int((truths[name].visible[:, 0] == 0).sum())
        frames.append(hidden)
        assert abs(hidden - dose * 23) <= 2
    assert frames == sorted(frames)
    assert frames[0] >= 1


def test_crossings_have_both_orders(truths: dict[str, ClipTruth]) -> None:
    assert truths["crossing-0"].events == ()
    peaks = []
    for name in doses("crossing"):
        truth = truths[name]
        peak = (1 - truth.visible / truth.in_frame).max(axis=0)
        peaks.append(peak[[0, 3]].min())
        # of the first pair the one from the left is behind, of the second the one from the right
        assert peak[[1, 2]].max() == 0
        left = truth.centre[0, :, 0] < 80
        assert left.tolist() == [True, False, True, False]
    assert peaks[-1] > 0.5
    assert peaks == sorted(peaks)


def test_distractors_are_as_many_as_it_says(truths: dict[str, ClipTruth]) -> None:
    assert "distractor" not in truths["distractors-0"].roles
    for name, dose in doses("distractors").items():
        assert truths[name].roles.count("distractor") == dose
        assert (truths[name].visible == truths[name].area).all()


def test_scale_and_speed_are_what_they_say(truths: dict[str, ClipTruth]) -> None:
    for name, dose in doses("scale").items():
        ratio = truths[name].size[-1] / truths[name].size[0]
        assert ratio.tolist() == pytest.approx([dose, 1 / dose])
    for name, dose in doses("speed").items():
        steps = truths[name].speed[1:, 0] / DIAGONAL
        # it is slower where it turns
        assert np.median(steps) == pytest.approx(dose, rel=0.25)
        assert (truths[name].visible == truths[name].area).all()


def test_the_camera_moves_object_and_ground_alike(clips: dict[str, list[DrawnFrame]]) -> None:
    for level in (1, 5):
        frames = clips[f"camera-{level}"]
        control = clips["camera-0"]
        for frame, still in zip(frames[1:-1:6], control[1:-1:6], strict=True):
            moved, rest = frame.actors[0].pose, still.actors[0].pose
            assert (moved.x, moved.y) != (rest.x, rest.y)
            assert frame.image.shape == still.image.shape


def test_objects_leave_and_come_back(truths: dict[str, ClipTruth]) -> None:
    assert truths["out-of-view-0"].events == ()
    for name, dose in doses("out-of-view").items():
        truth = truths[name]
        away = (truth.in_frame == 0).sum(axis=0)
        assert np.abs(away - dose * 23).max() <= 4
        assert (truth.in_frame[-1] == truth.area[-1]).all()
        # it left on the right, and is on the left in the end
        assert truth.centre[0, 1, 0] > 80 > truth.centre[-1, 1, 0]


def test_shapes_bend_split_and_get_thin(
    clips: dict[str, list[DrawnFrame]], truths: dict[str, ClipTruth]
) -> None:
    from scipy import ndimage

    most = [
        max(int(ndimage.label(f.labels == 1)[1]) for f in clips[f"non-rigid-{level}"])
        for level in (0, 5)
    ]
    assert most[0] == 1
    assert most[1] >= 2
    whole = truths["thin-parts-0"].area[0, 0]
    for name, dose in doses("thin-parts").items():
        assert 1 - truths[name].area[0, 0] / whole == pytest.approx(dose, abs=0.08)


def test_a_jump_is_one_step(truths: dict[str, ClipTruth]) -> None:
    for name, dose in doses("frame-drop").items():
        steps = truths[name].speed[1:, 0]
        way = 0.68 * 160
        assert steps.argmax() == 11
        assert steps.max() == pytest.approx(way * (dose + (1 - dose) / 23), rel=0.1)


def test_only_what_is_asked_for_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSBENCH_CACHE", str(tmp_path))
    opened = open_dataset("diagnostic-full-tiny", sequences="light-0,light-2")
    assert [one.name for one in opened.sequences] == ["light-0", "light-2"]
    root = opened.root
    assert sorted(p.name for p in (root / "Annotations" / "480p").iterdir()) == [
        "light-0",
        "light-2",
    ]
    found = read_dose(root, "light-2")
    assert found is not None
    assert (found[0], found[1].level, found[1].control) == ("light", 2, "light-0")
    assert read_truth(root, "light-2").dose == found[1]
    assert read_dose(root, "nothing") is None
    first = open_dataset("diagnostic-full-tiny", limit=1).sequences[0]
    assert first.name == "occlusion-0"

    # a damaged clip is drawn again, and the others are left alone
    victim = root / "Annotations" / "480p" / "light-2" / "00003.png"
    kept = root / "Annotations" / "480p" / "light-0" / "00003.png"
    content, stamp = victim.read_bytes(), kept.stat().st_mtime_ns
    victim.write_bytes(b"")
    open_dataset("diagnostic-full-tiny", sequences="light-*")
    assert victim.read_bytes() == content
    assert kept.stat().st_mtime_ns == stamp
    with pytest.raises(UsageError, match="no sequence"):
        open_dataset("diagnostic-full-tiny", sequences="nothing-*")
    (root / "Truth" / "light-2.json").write_text("{")
    with pytest.raises(InputError, match="truth of clip"):
        read_dose(root, "light-2")


def test_a_part_can_be_exported_as_a_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    write_full_suite(folder, "tiny", sequences="crossing-5,crossing-0")
    listed = (folder / "ImageSets" / "2017" / "all.txt").read_text().split()
    assert listed == ["crossing-0", "crossing-5"]
    again = open_dataset("diagnostic-full-tiny", root=folder)
    assert [len(one.object_ids) for one in again.sequences] == [4, 4]
    with pytest.raises(UsageError, match="FACTOR|no clip"):
        write_full_suite(folder, "tiny", sequences="crossings")
