"""Loader, crop boxes, resizing, paste-back and labels against the official pipeline's records.

The network is replaced by the fixtures' colour stub, so that no weights are needed. Two versions
of torch differ in one pixel of these canvases, which is why the fixtures name a tolerance.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from vosbench_methods.ranet.canvas import Box, box_around, fit_frame
from vosbench_methods.ranet.parameters import Parameters
from vosbench_methods.ranet.session import RANetSession

from vosbench.types import ClipInfo

CANVAS = (480, 864)


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> Any:
    return json.loads((golden_folder / "ranet_pipeline.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def arrays(golden_folder: Path) -> Any:
    with np.load(golden_folder / "ranet_pipeline.npz") as file:
        return dict(file)


def test_crop_boxes(check_golden: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_golden.check_boxes(box_around) == 0
    assert "0 wrong boxes of 309" in capsys.readouterr().out


def test_frames_of_many_sizes_lie_on_the_canvas_as_recorded(recorded: Any) -> None:
    assert len(recorded["loader_geometry"]) >= 13
    for row in recorded["loader_geometry"]:
        width, height = row["width_height"]
        fit = fit_frame((height, width), CANVAS)
        assert [fit.resized[1], fit.resized[0]] == row["resized_to"]
        left, top, right, bottom = row["crop_left_top_right_bottom"]
        assert (fit.left, fit.top) == (left, top)
        assert (right - left, bottom - top) == (864, 480)


class ColourStub:
    """The fixtures' stand-in for the network; keeps what it was given."""

    device = torch.device("cpu")

    def __init__(self, *, single: bool) -> None:
        self.single = single
        self.images: list[Tensor] = []
        self.previous = torch.zeros(0)

    def template(self, image: Tensor, masks: Tensor) -> Tensor:
        self.images.append(image)
        return masks

    def segment(
        self, image: Tensor, template: Tensor, previous: Tensor, objects: tuple[int, ...]
    ) -> Tensor:
        self.images.append(image)
        self.previous = previous
        difference = image[:, 0] - image[:, 2] + 0.35
        if self.single:
            return torch.sigmoid(4 * difference.abs() - 3 + previous[:, 0])[:, None]
        signs = [4.0 if k == 0 else -4.0 for k in objects]
        planes = [sign * difference - 3 + previous[:, i] for i, sign in enumerate(signs)]
        return torch.sigmoid(torch.stack(planes, dim=1))


def objects_of(masks: Tensor) -> Any:
    """Object map of disjoint masks 1×K×h×w, every fourth pixel."""
    places = torch.arange(1, masks.shape[1] + 1).view(1, -1, 1, 1)
    return (masks * places).sum(dim=1)[0, ::4, ::4].numpy().astype(int)


def objects_in(labels: Any, mode: str) -> Any:
    """Object map of an official label map, where 0 and 1 are background."""
    found = np.maximum(labels.astype(int), 1) - 1
    return np.minimum(found, 1) if mode == "single" else found


@pytest.mark.parametrize("mode", ["single", "multi"])
@pytest.mark.parametrize("name", ["leaving", "small", "two", "wide"])
def test_a_clip_runs_as_recorded(
    check_golden: ModuleType, recorded: Any, arrays: Any, mode: Any, name: str
) -> None:
    tolerance = recorded["what"]["tolerance"]
    frames, masks = check_golden.golden_inputs.sequence(name)
    given = masks[0] if mode == "multi" else check_golden.golden_inputs.merged(masks[0])
    ids = tuple(range(1, int(given.max()) + 1))
    stub = ColourStub(single=mode == "single")
    clip = ClipInfo(name, *frames[0].shape[:2], ids)
    session = RANetSession(stub, Parameters(objects=mode), clip, frames[0], given)

    def near(image: Tensor, key: str) -> bool:
        off = np.abs(image[0, :, ::8, ::8].numpy() - arrays[f"{mode}/{name}/{key}"]).max()
        return bool(off <= tolerance["images"])

    def few(found: Any, expected: Any) -> bool:
        # of the whole canvas, for the masks given to the network are stored thinned out
        return int((found != expected).sum()) <= tolerance["masks_canvas_png_fraction"] * 480 * 864

    assert near(stub.images[0], "template")
    fit = fit_frame(frames[0].shape[:2], CANVAS)
    boxes = [
        recorded["modes"][mode]["template_boxes"][name],
        *recorded["modes"][mode]["boxes"][name],
    ]
    for t in range(1, len(frames)):
        prediction = session.step(frames[t])
        key = f"{mode}/{name}/step{t}"
        assert near(stub.images[-1], f"step{t}_image")
        assert few(objects_of(stub.previous), objects_in(arrays[f"{key}_previous_mask"], mode))
        canvas = objects_in(arrays[f"{mode}/{name}/canvas"][t], mode)
        assert few(session.canvas_labels, canvas)
        assert few(prediction.labels, arrays[f"{mode}/{name}/png"][t])
        top, left, bottom, right = boxes[t - 1]
        assert prediction.aux["crop_box"][1] == fit.to_frame(Box(top, left, bottom, right))


def test_the_recorded_canvas_comes_back_as_the_recorded_png(arrays: Any) -> None:
    for mode in ("single", "multi"):
        for name in ("leaving", "small", "two", "wide"):
            canvas, saved = arrays[f"{mode}/{name}/canvas"], arrays[f"{mode}/{name}/png"]
            back = fit_frame(saved.shape[1:], CANVAS).from_canvas(objects_in(canvas, mode))
            assert np.array_equal(back, saved), (mode, name)


SIDES = st.integers(1, 3000)


@settings(deadline=None, max_examples=200)
@given(SIDES, SIDES)
def test_any_frame_fits_and_comes_back(height: int, width: int) -> None:
    fit = fit_frame((height, width), CANVAS)
    rows, columns = fit.back
    assert len(rows) == height and len(columns) == width
    assert rows.min() >= 0 and rows.max() < 480 and columns.min() >= 0 and columns.max() < 864
    assert fit.onto(np.ones((height, width), np.uint8)).any()


@settings(deadline=None, max_examples=50)
@given(st.integers(200, 1300), st.integers(300, 2300))
def test_a_block_returns_to_its_place(height: int, width: int) -> None:
    frame = np.zeros((height, width), np.uint8)
    top, left = height // 3, width // 4
    frame[top : top + height // 3, left : left + width // 2] = 7
    fit = fit_frame((height, width), CANVAS)
    back = fit.from_canvas(fit.onto(frame))
    union = ((frame == 7) | (back == 7)).sum()
    assert ((frame == 7) & (back == 7)).sum() / union > 0.93


def test_a_frame_of_the_usual_size_is_only_padded() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (480, 854, 3), dtype=np.uint8)
    fit = fit_frame((480, 854), CANVAS)
    canvas = fit.onto(frame)
    assert not canvas[:, :5].any() and not canvas[:, 859:].any()
    assert np.array_equal(canvas[:, 5:859], frame)
    assert np.array_equal(fit.from_canvas(canvas.transpose(2, 0, 1)), frame.transpose(2, 0, 1))
