from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from vosbench_methods.baselines import FIRST_MASK, FLOW
from vosbench_methods.baselines.flow import build, shrink

from vosbench.errors import InputError, UsageError
from vosbench.types import BuildOptions, ClipInfo, MethodPlugin, ParameterValue, Prediction

FINE: dict[str, ParameterValue] = {"flow.shrink": 2}  # the scene is small


def texture(seed: int, size: tuple[int, int], blur: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(*size, 3))
    smooth = gaussian_filter(noise, (blur, blur, 0), mode="wrap")
    return np.clip(128 + smooth / smooth.std() * 45, 0, 255).astype(np.uint8)


def scene(t: int, size: tuple[int, int] = (120, 201)) -> tuple[np.ndarray, np.ndarray]:
    """Two textured blocks that move by 3 px per frame over a background that stands."""
    frame = texture(1, size, 4.0).copy()
    labels = np.zeros(size, np.uint8)
    for value, top, left, direction in ((1, 15, 20, 3), (2, 60, 120, -3)):
        place = np.s_[top : top + 45, left + direction * t : left + direction * t + 60]
        labels[place] = value
        frame[place] = texture(value + 5, (45, 60), 3.0)
    return frame, labels


def overlap(found: np.ndarray, truth: np.ndarray, value: int) -> float:
    a, b = found == value, truth == value
    return float((a & b).sum() / (a | b).sum())


def follow(plugin: MethodPlugin, frames: int, **parameters: Any) -> Prediction:
    method = plugin.build(BuildOptions(parameters=parameters))
    assert not hasattr(method, "segment")
    frame, labels = scene(0)
    session = method.start(ClipInfo("c", 120, 201, (1, 2)), frame, labels)
    for t in range(1, frames + 1):
        prediction = session.step(scene(t)[0])
    return prediction


@pytest.mark.parametrize("algorithm", ["ilk", "tvl1"])
def test_moving_blocks_are_followed(algorithm: str) -> None:
    moved = follow(FLOW, 6, **{"flow.algorithm": algorithm, **FINE})
    still = follow(FIRST_MASK, 6)
    truth = scene(6)[1]
    for value in (1, 2):
        assert overlap(still.labels, truth, value) < 0.6
        assert overlap(moved.labels, truth, value) > 0.7
    assert moved.soft is not None and moved.soft.shape == (2, 120, 201)
    np.testing.assert_array_equal(moved.labels == 1, moved.soft[0] >= 0.5)


def test_a_still_picture_keeps_the_mask_to_the_pixel() -> None:
    frame, labels = scene(0)
    session = build(BuildOptions(parameters={})).start(
        ClipInfo("c", 120, 201, (1, 2)), frame, labels
    )
    for _ in range(3):
        np.testing.assert_array_equal(session.step(frame).labels, labels)


def test_a_late_object_is_taken_as_given_and_followed() -> None:
    frame, labels = scene(0)
    first = np.where(labels == 1, labels, 0).astype(np.uint8)
    session = build(BuildOptions(parameters=FINE)).start(
        ClipInfo("c", 120, 201, (1,)), frame, first
    )
    assert 2 not in session.step(scene(1)[0]).labels
    frame, labels = scene(2)
    given = np.where(labels == 2, labels, 0).astype(np.uint8)
    arrival = session.step(frame, given)
    np.testing.assert_array_equal(arrival.labels == 2, given == 2)
    assert arrival.aux["object_ids"] == (1, 2)
    for t in (3, 4, 5):
        prediction = session.step(scene(t)[0])
    assert overlap(prediction.labels, scene(5)[1], 1) > 0.7
    assert overlap(prediction.labels, scene(5)[1], 2) > 0.7


def test_an_id_that_runs_is_started_afresh() -> None:
    frame, labels = scene(0)
    session = build(BuildOptions(parameters={})).start(
        ClipInfo("c", 120, 201, (1, 2)), frame, labels
    )
    given = np.zeros_like(labels)
    given[100:110, :10] = 1
    session.step(frame, given)
    np.testing.assert_array_equal(session.step(frame).labels == 1, given == 1)


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (17, 33), (64, 64)])
def test_any_frame_size_and_flat_pictures(size: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 90, np.uint8)
    labels = np.zeros(size, np.uint8)
    labels[-1, -1] = 1
    session = build(BuildOptions(parameters={})).start(ClipInfo("c", *size, (1,)), frame, labels)
    np.testing.assert_array_equal(session.step(frame).labels, labels)


def test_shrinking_averages_blocks_and_repeats_the_border() -> None:
    frame = np.zeros((3, 4, 3), np.uint8)
    frame[:, 2:] = 255
    frame[2, 0] = 255
    np.testing.assert_allclose(shrink(frame, 2), [[0, 1], [0.5, 1]], atol=1e-6)


def test_what_cannot_be_used_is_refused() -> None:
    for name, value in (("flow.algorithm", "x"), ("flow.shrink", 0), ("flow.radius", 65)):
        with pytest.raises(UsageError, match=f"{name} is .*; expected"):
            build(BuildOptions(parameters={name: value}))
    frame, labels = scene(0)
    session = build(BuildOptions(parameters={})).start(
        ClipInfo("c", 120, 201, (1, 2)), frame, labels
    )
    with pytest.raises(InputError, match="c: the frame is 119×201, the clip is 120×201"):
        session.step(frame[1:])
