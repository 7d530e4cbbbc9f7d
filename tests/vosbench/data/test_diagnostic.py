from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vosbench.data import open_dataset, read_frame
from vosbench.data.diagnostic import (
    SIZES,
    SUITE_VERSION,
    clip_plans,
    diagnostic_root,
    photos,
    read_truth,
    suite,
    write_suite,
)
from vosbench.data.diagnostic.outlines import Box, Ellipses, Polygon
from vosbench.data.diagnostic.render import draw_clip
from vosbench.data.diagnostic.sprites import BACKGROUNDS, CUT_OUTS
from vosbench.data.masks import read_labels
from vosbench.errors import InputError

# First 16 digits of the SHA-256 over all label maps of a clip. A change here is a change of the
# suite: raise SUITE_VERSION with it.
GOLDEN = {
    ("tiny", "control"): "540f31328f39e01d",
    ("tiny", "occlusion"): "b210adb567713b2b",
    ("tiny", "full-occlusion"): "d23c2186db24ba05",
    ("tiny", "crossing"): "31fa25b5b130e58c",
    ("tiny", "scale-change"): "d0e2aabe7f62e6d4",
    ("tiny", "fast-motion"): "9a18702ce71a9e94",
    ("tiny", "distractors"): "38665cab44db8328",
    ("tiny", "exit-and-return"): "27a1eebe5f85091b",
    ("std", "control"): "de19e5c512a47e70",
    ("std", "occlusion"): "7b78ca3adc52d2fa",
    ("std", "full-occlusion"): "299a35a6d89df2ff",
    ("std", "crossing"): "8951c20c81bdc4de",
    ("std", "scale-change"): "8bbd5cfb626c2a6f",
    ("std", "fast-motion"): "3824245eec2b179a",
    ("std", "distractors"): "a6e09ba1c4b76fe5",
    ("std", "exit-and-return"): "403e632ac97e3a63",
}

PLANS = {plan.name: plan for plan in clip_plans()}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_suite(folder, "tiny")
    return folder


@pytest.mark.parametrize(("size", "clip"), GOLDEN)
def test_masks_are_the_same_everywhere(size: Any, clip: str) -> None:
    shape = SIZES[size]
    digest = hashlib.sha256()
    for frame in draw_clip(
        PLANS[clip], height=shape.height, width=shape.width, frames=shape.frames
    ):
        assert frame.labels.shape == (shape.height, shape.width)
        digest.update(frame.labels.tobytes())
    assert digest.hexdigest()[:16] == GOLDEN[size, clip]


def test_every_clip_has_its_golden_digest() -> None:
    assert set(GOLDEN) == {(size, clip) for size in SIZES for clip in PLANS}


def test_the_default_suite_stays_small_enough_for_a_first_run() -> None:
    objects = sum(len(plan.objects) for plan in PLANS.values())
    assert len(PLANS) <= 8
    assert objects * SIZES["std"].frames <= 220


def test_the_clips_open_as_a_data_set(tiny: Path) -> None:
    dataset = open_dataset("diagnostic-tiny", root=tiny)
    assert dataset.warnings == ()
    assert [s.name for s in dataset.sequences] == list(PLANS)
    for sequence in dataset.sequences:
        assert (sequence.height, sequence.width, len(sequence.frames)) == (96, 160, 24)
        assert sequence.object_ids == tuple(range(1, len(PLANS[sequence.name].objects) + 1))
        first = sequence.frames[0]
        assert first.image is not None
        assert read_frame(first.image, size=(96, 160)).std() > 10


def test_no_object_is_hidden_or_cut_in_the_first_frame(tiny: Path) -> None:
    for clip in PLANS:
        truth = read_truth(tiny, clip)
        np.testing.assert_array_equal(truth.visible[0], truth.area[0])
        assert truth.area[0].min() >= 100


def test_truth_agrees_with_the_masks(tiny: Path) -> None:
    for clip in PLANS:
        truth = read_truth(tiny, clip)
        for t in range(truth.area.shape[0]):
            labels = read_labels(tiny / f"Annotations/480p/{clip}/{t:05d}.png", "ids")
            for k in range(truth.area.shape[1]):
                visible = labels == k + 1
                assert np.count_nonzero(visible) == truth.visible[t, k]
                assert not np.any(visible & ~truth.amodal[t, k])
                assert truth.amodal[t, k].sum() == truth.in_frame[t, k] <= truth.area[t, k]
                lost = truth.in_frame[t, k] - truth.visible[t, k]
                assert truth.hidden_by[t, k].max(initial=0) <= lost <= truth.hidden_by[t, k].sum()


def events(root: Path, clip: str) -> list[tuple[int, str]]:
    return [(event.object_id, event.kind) for event in read_truth(root, clip).events]


@pytest.mark.parametrize("clip", ["control", "scale-change", "fast-motion", "distractors"])
def test_clips_without_loss_have_no_events(tiny: Path, clip: str) -> None:
    assert events(tiny, clip) == []


def test_the_partial_occlusion_hides_about_half_of_the_control(tiny: Path) -> None:
    truth, control = read_truth(tiny, "occlusion"), read_truth(tiny, "control")
    np.testing.assert_array_equal(truth.amodal, control.amodal)
    assert events(tiny, "occlusion") == [(1, "occluded")]
    assert 0.4 < truth.events[0].magnitude < 0.8
    hidden_by = truth.hidden_by[:, 0].max(axis=0)
    assert truth.roles[int(hidden_by.argmax())] == "occluder"


def test_the_full_occlusion_hides_everything_and_ends(tiny: Path) -> None:
    truth = read_truth(tiny, "full-occlusion")
    assert events(tiny, "full-occlusion") == [(1, "occluded"), (1, "hidden")]
    hidden = truth.events[1]
    assert hidden.end - hidden.onset + 1 >= 5
    assert truth.visible_share[-1, 0] == 1


def test_only_the_horse_behind_is_occluded(tiny: Path) -> None:
    assert events(tiny, "crossing") == [(1, "occluded")]


def test_the_exit_is_complete_and_ends(tiny: Path) -> None:
    truth = read_truth(tiny, "exit-and-return")
    assert events(tiny, "exit-and-return") == [(1, "cut"), (1, "outside")]
    assert truth.in_frame_share[-1, 0] == 1
    assert truth.centre[truth.events[1].onset, 0, 0] > 160


def test_scale_and_speed_are_what_the_clips_promise(tiny: Path) -> None:
    size = read_truth(tiny, "scale-change").size[:, 0]
    assert size.max() / size[0] == pytest.approx(3.5, abs=0.1)
    centre = read_truth(tiny, "fast-motion").centre[:, 0]
    # per frame of the standard clips, which cover the same path in 20 frames
    steps = np.hypot(*np.diff(centre, axis=0).T) * 23 / 19 / np.hypot(96, 160)
    assert 0.04 < steps.min() < steps.mean() < 0.12


def test_what_lies_outside_of_the_frame_counts_as_area() -> None:
    plan = PLANS["exit-and-return"]
    frames = list(draw_clip(plan, height=48, width=80, frames=11))
    areas = [frame.actors[0].area for frame in frames]
    assert frames[5].actors[0].mask.sum() == 0
    assert max(areas) - min(areas) < 0.05 * max(areas)


def test_the_cache_is_used_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOSBENCH_CACHE", str(tmp_path / "cache"))
    root = diagnostic_root("tiny")
    assert root == tmp_path / "cache" / "diagnostic" / f"{SUITE_VERSION}-tiny"
    assert list(root.parent.glob(".*")) == []

    def refuse(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(suite, "write_suite", refuse)
    assert diagnostic_root("tiny") == root


@pytest.mark.parametrize("damage", ["missing", "changed", "manifest"])
def test_a_damaged_cache_is_drawn_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    monkeypatch.setenv("VOSBENCH_CACHE", str(tmp_path))
    root = tmp_path / "diagnostic" / f"{SUITE_VERSION}-tiny"
    root.mkdir(parents=True)
    victim = root / "Annotations/480p/control/00003.png"
    files = {"Annotations/480p/control/00003.png": hashlib.sha256(b"whole").hexdigest()}
    (root / "MANIFEST.json").write_text(json.dumps({"layout": 2, "files": files}), encoding="utf-8")
    if damage == "changed":
        victim.parent.mkdir(parents=True)
        victim.write_bytes(b"half")
    if damage == "manifest":
        (root / "MANIFEST.json").write_text("[1", encoding="utf-8")
    assert diagnostic_root("tiny") == root
    assert read_labels(victim, "ids").max() == 1
    assert [path.name for path in root.parent.iterdir() if path.is_dir()] == [root.name]


def test_a_failure_while_drawing_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VOSBENCH_CACHE", str(tmp_path))

    def broken(folder: Path, _size: str) -> None:
        (folder / "half").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(suite, "write_suite", broken)
    with pytest.raises(InputError, match="No space left") as caught:
        diagnostic_root("tiny")
    assert "VOSBENCH_CACHE" in caught.value.hint
    assert [path for path in (tmp_path / "diagnostic").iterdir() if path.is_dir()] == []


def test_a_cache_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VOSBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written"):
        diagnostic_root("tiny")


def test_missing_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="truth of clip 'control'"):
        read_truth(tmp_path, "control")


def test_photographs_are_those_of_scikit_images_registry() -> None:
    from skimage.data import _registry  # noqa: PLC0415 - private, only compared with here

    for photo in photos.PHOTOS.values():
        assert _registry.registry[f"data/{photo.file}"] == photo.sha256
    used = {cut.photo for cut in CUT_OUTS.values()} | {name for name, _ in BACKGROUNDS.values()}
    assert used | {"horse"} == set(photos.PHOTOS)


def test_another_photograph_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    photos.load_photo.cache_clear()
    other = photos.Photo("grass.png", "0" * 64, "CC0")
    monkeypatch.setitem(photos.PHOTOS, "grass", other)
    with pytest.raises(InputError, match="is not the one"):
        photos.load_photo("grass")
    monkeypatch.setitem(photos.PHOTOS, "grass", photos.Photo("gone.png", "0" * 64, "CC0"))
    with pytest.raises(InputError, match="cannot be read"):
        photos.load_photo("grass")


def test_outlines_hold_what_they_should() -> None:
    y, x = np.mgrid[0:40, 0:40] + 0.5
    assert Box((5, 10, 15, 30)).inside(x, y).sum() == 200
    circle = Ellipses(((20, 20, 10, 10),))
    assert circle.inside(x, y).sum() == pytest.approx(np.pi * 100, rel=0.03)
    square = Polygon(((5, 5), (35, 5), (35, 35), (5, 35)))
    inside = square.inside(x, y)
    assert inside[20, 20]
    assert not inside[5, 5]
    np.testing.assert_array_equal(inside, inside[::-1])
    np.testing.assert_array_equal(inside, inside.T)
    # each corner loses 1/4 x 1/4 / 2 in the first cut, and its two new corners less in the second
    assert 0.80 * 900 < inside.sum() < 0.875 * 900
