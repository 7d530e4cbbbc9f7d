"""What `check dataset` finds in data sets with one thing wrong each."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis
from vosbench.checks import CheckReport, check_dataset
from vosbench.errors import UsageError


def look(root: Path, **options: object) -> CheckReport:
    card = root.parent / "mini.toml"
    card.write_text(
        'extends = "davis2017"\nname = "mini"\ntitle = "Mini"\n'
        "[splits.val]\nsequences = 2\nframes = 10\n"
    )
    return check_dataset(card, root=root, **options)  # type: ignore[arg-type]


def found(report: CheckReport) -> list[tuple[str, str, str]]:
    return [(f.severity, f.code, f.place) for f in report.findings]


@pytest.fixture
def root(make_davis: MakeDavis) -> Path:
    return make_davis({"alpha": 5, "beta": 5})


def mask(root: Path, sequence: str, frame: int) -> Path:
    return root / "Annotations" / "480p" / sequence / f"{frame:05d}.png"


def image(root: Path, sequence: str, frame: int) -> Path:
    return root / "JPEGImages" / "480p" / sequence / f"{frame:05d}.jpg"


def save(path: Path, labels: np.ndarray, mode: str = "L") -> None:  # type: ignore[type-arg]
    Image.fromarray(labels).convert(mode).save(path)


def test_sound_data_have_a_digest_and_no_errors(root: Path) -> None:
    report = look(root, deep=True)
    assert {code for _, code, _ in found(report)} <= {"palette", "palettes-differ"}
    digest = report.facts["manifest_sha256"]
    assert isinstance(digest, str) and len(digest) == 64
    assert report.facts["frames"] == 10
    assert look(root, manifest=digest).errors == ()
    assert [f.code for f in look(root, manifest="0" * 64).errors] == ["manifest"]


def test_missing_and_extra_frames(root: Path) -> None:
    mask(root, "alpha", 3).unlink()
    image(root, "beta", 4).unlink()
    report = look(root)
    assert ("error", "mask-missing", "alpha 00003") in found(report)
    assert ("error", "image-missing", "beta 00004") in found(report)
    assert report.facts["manifest_sha256"] is None, "broken data have no digest"


def test_frames_that_vanished_from_both_folders_show_as_a_jump(root: Path) -> None:
    for path in (mask(root, "alpha", 2), image(root, "alpha", 2)):
        path.unlink()
    assert ("warning", "frame-jump", "alpha 00003") in found(look(root))


def test_mixed_file_types_and_other_files(root: Path) -> None:
    path = image(root, "alpha", 1)
    Image.open(path).save(path.with_suffix(".png"))
    path.unlink()
    (path.parent / "notes.txt").write_text("x")
    report = look(root)
    assert ("error", "mixed-types", "alpha") in found(report)
    assert ("note", "other-files", "alpha") in found(report)


def test_sizes_and_modes_from_headers_alone(root: Path) -> None:
    save(mask(root, "alpha", 2), np.ones((48, 60), np.uint8))
    save(mask(root, "alpha", 3), np.ones((48, 64), np.uint8), "RGB")
    Image.new("RGB", (60, 48)).save(image(root, "beta", 3))
    report = look(root)
    assert ("error", "mask-size", "alpha 00002") in found(report)
    assert ("error", "mode", "alpha 00003") in found(report)
    assert ("error", "image-size", "beta 00003") in found(report)
    assert "60x48" in next(f.detail for f in report.errors if f.code == "image-size")


def test_damaged_pixels_are_found_only_by_decoding(root: Path) -> None:
    for path in (mask(root, "alpha", 3), image(root, "beta", 2)):
        path.write_bytes(path.read_bytes()[:-40])
    assert look(root).errors == ()
    report = look(root, deep=True)
    assert ("error", "mask-unreadable", "alpha 00003") in found(report)
    assert ("error", "image-unreadable", "beta 00002") in found(report)


def test_ids_gaps_late_void_and_empty(root: Path) -> None:
    first = np.zeros((48, 64), np.uint8)
    first[4:20, 4:20], first[30:40, 30:40], first[0, 0] = 1, 3, 255
    later = first.copy()
    later[40:, 50:] = 7
    save(mask(root, "alpha", 0), first)
    save(mask(root, "alpha", 2), later)
    save(mask(root, "beta", 4), np.zeros((48, 64), np.uint8))
    shallow, deep = look(root), look(root, deep=True)
    assert ("warning", "id-gaps", "alpha 00000") in found(shallow)
    assert ("note", "void", "alpha 00000") in found(shallow)
    assert ("warning", "late-ids", "alpha 00001") in found(deep), "id 2 comes after the first mask"
    assert ("warning", "late-ids", "alpha 00002") in found(deep), "and id 7 later still"
    assert ("note", "empty-masks", "beta") in found(deep)
    assert not any(code == "late-ids" for _, code, _ in found(shallow))


def test_empty_or_binary_first_masks_are_errors(root: Path) -> None:
    save(mask(root, "alpha", 0), np.zeros((48, 64), np.uint8))
    save(mask(root, "beta", 0), np.full((48, 64), 255, np.uint8))
    report = look(root)
    assert ("error", "first-empty", "alpha 00000") in found(report)
    assert ("error", "binary-mask", "beta 00000") in found(report)


def test_first_frame_only_split(make_davis: MakeDavis, root: Path) -> None:
    for sequence in ("alpha", "beta"):
        for frame in range(1, 5):
            mask(root, sequence, frame).unlink()
    report = look(root)
    wrong = [f for f in report.errors if f.code == "first-frame-only"]
    assert [f.sequence for f in wrong] == ["alpha", "beta"], "one finding per sequence, not frame"
    listing = root / "ImageSets" / "2017"
    shutil.copy(listing / "val.txt", listing / "test-challenge.txt")
    report = check_dataset("davis2017", split="test-challenge", root=root)
    assert report.errors == ()
    assert ("note", "first-frame-only", "") in found(report)


def test_partial_copy_and_missing_images_are_warnings(root: Path) -> None:
    shutil.rmtree(root / "JPEGImages")
    report = check_dataset("davis2017", root=root)
    assert report.errors == ()
    codes = [code for severity, code, _ in found(report) if severity == "warning"]
    assert codes == ["no-images", "partial-copy"]


def test_a_listed_sequence_that_is_not_there(root: Path) -> None:
    shutil.rmtree(root / "Annotations" / "480p" / "beta")
    assert ("error", "mask-folder", "beta") in found(look(root))


def test_two_thousand_equal_findings_are_one_line(make_davis: MakeDavis, tmp_path: Path) -> None:
    root = make_davis({"long": 3}, root=tmp_path / "long" / "DAVIS")
    folder = mask(root, "long", 0).parent
    extra = (folder / "00001.png").read_bytes()
    for index in range(3, 2003):
        (folder / f"{index:05d}.png").write_bytes(extra)
    report = look(root)
    assert sum(f.code == "image-missing" for f in report.findings) == 2000
    lines = [line for line in report.lines() if "no image" in line]
    assert len(lines) == 1
    assert "and 1996 more places" in lines[0]
    assert len(report.as_dict()["findings"]) >= 2000


def test_unknown_split_is_a_usage_error(root: Path) -> None:
    with pytest.raises(UsageError):
        look(root, split="nowhere")


def test_of_a_suite_that_is_drawn_clip_by_clip_a_sample_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOSBENCH_CACHE", str(tmp_path))
    report = check_dataset("diagnostic-full-tiny")
    assert [f.code for f in report.findings] == ["sample"]
    assert report.facts["sequences"] == 2
    assert "2 of 90 clips were drawn and checked" in report.findings[0].text
    assert "--deep" in report.findings[0].fix
    drawn = next(tmp_path.glob("diagnostic/full-*-tiny/JPEGImages/480p"))
    assert {path.name for path in drawn.iterdir()} == {"crossing-0", "crossing-5"}
