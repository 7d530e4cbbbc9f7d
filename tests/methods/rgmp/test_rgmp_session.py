"""A clip through RGMP: what is fed back, what is told, and objects that come late."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from vosbench_methods.rgmp.network import RGMPNet
from vosbench_methods.rgmp.parameters import Parameters
from vosbench_methods.rgmp.passes import Model
from vosbench_methods.rgmp.session import RGMPSession

from tests.methods.rgmp.narrow import narrow_network
from vosbench.errors import InputError, UsageError
from vosbench.types import ClipInfo, Prediction

SIZE = (50, 71)


@pytest.fixture(scope="module")
def net() -> RGMPNet:
    return narrow_network(seed=2)


def model(net: RGMPNet, *, scales: tuple[float, ...] = (0.5, 1.0), batch: int = 1) -> Model:
    return Model(net.encode_reference, net.forward, torch.device("cpu"), scales, batch)


def clip(size: tuple[int, int] = SIZE) -> tuple[list[Any], Any]:
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(4)]
    labels = np.zeros(size, np.uint8)
    labels[: size[0] // 2, : size[1] // 2] = 1
    labels[size[0] // 2 :, size[1] // 2 :] = 2
    return frames, labels


def run(
    net: RGMPNet, ids: tuple[int, ...] = (1, 2), *, steps: int = 2, **parameters: Any
) -> list[Prediction]:
    frames, labels = clip()
    labels = np.where(np.isin(labels, ids), labels, 0).astype(np.uint8)
    session = RGMPSession(
        model(net), Parameters(**parameters), ClipInfo("clip", *SIZE, ids), frames[0], labels
    )
    return [session.step(frame) for frame in frames[1 : steps + 1]]


def soft_of(prediction: Prediction) -> np.ndarray:
    assert prediction.soft is not None
    return prediction.soft


def test_soft_masks_are_each_objects_own(net: RGMPNet) -> None:
    together = soft_of(run(net, steps=1)[0])
    for place, one in enumerate((1, 2)):
        alone = soft_of(run(net, (one,), steps=1)[0])
        np.testing.assert_allclose(together[place], alone[0], atol=1e-6)
    assert np.abs(together.sum(axis=0) - 1).max() > 1e-3


def test_one_object_wins_above_one_half(net: RGMPNet) -> None:
    for prediction in run(net, (2,)):
        soft = soft_of(prediction)[0]
        assert 0 < (soft > 0.5).mean() < 1
        np.testing.assert_array_equal(prediction.labels, np.where(soft > 0.5, 2, 0))


def test_what_competed_is_fed_back(net: RGMPNet) -> None:
    # alone and together, an object's first answers are equal; its second are not
    together = soft_of(run(net)[1])[0]
    alone = soft_of(run(net, (1,))[1])[0]
    assert np.abs(together - alone).max() > 1e-3


def test_objects_together_or_one_by_one(net: RGMPNet) -> None:
    frames, labels = clip()
    answers = []
    for batch in (1, 8):
        session = RGMPSession(
            model(net, batch=batch), Parameters(), ClipInfo("c", *SIZE, (1, 2)), frames[0], labels
        )
        answers.append(soft_of([session.step(frame) for frame in frames[1:3]][1]))
    np.testing.assert_allclose(*answers, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (32, 64), (33, 31), (17, 130)])
def test_any_frame_size(net: RGMPNet, size: tuple[int, int]) -> None:
    frames, labels = clip(size)
    labels[-1, -1] = 2
    session = RGMPSession(model(net), Parameters(), ClipInfo("c", *size, (2,)), frames[0], labels)
    prediction = session.step(frames[1])
    assert prediction.labels.shape == size
    assert soft_of(prediction).shape == (1, *size)


def test_ids_keep_their_names(net: RGMPNet) -> None:
    frames, labels = clip()
    names = np.array([0, 7, 200], np.uint8)
    session = RGMPSession(
        model(net), Parameters(), ClipInfo("c", *SIZE, (7, 200)), frames[0], names[labels]
    )
    for frame, plain in zip(frames[1:3], run(net), strict=True):
        found = session.step(frame)
        np.testing.assert_array_equal(found.labels, names[plain.labels])
        assert found.aux["object_ids"] == (7, 200)


def test_a_late_object_is_taken_as_given_and_followed(net: RGMPNet) -> None:
    frames, labels = clip()
    first = np.where(labels == 1, labels, 0).astype(np.uint8)
    given = np.where(labels == 2, labels, 0).astype(np.uint8)
    given[0, :3] = 255
    session = RGMPSession(model(net), Parameters(), ClipInfo("c", *SIZE, (1,)), frames[0], first)
    assert soft_of(session.step(frames[1])).shape[0] == 1
    arrival = session.step(frames[2], given)
    assert set(np.unique(arrival.labels)) <= {0, 1, 2}
    np.testing.assert_array_equal(arrival.labels == 2, given == 2)
    np.testing.assert_array_equal(soft_of(arrival)[1], (given == 2).astype(np.float32))
    after = session.step(frames[3])
    assert after.aux["object_ids"] == (1, 2)
    # it has its own reference: what it starts on, not the clip's first frame
    alone = RGMPSession(
        model(net),
        Parameters(),
        ClipInfo("c", *SIZE, (2,)),
        frames[2],
        np.where(labels == 2, labels, 0).astype(np.uint8),
    )
    np.testing.assert_allclose(soft_of(after)[1], soft_of(alone.step(frames[3]))[0], atol=1e-6)


def test_an_object_without_a_pixel_waits(net: RGMPNet) -> None:
    frames, labels = clip()
    session = RGMPSession(
        model(net), Parameters(), ClipInfo("c", *SIZE, (1, 2, 5)), frames[0], labels
    )
    waiting = session.step(frames[1])
    assert soft_of(waiting).shape[0] == 3
    assert soft_of(waiting)[2].max() == 0
    np.testing.assert_array_equal(waiting.labels, run(net, steps=1)[0].labels)
    given = np.zeros(SIZE, np.uint8)
    given[5:9, 5:9] = 5
    session.step(frames[2], given)
    assert soft_of(session.step(frames[3]))[2].max() > 0


def test_a_clip_without_objects_is_all_background(net: RGMPNet) -> None:
    frames, labels = clip()
    session = RGMPSession(model(net), Parameters(), ClipInfo("c", *SIZE, ()), frames[0], labels)
    prediction = session.step(frames[1])
    assert prediction.labels.max() == 0
    assert soft_of(prediction).shape == (0, *SIZE)


def test_an_id_that_runs_is_started_afresh(net: RGMPNet) -> None:
    frames, labels = clip()
    restarted = RGMPSession(
        model(net),
        Parameters(),
        ClipInfo("c", *SIZE, (1,)),
        frames[0],
        (labels == 1).astype(np.uint8),
    )
    again = (labels == 2).astype(np.uint8)
    restarted.step(frames[1], again)
    fresh = RGMPSession(model(net), Parameters(), ClipInfo("c", *SIZE, (1,)), frames[1], again)
    np.testing.assert_array_equal(
        soft_of(restarted.step(frames[2])), soft_of(fresh.step(frames[2]))
    )


@pytest.mark.parametrize(
    ("changes", "objects"),
    [
        ({"previous_mask": "none"}, (1,)),
        ({"previous_mask": "hard"}, (1,)),
        ({"reference": False}, (1,)),
        ({"background": "product"}, (1, 2)),
    ],
)
def test_what_is_taken_out_changes_the_answer(
    net: RGMPNet, changes: dict[str, Any], objects: tuple[int, ...]
) -> None:
    plain, changed = run(net, objects)[1], run(net, objects, **changes)[1]
    assert np.abs(soft_of(plain) - soft_of(changed)).max() > 1e-3


def test_without_previous_mask_nothing_is_carried_on(net: RGMPNet) -> None:
    frames, labels = clip()
    session = RGMPSession(
        model(net),
        Parameters(previous_mask="none"),
        ClipInfo("c", *SIZE, (1, 2)),
        frames[0],
        labels,
    )
    first = session.step(frames[1])
    session.step(frames[2])
    np.testing.assert_array_equal(soft_of(session.step(frames[1])), soft_of(first))


def test_without_reference_the_first_frame_is_not_looked_at(net: RGMPNet) -> None:
    frames, labels = clip()
    answers = []
    for start in frames[:2]:
        session = RGMPSession(
            model(net), Parameters(reference=False), ClipInfo("c", *SIZE, (1, 2)), start, labels
        )
        answers.append(soft_of(session.step(frames[2])))
    np.testing.assert_array_equal(*answers)


def test_the_oracle_feeds_the_truth_of_the_last_frame(net: RGMPNet) -> None:
    frames, labels = clip()
    info = ClipInfo("c", *SIZE, (1, 2))
    truth = np.roll(labels, 9, axis=1)
    shown = RGMPSession(model(net), Parameters(oracle_previous_mask=True), info, frames[0], labels)
    shown.observe_truth(truth)
    first = shown.step(frames[1])
    np.testing.assert_array_equal(first.labels, run(net, steps=1)[0].labels)
    shown.observe_truth(None)
    second = soft_of(shown.step(frames[2]))
    # no reference, so that a session started on the true mask is in the same state
    parameters = Parameters(oracle_previous_mask=True, reference=False)
    without = RGMPSession(model(net), parameters, info, frames[0], labels)
    without.observe_truth(truth)
    without.step(frames[1])
    without.observe_truth(None)
    started = RGMPSession(model(net), Parameters(reference=False), info, frames[1], truth)
    np.testing.assert_array_equal(
        soft_of(without.step(frames[2])), soft_of(started.step(frames[2]))
    )
    assert np.abs(second - soft_of(run(net)[1])).max() > 1e-3
    with pytest.raises(UsageError, match="none was shown"):
        shown.step(frames[3])


def test_a_frame_of_another_size_is_refused(net: RGMPNet) -> None:
    frames, labels = clip()
    session = RGMPSession(model(net), Parameters(), ClipInfo("c", *SIZE, (1, 2)), frames[0], labels)
    with pytest.raises(InputError, match=r"c: the frame is 49×71, the clip is 50×71"):
        session.step(frames[1][1:])
    with pytest.raises(InputError, match="mask of new objects is 50×70"):
        session.step(frames[1], labels[:, 1:])
