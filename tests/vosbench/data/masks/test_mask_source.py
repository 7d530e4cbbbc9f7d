"""Opening results as people have them: run directories, folders, zips, and hostile zips."""

from __future__ import annotations

import pickle
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vosbench.data.masks import encode_labels, open_masks
from vosbench.errors import InputError

LABELS = np.zeros((6, 9), np.uint8)
LABELS[2:4, 3:7] = 1
MASK = encode_labels(LABELS)
BINARY = encode_labels(LABELS * 255)


def put(folder: Path, *names: str, data: bytes = MASK) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def pack(path: Path, *names: str, data: bytes = MASK) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, data)
    return path


def test_folder_zip_and_run_directory_read_alike(tmp_path: Path) -> None:
    names = ("a/00000.png", "a/00001.png", "b/00000.png")
    run = put(tmp_path / "run", *(f"masks/{name}" for name in names))
    put(run, "report/figure.png", "run.json")
    sources = [
        open_masks(put(tmp_path / "plain", *names)),
        open_masks(run),
        open_masks(pack(tmp_path / "r.zip", *names)),
    ]
    for source in sources:
        assert source.sequences() == ("a", "b")
        assert source.frames("a") == ("00000", "00001")
        assert source.frames("unknown") == ()
        assert source.notes == ()
        read = source.read("a", "00001", "ids", size=(6, 9))
        assert np.array_equal(read.labels, LABELS)
        assert read.note == ""


@pytest.mark.parametrize("zipped", [False, True])
def test_habits_of_result_archives_are_looked_through_and_noted(
    tmp_path: Path, zipped: bool
) -> None:
    names = ("x/y/a/00000.png", "x/y/b/00000.png", "__MACOSX/x/y/a/._00000.png", "x/preview.png")
    place = pack(tmp_path / "r.zip", *names) if zipped else put(tmp_path / "r", *names)
    source = open_masks(place)
    assert source.sequences() == ("a", "b")
    assert source.notes == (
        "masks found below the extra folder x/y/",
        "1 PNG file outside the sequence folders ignored",
    )


def test_linked_sequence_folders_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "real", "a/00000.png")
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "a").symlink_to(tmp_path / "real" / "a")
    assert open_masks(tmp_path / "view").frames("a") == ("00000",)


def test_a_binary_mask_of_a_single_object_is_normalised_and_noted(tmp_path: Path) -> None:
    source = open_masks(put(tmp_path, "a/00000.png", data=BINARY))
    read = source.read("a", "00000", "ids", single_object=True)
    assert np.array_equal(read.labels, LABELS)
    assert read.note == "value 255 read as object 1"
    assert source.read("a", "00000", "binary").note == "value 255 read as object 1"
    with pytest.raises(InputError, match="0 and 255 only"):
        source.read("a", "00000", "ids")


def test_predictions_have_no_void(tmp_path: Path) -> None:
    labels = LABELS.copy()
    labels[0] = 255
    source = open_masks(put(tmp_path, "a/00000.png", data=encode_labels(labels)))
    with pytest.raises(InputError, match="no void"):
        source.read("a", "00000", "ids", single_object=True)


def test_merged_values_are_noted(tmp_path: Path) -> None:
    labels = LABELS.copy()
    labels[0, 0] = 7
    source = open_masks(put(tmp_path, "a/00000.png", data=encode_labels(labels)))
    note = source.read("a", "00000", "binary").note
    assert note == "several values up to 7 merged into one object"


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    source = open_masks(pack(tmp_path / "r.zip", "top/a/00000.png"))
    with pytest.raises(InputError, match=r"a/00001\.png: the mask is missing"):
        source.read("a", "00001", "ids")


def test_sources_travel_to_other_processes(tmp_path: Path) -> None:
    source = open_masks(pack(tmp_path / "r.zip", "a/00000.png"))
    source.read("a", "00000", "ids")
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301
    assert np.array_equal(copy.read("a", "00000", "ids").labels, LABELS)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "no masks"),
        (("00000.png",), "no masks"),
        (("train/a/0.png", "val/b/0.png"), "different folders"),
        (("a/00000.png", "a/00000.PNG"), "more than once"),
    ],
)
def test_layouts_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        open_masks(pack(tmp_path / "r.zip", *names))


def test_what_is_not_there_or_no_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder or file"):
        open_masks(tmp_path / "nothing")
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(InputError, match="no readable zip"):
        open_masks(tmp_path / "text.zip")


@pytest.mark.parametrize("name", ["../../evil/0.png", "/abs/0.png", "a\\b/0.png", "C:/a/0.png"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/00000.png", MASK)
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, MASK)
    with pytest.raises(InputError, match="points outside"):
        open_masks(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.zip"]


def test_links_encryption_and_odd_compression_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a/00000.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="it is a link"):
        open_masks(tmp_path / "link.zip")
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a/00000.png", MASK)
    with pytest.raises(InputError, match="compression"):
        open_masks(tmp_path / "lzma.zip")
    locked = bytearray(pack(tmp_path / "locked.zip", "a/00000.png").read_bytes())
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(InputError, match="encrypted"):
        open_masks(tmp_path / "locked.zip")


def test_features_of_zip_that_python_lacks_are_refused(tmp_path: Path) -> None:
    data = bytearray(pack(tmp_path / "r.zip", "a/00000.png").read_bytes())
    data[6] |= 0x20  # compressed patched data
    data[data.index(b"PK\x01\x02") + 8] |= 0x20
    (tmp_path / "r.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"a/00000\.png: the archive is damaged there"):
        open_masks(tmp_path / "r.zip").read("a", "00000", "ids")


LEFT = np.zeros((6, 9), np.uint8)
LEFT[1:5, 1:5] = 255
RIGHT = np.zeros((6, 9), np.uint8)
RIGHT[3:6, 3:8] = 1


@pytest.mark.parametrize("zipped", [False, True])
def test_one_folder_per_object_becomes_label_maps(tmp_path: Path, zipped: bool) -> None:
    files = {
        "top/a/1/00000.png": LEFT,
        "top/a/2/00000.png": RIGHT,
        "top/a/2/00001.png": RIGHT,
        "top/b/1/00000.png": LEFT,
    }
    place = tmp_path / "r.zip" if zipped else tmp_path / "r"
    if zipped:
        with zipfile.ZipFile(place, "w") as archive:
            for name, labels in files.items():
                archive.writestr(name, encode_labels(labels))
    else:
        for name, labels in files.items():
            put(place, name, data=encode_labels(labels))
    source = open_masks(place)
    assert source.sequences() == ("a", "b")
    assert source.frames("a") == ("00000", "00001")
    read = source.read("a", "00000", "ids", size=(6, 9))
    expected = (RIGHT > 0).astype(np.uint8) * 2
    expected[LEFT > 0] = 1
    assert np.array_equal(read.labels, expected)
    assert read.note == "pixels claimed by several objects given to the lowest id"
    alone = source.read("a", "00001", "ids")
    assert np.array_equal(alone.labels, (RIGHT > 0) * 2)
    assert alone.note == ""
    union = source.read("a", "00000", "binary")
    assert np.array_equal(union.labels, expected > 0)
    with pytest.raises(InputError, match=r"b/\*/00001\.png: the mask is missing"):
        source.read("b", "00001", "ids")


def test_object_folders_numbered_from_zero_are_raised_by_one(tmp_path: Path) -> None:
    for name, labels in (("a/000/0.png", LEFT), ("a/001/0.png", RIGHT), ("b/000/0.png", LEFT)):
        put(tmp_path, name, data=encode_labels(labels))
    source = open_masks(tmp_path)
    assert "one folder per object" in source.notes[0]
    assert "numbered from 0" in source.notes[1]
    assert set(np.unique(source.read("a", "0", "ids").labels)) == {0, 1, 2}


def test_a_single_sequence_of_object_folders_needs_to_be_named_as_such(tmp_path: Path) -> None:
    put(tmp_path, "a/1/0.png", "a/2/0.png")
    assert open_masks(tmp_path).sequences() == ("1", "2")
    assert open_masks(tmp_path, layout="per-object").sequences() == ("a",)
    with pytest.raises(InputError, match="no object folder"):
        open_masks(put(tmp_path / "x", "a/one/0.png"), layout="per-object")
    with pytest.raises(InputError, match="<sequence>/<object>/<frame>"):
        open_masks(put(tmp_path / "y", "a/0.png"), layout="per-object")


def test_sequences_with_numbers_for_names_stay_sequences(tmp_path: Path) -> None:
    put(tmp_path, "set/0001/0.png", "set/0002/0.png")
    assert open_masks(tmp_path).sequences() == ("0001", "0002")


def test_a_member_larger_than_any_mask_is_not_read(tmp_path: Path) -> None:
    bomb = MASK[:33] + bytes(50_000_000)
    source = open_masks(pack(tmp_path / "r.zip", "a/00000.png", data=bomb))
    assert (tmp_path / "r.zip").stat().st_size < 100_000
    with pytest.raises(InputError, match="larger than"):
        source.read("a", "00000", "ids", size=(6, 9))


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = pack(tmp_path / "r.zip", "a/00000.png")
    data = bytearray(path.read_bytes())
    data[45] ^= 255
    path.write_bytes(data)
    source = open_masks(path)
    with pytest.raises(InputError, match=r"a/00000\.png"):
        source.read("a", "00000", "ids", size=(6, 9))
