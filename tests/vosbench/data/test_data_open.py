from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vosbench.data import late_objects, open_dataset
from vosbench.errors import InputError, UsageError


def names(dataset: Any) -> list[str]:
    return [sequence.name for sequence in dataset.sequences]


def test_davis2016_opens_with_its_default_split(davis2016: Any) -> None:
    dataset = open_dataset("davis2016", root=davis2016.root)
    assert (dataset.split, dataset.protocol, dataset.root) == ("val", "davis2016", davis2016.root)
    assert names(dataset) == ["bear", "camel"]
    assert dataset.frames == 7
    camel = dataset.sequences[1]
    assert (camel.height, camel.width, camel.object_ids) == (12, 20, (1,))
    assert (camel.dataset, camel.split, camel.label_kind) == ("davis2016", "val", "binary")
    assert [frame.name for frame in camel.frames] == ["00000", "00001", "00002", "00003"]
    assert camel.frames[2].image == davis2016.images("camel") / "00002.jpg"
    assert camel.frames[2].annotation == davis2016.masks("camel") / "00002.png"


def test_an_incomplete_copy_is_used_with_a_warning(davis2016: Any) -> None:
    dataset = open_dataset("davis2016", root=davis2016.root)
    assert "2 of 20 sequences and 7 of 1376 frames" in dataset.warnings[0]
    assert open_dataset("davis2016", root=davis2016.root, limit=1).warnings == ()


def test_davis2017_reads_object_ids(davis2017: Any) -> None:
    sequence = open_dataset("davis2017", root=davis2017.root).sequences[0]
    assert (sequence.object_ids, sequence.label_kind) == ((1, 2), "ids")


def test_ids_are_those_present_without_void(tree_at: Any) -> None:
    tree = tree_at().add("judo", ids=(1, 3, 255)).list_of("2017/val.txt", "judo")
    sequence = open_dataset("davis2017", root=tree.root).sequences[0]
    assert sequence.object_ids == (1, 3)


def test_lists_of_path_pairs_choose_frames(davis2016: Any) -> None:
    davis2016.list_of(
        "480p/val.txt",
        *(
            f"/JPEGImages/480p/camel/{n:05d}.jpg /Annotations/480p/camel/{n:05d}.png"
            for n in (2, 0, 1)
        ),
    )
    dataset = open_dataset("davis2016", root=davis2016.root)
    assert names(dataset) == ["camel"]
    assert [frame.name for frame in dataset.sequences[0].frames] == ["00000", "00001", "00002"]


def test_a_joined_split_needs_no_list_of_its_own(davis2016: Any) -> None:
    davis2016.add("train-one", ids=(255,)).list_of("480p/train.txt", "train-one")
    assert names(open_dataset("davis2016", root=davis2016.root, split="trainval")) == [
        "train-one",
        "bear",
        "camel",
    ]
    davis2016.list_of("480p/trainval.txt", "camel")
    assert names(open_dataset("davis2016", root=davis2016.root, split="trainval")) == ["camel"]


def test_test_splits_have_only_the_first_mask(tree_at: Any) -> None:
    tree = tree_at().add("mtb", ids=(1, 2), annotated=1).list_of("2017/test-dev.txt", "mtb")
    sequence = open_dataset("davis2017", root=tree.root, split="test-dev").sequences[0]
    assert len(sequence.frames) == 3
    assert [frame.annotation is not None for frame in sequence.frames] == [True, False, False]


def test_a_missing_first_mask_is_an_error(tree_at: Any) -> None:
    tree = tree_at().add("mtb").list_of("2017/test-dev.txt", "mtb")
    (tree.masks("mtb") / "00000.png").unlink()
    with pytest.raises(InputError, match="first frame 00000 has no annotation"):
        open_dataset("davis2017", root=tree.root, split="test-dev")


@pytest.mark.parametrize("nested", [True, False])
def test_a_plain_folder_nested_or_flat(tree_at: Any, nested: bool) -> None:
    tree = tree_at("mine", "480p" if nested else ".")
    tree.add("clip10", ids=(255,)).add("clip9", ids=(1, 2), annotated=1, suffix=".webp")
    dataset = open_dataset("folder", root=tree.root)
    assert names(dataset) == ["clip9", "clip10"]
    assert [s.label_kind for s in dataset.sequences] == ["ids", "binary"]
    assert [s.object_ids for s in dataset.sequences] == [(1, 2), (1,)]


def test_frames_are_in_natural_order_and_other_files_ignored(tree_at: Any) -> None:
    tree = tree_at("mine", ".")
    for name in ("frame1", "frame2", "frame10"):
        tree.save_image(tree.images("a") / f"{name}.png")
    tree.save_mask(tree.masks("a") / "frame1.png", tree.mask_of(1))
    (tree.images("a") / "Thumbs.db").touch()
    (tree.images("a") / ".frame3.png").touch()
    sequence = open_dataset("folder", root=tree.root).sequences[0]
    assert [frame.name for frame in sequence.frames] == ["frame1", "frame2", "frame10"]


def test_mixed_file_types_are_refused(davis2016: Any) -> None:
    davis2016.save_image(davis2016.images("bear") / "00003.png")
    with pytest.raises(InputError, match=r"mixes \.jpg and \.png"):
        open_dataset("davis2016", root=davis2016.root)


def test_scoring_needs_no_images_and_sees_the_same_manifest(davis2016: Any) -> None:
    whole = open_dataset("davis2016", root=davis2016.root)
    with_images = open_dataset("davis2016", root=davis2016.root, need_images=False)
    assert with_images == whole
    shutil.rmtree(davis2016.root / "JPEGImages")
    masks = open_dataset("davis2016", root=davis2016.root, need_images=False)
    assert masks.manifest_sha256 == whole.manifest_sha256
    assert {frame.image for s in masks.sequences for frame in s.frames} == {None}
    with pytest.raises(InputError, match="JPEGImages"):
        open_dataset("davis2016", root=davis2016.root)


def test_scoring_does_not_mind_missing_images(davis2016: Any) -> None:
    (davis2016.images("bear") / "00001.jpg").unlink()
    dataset = open_dataset("davis2016", root=davis2016.root, need_images=False)
    assert [frame.image is None for frame in dataset.sequences[0].frames] == [False, True, False]


def test_the_manifest_tells_tasks_apart(davis2016: Any) -> None:
    def digest(**options: Any) -> str:
        return open_dataset("davis2016", root=davis2016.root, **options).manifest_sha256

    before = digest()
    assert digest() == before
    assert digest(limit=1) != before
    davis2016.save_mask(davis2016.masks("bear") / "00000.png", davis2016.mask_of(0, 255))
    assert digest() != before


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("camel", ["camel"]),
        ("b*", ["bear"]),
        ("camel, b*", ["bear", "camel"]),
        ("[a-c]*", ["bear", "camel"]),
    ],
)
def test_sequences_are_chosen_by_pattern(
    davis2016: Any, patterns: str, expected: list[str]
) -> None:
    assert names(open_dataset("davis2016", root=davis2016.root, sequences=patterns)) == expected


@pytest.mark.parametrize("patterns", ["bera", "camel,bera", "x*", " , "])
def test_a_selection_without_a_sequence_is_a_usage_error(davis2016: Any, patterns: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_dataset("davis2016", root=davis2016.root, sequences=patterns)
    if "bera" in patterns:
        assert "did you mean 'bear'" in str(caught.value)
        assert "there are: bear, camel" in str(caught.value)


def test_a_limit_keeps_the_first(davis2016: Any) -> None:
    assert names(open_dataset("davis2016", root=davis2016.root, limit=1)) == ["bear"]
    with pytest.raises(UsageError, match="at least 1"):
        open_dataset("davis2016", root=davis2016.root, limit=0)


def test_a_broken_sequence_does_not_matter_where_it_is_not_chosen(davis2016: Any) -> None:
    shutil.rmtree(davis2016.images("camel"))
    assert names(open_dataset("davis2016", root=davis2016.root, sequences="bear")) == ["bear"]


def test_every_broken_sequence_is_named(davis2016: Any) -> None:
    (davis2016.images("bear") / "00001.jpg").unlink()
    (davis2016.masks("camel") / "00002.png").unlink()
    davis2016.list_of("480p/val.txt", "bear", "camel", "gone")
    with pytest.raises(InputError) as caught:
        open_dataset("davis2016", root=davis2016.root)
    text = str(caught.value)
    assert "3 of 3 sequences cannot be used" in text
    assert "sequence bear: 1 of 2 frames have a mask but no image: 00001" in text
    assert "sequence camel: 1 of 4 frames have no annotation: 00002" in text
    assert "sequence gone: no folder Annotations/480p/gone" in text


def test_a_listed_frame_must_exist(davis2016: Any) -> None:
    davis2016.list_of("480p/val.txt", "/JPEGImages/480p/bear/00007.jpg")
    with pytest.raises(InputError, match="have no image: 00007"):
        open_dataset("davis2016", root=davis2016.root)


def test_sizes_must_agree(davis2016: Any) -> None:
    davis2016.save_mask(davis2016.masks("bear") / "00002.png", davis2016.mask_of(255, height=13))
    davis2016.save_image(davis2016.images("camel") / "00000.jpg", width=21)
    with pytest.raises(InputError) as caught:
        open_dataset("davis2016", root=davis2016.root)
    assert "00002.png is 13x20 px (height x width), but 00000.png is 12x20" in str(caught.value)
    assert "00000.jpg is 12x21 px (height x width), but its mask is 12x20" in str(caught.value)


def test_the_first_mask_must_hold_an_object(davis2016: Any) -> None:
    empty = np.zeros((12, 20), dtype=np.uint8)
    davis2016.save_mask(davis2016.masks("bear") / "00000.png", empty)
    with pytest.raises(InputError, match=r"sequence bear: .*00000\.png holds no object"):
        open_dataset("davis2016", root=davis2016.root)


def test_a_binary_mask_where_ids_are_expected(tree_at: Any) -> None:
    tree = tree_at().add("judo", ids=(255,)).list_of("2017/val.txt", "judo")
    with pytest.raises(InputError, match="only the values 0 and 255") as caught:
        open_dataset("davis2017", root=tree.root)
    assert "binary" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"no png at all" * 9])
def test_an_unreadable_mask_is_named(davis2016: Any, content: bytes) -> None:
    path = davis2016.masks("bear") / "00000.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        open_dataset("davis2016", root=davis2016.root)


def test_an_empty_sequence_folder_says_what_is_there(davis2016: Any) -> None:
    for path in davis2016.images("bear").iterdir():
        path.rename(path.with_suffix(".tiff"))
    with pytest.raises(InputError, match=r"no \.jpg or .* file; it holds 00000\.tiff"):
        open_dataset("davis2016", root=davis2016.root)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("../bear", "is not below JPEGImages/480p"),
        ("..", "is refused"),
        (".hidden", "is refused"),
        ("/JPEGImages/480p/../../../etc/passwd.jpg", "is not below"),
        ("/JPEGImages/480p/../00000.jpg", "is refused"),
        ("/JPEGImages/1080p/bear/00000.jpg", "is not below"),
        (
            "/JPEGImages/480p/bear/00000.jpg /Annotations/480p/camel/00000.png",
            "of different frames",
        ),
        ("bear 1 1 0", "neither one name nor a pair"),
        ("/JPEGImages/480p/bear/00000.jpg a/b c/d", "holds 3 paths"),
    ],
)
def test_lines_of_a_list_are_not_trusted(davis2016: Any, line: str, complaint: str) -> None:
    davis2016.list_of("480p/val.txt", line)
    with pytest.raises(InputError, match=complaint) as caught:
        open_dataset("davis2016", root=davis2016.root)
    assert "val.txt, line 1" in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (("bear", "camel", "bear"), "listed twice: bear"),
        (("/JPEGImages/480p/bear/00000.jpg",) * 2, "a frame of bear twice"),
        (("bear", "/JPEGImages/480p/bear/00000.jpg"), "line 2: mixes"),
        (("# only a comment", ""), "lists no sequence"),
    ],
)
def test_lists_that_contradict_themselves(
    davis2016: Any, lines: tuple[str, ...], complaint: str
) -> None:
    davis2016.list_of("480p/val.txt", *lines)
    with pytest.raises(InputError, match=complaint):
        open_dataset("davis2016", root=davis2016.root)


def test_a_list_that_is_no_text(davis2016: Any) -> None:
    (davis2016.root / "ImageSets/480p/val.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="is not text"):
        open_dataset("davis2016", root=davis2016.root)


def test_a_missing_list_says_what_is_there_instead(davis2016: Any) -> None:
    with pytest.raises(InputError, match=r"no image-set file ImageSets/2017/val\.txt"):
        open_dataset("davis2017", root=davis2016.root)


def test_folder_names_are_not_trusted(tree_at: Any) -> None:
    tree = tree_at("mine", ".").add("my clip")
    with pytest.raises(InputError, match="'my clip' is refused"):
        open_dataset("folder", root=tree.root)


def test_a_link_out_of_the_data_set_is_refused(davis2016: Any, tree_at: Any) -> None:
    outside = tree_at("outside").add("secret")
    davis2016.images("link").symlink_to(outside.images("secret"))
    davis2016.masks("link").symlink_to(outside.masks("secret"))
    davis2016.list_of("480p/val.txt", "link")
    with pytest.raises(InputError, match="link that leads out of the data set"):
        open_dataset("davis2016", root=davis2016.root)


def test_linked_top_folders_are_fine(davis2016: Any, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("JPEGImages", "Annotations", "ImageSets"):
        (linked / name).symlink_to(davis2016.root / name)
    assert names(open_dataset("davis2016", root=linked)) == ["bear", "camel"]


def test_objects_that_start_late(tree_at: Any) -> None:
    tree = tree_at("mine", ".").add("a", frames=4, ids=(2,))
    tree.save_mask(tree.masks("a") / "00001.png", tree.mask_of(2, 5, 255))
    tree.save_mask(tree.masks("a") / "00003.png", tree.mask_of(0, 5, 1))
    (tree.masks("a") / "00002.png").unlink()
    sequence = open_dataset("folder", root=tree.root).sequences[0]
    assert sequence.object_ids == (2,)
    assert late_objects(sequence) == {"00001": (5,), "00003": (1,)}


def test_a_binary_sequence_has_no_late_objects(davis2016: Any) -> None:
    sequence = open_dataset("davis2016", root=davis2016.root).sequences[0]
    assert late_objects(sequence) == {}


def test_a_data_set_of_ones_own_by_its_card(davis2017: Any, tmp_path: Path) -> None:
    card = tmp_path / "mine.toml"
    card.write_text(
        'extends = "davis2017"\nname = "mine"\ntitle = "Mine"\nlate_objects = true\n',
        encoding="utf-8",
    )
    dataset = open_dataset(card, root=davis2017.root)
    assert dataset.sequences[0].dataset == "mine"
    assert dataset.card.late_objects


def test_the_real_davis2016_opens_fast(benchmark: Any, shared: Path) -> None:
    dataset = benchmark(lambda: open_dataset("davis2016", root=shared / "data/DAVIS2016"))
    assert dataset.frames == 675
    assert all(s.object_ids == (1,) and s.width == 854 for s in dataset.sequences)
    train = open_dataset("davis2016", root=shared / "data/DAVIS2016", split="train")
    assert (len(train.sequences), train.frames, train.warnings) == (30, 2079, ())


def test_the_real_davis2017_first_masks(shared: Path) -> None:
    dataset = open_dataset("folder", root=shared / "data/DAVIS2017", need_images=False)
    counts = {s.name: len(s.object_ids) for s in dataset.sequences}
    assert counts["bmx-trees"] == 2
    assert counts["soapbox"] == counts["paragliding-launch"] == 3
    assert counts["camel"] == 1
