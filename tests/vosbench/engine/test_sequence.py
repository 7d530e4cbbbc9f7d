"""One sequence through one method: what is written, what is refused, what a method may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis
from vosbench.data import open_dataset
from vosbench.data.masks import read_labels
from vosbench.engine.sequence import SequenceFailed, run_sequence
from vosbench.method_card import Capabilities
from vosbench.timing import Trace
from vosbench.types import RGB, ClipInfo, ClipMethod, LabelMap, Method, Prediction, Sequence

NATIVE = Capabilities(multi_object=True, late_objects=True)
Answer = Callable[[int, LabelMap], LabelMap]


class Scripted:
    """Answers frame `index` with `answer(index, first_mask)`; remembers all it was given."""

    def __init__(self, answer: Answer = lambda index, first: first) -> None:
        self.answer = answer
        self.frames: list[RGB] = []
        self.first: LabelMap | None = None
        self.late: dict[int, LabelMap] = {}

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Scripted:
        self.frames, self.first, self.clip = [frame], labels, clip
        return self

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        assert self.first is not None
        self.frames.append(frame)
        index = len(self.frames) - 1
        if new_objects is not None:
            self.late[index] = new_objects
        return Prediction(self.answer(index, self.first))


@pytest.fixture
def sequence(make_davis: MakeDavis) -> Sequence:
    root = make_davis({"alpha": 5})
    return open_dataset("davis2017", split="val", root=root).sequences[0]


def segment(
    method: Method | ClipMethod, sequence: Sequence, folder: Path, *, oracle: bool = False
) -> dict[str, str]:
    return run_sequence(
        method,
        sequence,
        capabilities=NATIVE,
        folder=folder / "masks",
        trace=Trace(sequence.name),
        late={},
        oracle=oracle,
    )


def test_every_frame_is_written_and_the_first_is_the_given_mask(
    sequence: Sequence, tmp_path: Path
) -> None:
    digests = segment(Scripted(lambda i, first: np.roll(first, i, 1)), sequence, tmp_path)
    assert list(digests) == [ref.name for ref in sequence.frames]
    given = read_labels(sequence.frames[0].annotation or Path(), "ids")
    for index, ref in enumerate(sequence.frames):
        written = read_labels(tmp_path / "masks" / f"{ref.name}.png", "ids")
        np.testing.assert_array_equal(written, np.roll(given, index, 1))


def test_a_method_sees_the_frames_in_order_and_nothing_of_later_masks(
    sequence: Sequence, tmp_path: Path
) -> None:
    method = Scripted()
    segment(method, sequence, tmp_path)
    for seen, ref in zip(method.frames, sequence.frames, strict=True):
        assert ref.image is not None
        np.testing.assert_array_equal(seen, np.asarray(Image.open(ref.image)))
    assert method.late == {}
    assert method.clip.object_ids == (1, 2)


def test_void_is_not_given_as_an_object(make_davis: MakeDavis, tmp_path: Path) -> None:
    root = make_davis({"alpha": 3})
    path = root / "Annotations" / "480p" / "alpha" / "00000.png"
    labels = np.array(Image.open(path))
    labels[0, :5] = 255
    Image.fromarray(labels).save(path)
    method = Scripted()
    segment(method, open_dataset("davis2017", split="val", root=root).sequences[0], tmp_path)
    assert method.first is not None
    assert set(np.unique(method.first).tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda i, first: first.astype(np.int64), "int64, not uint8"),
        (lambda i, first: first[:, :-1], "the frame (48, 64)"),
        (lambda i, first: np.where(first == 0, np.uint8(9), first), "ids [9]"),
        (lambda i, first: None, "not uint8"),
    ],
)
def test_broken_contract_is_named_with_its_frame(
    sequence: Sequence, tmp_path: Path, answer: Answer, says: str
) -> None:
    with pytest.raises(SequenceFailed) as caught:
        segment(Scripted(answer), sequence, tmp_path)
    assert says in caught.value.failure.message
    assert caught.value.failure.kind == "MethodDefect"
    assert caught.value.failure.frame == "00001"


def test_failure_keeps_the_frame_and_the_traceback(sequence: Sequence, tmp_path: Path) -> None:
    def fail(index: int, first: LabelMap) -> LabelMap:
        if index == 3:
            raise ZeroDivisionError("by nothing")
        return first

    with pytest.raises(SequenceFailed) as caught:
        segment(Scripted(fail), sequence, tmp_path)
    failure = caught.value.failure
    assert (failure.kind, failure.frame) == ("ZeroDivisionError", "00003")
    assert "raise ZeroDivisionError" in failure.traceback


def test_interrupt_is_not_taken_for_a_failure(sequence: Sequence, tmp_path: Path) -> None:
    def stop(index: int, first: LabelMap) -> LabelMap:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment(Scripted(stop), sequence, tmp_path)


def test_oracle_without_a_place_for_truth_is_refused(sequence: Sequence, tmp_path: Path) -> None:
    with pytest.raises(SequenceFailed, match="observe_truth"):
        segment(Scripted(), sequence, tmp_path, oracle=True)


class WholeClip:
    """Answers a clip at once, with `count` predictions."""

    def __init__(self, count: int) -> None:
        self._count = count

    def segment(self, sequence: Sequence) -> Iterator[Prediction]:
        for index in range(self._count):
            labels = np.full((sequence.height, sequence.width), index % 2, np.uint8)
            yield Prediction(labels)


def test_whole_clip_methods_are_written_alike(sequence: Sequence, tmp_path: Path) -> None:
    assert len(segment(WholeClip(5), sequence, tmp_path)) == 5
    written = read_labels(tmp_path / "masks" / "00001.png", "ids")
    assert (written == 1).all()


@pytest.mark.parametrize(("count", "says"), [(4, "4 predictions for 5"), (6, "more than 5")])
def test_whole_clip_methods_must_answer_every_frame(
    sequence: Sequence, tmp_path: Path, count: int, says: str
) -> None:
    with pytest.raises(SequenceFailed, match=says):
        segment(WholeClip(count), sequence, tmp_path)


class Reuses:
    """Answers every frame with the same array, filled anew, and spoils what it is given."""

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Reuses:
        self.buffer = labels.copy()
        self.index = 0
        labels[:] = 0
        frame[:] = 0
        return self

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        self.index += 1
        self.buffer[:] = 0
        self.buffer[: self.index, 0] = 1
        return Prediction(self.buffer)


def test_a_method_may_use_its_arrays_again(sequence: Sequence, tmp_path: Path) -> None:
    segment(Reuses(), sequence, tmp_path)
    given = read_labels(sequence.frames[0].annotation or Path(), "ids")
    first = read_labels(tmp_path / "masks" / "00000.png", "ids")
    np.testing.assert_array_equal(first, given)
    for index, ref in enumerate(sequence.frames[1:], start=1):
        written = read_labels(tmp_path / "masks" / f"{ref.name}.png", "ids")
        assert int(written.sum()) == index


class Peeks:
    """A whole-clip method that looks for annotations."""

    def __init__(self) -> None:
        self.annotated: list[str] = []

    def segment(self, sequence: Sequence) -> Iterator[Prediction]:
        self.annotated = [ref.name for ref in sequence.frames if ref.annotation is not None]
        for _ in sequence.frames:
            yield Prediction(np.zeros((sequence.height, sequence.width), np.uint8))


def test_a_whole_clip_method_sees_the_first_annotation_only(
    sequence: Sequence, tmp_path: Path
) -> None:
    method = Peeks()
    segment(method, sequence, tmp_path)
    assert method.annotated == ["00000"]
    with pytest.raises(SequenceFailed, match="cannot be shown the truth"):
        segment(Peeks(), sequence, tmp_path, oracle=True)


def test_a_method_that_exits_is_a_failure_with_its_frame(
    sequence: Sequence, tmp_path: Path
) -> None:
    def leave(index: int, first: LabelMap) -> LabelMap:
        raise SystemExit(0)

    with pytest.raises(SequenceFailed) as caught:
        segment(Scripted(leave), sequence, tmp_path)
    assert caught.value.failure.kind == "SystemExit"
    assert caught.value.failure.frame == "00001"
