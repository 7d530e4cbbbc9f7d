"""YouTube-VOS and LVOS on disk: folders by split, metadata, objects that start late."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vosbench.checks import check_dataset
from vosbench.data import late_objects, open_dataset
from vosbench.data.masks import open_masks
from vosbench.errors import InputError
from vosbench.evaluate import score_masks, score_matrix
from vosbench.types import ObjectInfo


def labels_of(ids: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    labels = np.zeros((24, 40), np.uint8)
    for place, value in enumerate(ids):
        labels[4:14, 2 + 10 * place : 9 + 10 * place] = value
    return labels


def sequence(folder: Path, name: str, masks: list[tuple[int, ...] | None], first: int = 0) -> None:
    """Write frames every five numbers; None leaves a frame without annotation."""
    for k, ids in enumerate(masks):
        frame = f"{first + 5 * k:05d}"
        image = folder / "JPEGImages" / name / f"{frame}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 24)).save(image)
        if ids is not None:
            mask = folder / "Annotations" / name / f"{frame}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(labels_of(ids)).save(mask)


def meta(path: Path, **objects: dict[str, Any]) -> None:
    path.write_text(json.dumps({"videos": {name: {"objects": o} for name, o in objects.items()}}))


@pytest.fixture
def youtube(tmp_path: Path) -> Path:
    root = tmp_path / "YouTubeVOS"
    sequence(root / "train", "0a1b", [(1,), (1,), (1, 2), (1, 2)])
    sequence(root / "train", "2c3d", [(1,), (1,), (1,), (1,)])
    sequence(root / "valid", "9z8y", [None, (1,), None, (1, 2), None])
    kinds = {"1": {"category": "penguin", "frames": ["00000"]}, "2": {"category": "guitar"}}
    meta(root / "train" / "meta.json", **{"0a1b": kinds, "2c3d": {"1": {"category": "ring"}}})
    meta(root / "valid" / "meta.json", **{"9z8y": kinds})
    return root


def test_youtube_vos_is_scored_by_category(youtube: Path) -> None:
    data = open_dataset("youtube-vos", split="train", root=youtube)
    assert data.protocol == "youtube-vos"
    assert data.sequences[0].objects == (ObjectInfo(1, True), ObjectInfo(2, False))
    assert len(data.warnings) == 1  # of the number of sequences
    source = open_masks(youtube / "train" / "Annotations")
    options = {"dataset": "youtube-vos", "split": "train"}
    evaluation = score_masks(source, data.sequences, protocol="youtube-vos", **options)
    assert evaluation.record.unscored == {}
    assert evaluation.record.extras == dict.fromkeys(
        ("J-Seen", "F-Seen", "J-Unseen", "F-Unseen", "G"), 1.0
    )
    assert set(evaluation.record.objects) == {"0a1b_1", "0a1b_2", "2c3d_1"}
    assert evaluation.record.objects["0a1b_2"].evaluated_frames == 1
    matrix = score_matrix("truth", source, data.sequences, **options)
    assert matrix.headline("youtube-vos") == 1.0
    assert matrix.headline("lvos") is None
    assert "no range of frames" in matrix.records["lvos"].unscored["0a1b"]


def test_youtube_vos_valid_starts_at_the_first_mask(youtube: Path) -> None:
    data = open_dataset("youtube-vos", root=youtube)
    clip = data.sequences[0]
    assert (data.split, clip.name, clip.object_ids) == ("valid", "9z8y", (1,))
    assert [frame.name for frame in clip.frames] == ["00005", "00010", "00015", "00020"]
    assert late_objects(clip) == {"00015": (2,)}
    report = check_dataset("youtube-vos", split="train", root=youtube)
    assert [f.code for f in report.findings if f.severity == "error"] == []


def test_missing_metadata_are_a_warning_until_a_protocol_needs_them(youtube: Path) -> None:
    (youtube / "train" / "meta.json").unlink()
    data = open_dataset("youtube-vos", split="train", root=youtube)
    assert any("no train/meta.json" in line for line in data.warnings)
    source = open_masks(youtube / "train" / "Annotations")
    options = {"dataset": "youtube-vos", "split": "train"}
    record = score_masks(source, data.sequences, protocol="youtube-vos", **options).record
    assert set(record.unscored) == {"0a1b", "2c3d"}
    assert "meta" in record.unscored["0a1b"]
    assert score_masks(source, data.sequences, protocol="davis2017", **options).record.objects


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not in the form of YouTube-VOS or LVOS"),
        ('{"videos": {"a": {"objects": {"one": {}}}}}', "videos.a.objects"),
        ('{"videos": {"a": {"objects": {"1": {"frame_range": {"start": 3}}}}}}', "frame_range.end"),
        ("[" * 100_000, "not valid JSON"),
    ],
    ids=["cut", "list", "id", "range", "deep"],
)
def test_broken_metadata_are_named(youtube: Path, text: str, words: str) -> None:
    (youtube / "train" / "meta.json").write_text(text)
    with pytest.raises(InputError, match=r"train/meta\.json") as caught:
        open_dataset("youtube-vos", split="train", root=youtube)
    assert words in str(caught.value)


def test_lvos_takes_ranges_and_the_list_of_unseen_sequences(tmp_path: Path) -> None:
    root = tmp_path / "LVOS"
    one = {"1": {"frame_range": {"start": "1", "end": "26", "frame_nums": 6}}}
    two = {"frame_range": {"start": 11, "end": 26, "frame_nums": 4}}
    sequence(root / "val", "abc", [(1,), (1,), (1, 2), (1, 2), (1, 2), (1, 2)], first=1)
    sequence(root / "val", "xyz", [(1,)] * 6, first=1)
    meta(root / "val" / "val_meta.json", abc={**one, "2": two}, xyz=one)
    (root / "unseen_videos.txt").write_text("xyz\n")
    data = open_dataset("lvos", root=root)
    first = data.sequences[0].objects
    assert [one.seen for one in first] == [True, True]
    assert first[1].frames == ("00011", "00016", "00021", "00026")
    assert data.sequences[1].objects[0].seen is False
    source = open_masks(root / "val" / "Annotations")
    record = score_masks(
        source, data.sequences, protocol="lvos", dataset="lvos", split="val"
    ).record
    assert {key: o.evaluated_frames for key, o in record.objects.items()} == {
        "abc_1": 4,
        "abc_2": 2,
        "xyz_1": 4,
    }
    assert record.extras["V"] == 0
    (root / "val" / "Annotations" / "abc" / "00016.png").unlink()
    again = open_dataset("lvos", root=root)
    prediction = tmp_path / "masks" / "abc"
    prediction.mkdir(parents=True)
    record = score_masks(
        source, again.sequences, protocol="lvos", dataset="lvos", split="val"
    ).record
    assert "00016 is in the range of object 1" in record.unscored["abc"]


@pytest.mark.parametrize("end", [30, 10**15], ids=["longer", "absurd"])
def test_ranges_of_other_frames_are_refused(tmp_path: Path, end: int) -> None:
    root = tmp_path / "LVOS"
    sequence(root / "val", "abc", [(1,)] * 4, first=1)
    wrong = {"1": {"frame_range": {"start": 1, "end": end}}}
    meta(root / "val" / "val_meta.json", abc=wrong)
    with pytest.raises(InputError, match="there is no frame 21"):
        open_dataset("lvos", root=root)


def test_a_card_may_state_the_digest_of_the_complete_split(tmp_path: Path) -> None:
    root = tmp_path / "data"
    sequence(root, "one", [(1,), (1,), (1,)])
    digest = open_dataset("folder", root=root).manifest_sha256
    card = tmp_path / "mine.toml"
    text = (
        'extends = "folder"\nname = "mine"\ntitle = "Mine"\n[splits.all]\nmanifest_sha256 = "{}"\n'
    )
    card.write_text(text.format(digest))
    assert [f.code for f in check_dataset(card, root=root).findings if f.severity == "error"] == []
    card.write_text(text.format("0" * 64))
    assert "manifest" in [f.code for f in check_dataset(card, root=root).findings]
    card.write_text(text.format("0" * 64) + "sequences = 9\n")
    assert "manifest" not in [f.code for f in check_dataset(card, root=root).findings]
