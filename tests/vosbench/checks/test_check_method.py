"""What `check method` finds in methods with one defect each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vosbench.checks import CheckReport, check_method
from vosbench.errors import InputError, UsageError
from vosbench.method_card import MethodCard
from vosbench.plugins import FoundMethod, ResolvedMethod
from vosbench.types import (
    RGB,
    BuildOptions,
    ClipInfo,
    LabelMap,
    MethodPlugin,
    Prediction,
    Sequence,
)

Answer = Callable[["Copy", int, RGB], Prediction]


class Copy:
    """Repeats the first mask, except for what `answer` does."""

    def __init__(
        self, clip: ClipInfo, labels: LabelMap, answer: Answer | None, shared: list[int]
    ) -> None:
        self.clip, self.labels, self.shared = clip, labels.copy(), shared
        self._answer, self._index = answer, 0
        self.new: LabelMap | None = None

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        self._index += 1
        self.new = new_objects
        if self._answer is not None:
            return self._answer(self, self._index, frame)
        return Prediction(self.labels.copy())


class Method:
    def __init__(self, answer: Answer | None = None) -> None:
        self._answer = answer
        self._shared: list[int] = []

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Copy:
        return Copy(clip, labels, self._answer, self._shared)


def check(build: Callable[[BuildOptions], object], **capabilities: bool) -> CheckReport:
    card = MethodCard.model_validate(
        {"method": {"name": "m", "title": "M"}, "capabilities": capabilities}
    )
    plugin = MethodPlugin(card=Path("method.toml"), build=build)  # type: ignore[arg-type]
    return check_method(ResolvedMethod(FoundMethod("m", "here", plugin, card), None, {}, {}))


def codes(report: CheckReport) -> set[str]:
    return {finding.code for finding in report.errors}


def answering(answer: Answer) -> Callable[[BuildOptions], Method]:
    return lambda options: Method(answer)


@pytest.mark.parametrize("multi", [False, True])
def test_a_sound_method_has_no_findings(multi: bool) -> None:
    assert check(lambda options: Method(), multi_object=multi).findings == ()


def test_random_numbers_from_the_seeded_generator_are_sound() -> None:
    def shifted(session: Copy, index: int, frame: RGB) -> Prediction:
        step = np.random.randint(0, 5)  # noqa: NPY002 - what the engine seeds
        return Prediction(np.roll(session.labels, step, axis=1))

    assert check(answering(shifted)).findings == ()


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("labels-type", lambda s, i, f: Prediction(s.labels.astype(np.int64))),
        ("labels-size", lambda s, i, f: Prediction(s.labels[:, 1:])),
        ("labels-ids", lambda s, i, f: Prediction(s.labels * np.uint8(9))),
        ("prediction", lambda s, i, f: s.labels),
        ("soft-type", lambda s, i, f: Prediction(s.labels, s.labels[None].astype(np.float64))),
        ("soft-size", lambda s, i, f: Prediction(s.labels, s.labels.astype(np.float32))),
        ("soft-range", lambda s, i, f: Prediction(s.labels, s.labels[None] * np.float32(1.5))),
        ("raises", lambda s, i, f: Prediction(s.labels[10**6][None])),
    ],
)
def test_broken_answers(code: str, answer: Answer) -> None:
    report = check(answering(answer))
    assert codes(report) == {code}
    first = report.errors[0]
    assert first.sequence == "one-object"
    assert first.frame == "00001"


def test_promised_soft_masks_must_come() -> None:
    assert codes(check(lambda options: Method(), soft_masks=True)) == {"soft-missing"}


def test_raising_on_one_clip_only_names_it() -> None:
    def fails(session: Copy, index: int, frame: RGB) -> Prediction:
        if frame.shape[0] % 2:
            raise ZeroDivisionError("odd height")
        return Prediction(session.labels)

    report = check(answering(fails))
    (error,) = report.errors
    assert (error.code, error.sequence) == ("raises", "odd-size-at-border")
    assert "ZeroDivisionError: odd height" in error.detail


def test_changed_inputs() -> None:
    def paints(session: Copy, index: int, frame: RGB) -> Prediction:
        frame[0, 0] += 1
        return Prediction(session.labels)

    assert codes(check(answering(paints))) == {"input-changed"}


def test_a_method_that_exits_is_reported() -> None:
    def leaves(session: Copy, index: int, frame: RGB) -> Prediction:
        raise SystemExit(0)

    assert codes(check(answering(leaves))) == {"raises"}


def test_an_oracle_variant_must_take_the_truth() -> None:
    card = MethodCard.model_validate(
        {
            "method": {"name": "m", "title": "M"},
            "capabilities": {"multi_object": True, "late_objects": True},
            "variants": {"told": {"summary": "", "oracle": True}},
        }
    )
    asked: list[bool] = []

    def with_new(session: Copy, index: int, frame: RGB) -> Prediction:
        return Prediction(session.labels if session.new is None else session.new)

    def build(options: BuildOptions) -> Method:
        asked.append(options.oracle)
        return Method(with_new)

    found = FoundMethod("m", "here", MethodPlugin(card=Path("method.toml"), build=build), card)
    report = check_method(ResolvedMethod(found, "told", {}, {}))
    assert codes(report) == {"oracle"}
    assert asked[0] is True


def test_unseeded_random_numbers() -> None:
    generator = np.random.default_rng()

    def shifted(session: Copy, index: int, frame: RGB) -> Prediction:
        return Prediction(np.roll(session.labels, int(generator.integers(0, 90)), axis=1))

    assert codes(check(answering(shifted))) == {"not-repeatable"}


def test_state_that_leaks_into_the_next_clip() -> None:
    def leaks(session: Copy, index: int, frame: RGB) -> Prediction:
        session.shared.append(index)
        empty = len(session.shared) > 12
        return Prediction(session.labels * np.uint8(not empty))

    assert codes(check(answering(leaks))) == {"state-leak"}


def test_sessions_that_share_state_while_both_are_open() -> None:
    class Shared(Method):
        """Every session answers with the labels of the one that was started last."""

        last: LabelMap

        def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Copy:
            self.last = labels.copy()
            return super().start(clip, frame, labels)

        def answer(self, session: Copy, index: int, frame: RGB) -> Prediction:
            return Prediction(self.last * np.isin(self.last, session.clip.object_ids))

    def build(options: BuildOptions) -> Shared:
        method = Shared()
        method._answer = method.answer
        return method

    assert codes(check(build, multi_object=True)) == {"shared-state"}


def test_sessions_that_are_known_by_the_name_of_their_clip() -> None:
    class ByName(Method):
        """Keeps one mask per clip, though several objects of a clip are followed at once."""

        def __init__(self) -> None:
            super().__init__(self.answer)
            self.kept: dict[str, LabelMap] = {}

        def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Copy:
            self.kept[clip.name] = labels.copy()
            return super().start(clip, frame, labels)

        def answer(self, session: Copy, index: int, frame: RGB) -> Prediction:
            return Prediction(self.kept[session.clip.name].copy())

    assert codes(check(lambda options: ByName())) == {"object-leak"}


def test_ids_that_decide_the_masks() -> None:
    def largest_id_wins(session: Copy, index: int, frame: RGB) -> Prediction:
        return Prediction(session.labels * (session.labels == session.labels.max()))

    report = check(answering(largest_id_wins), multi_object=True)
    assert codes(report) == {"ids-matter"}


def test_memory_that_grows_with_the_clip() -> None:
    def remembers(session: Copy, index: int, frame: RGB) -> Prediction:
        session.__dict__.setdefault("past", []).append(frame.copy())
        return Prediction(session.labels.copy())

    def remembers_five(session: Copy, index: int, frame: RGB) -> Prediction:
        past = session.__dict__.setdefault("past", [])
        past[:] = [*past[-4:], frame.copy()]
        return Prediction(session.labels.copy())

    report = check(answering(remembers))
    assert codes(report) == {"memory-grows"}
    assert report.errors[0].detail.startswith("3.0 bytes per pixel")
    assert check(answering(remembers_five)).findings == ()


def test_tensors_and_gradients_that_are_kept() -> None:
    torch = pytest.importorskip("torch")

    def remembers(session: Copy, index: int, frame: RGB) -> Prediction:
        session.__dict__.setdefault("past", []).append(torch.from_numpy(frame).float())
        return Prediction(session.labels.copy())

    def learns(session: Copy, index: int, frame: RGB) -> Prediction:
        state = session.__dict__.get("state", torch.ones(1, requires_grad=True))
        session.__dict__["state"] = state * 1.01
        return Prediction(session.labels.copy())

    assert codes(check(answering(remembers))) == {"memory-grows"}
    report = check(answering(learns))
    assert codes(report) == {"memory-grows"}
    assert "a gradient nobody needs" in report.errors[0].detail


def test_objects_that_start_late_must_be_taken_where_that_is_promised() -> None:
    late = {"multi_object": True, "late_objects": True}

    def ignores(session: Copy, index: int, frame: RGB) -> Prediction:
        return Prediction(session.labels.copy())

    report = check(answering(ignores), **late)
    assert codes(report) == {"late-ignored"}
    (error,) = report.errors
    assert (error.sequence, error.frame) == ("late-object", "00002")
    # without the promise the engine starts a session of its own for them
    assert check(answering(ignores), multi_object=True).findings == ()


def test_soft_masks_that_the_card_does_not_tell_of() -> None:
    def soft(session: Copy, index: int, frame: RGB) -> Prediction:
        return Prediction(session.labels, (session.labels == 1)[None].astype(np.float32))

    report = check(answering(soft))
    assert {(f.severity, f.code) for f in report.findings} == {("warning", "soft-undeclared")}


def test_an_object_out_of_nothing() -> None:
    def dreams(session: Copy, index: int, frame: RGB) -> Prediction:
        labels = session.labels.copy()
        labels[:9, :9] = 1
        return Prediction(labels)

    report = check(answering(dreams))
    assert {(f.severity, f.code) for f in report.findings} == {("warning", "from-nothing")}


def test_arithmetic_that_the_card_promises() -> None:
    card = MethodCard.model_validate(
        {
            "method": {"name": "m", "title": "M"},
            "capabilities": {"precisions": ["fp32", "bf16", "fp16"]},
        }
    )

    def build(options: BuildOptions) -> Method:
        if options.precision != "fp32":
            raise TypeError(f"no kernel for {options.precision}")
        return Method()

    plugin = MethodPlugin(card=Path("method.toml"), build=build)
    found = ResolvedMethod(FoundMethod("m", "here", plugin, card), None, {}, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vosbench.engine.device.cpu_supports_bf16", lambda: False)
        report = check_method(found)
    assert codes(report) == {"build"}
    assert "bf16" in report.errors[0].detail, "fp16 is for CUDA devices"
    assert check_method(found, precision="fp32").findings == ()


class Files:
    """A clip method; `look_ahead` makes it use the last frame for every answer."""

    def __init__(self, look_ahead: bool) -> None:
        self._look_ahead = look_ahead

    def segment(self, sequence: Sequence) -> Iterator[Prediction]:
        from vosbench.data import read_frame
        from vosbench.data.masks import read_labels

        first = sequence.frames[0].annotation
        last = sequence.frames[-1].image
        assert first is not None and last is not None
        labels = read_labels(first, sequence.label_kind)
        shift = int(read_frame(last).sum()) % 17 if self._look_ahead else 0
        for _ in sequence.frames:
            yield Prediction(np.roll(labels, shift, axis=1))


def test_whole_clip_methods_and_looking_ahead() -> None:
    assert check(lambda options: Files(look_ahead=False)).findings == ()
    assert codes(check(lambda options: Files(look_ahead=True))) == {"not-causal"}


def test_a_method_that_cannot_be_built() -> None:
    def no_weights(options: BuildOptions) -> Method:
        raise InputError("no weights", hint="fetch them")

    def broken(options: BuildOptions) -> Method:
        raise KeyError("conv1")

    report = check(no_weights)
    assert [f.code for f in report.findings] == ["build"]
    assert report.errors[0].detail == "no weights; fetch them"
    assert "KeyError" in check(broken).errors[0].detail


def test_a_device_that_the_method_lacks_is_a_usage_error() -> None:
    card = MethodCard.model_validate(
        {"method": {"name": "m", "title": "M"}, "capabilities": {"devices": ["cpu"]}}
    )
    plugin = MethodPlugin(card=Path("method.toml"), build=lambda options: Method())
    found = ResolvedMethod(FoundMethod("m", "here", plugin, card), None, {}, {})
    with pytest.raises(UsageError):
        check_method(found, device="cuda")
