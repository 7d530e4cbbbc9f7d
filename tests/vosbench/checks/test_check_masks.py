"""What `check masks` finds in masks with one thing wrong each."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis
from vosbench.checks import CheckReport, check_masks, thin_along_contours
from vosbench.data import Dataset, open_dataset
from vosbench.data.masks import encode_labels, open_masks
from vosbench.errors import InputError
from vosbench.evaluate import score_masks
from vosbench.types import LabelMap


@pytest.fixture
def root(make_davis: MakeDavis) -> Path:
    return make_davis({"alpha": 6, "beta": 6})


@pytest.fixture
def data(root: Path) -> Dataset:
    return open_dataset("davis2017", root=root, need_images=False)


@pytest.fixture
def masks(root: Path, tmp_path: Path) -> Path:
    """Predictions: the truth, moved by 2 px."""
    folder = tmp_path / "masks"
    for path in sorted((root / "Annotations" / "480p").rglob("*.png")):
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        labels = np.asarray(Image.open(path), np.uint8)
        target.write_bytes(encode_labels(np.roll(labels, 2, axis=1)))
    return folder


def found(report: CheckReport) -> set[tuple[str, str, str]]:
    return {(f.severity, f.code, f.place) for f in report.findings}


def write(masks: Path, sequence: str, frame: int, labels: LabelMap) -> None:
    (masks / sequence / f"{frame:05d}.png").write_bytes(encode_labels(labels))


def read(masks: Path, sequence: str, frame: int) -> LabelMap:
    return np.array(Image.open(masks / sequence / f"{frame:05d}.png"), np.uint8)


def is_scorable(masks: Path, data: Dataset, sequence: str) -> bool:
    evaluation = score_masks(
        open_masks(masks), data.sequences, protocol="davis2017", dataset="x", split="y"
    )
    return sequence not in evaluation.record.unscored


def test_sound_masks_have_no_findings(masks: Path, data: Dataset, tmp_path: Path) -> None:
    report = check_masks(masks, data)
    assert report.findings == ()
    assert report.facts["masks_looked_at"] == 12
    archive = tmp_path / "masks.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in masks.rglob("*.png"):
            file.write(path, path.relative_to(masks))
    assert check_masks(archive, data).findings == ()


def test_missing_and_extra(masks: Path, data: Dataset) -> None:
    (masks / "alpha" / "00000.png").unlink()
    (masks / "alpha" / "00003.png").unlink()
    write(masks, "alpha", 77, np.zeros((48, 64), np.uint8))
    shutil.move(masks / "beta", masks / "gamma")
    (masks / "readme.txt").write_text("x")
    report = check_masks(masks, data)
    assert found(report) >= {
        ("note", "first-missing", "alpha 00000"),
        ("error", "frame-missing", "alpha 00003"),
        ("note", "extra-frames", "alpha"),
        ("error", "sequence-missing", "beta"),
        ("warning", "extra-sequence", "gamma"),
        ("note", "other-files", ""),
    }


def test_one_bad_file_never_stops_the_check(masks: Path, data: Dataset) -> None:
    path = masks / "alpha" / "00001.png"
    path.write_bytes(path.read_bytes()[:-30])
    (masks / "alpha" / "00002.png").write_bytes(b"nothing")
    Image.new("RGB", (64, 48)).save(masks / "alpha" / "00003.png")
    write(masks, "alpha", 4, np.zeros((24, 32), np.uint8))
    Image.fromarray(np.zeros((48, 64), np.uint16)).save(masks / "beta" / "00003.png")
    report = check_masks(masks, data)
    assert found(report) >= {
        ("error", "damaged", "alpha 00001"),
        ("error", "unreadable", "alpha 00002"),
        ("error", "mode", "alpha 00003"),
        ("error", "size", "alpha 00004"),
        ("error", "mode", "beta 00003"),
    }
    assert all(finding.fix for finding in report.errors)
    assert report.facts["masks_looked_at"] == 12


def test_binary_masks_are_refused_for_several_objects(masks: Path, data: Dataset) -> None:
    for frame in range(6):
        write(masks, "alpha", frame, np.where(read(masks, "alpha", frame), 255, 0).astype(np.uint8))
    report = check_masks(masks, data)
    assert sum(code == "binary-mask" for _, code, _ in found(report)) == 6
    assert not is_scorable(masks, data, "alpha")


def test_binary_masks_of_one_object_are_a_note(make_davis: MakeDavis, tmp_path: Path) -> None:
    root = make_davis({"solo": 5}, objects=1, root=tmp_path / "one")
    data = open_dataset("davis2017", root=root, need_images=False)
    masks = tmp_path / "masks"
    (masks / "solo").mkdir(parents=True)
    for path in (root / "Annotations" / "480p" / "solo").iterdir():
        labels = np.roll(np.asarray(Image.open(path), np.uint8), 3, axis=0)
        (masks / "solo" / path.name).write_bytes(encode_labels(labels * np.uint8(255)))
    report = check_masks(masks, data)
    assert report.errors == ()
    assert ("note", "normalised", "solo 00001") in found(report)
    assert is_scorable(masks, data, "solo")


def test_grey_and_foreign_palettes_are_notes(masks: Path, data: Dataset) -> None:
    for frame in range(6):
        Image.fromarray(read(masks, "alpha", frame)).save(masks / "alpha" / f"{frame:05d}.png")
    image = Image.fromarray(read(masks, "beta", 2))
    image.putpalette([9, 9, 9] * 256)
    image.save(masks / "beta" / "00002.png")
    report = check_masks(masks, data)
    assert found(report) == {("note", "grey", "alpha"), ("note", "palette", "beta")}


def test_foreign_ids_are_errors_where_scoring_refuses_them(masks: Path, data: Dataset) -> None:
    labels = read(masks, "alpha", 3)
    labels[labels == 1] = 38
    write(masks, "alpha", 3, labels)
    report = check_masks(masks, data)
    (error,) = report.errors
    assert (error.code, error.place) == ("unknown-ids", "alpha 00003")
    assert "38" in error.detail
    assert not is_scorable(masks, data, "alpha")


def test_interpolated_masks_have_phantom_ids(masks: Path, tmp_path: Path) -> None:
    root = tmp_path / "big"
    size = (240, 320)
    for frame in range(5):
        labels = np.zeros(size, np.uint8)
        labels[40:190, 60 + 4 * frame : 240 + 4 * frame] = 1
        smooth = np.asarray(
            Image.fromarray(labels * np.uint8(8))
            .resize((319, 239), Image.Resampling.BILINEAR)
            .resize((320, 240), Image.Resampling.BILINEAR)
        )
        for path, content in (
            (root / "Annotations" / "480p" / "wide", labels * np.uint8(8)),
            (tmp_path / "smooth" / "wide", smooth),
        ):
            path.mkdir(parents=True, exist_ok=True)
            (path / f"{frame:05d}.png").write_bytes(encode_labels(np.ascontiguousarray(content)))
    data = open_dataset("folder", root=root, need_images=False)
    report = check_masks(tmp_path / "smooth", data)
    (finding,) = [f for f in report.findings if f.code == "phantom-ids"]
    assert finding.severity == "warning", "ids below the highest are scored, if badly"
    assert "nearest" in finding.fix
    assert not [f for f in report.findings if f.code == "unknown-ids"]


def test_anti_aliased_binary_masks(tmp_path: Path) -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[20:40, 20:50] = 255
    soft = labels.copy()
    soft[19, 20:50] = soft[40, 20:50] = 128
    root = tmp_path / "DAVIS2016"
    for frame in range(4):
        for folder, content in (
            (root / "Annotations" / "480p" / "goat", labels),
            (tmp_path / "masks" / "goat", soft),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(folder / f"{frame:05d}.png")
    listing = root / "ImageSets" / "480p" / "val.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("goat\n")
    data = open_dataset("davis2016", root=root, need_images=False)
    report = check_masks(tmp_path / "masks", data)
    assert ("warning", "phantom-ids", "goat") in found(report)
    assert report.errors == ()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("empty", "empty"),
        ("copies", "copy of the first"),
        ("truth", "identical to the ground truth"),
        ("permuted", "permuted"),
    ],
)
def test_meaningless_masks_are_warnings(
    masks: Path, data: Dataset, root: Path, case: str, words: str
) -> None:
    truth = root / "Annotations" / "480p"
    for frame in range(6):
        labels = read(truth, "alpha", frame)
        if case == "empty":
            labels[:] = 0
        elif case == "copies":
            labels = read(truth, "alpha", 0)
        elif case == "permuted":
            labels = np.array([0, 2, 1], np.uint8)[np.roll(labels, 1, axis=1)]
        write(masks, "alpha", frame, labels)
    report = check_masks(masks, data)
    assert report.errors == ()
    texts = [f.text for f in report.findings if f.code == "suspicious"]
    assert len(texts) == 1
    assert words in texts[0]


def test_an_object_that_is_never_predicted(masks: Path, data: Dataset) -> None:
    for frame in range(6):
        labels = read(masks, "beta", frame)
        write(masks, "beta", frame, np.where(labels == 2, 0, labels).astype(np.uint8))
    report = check_masks(masks, data)
    assert found(report) == {("warning", "never-predicted", "beta")}


def test_without_later_truth_every_frame_is_wanted(masks: Path, root: Path) -> None:
    for path in (root / "Annotations").rglob("*.png"):
        if path.stem != "00000":
            path.unlink()
    listing = root / "ImageSets" / "2017"
    shutil.copy(listing / "val.txt", listing / "test-challenge.txt")
    data = open_dataset("davis2017", split="test-challenge", root=root)
    (masks / "alpha" / "00005.png").unlink()
    for frame in range(6):
        write(masks, "beta", frame, np.zeros((48, 64), np.uint8))
    report = check_masks(masks, data)
    assert ("error", "frame-missing", "alpha 00005") in found(report)
    assert "all predicted masks are empty" in [f.text for f in report.findings]


def test_one_folder_per_object(masks: Path, data: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "per-object"
    for path in masks.rglob("*.png"):
        labels = np.asarray(Image.open(path), np.uint8)
        for one in (1, 2):
            target = folder / path.parent.name / str(one) / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encode_labels((labels == one).view(np.uint8)))
    report = check_masks(folder, data)
    assert found(report) == {("note", "source", "")}
    assert report.facts["masks_looked_at"] == 12
    (folder / "beta" / "2" / "00003.png").write_bytes(b"x")
    assert ("error", "unreadable", "beta 00003") in found(check_masks(folder, data))


def test_no_masks_at_all_is_an_input_error(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        check_masks(tmp_path / "nowhere", data)


def test_seams_are_thin_and_touch_an_object() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:30] = 5
    seam = labels.copy()
    seam[9, 10:30] = seam[10:30, 30] = 2
    assert thin_along_contours(seam, (2,))
    far = seam.copy()
    far[2, 2] = 2
    assert not thin_along_contours(far, (2,)), "a lone pixel far from objects is no seam"
    thick = labels.copy()
    thick[12:18, 12:18] = 2
    assert not thin_along_contours(thick, (2,))
    assert not thin_along_contours(labels, (2,)), "nothing there is no seam"
