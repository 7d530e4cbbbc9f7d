"""The state machine of a session with a network that segments by colour.

The stand-in keeps the mean colour under the mask as its template and calls every pixel of that
colour the object. So cropping, pasting, state, merging and late objects are tested with a network
that is right, apart from the real one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from vosbench_methods.dmvos.network import Features, Output, Template
from vosbench_methods.dmvos.parameters import Parameters
from vosbench_methods.dmvos.session import DMVOSSession, Model

from vosbench.errors import InputError, UsageError
from vosbench.types import ClipInfo

SIZE = (120, 200)
COLOURS = {1: (250, 30, 30), 2: (30, 250, 30), 3: (30, 30, 250)}


class ByColour:
    """Network stand-in; remembers what it was given."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.centres: list[list[float]] = []
        self.previous: list[Tensor | None] = []

    def encode(self, image: Tensor) -> Features:
        self.batches.append(len(image))
        size = (image.shape[2], image.shape[3])
        return Features(size, image, image, image, image, size)

    def make_template(self, features: Features, mask: Tensor) -> Template:
        weight = (mask > 0.5).float()
        colour = (features.embed * weight).sum((2, 3), keepdim=True)
        return Template(colour / weight.sum((2, 3), keepdim=True), mask)

    def segment(
        self, features: Features, template: Template, centre: Tensor, previous: Tensor | None
    ) -> Output:
        self.centres += centre.tolist()
        self.previous.append(previous)
        distance = (features.embed - template.z).abs().sum(1, keepdim=True)
        logits = 20 * (1.5 - distance)
        offset = torch.zeros(len(centre), 2, 4, 6)
        return Output(logits, torch.zeros(len(centre), 1, 4, 6), offset)

    def session(
        self, frame: NDArray[np.uint8], labels: NDArray[np.uint8], **parameters: Any
    ) -> DMVOSSession:
        ids = tuple(parameters.pop("ids", sorted(set(labels.ravel().tolist()) - {0, 255})))
        settings = Parameters(height=96, width=160, **parameters)
        cpu = torch.device("cpu")
        model = Model(self.encode, self.segment, self.make_template, cpu, torch.float32)
        return DMVOSSession(model, settings, ClipInfo("clip", *SIZE, ids), frame, labels)


def scene(boxes: dict[int, tuple[int, int]], side: int = 20) -> tuple[Any, Any]:
    """Grey frame with a square of each object's colour at its (x, y), and its labels."""
    frame = np.full((*SIZE, 3), 120, np.uint8)
    labels = np.zeros(SIZE, np.uint8)
    for object_id, (x, y) in boxes.items():
        frame[y : y + side, x : x + side] = COLOURS[object_id]
        labels[y : y + side, x : x + side] = object_id
    return frame, labels


def iou(labels: NDArray[np.uint8], truth: NDArray[np.uint8], object_id: int) -> float:
    first, second = labels == object_id, truth == object_id
    return float((first & second).sum() / (first | second).sum())


def test_follows_a_moving_object() -> None:
    session = ByColour().session(*scene({1: (20, 30)}))
    for step in range(1, 12):
        frame, truth = scene({1: (20 + 6 * step, 30 + 3 * step)})
        prediction = session.step(frame)
        assert iou(prediction.labels, truth, 1) > 0.9
        assert prediction.soft is not None and prediction.soft.shape == (1, *SIZE)
    assert prediction.labels.dtype == np.uint8 and prediction.soft.dtype == np.float32


def test_window_and_centre_come_from_the_frame_before() -> None:
    network = ByColour()
    session = network.session(*scene({1: (20, 40)}))
    # Box 20..40 x 40..60: window 30 px, but not under 32, about (30, 50).
    first = session.step(scene({1: (28, 40)})[0])
    assert first.aux["crop_box"][1] == pytest.approx((14, 34, 46, 66))
    assert first.aux["previous_centre"][1] == pytest.approx((30, 50))
    second = session.step(scene({1: (28, 40)})[0])
    x0, y0, x1, y1 = second.aux["crop_box"][1]
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((37, 50), abs=1)
    assert second.aux["previous_centre"][1] == pytest.approx((37, 50), abs=1)
    assert network.centres[0] == pytest.approx([0.5, 0.5])


def test_only_what_lies_in_the_window_is_found() -> None:
    session = ByColour().session(*scene({1: (20, 40)}))
    frame, _ = scene({1: (160, 80)})
    assert not session.step(frame).labels.any()


def test_lost_object_is_found_again_by_the_growing_window() -> None:
    session = ByColour().session(*scene({1: (20, 40)}))
    gone, (back, truth) = scene({})[0], scene({1: (160, 80)})
    for streak in range(1, 6):
        prediction = session.step(gone)
        assert not prediction.labels.any()
        assert prediction.aux["empty_streak"] == {1: streak}
        assert 1 not in prediction.aux["voted_centre"]
    for _ in range(8):
        prediction = session.step(back)
    assert iou(prediction.labels, truth, 1) > 0.9
    assert prediction.aux["empty_streak"] == {1: 0}


def test_voted_centre_is_in_frame_pixels() -> None:
    session = ByColour().session(*scene({1: (20, 40)}), crop=False)
    prediction = session.step(scene({1: (100, 60)})[0])
    # No offsets: the votes are the cells' own centres, and cells are a sixth and a quarter wide.
    assert prediction.aux["voted_centre"][1] == pytest.approx((110, 70), abs=18)


def test_objects_keep_apart_and_batches_are_bounded() -> None:
    where = {1: (20, 30), 2: (90, 30), 3: (150, 80)}
    network = ByColour()
    session = network.session(*scene(where), batch=2)
    frame, truth = scene({k: (x + 4, y + 2) for k, (x, y) in where.items()})
    prediction = session.step(frame)
    for object_id in where:
        assert iou(prediction.labels, truth, object_id) > 0.9
    assert network.batches == [2, 1, 2, 1]
    alone = ByColour().session(*scene(where), batch=1).step(frame)
    assert np.array_equal(alone.labels, prediction.labels)


@pytest.mark.parametrize("batch", [1, 8])
def test_whole_frame_is_encoded_once_for_all_objects(batch: int) -> None:
    network = ByColour()
    start = scene({1: (20, 30), 2: (90, 30)})
    session = network.session(*start, crop=False, batch=batch)
    frame, truth = scene({1: (30, 30), 2: (60, 70)})
    prediction = session.step(frame)
    assert network.batches == [1, 1]
    assert iou(prediction.labels, truth, 1) > 0.85 and iou(prediction.labels, truth, 2) > 0.85
    assert prediction.aux["crop_box"][2] == (0, 0, 200, 120)


def test_late_object_gets_its_own_template() -> None:
    session = ByColour().session(*scene({1: (20, 30)}))
    frame, labels = scene({1: (24, 30), 2: (120, 60)})
    arriving = np.where(labels == 2, labels, 0).astype(np.uint8)
    prediction = session.step(frame, arriving)
    assert prediction.aux["object_ids"] == (1, 2)
    assert np.array_equal(prediction.labels == 2, labels == 2)
    assert prediction.soft is not None and prediction.soft.shape == (2, *SIZE)
    frame, truth = scene({1: (28, 30), 2: (126, 62)})
    prediction = session.step(frame)
    assert iou(prediction.labels, truth, 1) > 0.9
    assert iou(prediction.labels, truth, 2) > 0.9


def test_object_without_pixels_waits_for_its_mask() -> None:
    session = ByColour().session(*scene({1: (20, 30)}), ids=(1, 3))
    frame, labels = scene({1: (24, 30), 3: (120, 60)})
    prediction = session.step(frame)
    assert prediction.soft is not None and prediction.soft.shape == (2, *SIZE)
    assert not prediction.soft[1].any() and 3 not in prediction.labels
    prediction = session.step(frame, np.where(labels == 3, labels, 0).astype(np.uint8))
    assert prediction.aux["object_ids"] == (1, 3)
    assert np.array_equal(prediction.labels == 3, labels == 3)


def test_an_id_that_runs_is_started_afresh() -> None:
    session = ByColour().session(*scene({1: (20, 30)}))
    frame, _ = scene({1: (24, 30), 2: (120, 60)})
    corrected = np.zeros(SIZE, np.uint8)
    corrected[60:80, 120:140] = 1  # object 1 is now the green square
    prediction = session.step(frame, corrected)
    assert np.array_equal(prediction.labels, corrected)
    assert np.array_equal(session.step(frame).labels == 1, corrected == 1)


def test_no_object_at_all() -> None:
    frame, labels = scene({})
    session = ByColour().session(frame, labels)
    prediction = session.step(frame)
    assert not prediction.labels.any()
    assert prediction.soft is not None and prediction.soft.shape == (0, *SIZE)
    labels[:20, :20] = 2
    assert session.step(frame, labels).aux["object_ids"] == (2,)


def test_previous_mask_is_cropped_like_the_frame() -> None:
    network = ByColour()
    session = network.session(*scene({1: (20, 40)}), previous_mask=True)
    session.step(scene({1: (20, 40)})[0])
    (given,) = network.previous
    assert given is not None and given.shape == (1, 1, 96, 160)
    # The object fills 20 of the window's 32 px each way.
    assert given.mean().item() == pytest.approx((20 / 32) ** 2, abs=0.02)
    assert given[0, 0, 48, 80] == 1 and given[0, 0, 2, 2] == 0


def test_oracle_box_looks_where_the_truth_is() -> None:
    session = ByColour().session(*scene({1: (20, 40)}), oracle_box=True)
    frame, truth = scene({1: (160, 80)})
    session.observe_truth(truth)
    prediction = session.step(frame)
    assert iou(prediction.labels, truth, 1) > 0.9
    assert prediction.aux["crop_box"][1] == pytest.approx((154, 74, 186, 106))


def test_oracle_centre_gives_the_true_centre_only() -> None:
    network = ByColour()
    session = network.session(*scene({1: (20, 40)}), oracle_centre=True)
    frame, truth = scene({1: (26, 44)})
    session.observe_truth(truth)
    prediction = session.step(frame)
    assert prediction.aux["previous_centre"][1] == pytest.approx((36, 54))
    assert prediction.aux["crop_box"][1] == pytest.approx((14, 34, 46, 66))
    # Where the truth has no such object, the session's own centre is used.
    session.observe_truth(np.zeros(SIZE, np.uint8))
    assert session.step(frame).aux["previous_centre"][1] == pytest.approx((36, 54), abs=1)


def test_oracle_without_truth_is_an_error_and_truth_without_oracle_is_unused() -> None:
    frame, labels = scene({1: (20, 40)})
    with pytest.raises(UsageError, match="truth"):
        ByColour().session(frame, labels, oracle_box=True).step(frame)
    plain, shown = ByColour().session(frame, labels), ByColour().session(frame, labels)
    moved, _ = scene({1: (24, 42)})
    shown.observe_truth(scene({1: (160, 80)})[1])
    assert np.array_equal(plain.step(moved).labels, shown.step(moved).labels)


def test_void_and_unlisted_labels_are_no_objects() -> None:
    frame, labels = scene({1: (20, 40)})
    labels[0, :] = 255
    session = ByColour().session(frame, labels, ids=(1,))
    assert session.step(frame).aux["object_ids"] == (1,)


def test_wrong_sizes_are_named() -> None:
    frame, labels = scene({1: (20, 40)})
    session = ByColour().session(frame, labels)
    with pytest.raises(InputError, match=r"clip: the frame is 100×200, the clip is 120×200"):
        session.step(frame[:100])
    with pytest.raises(InputError, match="first mask"):
        ByColour().session(frame, labels[:, :50])


def test_read_only_frames_are_taken() -> None:
    frame, labels = scene({1: (20, 40)})
    frame.flags.writeable = labels.flags.writeable = False
    kept = frame.copy()
    ByColour().session(frame, labels).step(frame)
    assert np.array_equal(frame, kept)


def test_callers_may_write_on_what_they_get() -> None:
    frame, labels = scene({1: (20, 40)})
    network = ByColour()
    session = network.session(frame, labels, previous_mask=True)
    for _ in range(2):
        prediction = session.step(frame)
        assert prediction.soft is not None
        prediction.soft[:] = 0
        prediction.labels[:] = 9
    (first, second) = (mask > 0.5 for mask in network.previous if mask is not None)
    assert ((first & second).sum() / (first | second).sum()).item() > 0.9
