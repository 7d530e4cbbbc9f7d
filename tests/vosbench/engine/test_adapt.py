"""Methods of every capability look alike to the loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vosbench.engine.adapt import adapt
from vosbench.engine.merging import merge_argmax
from vosbench.method_card import Capabilities
from vosbench.types import RGB, ClipInfo, LabelMap, OracleSession, Prediction, Session

FRAME: RGB = np.zeros((2, 4, 3), np.uint8)
LABELS: LabelMap = np.array([[3, 3, 0, 0], [0, 0, 7, 7]], np.uint8)
CLIP = ClipInfo("clip", 2, 4, (3, 7))


class Recorder:
    """A method that repeats its first mask and remembers what it was given."""

    def __init__(self, soft: dict[int, float] | None = None) -> None:
        self.started: list[tuple[tuple[int, ...], LabelMap]] = []
        self.truths: list[LabelMap | None] = []
        self._soft = soft

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Session:
        self.started.append((clip.object_ids, labels))
        return RecorderSession(self, clip, labels, self._soft)


class RecorderSession:
    def __init__(
        self, owner: Recorder, clip: ClipInfo, labels: LabelMap, soft: dict[int, float] | None
    ) -> None:
        self._owner, self._clip, self._labels, self._soft = owner, clip, labels, soft

    def observe_truth(self, labels: LabelMap | None) -> None:
        self._owner.truths.append(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        aux = {"crop_box": {one: (0, 0, 1, 1) for one in self._clip.object_ids}}
        if self._soft is None:
            return Prediction(self._labels, None, aux)
        sum_of_labels = int(self._labels.sum())
        value = self._soft[sum_of_labels]
        return Prediction(self._labels, np.full((1, 2, 4), value, np.float32), aux)


def test_able_method_is_left_alone() -> None:
    method = Recorder()
    assert adapt(method, Capabilities(multi_object=True, late_objects=True)) is method


def test_single_object_method_gets_a_session_per_object_as_id_1() -> None:
    method = Recorder()
    session = adapt(method, Capabilities()).start(CLIP, FRAME, LABELS)
    assert [ids for ids, _ in method.started] == [(1,), (1,)]
    np.testing.assert_array_equal(method.started[0][1], LABELS == 3)
    np.testing.assert_array_equal(method.started[1][1], LABELS == 7)
    prediction = session.step(FRAME)
    np.testing.assert_array_equal(prediction.labels, LABELS)
    assert set(prediction.aux["crop_box"]) == {3, 7}


def test_the_more_probable_object_wins_and_weak_ones_lose_to_background() -> None:
    method = Recorder(soft={2: 0.6})
    session = adapt(method, Capabilities(soft_masks=True)).start(CLIP, FRAME, LABELS)
    assert (session.step(FRAME).labels == 3).all(), "a tie goes to the first object"
    method = Recorder(soft={2: 0.49})
    session = adapt(method, Capabilities(soft_masks=True)).start(CLIP, FRAME, LABELS)
    assert (session.step(FRAME).labels == 0).all()


def test_late_object_starts_a_session_and_keeps_its_given_mask() -> None:
    method = Recorder()
    session = adapt(method, Capabilities(multi_object=True)).start(CLIP, FRAME, LABELS)
    late: LabelMap = np.array([[0, 0, 5, 0], [0, 0, 0, 0]], np.uint8)
    first = session.step(FRAME, late)
    expected = LABELS.copy()
    expected[0, 2] = 5
    np.testing.assert_array_equal(first.labels, expected)
    assert [ids for ids, _ in method.started] == [(3, 7), (5,)]
    np.testing.assert_array_equal(session.step(FRAME).labels, expected)
    assert first.soft is not None
    assert first.soft.shape == (3, 2, 4)


def test_each_session_is_shown_its_own_objects_truth() -> None:
    method = Recorder()
    session = adapt(method, Capabilities()).start(CLIP, FRAME, LABELS)
    assert isinstance(session, OracleSession)
    session.observe_truth(LABELS)
    np.testing.assert_array_equal(method.truths[1], (LABELS == 7).astype(np.uint8))
    session.observe_truth(None)
    assert method.truths[2:] == [None, None]


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_merge_against_a_loop(threshold: float) -> None:
    random = np.random.default_rng(0)
    soft = random.random((3, 5, 6)).astype(np.float32)
    ids = (2, 9, 254)
    expected = np.zeros((5, 6), np.uint8)
    for y in range(5):
        for x in range(6):
            best = max(range(3), key=lambda k: soft[k, y, x])
            if soft[best, y, x] >= threshold:
                expected[y, x] = ids[best]
    np.testing.assert_array_equal(merge_argmax(soft, ids, threshold=threshold), expected)


class InPlace(Recorder):
    """Normalises the frame where it stands."""

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Session:
        super().start(clip, frame, labels)
        owner, seen = self, self.seen

        class Spoils(RecorderSession):
            def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
                seen.append(int(frame.sum()))
                frame[:] = 0
                return super().step(frame, new_objects)

        return Spoils(owner, clip, labels, None)

    seen: list[int]


def test_sessions_do_not_spoil_each_others_frame() -> None:
    method = InPlace()
    method.seen = []
    session = adapt(method, Capabilities()).start(CLIP, FRAME, LABELS)
    session.step(np.full_like(FRAME, 3))
    assert method.seen == [72, 72]


def test_a_methods_own_labels_stand_while_it_is_alone() -> None:
    method = Recorder()
    session = adapt(method, Capabilities(multi_object=True)).start(CLIP, FRAME, LABELS)

    class Own:
        def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
            return Prediction(np.zeros_like(LABELS), np.full((2, 2, 4), 0.9, np.float32))

    session._groups[0] = replace(session._groups[0], session=Own())  # type: ignore[attr-defined]
    assert (session.step(FRAME).labels == 0).all()


def test_a_given_mask_wins_over_what_runs_already() -> None:
    method = Recorder()
    session = adapt(method, Capabilities(multi_object=True)).start(CLIP, FRAME, LABELS)
    late: LabelMap = np.where(LABELS == 3, np.uint8(9), np.uint8(0))
    np.testing.assert_array_equal(session.step(FRAME, late).labels == 9, LABELS == 3)
