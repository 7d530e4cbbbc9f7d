from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from vosbench_methods.baselines import COSINE, cosine
from vosbench_methods.baselines.cosine import CosineMatching, margins
from vosbench_methods.dmvos.config import NetworkConfig
from vosbench_methods.dmvos.network import DMVOSNet
from vosbench_methods.dmvos.weights import save_weights

from vosbench.data import open_dataset, read_frame
from vosbench.data.masks import read_labels
from vosbench.errors import InputError, UsageError
from vosbench.types import BuildOptions, ClipInfo

TINY = NetworkConfig(
    encoder_blocks=(1, 1, 1, 1),
    encoder_width=8,
    embed_width=32,
    match_width=8,
    match_inner=4,
    offset_widths=(16, 8),
    fusion_width=32,
    skip_widths=(8, 8, 8),
    decoder_widths=(16, 8, 8),
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_weights(DMVOSNet(TINY), path)
    return path


@pytest.fixture
def method(weights: Path) -> CosineMatching:
    return cosine.build(BuildOptions(parameters={"match.best": 8}, weights=weights))


def scene(*, shift: int = 0, height: int = 192, width: int = 310) -> tuple[np.ndarray, np.ndarray]:
    """A red and a blue striped block on green noise."""
    rng = np.random.default_rng(0)
    frame = np.zeros((height, width, 3), dtype=np.uint8)
    frame[..., 1] = rng.integers(90, 130, (height, width))
    labels = np.zeros((height, width), dtype=np.uint8)
    labels[16:128, 16 + shift : 128 + shift] = 1
    labels[64:176, 160 + shift : 272 + shift] = 2
    stripes = (np.arange(width) // 4 % 2 * 120 + 100).astype(np.uint8)
    for value, channel in ((1, 0), (2, 2)):
        mine = labels == value
        frame[mine] = 0
        frame[..., channel][mine] = np.broadcast_to(stripes, labels.shape)[mine]
    return frame, labels


def overlap(found: np.ndarray, truth: np.ndarray, value: int) -> float:
    a, b = found == value, truth == value
    return float((a & b).sum() / (a | b).sum())


def test_margins_are_the_written_formula() -> None:
    rng = np.random.default_rng(1)
    cells, template = rng.normal(size=(5, 4)), rng.normal(size=(9, 4))
    cells /= np.linalg.norm(cells, axis=1, keepdims=True)
    template /= np.linalg.norm(template, axis=1, keepdims=True)
    owned = np.array([[True] * 4 + [False] * 5, [False] * 7 + [True] * 2])
    result = margins(
        torch.from_numpy(cells).float(),
        torch.from_numpy(template).float(),
        torch.from_numpy(owned),
        best=3,
    ).numpy()
    for k in range(2):
        for n in range(5):
            mine = sorted(float(cells[n] @ template[m]) for m in range(9) if owned[k, m])[-3:]
            other = sorted(float(cells[n] @ template[m]) for m in range(9) if not owned[k, m])
            expected = np.mean(mine) - np.mean(other[-3:])
            assert result[k, n] == pytest.approx(expected, abs=1e-6)


def test_an_object_that_fills_the_template_is_compared_with_nothing() -> None:
    cells = torch.nn.functional.normalize(torch.randn(6, 3), dim=1)
    result = margins(cells, cells, torch.ones(1, 6, dtype=torch.bool), best=1)
    torch.testing.assert_close(result, torch.ones(1, 6))


def test_two_objects_are_found_where_they_moved(method: CosineMatching) -> None:
    frame, labels = scene()
    session = method.start(ClipInfo("c", 192, 310, (1, 2)), frame, labels)
    moved, truth = scene(shift=16)
    found = session.step(moved).labels
    assert found.dtype == np.uint8
    assert found.shape == (192, 310)
    assert set(np.unique(found)) <= {0, 1, 2}
    assert overlap(found, truth, 1) > 0.5
    assert overlap(found, truth, 2) > 0.5
    np.testing.assert_array_equal(session.step(moved).labels, found)


def test_ids_keep_their_names(method: CosineMatching) -> None:
    frame, labels = scene()
    renamed = np.array([0, 7, 200], dtype=np.uint8)[labels]
    found = method.start(ClipInfo("c", 192, 310, (7, 200)), frame, renamed).step(frame).labels
    plain = method.start(ClipInfo("c", 192, 310, (1, 2)), frame, labels).step(frame).labels
    np.testing.assert_array_equal(found, np.array([0, 7, 200], dtype=np.uint8)[plain])


def test_a_late_object_is_taken_as_given_and_followed(method: CosineMatching) -> None:
    frame, labels = scene()
    only_first = np.where(labels == 1, labels, 0).astype(np.uint8)
    only_second = np.where(labels == 2, labels, 0).astype(np.uint8)
    session = method.start(ClipInfo("c", 192, 310, (1,)), frame, only_first)
    assert 2 not in session.step(frame).labels
    given = session.step(frame, only_second).labels
    np.testing.assert_array_equal(given == 2, labels == 2)
    moved, truth = scene(shift=16)
    assert overlap(session.step(moved).labels, truth, 2) > 0.5


@pytest.mark.parametrize(("height", "width"), [(192, 310), (193, 311), (208, 304), (177, 273)])
def test_any_frame_size(method: CosineMatching, height: int, width: int) -> None:
    frame, labels = scene(height=height, width=width)
    session = method.start(ClipInfo("c", height, width, (1, 2)), frame, labels)
    assert session.step(frame).labels.shape == (height, width)


def test_an_object_of_one_pixel_still_has_a_template(method: CosineMatching) -> None:
    frame, _ = scene()
    labels = np.zeros((192, 310), dtype=np.uint8)
    labels[40, 40] = 1
    found = method.start(ClipInfo("c", 192, 310, (1,)), frame, labels).step(frame).labels
    assert set(np.unique(found)) <= {0, 1}


@pytest.mark.parametrize("best", [0, -1])
def test_a_useless_parameter_is_refused(weights: Path, best: int) -> None:
    with pytest.raises(UsageError, match=r"match\.best must be at least 1"):
        cosine.build(BuildOptions(parameters={"match.best": best}, weights=weights))


def test_without_weights_it_says_what_it_needs(tmp_path: Path) -> None:
    options = BuildOptions(parameters={"match.best": 8}, weights=tmp_path / "gone.pth")
    with pytest.raises(InputError, match="does not exist") as caught:
        COSINE.build(options)
    assert "--weights" in caught.value.hint


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_same_masks_on_a_gpu(weights: Path, method: CosineMatching) -> None:
    options = BuildOptions(parameters={"match.best": 8}, weights=weights, device="cuda:0")
    frame, labels = scene()
    moved, _ = scene(shift=16)
    clip = ClipInfo("c", 192, 310, (1, 2))
    there = cosine.build(options).start(clip, frame, labels).step(moved).labels
    here = method.start(clip, frame, labels).step(moved).labels
    assert (there == here).mean() > 0.99


def test_a_pretrained_encoder_follows_a_real_object(shared: Path) -> None:
    weights = shared / "data/resnet50-imagenet/resnet50_imagenet_int8.npz"
    method = cosine.build(BuildOptions(parameters={"match.best": 8}, weights=weights))
    dataset = open_dataset(
        "davis2016", root=shared / "data/DAVIS2016", split="train", sequences="bear"
    )
    (sequence,) = dataset.sequences
    first, later = sequence.frames[0], sequence.frames[16]
    assert first.image and first.annotation and later.image and later.annotation
    clip = ClipInfo(sequence.name, sequence.height, sequence.width, sequence.object_ids)
    labels = read_labels(first.annotation, "binary")
    session = method.start(clip, read_frame(first.image), labels)
    found = session.step(read_frame(later.image)).labels
    assert overlap(found, read_labels(later.annotation, "binary"), 1) > 0.8
