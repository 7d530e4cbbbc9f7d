"""Annotations in one folder per object, every fourth frame, as SA-V has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from vosbench.cli.app import app
from vosbench.data import open_dataset
from vosbench.data.masks import encode_labels, open_masks
from vosbench.errors import InputError
from vosbench.evaluate import score_arrays, score_masks
from vosbench.store.schema import ScoreRecord

SIZE = (40, 64)
FRAMES = [f"{4 * k:05d}" for k in range(9)]


def person(k: int) -> NDArray[np.bool_]:
    mask = np.zeros(SIZE, np.bool_)
    mask[4:34, 6 + k : 26 + k] = True
    return mask


def hand(k: int) -> NDArray[np.bool_]:
    """Part of the person: the two overlap. From frame 2 on, away on frames 4 and 5."""
    mask = np.zeros(SIZE, np.bool_)
    if k not in (4, 5):
        mask[20:28, 18 + k : 25 + k] = True
    return mask


OBJECTS = {"000": (person, range(9)), "001": (hand, range(2, 8))}


def save(path: Path, mask: NDArray[np.bool_]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "SA-V" / "sav_val"
    for video in ("sav_000001", "sav_000002"):
        for number, (draw, positions) in OBJECTS.items():
            for k in positions:
                path = base / "Annotations_6fps" / video / number / f"{FRAMES[k]}.png"
                save(path, draw(k))
    (base / "sav_val.txt").write_text("sav_000001\nsav_000002\n")
    return tmp_path / "SA-V"


def predicted(draw: Any, k: int) -> NDArray[np.bool_]:
    return np.roll(draw(k), (1, 2), (0, 1)) if k != 6 else np.zeros(SIZE, np.bool_)


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Predictions in the same form, on all frames but the first and last of each object."""
    for video in ("sav_000001", "sav_000002"):
        for number, (draw, positions) in OBJECTS.items():
            for k in positions[1:-1]:
                path = tmp_path / "masks" / video / number / f"{FRAMES[k]}.png"
                save(path, predicted(draw, k))
    return tmp_path / "masks"


def score(root: Path, masks: Path, protocol: str = "sa-v", sequences: str | None = None) -> Any:
    data = open_dataset("sa-v", root=root, need_images=False, sequences=sequences)
    return score_masks(
        open_masks(masks), data.sequences, protocol=protocol, dataset="sa-v", split="val"
    )


def alone(draw: Any, positions: range) -> Any:
    """The object as the only one of a small data set with label maps."""
    truths = [draw(k).astype(np.uint8) for k in positions]
    predictions = [predicted(draw, k).astype(np.uint8) for k in positions]
    return score_arrays(predictions, truths, protocol="sa-v").figures()


@pytest.mark.parametrize("protocol", ["sa-v", "vos-benchmark"])
def test_each_object_is_scored_by_itself_on_frames_of_its_own(
    root: Path, masks: Path, protocol: str
) -> None:
    record = score(root, masks, protocol).record
    assert record.unscored == {}
    assert list(record.objects)[:2] == ["sav_000001_1", "sav_000001_2"]
    expected = [alone(*OBJECTS["000"]), alone(*OBJECTS["001"])]
    for object_id, figures in enumerate(expected, 1):
        found = record.objects[f"sav_000002_{object_id}"]
        assert (found.j_mean, found.f_mean) == (figures.j_mean, figures.f_mean)
    assert record.objects["sav_000001_1"].evaluated_frames == 7
    assert record.objects["sav_000001_2"].evaluated_frames == 4
    assert record.overall.j_mean == pytest.approx(sum(f.j_mean for f in expected) / 2)


def test_the_frame_table_lies_on_the_frames_of_the_sequence(root: Path, masks: Path) -> None:
    frames = score(root, masks).frames
    rows = frames[(frames.sequence == "sav_000001") & (frames.object_id == 2)]
    assert rows["frame"].tolist() == FRAMES
    assert rows["evaluated"].tolist() == [k in range(3, 7) for k in range(9)]
    assert rows["J"][rows.evaluated].tolist()[1:] == [1.0, 1.0, 0.0]


def test_overlaps_cost_nothing_in_their_own_form_but_do_in_label_maps(
    root: Path, tmp_path: Path
) -> None:
    for video in ("sav_000001", "sav_000002"):
        for k, frame in enumerate(FRAMES):
            labels = person(k).astype(np.uint8)
            labels[hand(k)] = 2
            path = tmp_path / "maps" / video / f"{frame}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_labels(labels))
            for number, (draw, positions) in OBJECTS.items():
                if k in positions:
                    save(tmp_path / "own" / video / number / f"{frame}.png", draw(k))
    assert score(root, tmp_path / "own").record.overall.jf_mean == 1.0
    maps = score(root, tmp_path / "maps").record
    assert maps.objects["sav_000001_2"].j_mean == 1.0
    assert maps.objects["sav_000001_1"].j_mean < 1.0


def test_a_missing_mask_of_an_object_is_an_error(root: Path, masks: Path) -> None:
    (masks / "sav_000001" / "001" / f"{FRAMES[4]}.png").unlink()
    record = score(root, masks).record
    assert "mask of object 2 is missing" in record.unscored["sav_000001"]
    assert not record.unscored["sav_000001"].startswith("sav_000001")
    assert "sav_000002_2" in record.objects


def test_an_object_that_is_never_seen_is_left_out_with_a_word(root: Path, masks: Path) -> None:
    for k in OBJECTS["001"][1][1:-1]:
        path = root / "sav_val" / "Annotations_6fps" / "sav_000001" / "001" / f"{FRAMES[k]}.png"
        save(path, np.zeros(SIZE, np.bool_))
    record = score(root, masks).record
    assert "sav_000001_2" not in record.objects
    assert any("objects 2 are not visible" in line for line in record.warnings)


def test_other_protocols_say_that_they_need_label_maps(root: Path, masks: Path) -> None:
    record = score(root, masks, "davis2017").record
    assert not record.objects
    assert all("annotated apart" in reason for reason in record.unscored.values())


def test_methods_are_not_run_on_it(root: Path) -> None:
    images = root / "sav_val" / "JPEGImages_24fps" / "sav_000001"
    images.mkdir(parents=True)
    with pytest.raises(InputError, match="one folder per object"):
        open_dataset("sa-v", root=root, sequences="sav_000001")


@pytest.mark.parametrize("name", ["extra", "999", "0"])
def test_what_is_no_object_folder_is_named(root: Path, name: str) -> None:
    (root / "sav_val" / "Annotations_6fps" / "sav_000001" / name).mkdir()
    with pytest.raises(InputError, match="is no object folder"):
        open_dataset("sa-v", root=root, need_images=False)


def test_sizes_that_differ_are_named(root: Path) -> None:
    path = root / "sav_val" / "Annotations_6fps" / "sav_000001" / "001" / f"{FRAMES[3]}.png"
    save(path, np.zeros((8, 9), np.bool_))
    with pytest.raises(InputError, match="8x9 px"):
        open_dataset("sa-v", root=root, need_images=False)


def test_a_single_video_is_scored_from_the_command_line(root: Path, masks: Path) -> None:
    for folder in (masks / "sav_000002", root / "sav_val" / "Annotations_6fps" / "sav_000002"):
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.rmdir()
    words = ["score", str(masks), "--dataset", "sa-v", "--data", str(root), "--json"]
    (root / "sav_val" / "sav_val.txt").write_text("sav_000001\n")
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    record = ScoreRecord.model_validate(json.loads(done.stdout))
    assert record.protocol == "sa-v"
    assert set(record.objects) == {"sav_000001_1", "sav_000001_2"}
