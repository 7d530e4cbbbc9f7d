"""Crop and paste-back as a pair, and against exact cases."""

from __future__ import annotations

import pytest
import torch
from vosbench_methods.dmvos.resample import FrameSource, normalise, paste
from vosbench_methods.dmvos.window import Window


def ellipse(
    size: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float]
) -> torch.Tensor:
    (x, y), (rx, ry) = centre, radii
    rows, columns = torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5
    return (((columns - x) / rx) ** 2 + ((rows[:, None] - y) / ry) ** 2 <= 1).float()


def pasted(probability: torch.Tensor, window: Window, frame: tuple[int, int]) -> torch.Tensor:
    plane = torch.zeros(frame)
    paste(probability, window, plane)
    return plane


def iou(first: torch.Tensor, second: torch.Tensor) -> float:
    return ((first & second).sum() / (first | second).sum()).item()


def test_window_of_the_input_size_copies_pixels() -> None:
    plane = torch.rand(1, 3, 40, 50)
    crop = FrameSource(plane).crop(Window(20, 15, 16, 10), (10, 16))
    torch.testing.assert_close(crop, plane[..., 10:20, 12:28], rtol=0, atol=1e-5)


def test_outside_the_frame_is_zero() -> None:
    crop = FrameSource(torch.ones(1, 1, 20, 20)).crop(Window(0, 10, 20, 20), (20, 20))
    assert not crop[..., :9].any()
    torch.testing.assert_close(crop[..., 11:], torch.ones(1, 1, 20, 9))


@pytest.mark.parametrize(
    ("frame", "window"),
    [
        ((120, 214), Window(100.3, 60.7, 81.5, 52.25)),  # smaller than the input
        ((120, 214), Window(10.0, 110.0, 60.0, 70.0)),  # over an edge of the frame
        ((120, 214), Window(107.0, 60.0, 214.0, 120.0)),  # the frame itself
        ((120, 214), Window(100.0, 60.0, 321.0, 180.0)),  # larger than the frame
        ((1080, 1920), Window(900.0, 500.0, 1900.0, 1000.0)),  # much larger than the input
        ((480, 854), Window(300.0, 200.0, 40.0, 36.0)),  # much smaller than the input
    ],
)
def test_crop_then_paste_returns_the_mask(frame: tuple[int, int], window: Window) -> None:
    mask = ellipse(frame, (window.x, window.y), (window.width / 3, window.height / 3))
    crop = FrameSource(mask[None, None]).crop(window, (180, 320))
    assert iou(pasted(crop[0, 0], window, frame) >= 0.5, mask >= 0.5) > 0.97


def test_paste_is_zero_outside_the_window_and_full_to_its_edge() -> None:
    result = pasted(torch.ones(30, 50), Window(20.0, 12.0, 10.0, 8.0), (24, 40))
    expected = torch.zeros(24, 40)
    expected[8:16, 15:25] = 1
    torch.testing.assert_close(result, expected)


def test_window_beyond_the_frame_pastes_nothing() -> None:
    assert not pasted(torch.ones(8, 8), Window(-50.0, 5.0, 20.0, 20.0), (24, 40)).any()


@pytest.mark.parametrize("scale", [2, 3, 4.5])
def test_large_frames_are_averaged_not_picked(scale: float) -> None:
    """One-pixel stripes become grey; picking single pixels would give black or white."""
    height, width = int(40 * scale), int(60 * scale)
    stripes = (torch.arange(width) % 2).float().expand(1, 1, height, width)
    crop = FrameSource(stripes).crop(Window(width / 2, height / 2, width, height), (40, 60))
    assert (crop[..., 2:-2] - 0.5).abs().max() < 0.26
    assert crop.mean().item() == pytest.approx(0.5, abs=0.03)


def test_pooling_does_not_shift() -> None:
    """The centre of mass of a disc stays, also where blocks do not divide the frame."""
    mask = ellipse((203, 307), (150.0, 100.0), (60.0, 40.0))
    crop = FrameSource(mask[None, None]).crop(Window(153.5, 101.5, 307.0, 203.0), (40, 60))[0, 0]
    x = (crop.sum(0) @ (torch.arange(60) + 0.5)) / crop.sum() / 60 * 307
    y = (crop.sum(1) @ (torch.arange(40) + 0.5)) / crop.sum() / 40 * 203
    assert x.item() == pytest.approx(150, abs=0.3)
    assert y.item() == pytest.approx(100, abs=0.3)


def test_normalise_uses_imagenet_statistics() -> None:
    frame = torch.zeros(2, 3, 3, dtype=torch.uint8)
    frame[0, 0] = torch.tensor([255, 0, 124])
    result = normalise(frame)
    assert result.shape == (1, 3, 2, 3)
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (124 / 255 - 0.406) / 0.225]
    assert result[0, :, 0, 0].tolist() == pytest.approx(expected, abs=1e-5)
