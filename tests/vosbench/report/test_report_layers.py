"""What is laid over a frame: right pixels, right colours, and the same bytes each time."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from vosbench.report.layers import (
    Layer,
    errors_layer,
    prediction_layer,
    soft_layer,
    truth_layer,
)
from vosbench.report.palette import ERROR_COLOURS


def shown(layer: Layer) -> np.ndarray:
    """The picture as a browser composes it: H×W×4."""
    return np.asarray(Image.open(io.BytesIO(layer.png())).convert("RGBA"))


def test_the_prediction_is_tinted_in_davis_colours_on_a_clear_ground() -> None:
    labels = np.zeros((6, 8), np.uint8)
    labels[1:3, 1:3] = 1
    labels[4, 4] = 250
    picture = shown(prediction_layer(labels))
    assert picture[0, 0, 3] == 0
    assert tuple(picture[1, 1, :3]) == (128, 0, 0)
    assert 0 < picture[1, 1, 3] < 255
    assert picture[4, 4, 3] == picture[1, 1, 3]
    assert tuple(picture[4, 4, :3]) != (128, 0, 0)


def test_errors_have_the_colour_of_their_kind() -> None:
    truth = np.asarray([[0, 1, 1, 2]], np.uint8)
    prediction = np.asarray([[1, 0, 1, 1]], np.uint8)
    picture = shown(errors_layer(prediction, truth))
    assert tuple(picture[0, 0, :3]) == ERROR_COLOURS["false-positive"]
    assert tuple(picture[0, 1, :3]) == ERROR_COLOURS["false-negative"]
    assert picture[0, 2, 3] == 0
    assert tuple(picture[0, 3, :3]) == ERROR_COLOURS["wrong-object"]


def test_outlines_run_between_touching_objects_and_along_the_edge() -> None:
    truth = np.zeros((9, 12), np.uint8)
    truth[2:7, :4] = 1
    truth[2:7, 4:8] = 2
    layer = truth_layer(truth)
    line = layer.pixels == 1
    assert line[4, 0], "the object meets the edge of the frame"
    assert line[4, 3] and line[4, 4], "both sides of the contact"
    assert not line[4, 1] and not line[4, 5]
    assert not (line & (truth == 0)).any(), "the line lies on the object"
    assert tuple(shown(layer)[4, 3]) == (255, 255, 255, 255)


def test_soft_masks_are_as_opaque_as_they_are_likely_and_contests_stand_out() -> None:
    soft = np.zeros((2, 1, 4), np.float32)
    soft[0, 0] = (0.0, 0.3, 0.9, 0.9)
    soft[1, 0] = (0.0, 0.0, 0.2, 0.6)
    picture = shown(soft_layer(soft, (3, 1)))
    assert picture[0, 0, 3] == 0
    assert 0 < picture[0, 1, 3] < picture[0, 2, 3]
    assert tuple(picture[0, 2, :3]) == (128, 128, 0), "the colour of object 3"
    assert tuple(picture[0, 3, :3]) == (255, 0, 200), "two objects claim it"


def test_soft_masks_of_one_or_no_object() -> None:
    one = soft_layer(np.full((1, 2, 2), 0.5, np.float32), (1,))
    assert shown(one)[0, 0, 3] > 0
    assert soft_layer(np.zeros((0, 2, 2), np.float32), ()).empty


def test_three_hundred_objects_have_soft_masks_too() -> None:
    random = np.random.default_rng(0)
    soft = random.random((254, 4, 5), dtype=np.float32) * 0.49
    picture = shown(soft_layer(soft, tuple(range(1, 255))))
    assert (picture[..., 3] > 0).all()


def test_an_empty_layer_says_so_and_the_bytes_are_stable() -> None:
    labels = np.zeros((5, 5), np.uint8)
    assert prediction_layer(labels).empty
    assert truth_layer(labels).empty
    labels[2, 2] = 1
    assert prediction_layer(labels).png() == prediction_layer(labels.copy()).png()
