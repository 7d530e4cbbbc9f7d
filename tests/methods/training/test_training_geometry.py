from __future__ import annotations

import numpy as np
import pytest
import torch
from vosbench_methods.training.geometry import (
    Window,
    affine,
    bend_field,
    box_of,
    centroid_of,
    pixel_grid,
)


def test_window_maps_crop_corners_to_its_edges_and_back() -> None:
    window = Window(0.4, 0.6, 0.2, 0.5)
    corners = window.to_frame(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    assert torch.allclose(corners, torch.tensor([[0.3, 0.35], [0.5, 0.85]]))
    assert window.to_crop(0.3, 0.85) == pytest.approx((0.0, 1.0))


def test_box_and_centroid_use_pixel_edges_and_centres() -> None:
    mask = np.zeros((10, 20), bool)
    mask[2:4, 5:15] = True
    box = box_of(mask)
    assert box is not None
    assert (box.x, box.y, box.width, box.height) == pytest.approx((0.5, 0.3, 0.5, 0.2))
    assert centroid_of(mask) == pytest.approx((0.5, 0.3))


def test_an_empty_mask_has_neither_box_nor_centroid() -> None:
    empty = np.zeros((4, 4), bool)
    assert box_of(empty) is None
    assert centroid_of(empty) is None


def test_rotation_is_one_in_pixels_whatever_the_aspect() -> None:
    matrix = affine(degrees=90, aspect=2.0)
    # A point a quarter of the width to the right lies half the height below after a quarter turn.
    assert matrix @ [0.75, 0.5, 1.0] == pytest.approx([0.5, 1.0, 1.0])


def test_affine_moves_its_fixed_point_and_flips_about_it() -> None:
    matrix = affine(about=(0.2, 0.3), to=(0.6, 0.7), flip=True, scale=2.0)
    assert matrix @ [0.2, 0.3, 1.0] == pytest.approx([0.6, 0.7, 1.0])
    assert matrix @ [0.3, 0.3, 1.0] == pytest.approx([0.4, 0.7, 1.0])


def test_thin_plate_bending_passes_through_its_control_points() -> None:
    displacement = np.random.default_rng(0).normal(size=(16, 2))
    field = bend_field(displacement, size=25)[0].permute(1, 2, 0).numpy()
    assert field[::8, ::8].reshape(16, 2) == pytest.approx(displacement, abs=1e-5)


def test_an_affine_displacement_bends_nothing() -> None:
    """A thin plate has no bending energy for affine maps, so it reproduces them between points."""
    line = np.linspace(0, 1, 4)
    control = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    matrix = np.array([[0.1, -0.2], [0.3, 0.05]])
    field = bend_field(control @ matrix + 0.07, size=11)[0].permute(1, 2, 0).numpy()
    line = np.linspace(0, 1, 11)
    query = np.stack(np.meshgrid(line, line), axis=-1)
    assert field == pytest.approx(query @ matrix + 0.07, abs=1e-5)


def test_pixel_grid_holds_pixel_centres() -> None:
    grid = pixel_grid(2, 4)
    assert grid[1, 3].tolist() == [0.875, 0.75]
