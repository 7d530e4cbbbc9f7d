from __future__ import annotations

import numpy as np
import torch
from vosbench_methods.training.augment import Look, apply_look, random_look
from vosbench_methods.training.geometry import Window, affine
from vosbench_methods.training.scene import PASTED, Pasted, Pose, Scene, label_map, render

WHOLE = Window(0.5, 0.5, 1.0, 1.0)
MEAN = torch.tensor([10.0, 20.0, 30.0])
STILL = Pose(np.eye(3))


def _scene(pasted: tuple[Pasted, ...] = (), poses: tuple[Pose, ...] = ()) -> Scene:
    image = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    labels = np.zeros((12, 16), np.uint8)
    labels[3:6, 4:8] = 2
    return Scene(image, labels, STILL, pasted, poses)


def test_the_whole_frame_at_its_own_size_is_the_frame() -> None:
    scene = _scene()
    drawn = render(scene, WHOLE, (12, 16), mean=MEAN)
    assert torch.allclose(
        drawn.image, torch.from_numpy(scene.image).permute(2, 0, 1).float(), atol=1e-2
    )
    assert np.array_equal(drawn.labels.numpy(), scene.labels)
    assert np.array_equal(label_map(scene, None, (12, 16)).numpy(), scene.labels)


def test_outside_the_frame_is_the_mean_colour_without_labels() -> None:
    drawn = render(_scene(), Window(0.0, 0.5, 1.0, 1.0), (12, 16), mean=MEAN)
    assert (drawn.image[:, :, :8] == MEAN[:, None, None]).all()
    assert (drawn.labels[:, :8] == 0).all()
    assert (drawn.labels == 2).any()


def test_a_pose_moves_image_and_labels_together() -> None:
    scene = _scene()
    moved = Scene(scene.image, scene.labels, Pose(affine(to=(0.75, 0.5))))
    drawn = render(moved, WHOLE, (12, 16), mean=MEAN)
    assert np.array_equal(drawn.labels.numpy()[:, 4:], scene.labels[:, :-4])
    expected = torch.from_numpy(scene.image[:, :-4]).permute(2, 0, 1).float()
    assert torch.allclose(drawn.image[:, :, 4:], expected, atol=1e-2)


def test_pasted_objects_hide_what_is_behind_them_and_later_ones_win() -> None:
    alpha = np.zeros((12, 16), bool)
    alpha[3:6, 4:6] = True
    red = Pasted(np.full((12, 16, 3), (255, 0, 0), np.uint8), alpha)
    blue = Pasted(np.full((12, 16, 3), (0, 0, 255), np.uint8), alpha)
    scene = _scene((red, blue), (STILL, Pose(affine(to=(0.5 + 1 / 16, 0.5)))))
    drawn = render(scene, WHOLE, (12, 16), mean=MEAN)
    assert drawn.labels[4, 4:8].tolist() == [PASTED, PASTED + 1, PASTED + 1, 2]
    assert torch.allclose(drawn.image[:, 4, 4], torch.tensor([255.0, 0.0, 0.0]), atol=0.5)
    assert torch.allclose(drawn.image[:, 4, 5], torch.tensor([0.0, 0.0, 255.0]), atol=0.5)
    assert np.array_equal(label_map(scene, WHOLE, (12, 16)).numpy(), drawn.labels.numpy())


def test_a_neutral_look_changes_nothing() -> None:
    image = torch.rand(3, 5, 7) * 255
    assert torch.allclose(apply_look(image.clone(), Look()), image, atol=1e-3)


def test_looks_stay_in_range_and_strength_zero_is_neutral() -> None:
    rng = np.random.default_rng(1)
    image = torch.rand(3, 6, 6) * 255
    for _ in range(20):
        result = apply_look(image.clone(), random_look(rng, 1.5))
        assert torch.isfinite(result).all()
        assert result.min() >= 0
        assert result.max() <= 255.001
    assert random_look(rng, 0.0) == Look()
