from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from vosbench_methods.baselines import TRUTH_NOISE, TRUTH_SHIFTED
from vosbench_methods.baselines.truth import build_noise, build_shifted, noisy

from vosbench.errors import UsageError
from vosbench.types import BuildOptions, ClipInfo, OracleSession

SIZE = (80, 120)
FRAME = np.zeros((*SIZE, 3), np.uint8)


def disc(x: float, *, radius: float = 20, value: int = 1) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = (rows - 40) ** 2 + (columns - x) ** 2 < radius**2
    return (inside * value).astype(np.uint8)


def shifted(frames: int, ids: tuple[int, ...] = (1,)) -> Any:
    options = BuildOptions(parameters={"shift.frames": frames}, oracle=True)
    return build_shifted(options).start(ClipInfo("c", *SIZE, ids), FRAME, disc(30))


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_the_truth_comes_late(frames: int) -> None:
    truths = [disc(30 + 5 * t) for t in range(8)]
    session = shifted(frames)
    assert isinstance(session, OracleSession)
    for t in range(1, 8):
        session.observe_truth(truths[t])
        expected = truths[max(t - frames, 0)]
        np.testing.assert_array_equal(session.step(FRAME).labels, expected)


def test_frames_without_truth_leave_the_last_one() -> None:
    session = shifted(1)
    answers = []
    for truth in (disc(40), None, disc(60), disc(70)):
        session.observe_truth(truth)
        answers.append(session.step(FRAME).labels)
    for answer, x in zip(answers, (30, 40, 40, 60), strict=True):
        np.testing.assert_array_equal(answer, disc(x))


def test_a_late_object_waits_with_its_given_mask() -> None:
    session = shifted(2)
    late = [disc(80 + t, radius=8, value=4) for t in range(6)]
    for t in range(1, 6):
        truth = np.maximum(disc(30), late[t])  # it is in the truth before it is given
        session.observe_truth(truth)
        labels = session.step(FRAME, late[2] if t == 2 else None).labels
        if t == 1:
            assert set(np.unique(labels)) == {0, 1}
        else:
            np.testing.assert_array_equal(labels == 4, late[max(t - 2, 2)] == 4)


def test_ids_that_the_clip_does_not_have_and_void_are_left_out() -> None:
    session = shifted(0)
    truth = disc(30)
    truth[0, :5], truth[1, :5] = 9, 255
    session.observe_truth(truth)
    assert set(np.unique(session.step(FRAME).labels)) == {0, 1}


def radii(labels: np.ndarray) -> np.ndarray:
    """Distance of the contour of a disc from its centre, px, in 72 directions."""
    from skimage.measure import find_contours

    (contour,) = find_contours((labels == 1).astype(float), 0.5)
    angle = np.arctan2(contour[:, 0] - 40, contour[:, 1] - 60)
    distance = np.hypot(contour[:, 0] - 40, contour[:, 1] - 60)
    return np.array([distance[np.abs(angle - a).argmin()] for a in np.linspace(-3.1, 3.1, 72)])


@pytest.mark.parametrize("pixels", [1.0, 3.0])
def test_contours_are_off_by_as_much_as_said(pixels: float) -> None:
    clean = radii(disc(60, radius=26))
    moved = [
        radii(noisy(disc(60, radius=26), {1: 0}, pixels=pixels, correlation=8.0, seed=[0, n]))
        - clean
        for n in range(30)
    ]
    assert np.std(moved) == pytest.approx(pixels, rel=0.12)
    assert abs(np.mean(moved)) < 0.15 * pixels + 0.1


def test_without_noise_the_truth_comes_back() -> None:
    labels = np.maximum(disc(30), disc(60, value=2))
    labels[:, 100:] = 5  # up to the border
    kept = noisy(labels, {1: 3, 2: 4, 5: 5}, pixels=0.0, correlation=8.0, seed=[0, 1])
    np.testing.assert_array_equal(kept, labels)


def test_an_object_that_fills_the_frame_stays_about_there() -> None:
    labels = np.ones(SIZE, np.uint8)
    assert noisy(labels, {1: 0}, pixels=2.0, correlation=8.0, seed=[0, 1]).mean() > 0.9


def test_the_seed_decides_and_frames_differ() -> None:
    def run(seed: int) -> list[np.ndarray]:
        options = BuildOptions(parameters={"noise.pixels": 2.0}, seed=seed, oracle=True)
        session = build_noise(options).start(ClipInfo("c", *SIZE, (1,)), FRAME, disc(30))
        assert isinstance(session, OracleSession)
        answers = []
        for _ in range(2):
            session.observe_truth(disc(60))
            answers.append(session.step(FRAME).labels)
        return answers

    first, again, other = run(0), run(0), run(1)
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()
    assert (first[0] != other[0]).any()
    for labels in first:
        overlap = ((labels == 1) & (disc(60) == 1)).sum() / (np.maximum(labels, disc(60)) > 0).sum()
        assert 0.6 < overlap < 1


def test_a_late_object_is_answered_as_given_then_noisily() -> None:
    options = BuildOptions(parameters={"noise.pixels": 2.0}, oracle=True)
    session = build_noise(options).start(ClipInfo("c", *SIZE, (1,)), FRAME, disc(30))
    late = disc(90, radius=12, value=4)
    truth = np.maximum(disc(30), late)
    session.observe_truth(truth)
    assert 4 not in session.step(FRAME).labels
    session.observe_truth(truth)
    np.testing.assert_array_equal(session.step(FRAME, late).labels == 4, late == 4)
    session.observe_truth(truth)
    after = session.step(FRAME).labels == 4
    assert after.any() and (after != (late == 4)).any()


def test_only_variants_run_and_they_must_be_shown_the_truth() -> None:
    for plugin in (TRUTH_SHIFTED, TRUTH_NOISE):
        with pytest.raises(UsageError, match="is an ORACLE") as caught:
            plugin.build(BuildOptions(parameters={}))
        assert "@any" in caught.value.hint
        method = plugin.build(BuildOptions(parameters={}, oracle=True))
        assert not hasattr(method, "segment")
        session = method.start(ClipInfo("c", *SIZE, (1,)), FRAME, disc(30))
        with pytest.raises(UsageError, match="none was shown"):
            session.step(FRAME)


@pytest.mark.parametrize(
    ("build", "name", "value"),
    [
        (build_shifted, "shift.frames", -1),
        (build_noise, "noise.pixels", -0.5),
        (build_noise, "noise.correlation", 0.5),
    ],
)
def test_a_useless_parameter_is_refused(build: Any, name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name} is {value}; expected"):
        build(BuildOptions(parameters={name: value}, oracle=True))
