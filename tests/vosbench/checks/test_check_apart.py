"""`vosbench check` on data whose objects are annotated apart, laid out as SA-V is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vosbench.checks import CheckReport, check_dataset, check_masks
from vosbench.data import open_dataset

SIZE = (24, 36)
VIDEOS = ("sav_000001", "sav_000002")
ANNOTATED = {"000": range(0, 24, 4), "001": range(4, 20, 4)}


def drawn(number: str, frame: int) -> NDArray[np.uint8]:
    mask = np.zeros(SIZE, np.uint8)
    left = 4 + frame // 4 + 6 * int(number)  # the two objects overlap
    mask[5:18, left : left + 10] = 1
    return mask


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images of every frame, masks of every fourth, the second object for a part of them."""
    base = tmp_path / "SA-V" / "sav_val"
    for video in VIDEOS:
        for frame in range(22):
            picture = np.zeros((*SIZE, 3), np.uint8)
            save(base / "JPEGImages_24fps" / video / f"{frame:05d}.jpg", picture)
        for number, frames in ANNOTATED.items():
            for frame in frames:
                path = base / "Annotations_6fps" / video / number / f"{frame:05d}.png"
                save(path, drawn(number, frame))
    (base / "sav_val.txt").write_text("".join(f"{video}\n" for video in VIDEOS))
    return tmp_path / "SA-V"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    for video in VIDEOS:
        for number, frames in ANNOTATED.items():
            for frame in frames[1:-1]:
                moved = np.roll(drawn(number, frame), 1, axis=0) * np.uint8(255)
                save(tmp_path / "masks" / video / number / f"{frame:05d}.png", moved)
    return tmp_path / "masks"


def annotation(root: Path, frame: int, number: str = "001") -> Path:
    return root / "sav_val" / "Annotations_6fps" / VIDEOS[0] / number / f"{frame:05d}.png"


def look(masks: Path, root: Path, sequences: str | None = None) -> CheckReport:
    opened = open_dataset("sa-v", root=root, need_images=False, sequences=sequences)
    return check_masks(masks, opened)


@pytest.mark.parametrize("deep", [False, True])
def test_a_good_copy_has_no_errors(root: Path, deep: bool) -> None:
    report = check_dataset("sa-v", root=root, deep=deep)
    assert not report.errors
    assert report.facts["sequences"] == 2
    assert report.facts["frames"] == 44
    opened = open_dataset("sa-v", root=root, need_images=False)
    assert report.facts["manifest_sha256"] == opened.manifest_sha256


def test_masks_of_another_size_an_odd_folder_and_a_mask_without_image_are_named(
    root: Path,
) -> None:
    odd = root / "sav_val" / "Annotations_6fps" / VIDEOS[1] / "preview"
    odd.mkdir()
    text = "\n".join(check_dataset("sa-v", root=root).lines())
    assert f"{odd} is no object folder" in text
    odd.rmdir()
    save(annotation(root, 8), np.zeros((10, 12), np.uint8))
    text = "\n".join(check_dataset("sa-v", root=root).lines())
    assert f"{annotation(root, 8)} is 10x12 px" in text
    save(annotation(root, 8), drawn("001", 8))
    (root / "sav_val" / "JPEGImages_24fps" / VIDEOS[0] / "00008.jpg").unlink()
    text = "\n".join(check_dataset("sa-v", root=root).lines())
    assert "masks have no image: sav_000001, object 1, sav_000001, object 2" in text


def test_a_damaged_mask_is_found_by_decoding_all(root: Path) -> None:
    path = annotation(root, 12)
    path.write_bytes(path.read_bytes()[:-20])
    assert check_dataset("sa-v", root=root).errors == ()
    report = check_dataset("sa-v", root=root, deep=True)
    assert any(str(path) in line and "cut off" in line for line in report.lines())


def test_an_object_that_is_out_of_sight_at_first_is_no_error(root: Path) -> None:
    save(annotation(root, 4), np.zeros(SIZE, np.uint8))
    report = check_dataset("sa-v", root=root)
    assert not report.errors
    assert any("it counts from where it is seen" in line for line in report.lines())


def test_masks_in_the_same_form_are_looked_at_object_by_object(root: Path, masks: Path) -> None:
    report = look(masks, root)
    assert not report.errors
    assert report.facts["masks_looked_at"] == 2 * (4 + 2)
    lost = masks / VIDEOS[0] / "001" / "00008.png"
    lost.unlink()
    save(masks / VIDEOS[1] / "000" / "00008.png", np.zeros((9, 9), np.uint8))
    text = "\n".join(look(masks, root).lines())
    assert "sav_000001, object 2 00008" in text
    assert "mask of object 2 is missing" in text
    assert "sav_000002, object 1 00008" in text


def test_the_masks_of_a_single_video_are_found(root: Path, masks: Path) -> None:
    for path in sorted((masks / VIDEOS[1]).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (masks / VIDEOS[1]).rmdir()
    report = look(masks, root, VIDEOS[0])
    assert not report.errors
    assert report.facts["masks_looked_at"] == 4 + 2


def test_the_annotations_themselves_and_empty_masks_are_pointed_out(
    root: Path, masks: Path
) -> None:
    for frame in ANNOTATED["001"][1:-1]:
        save(masks / VIDEOS[0] / "001" / f"{frame:05d}.png", np.zeros(SIZE, np.uint8))
        save(masks / VIDEOS[1] / "001" / f"{frame:05d}.png", drawn("001", frame))
    text = "\n".join(look(masks, root).lines())
    assert "all predicted masks are empty: sav_000001, object 2" in text
    assert "identical to the ground truth: sav_000002, object 2" in text
