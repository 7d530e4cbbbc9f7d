"""Running a method on a drawn clip as the engine does, watching every call.

A spy stands between the engine's adapter and the method, so that what the method itself answers is
looked at, not what the adapter makes of it.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from vosbench.checks.clips import ProbeClip
from vosbench.checks.findings import Severity
from vosbench.checks.memory import growth, held, watching_memory
from vosbench.data.masks import encode_labels
from vosbench.engine.adapt import adapt
from vosbench.engine.device import seed_all
from vosbench.method_card import Capabilities
from vosbench.types import (
    RGB,
    ClipInfo,
    ClipMethod,
    FrameRef,
    LabelMap,
    Method,
    OracleSession,
    OutsideMethod,
    Prediction,
    Sequence,
    Session,
    SoftMasks,
)

__all__ = ["Complaint", "ProbeFailed", "ProbeRun", "Prober"]


class ProbeFailed(Exception):
    """The method raised; carries clip and frame and has the method's error as its cause."""

    def __init__(self, clip: str, frame: int) -> None:
        super().__init__(f"{clip}, frame {frame}")
        self.clip = clip
        self.frame = frame


@dataclass(frozen=True)
class Complaint:
    """Something about one call that breaks the contract, or with `warning` goes against it."""

    code: str
    text: str
    clip: str
    frame: int
    detail: str = ""
    severity: Severity = "error"


@dataclass
class ProbeRun:
    """Answers of a clip.

    Attributes:
        labels: label maps of the frames after the first, as the engine would write them.
        soft: soft masks of a single session, in the order of its answers, as far as it has them.
    """

    labels: list[LabelMap] = field(default_factory=list)
    soft: list[SoftMasks] = field(default_factory=list)

    def differs(self, other: ProbeRun, *, until: int | None = None) -> int | None:
        """Index of the first frame whose labels differ, or None; `until` is the last compared."""
        pairs = zip(self.labels, other.labels, strict=False)
        for index, (one, two) in enumerate(pairs, start=1):
            if until is not None and index > until:
                return None
            if one.shape != two.shape or one.tobytes() != two.tobytes():
                return index
        return None


class Prober:
    """Runs one built method on clips.

    Args:
        method: as built.
        capabilities: of its card.
        oracle: whether it is shown the truth.
        complain: takes what is wrong with an answer.
    """

    def __init__(
        self,
        method: Method | ClipMethod,
        capabilities: Capabilities,
        *,
        oracle: bool,
        complain: Callable[[Complaint], None],
    ) -> None:
        self._method = method
        self._capabilities = capabilities
        self._oracle = oracle
        self._complain = complain
        self._soft: list[SoftMasks] | None = None

    @property
    def streams(self) -> bool:
        """Whether the method takes one frame at a time."""
        return not isinstance(self._method, ClipMethod)

    def run(self, clip: ProbeClip, *, beside: ProbeClip | None = None) -> ProbeRun:
        """Run a whole clip.

        Args:
            clip: to run.
            beside: clip of a second session that takes a step after each of the first one's.

        Raises:
            ProbeFailed: when the method raises.
        """
        run = ProbeRun()
        self._soft = run.soft
        seed_all(0, clip.name)
        other = self._answers(beside) if beside is not None else iter(())
        for labels in self._answers(clip):
            run.labels.append(labels)
            with _random_numbers_kept():
                next(other, None)
        return run

    def growth(self, clip: ProbeClip, *, warm: int) -> tuple[float, float]:
        """Run a whole clip and see what is kept: bytes and gradient steps per frame.

        Args:
            clip: `warm` frames after the first, then two stretches of as many frames.
            warm: frames in which caches may fill.

        Raises:
            ProbeFailed: when the method raises.
        """
        self._soft = None  # nothing may be kept from here either
        seed_all(0, clip.name)
        stretch = (len(clip.frames) - 1 - warm) // 2
        at = (warm, warm + stretch, warm + 2 * stretch)
        seen = []
        with watching_memory():
            for index, labels in enumerate(self._answers(clip), start=1):
                del labels
                if index in at:
                    seen.append(held())
        return growth(*seen, frames=stretch)

    def _answers(self, clip: ProbeClip) -> Iterator[LabelMap]:
        at = 0
        try:
            if isinstance(self._method, ClipMethod):
                if self._oracle:
                    text = "a method of whole clips cannot be shown the truth"
                    self._complain(Complaint("oracle", text, clip.name, 0))
                with tempfile.TemporaryDirectory() as folder:
                    sequence = _written(clip, Path(folder) / "data")
                    if isinstance(self._method, OutsideMethod):
                        inside = Path(folder).resolve()
                        self._method.prepare(
                            (sequence,), scratch=inside / "scratch", logs=inside / "logs"
                        )
                    for at, answer in enumerate(self._method.segment(sequence)):
                        known = (*clip.object_ids, *(i for ids in clip.late.values() for i in ids))
                        self._look(answer, clip.size, known, clip.name, at)
                        if at:
                            yield _copied(answer)
                if at + 1 != len(clip.frames):
                    text = "the number of predictions is not the number of frames"
                    detail = f"{at + 1} for {len(clip.frames)}"
                    self._complain(Complaint("frames", text, clip.name, at, detail))
                return
            method = adapt(_Spy(self._method, self._watch, self._complain), self._capabilities)
            info = ClipInfo(clip.name, *clip.size, clip.object_ids)
            session = method.start(info, clip.frames[0].copy(), clip.truth[0].copy())
            if self._oracle and not isinstance(session, OracleSession):
                text = "the variant is an oracle, but its session has no observe_truth"
                self._complain(Complaint("oracle", text, clip.name, 0))
            for at in range(1, len(clip.frames)):
                if self._oracle and isinstance(session, OracleSession):
                    session.observe_truth(clip.truth[at].copy())
                new = clip.late.get(at)
                given = np.where(np.isin(clip.truth[at], new), clip.truth[at], 0) if new else None
                answer = session.step(
                    clip.frames[at].copy(), None if given is None else given.astype(np.uint8)
                )
                yield _copied(answer)
        except (Exception, SystemExit) as error:
            # whatever a method raises is what the check is there to report
            raise ProbeFailed(clip.name, at) from error

    def _watch(self, session: _SpySession, answer: Any) -> None:
        info = session.info
        self._look(answer, (info.height, info.width), session.known, info.name, session.index)
        if not isinstance(answer, Prediction):
            return
        count = len(session.known)
        self._look_soft(answer, (count, info.height, info.width), info.name, session.index)

    def _look(
        self, answer: Any, size: tuple[int, int], known: tuple[int, ...], clip: str, frame: int
    ) -> None:
        """The contract of labels."""
        if not isinstance(answer, Prediction):
            text = "an answer is no vosbench.types.Prediction"
            self._complain(Complaint("prediction", text, clip, frame, type(answer).__name__))
            raise TypeError(f"{type(answer).__name__} is no vosbench.types.Prediction")
        labels: Any = answer.labels
        if not isinstance(labels, np.ndarray) or labels.dtype != np.uint8:
            found = getattr(labels, "dtype", type(labels).__name__)
            text = "labels are no NumPy array of uint8"
            self._complain(Complaint("labels-type", text, clip, frame, str(found)))
            raise TypeError(f"labels are {found}, not a NumPy array of uint8")
        if labels.shape != size:
            text = "labels do not have the frame's size"
            detail = f"{labels.shape} instead of {size}"
            self._complain(Complaint("labels-size", text, clip, frame, detail))
            raise ValueError(f"labels have shape {detail}")
        foreign = sorted(set(np.unique(labels).tolist()) - {0, *known})
        if foreign:
            text = "labels hold ids that the clip does not have"
            detail = f"{foreign}, given were {list(known)}"
            self._complain(Complaint("labels-ids", text, clip, frame, detail))

    def _look_soft(
        self, answer: Prediction, shape: tuple[int, int, int], clip: str, frame: int
    ) -> None:
        """The contract of soft masks."""
        soft: Any = answer.soft
        if soft is None:
            if self._capabilities.soft_masks:
                text = "the card says soft_masks = true, but an answer has none"
                self._complain(Complaint("soft-missing", text, clip, frame))
            return
        if not self._capabilities.soft_masks:
            text = "the answers have soft masks, but the card says soft_masks = false"
            self._complain(Complaint("soft-undeclared", text, clip, 0, severity="warning"))
        if not isinstance(soft, np.ndarray) or soft.dtype != np.float32:
            text = "soft masks are no NumPy array of float32"
            found = getattr(soft, "dtype", type(soft).__name__)
            self._complain(Complaint("soft-type", text, clip, frame, str(found)))
        elif soft.shape != shape:
            text = "soft masks are not objects x height x width"
            detail = f"{soft.shape} instead of {shape}"
            self._complain(Complaint("soft-size", text, clip, frame, detail))
        elif not (np.isfinite(soft).all() and soft.min() >= 0 and soft.max() <= 1):
            text = "soft masks leave the range 0..1"
            detail = f"{float(soft.min())}..{float(soft.max())}"
            self._complain(Complaint("soft-range", text, clip, frame, detail))
        elif self._soft is not None:
            self._soft.append(soft.copy())


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Hide what is drawn inside: a second session may draw from the generators that all share."""
    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - the shared generator
    torch_state = torch.get_rng_state() if torch is not None else None
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002 - as above
        if torch is not None:
            torch.set_rng_state(torch_state)


def _copied(answer: Prediction) -> LabelMap:
    return np.array(answer.labels, dtype=np.uint8)


def _written(clip: ProbeClip, folder: Path) -> Sequence:
    """The clip as files, for methods that read whole clips; later truths are not written."""
    from PIL import Image

    refs: list[FrameRef] = []
    for index, (frame, truth) in enumerate(zip(clip.frames, clip.truth, strict=True)):
        image = folder / "images" / f"{index:05d}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(image)
        mask: Path | None = None
        if index == 0 or index in clip.late:
            mask = folder / "masks" / f"{index:05d}.png"
            mask.parent.mkdir(exist_ok=True)
            mask.write_bytes(encode_labels(truth))
        refs.append(FrameRef(f"{index:05d}", image, mask))
    return Sequence(
        "check-method", "all", clip.name, tuple(refs), *clip.size, clip.object_ids, "ids"
    )


_Watch: TypeAlias = "Callable[[_SpySession, Any], None]"
_Complain: TypeAlias = Callable[[Complaint], None]


class _Spy:
    """A method that hands every call on and looks at inputs and answers."""

    def __init__(self, method: Method, watch: _Watch, complain: _Complain) -> None:
        self._method = method
        self._watch = watch
        self._complain = complain

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Session:
        kept = [frame.copy(), labels.copy()]
        inner = self._method.start(clip, frame, labels)
        if not all(map(np.array_equal, kept, [frame, labels])):
            self._complain(_changed("start()", clip.name, 0))
        kind = _OracleSpySession if isinstance(inner, OracleSession) else _SpySession
        return kind(inner, clip, self._watch, self._complain)


def _changed(call: str, clip: str, frame: int) -> Complaint:
    text = "the method writes into arrays that it is given"
    return Complaint("input-changed", text, clip, frame, call)


class _SpySession:
    def __init__(self, inner: Session, info: ClipInfo, watch: _Watch, complain: _Complain) -> None:
        self.inner = inner
        self.info = info
        self.known = info.object_ids
        self.index = 0
        self._watch = watch
        self._complain = complain

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        self.index += 1
        started: list[int] = []
        if new_objects is not None:
            started = [int(v) for v in np.unique(new_objects) if v and v not in self.known]
            self.known = tuple(sorted((*self.known, *started)))
        given = [array for array in (frame, new_objects) if array is not None]
        kept = [array.copy() for array in given]
        answer = self.inner.step(frame, new_objects)
        if not all(map(np.array_equal, kept, given)):
            self._complain(_changed("step()", self.info.name, self.index))
        self._watch(self, answer)
        if started and not set(started) <= set(np.unique(answer.labels).tolist()):
            text = "objects that start on a frame are not in its answer"
            detail = f"given were {started}; the card says late_objects = true"
            complaint = Complaint("late-ignored", text, self.info.name, self.index, detail)
            self._complain(complaint)
        return answer


class _OracleSpySession(_SpySession):
    def observe_truth(self, labels: LabelMap | None) -> None:
        inner = self.inner
        if isinstance(inner, OracleSession):
            inner.observe_truth(labels)
