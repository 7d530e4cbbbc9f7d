"""Packing for leaderboards: the right files, the same bytes, and refusal of anything less."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis
from vosbench.data import open_dataset
from vosbench.data.masks import DAVIS_PALETTE, encode_labels, open_masks
from vosbench.errors import InputError, UsageError
from vosbench.pack import TARGETS, PackPlan, get_target, pack_masks, plan_pack, verify_archive

FRAMES = 9


@pytest.fixture
def root(make_davis: MakeDavis) -> Path:
    return make_davis({"bear": FRAMES, "bear-2": FRAMES})


@pytest.fixture
def masks(root: Path, tmp_path: Path) -> Path:
    """The truth as grey PNGs, with a preview and a sequence that nobody asked for."""
    folder = tmp_path / "results" / "method"
    for path in sorted((root / "Annotations" / "480p").rglob("*.png")):
        for sequence in (path.parent.name, "stranger"):
            target = folder / sequence / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(Image.open(path), np.uint8)).save(target)
    (folder / "readme.txt").write_text("x")
    return folder.parent


def plan_for(target: str, root: Path, *, frames: int = 2 * FRAMES, late: bool = False) -> PackPlan:
    card = root.parent / "mini.toml"
    card.write_text(
        'extends = "davis2017"\nname = "mini"\ntitle = "Mini"\n'
        f"late_objects = {str(late).lower()}\n"
        f"[splits.val]\nsequences = 2\nframes = {frames}\n"
    )
    return plan_pack(get_target(target), open_dataset(card, root=root, need_images=False))


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def repacked(path: Path, out: Path, *, rename: str = "", drop: str = "", swap: bytes = b"") -> Path:
    """A copy of an archive with one thing changed."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as copy:
        for name in archive.namelist():
            if name == drop:
                if swap:
                    copy.writestr(name, swap)
                continue
            copy.writestr(rename + name, archive.read(name))
    return out


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_packs_and_verifies(
    target: str, masks: Path, root: Path, tmp_path: Path
) -> None:
    plan = plan_for(target, root)
    out = tmp_path / f"{target}.zip"
    report = pack_masks(open_masks(masks), plan, out)
    assert report.errors == ()
    assert report.of("warning") == ()
    found = names(out)
    assert found == sorted(found) == [row[0] for row in plan.members()]
    assert not any("stranger" in name or "readme" in name for name in found)
    assert verify_archive(out, plan) == report
    assert [path.name for path in tmp_path.glob(".*")] == [], "no temporary file is left"


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("davis2016", ("bear-2/00000.png", 18)),
        ("davis2017-test-dev", ("bear-2/00000.png", 18)),
        ("youtube-vos", ("Annotations/bear-2/00000.png", 4)),
        ("lvos", ("Annotations/bear-2/00000.png", 18)),
        ("sa-v", ("bear-2/000/00000.png", 12)),
    ],
)
def test_layouts(
    target: str, content: tuple[str, int], masks: Path, root: Path, tmp_path: Path
) -> None:
    pack_masks(open_masks(masks), plan_for(target, root), tmp_path / "a.zip")
    found = names(tmp_path / "a.zip")
    assert (found[0], len(found)) == content


def test_pixels_palette_and_mode(masks: Path, root: Path, tmp_path: Path) -> None:
    truth = np.asarray(Image.open(root / "Annotations" / "480p" / "bear" / "00004.png"))
    for target, member, expected in (
        ("davis2017-test-dev", "bear/00004.png", truth),
        ("davis2016", "bear/00004.png", truth > 0),
        ("sa-v", "bear/001/00004.png", truth == 2),
    ):
        out = tmp_path / f"{target}.zip"
        pack_masks(open_masks(masks), plan_for(target, root), out)
        with zipfile.ZipFile(out) as archive, archive.open(member) as stream:
            image = Image.open(stream)
            palette = image.getpalette()
            assert image.mode == "P"
            assert palette is not None and bytes(palette) == DAVIS_PALETTE
            np.testing.assert_array_equal(np.asarray(image), expected)


def test_bytes_are_the_same_from_folder_and_zip(masks: Path, root: Path, tmp_path: Path) -> None:
    plan = plan_for("davis2017-test-dev", root)
    once, twice = tmp_path / "once.zip", tmp_path / "twice.zip"
    pack_masks(open_masks(masks), plan, once)
    for path in masks.rglob("*.png"):
        path.touch()
    pack_masks(open_masks(once), plan, twice)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (once, twice)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("case", ["missing", "sequence", "size", "ids", "cut"])
def test_refuses_and_leaves_an_older_archive_alone(
    case: str, masks: Path, root: Path, tmp_path: Path
) -> None:
    path = masks / "method" / "bear" / "00003.png"
    if case == "missing":
        path.unlink()
    elif case == "sequence":
        for one in path.parent.iterdir():
            one.unlink()
    elif case == "size":
        path.write_bytes(encode_labels(np.zeros((10, 10), np.uint8)))
    elif case == "ids":
        path.write_bytes(encode_labels(np.full((48, 64), 7, np.uint8)))
    else:
        path.write_bytes(path.read_bytes()[:-20])
    out = tmp_path / "old.zip"
    out.write_bytes(b"old")
    with pytest.raises(InputError, match=r"bear 0000[03]"):
        pack_masks(open_masks(masks), plan_for("davis2017-test-dev", root), out)
    assert out.read_bytes() == b"old"
    assert [one.name for one in tmp_path.glob(".*")] == []


def test_a_partial_copy_of_the_data_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="18 of 99 frames"):
        plan_for("davis2017-test-dev", root, frames=99)


def test_what_could_not_be_checked_is_said(masks: Path, root: Path, tmp_path: Path) -> None:
    report = pack_masks(open_masks(masks), plan_for("youtube-vos", root), tmp_path / "a.zip")
    texts = " ".join(finding.text for finding in report.of("note"))
    assert "no data set card for YouTube-VOS" in texts
    assert "not verified by public documentation" in texts
    report = pack_masks(open_masks(masks), plan_for("davis2016", root), tmp_path / "b.zip")
    texts = " ".join(finding.text for finding in report.of("note"))
    assert "scores davis2016 val, but sequences and frames are those of mini val" in texts


def test_verify_finds_each_mistake(masks: Path, root: Path, tmp_path: Path) -> None:
    plan = plan_for("davis2017-test-dev", root)
    good = tmp_path / "good.zip"
    pack_masks(open_masks(masks), plan, good)
    third = "bear/00003.png"
    zeros = np.zeros((48, 64), np.uint8)
    grey = tmp_path / "grey.png"
    Image.fromarray(zeros).save(grey)
    cases = {
        "layout": repacked(good, tmp_path / "1.zip", rename="Annotations/"),
        "missing": repacked(good, tmp_path / "2.zip", drop=third),
        "size": repacked(
            good, tmp_path / "3.zip", drop=third, swap=encode_labels(zeros[:10].copy())
        ),
        "ids": repacked(good, tmp_path / "4.zip", drop=third, swap=encode_labels(zeros + 9)),
        "mode": repacked(good, tmp_path / "5.zip", drop=third, swap=grey.read_bytes()),
        "unreadable": repacked(good, tmp_path / "6.zip", drop=third, swap=b"x"),
    }
    for code, path in cases.items():
        assert {f.code for f in verify_archive(path, plan).errors} == {code}
    with zipfile.ZipFile(good, "a") as archive:
        archive.writestr("__MACOSX/bear/._00000.png", b"x")
    assert {f.code for f in verify_archive(good, plan).errors} == {"extra"}


def test_verify_says_where_folders_must_be(masks: Path, root: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat.zip"
    pack_masks(open_masks(masks), plan_for("davis2017-test-dev", root), flat)
    (error,) = verify_archive(flat, plan_for("lvos", root)).errors
    assert error.detail == "directly in the archive; the target wants them in Annotations/"
    deep = repacked(flat, tmp_path / "deep.zip", rename="a/b/")
    (error,) = verify_archive(deep, plan_for("davis2017-test-dev", root)).errors
    assert error.detail == "below a/b/; the target wants them directly in the archive"


def test_verify_refuses_what_is_no_zip(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "no.zip"
    path.write_bytes(b"no")
    with pytest.raises(InputError):
        verify_archive(path, plan_for("davis2016", root))


def test_first_frame_that_is_not_the_given_mask_is_a_warning(
    masks: Path, root: Path, tmp_path: Path
) -> None:
    (masks / "method" / "bear" / "00000.png").write_bytes(
        encode_labels(np.zeros((48, 64), np.uint8))
    )
    report = pack_masks(open_masks(masks), plan_for("davis2016", root), tmp_path / "a.zip")
    assert [(f.code, f.place) for f in report.of("warning")] == [("first-differs", "bear 00000")]


def test_late_objects_count_only_where_the_card_has_them(
    masks: Path, root: Path, tmp_path: Path
) -> None:
    late = np.full((48, 64), 3, np.uint8)
    for folder in (root / "Annotations" / "480p", masks / "method"):
        (folder / "bear" / "00006.png").write_bytes(encode_labels(late))
    with pytest.raises(InputError, match="ids that the sequence does not have"):
        pack_masks(open_masks(masks), plan_for("lvos", root), tmp_path / "a.zip")
    plan = plan_for("lvos", root, late=True)
    assert pack_masks(open_masks(masks), plan, tmp_path / "a.zip").errors == ()


def test_unnumbered_frames_cannot_be_thinned(root: Path) -> None:
    for path in (root / "Annotations" / "480p" / "bear").iterdir():
        path.rename(path.with_name(f"frame{path.name}"))
    with pytest.raises(InputError, match="has no number"):
        plan_for("youtube-vos", root)


def test_masks_are_not_overwritten_by_their_own_archive(
    masks: Path, root: Path, tmp_path: Path
) -> None:
    plan = plan_for("davis2016", root)
    out = tmp_path / "a.zip"
    pack_masks(open_masks(masks), plan, out)
    with pytest.raises(InputError, match="another name"):
        pack_masks(open_masks(out), plan, out)


def test_unknown_target_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="youtube-vos"):
        get_target("youtubevos")
