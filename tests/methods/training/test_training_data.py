from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vosbench_methods.training import (
    ArrayClip,
    FrameCache,
    davis_source,
    open_data,
    validate,
    youtube_vos_source,
)
from vosbench_methods.training.dmvos import DMVOSTrainable

from vosbench.errors import InputError, UsageError


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    """Two sequences of three frames, 0/255 masks, and the original download's list format."""
    lines = []
    for name in ("bear", "camel"):
        for kind in ("JPEGImages", "Annotations"):
            (tmp_path / kind / "480p" / name).mkdir(parents=True)
        for frame in range(3):
            image = f"JPEGImages/480p/{name}/{frame:05d}.jpg"
            mask = f"Annotations/480p/{name}/{frame:05d}.png"
            Image.fromarray(np.full((8, 12, 3), 40 * frame, np.uint8)).save(tmp_path / image)
            labels = np.zeros((8, 12), np.uint8)
            labels[2:5, 3:7] = 255
            Image.fromarray(labels).save(tmp_path / mask)
            lines.append(f"/{image} /{mask}")
    (tmp_path / "ImageSets" / "480p").mkdir(parents=True)
    (tmp_path / "ImageSets" / "480p" / "train.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_davis_train_is_read_with_held_out_clips_apart(davis: Path) -> None:
    data = open_data([davis_source(davis)], held_out=["camel"], photos=False)
    assert [clip.name for clip in data.clips] == ["bear"]
    assert [clip.name for clip in data.held_out] == ["camel"]
    clip = data.clips[0]
    assert len(clip) == 3
    assert clip.image(0).shape == (8, 12, 3)
    assert np.unique(clip.labels(1)).tolist() == [0, 1]


def test_a_list_of_names_works_as_well(davis: Path) -> None:
    (davis / "ImageSets" / "480p" / "train.txt").write_text("camel\n\n")
    assert davis_source(davis).sequences == ("camel",)


def test_ids_masks_keep_instances_drop_void_and_skip_frames_without_mask(davis: Path) -> None:
    labels = np.zeros((8, 12), np.uint8)
    labels[0, :3] = (1, 2, 255)
    palette = Image.fromarray(labels).convert("P")
    palette.putdata(labels.reshape(-1).tolist())
    root = davis / "Annotations" / "480p" / "bear"
    palette.save(root / "00000.png")
    (root / "00001.png").unlink()
    for kind in ("JPEGImages", "Annotations"):
        (davis / kind / "480p").rename(davis / f"{kind}_")
        (davis / kind).rmdir()
        (davis / f"{kind}_").rename(davis / kind)
    data = open_data([youtube_vos_source(davis)], photos=False)
    bear = data.clips[0]
    assert len(bear) == 2
    assert np.unique(bear.labels(0)).tolist() == [0, 1, 2]


def test_unusable_sources_say_what_is_missing(davis: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="list of training sequences"):
        davis_source(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="held-out sequence 'dog'"):
        open_data([davis_source(davis)], held_out=["dog"], photos=False)
    with pytest.raises(UsageError, match="nothing to train on"):
        open_data(photos=False)
    for path in (davis / "Annotations" / "480p" / "camel").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="sequence camel: no frame"):
        open_data([davis_source(davis)], photos=False)


def test_a_broken_frame_is_named(davis: Path) -> None:
    path = davis / "JPEGImages" / "480p" / "bear" / "00001.jpg"
    path.write_bytes(path.read_bytes()[:40])
    clip = open_data([davis_source(davis)], photos=False).clips[0]
    with pytest.raises(InputError, match="00001.jpg"):
        clip.image(1)


def test_polygons_become_instances_small_ones_in_front(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels" / "a.txt").write_text(
        "3 0.4 0.4 0.6 0.4 0.6 0.6 0.4 0.6\n"
        "1 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n"
        "2 0.0 0.0 0.01 0.0 0.01 0.01\n"
    )
    labels = open_data(stills=[tmp_path], photos=False).clips[0].labels(0)
    assert labels[10, 20] == 2
    assert labels[4, 8] == 1
    assert labels.max() == 2
    (tmp_path / "labels" / "a.txt").write_text("3 0.4 zero\n")
    with pytest.raises(InputError, match=r"a.txt, line 1"):
        open_data(stills=[tmp_path], photos=False)


def test_the_cache_keeps_what_fits_and_decodes_the_rest_again(tmp_path: Path) -> None:
    cache = FrameCache(limit=10)
    decoded: list[Path] = []

    def load(path: Path) -> np.ndarray:
        decoded.append(path)
        return np.zeros(8, np.uint8)

    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second, first, second):
        cache.get(path, "image", load)
    assert decoded == [first, second, second]
    assert cache.used == 8


class _Perfect:
    def __init__(self, clip: ArrayClip) -> None:
        self.clip, self.frame = clip, 0

    def step(self, image: np.ndarray) -> np.ndarray:
        self.frame += 1
        assert np.array_equal(image, self.clip.image(self.frame))
        return self.clip.labels(self.frame) == 1


def test_validation_measures_region_similarity(
    make_clip: Callable[..., ArrayClip],
    make_trainable: Callable[[], DMVOSTrainable],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip, trainable = make_clip(), make_trainable()
    monkeypatch.setattr(trainable, "track", lambda image, mask: _Perfect(clip))
    assert validate(trainable, [clip], frames=4).j == 1.0

    class _Empty(_Perfect):
        def step(self, image: np.ndarray) -> np.ndarray:
            return np.zeros(image.shape[:2], bool)

    monkeypatch.setattr(trainable, "track", lambda image, mask: _Empty(clip))
    assert validate(trainable, [clip], frames=4).j == 0.0
    assert np.isnan(validate(trainable, [], frames=4).j)
