"""One sequence through one method: decode ahead, step, write behind.

The loop is strictly causal: a method is handed one frame at a time, in order, and never the
annotation of a later frame. The exception is an oracle variant, which is shown each frame's truth
and whose runs are marked.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vosbench.engine.adapt import adapt
from vosbench.engine.prefetch import Decoded, decode_ahead
from vosbench.engine.writer import MaskWriter
from vosbench.errors import InputError
from vosbench.method_card import Capabilities
from vosbench.store.schema import FailureRecord
from vosbench.store.selfreport import SelfReport
from vosbench.timing import Trace
from vosbench.types import (
    ClipInfo,
    ClipMethod,
    LabelMap,
    Method,
    OracleSession,
    OutsideMethod,
    Prediction,
    Sequence,
    SoftMasks,
)

__all__ = ["MethodDefect", "SequenceFailed", "run_sequence", "without_later_truth"]

VOID = 255


class MethodDefect(Exception):
    """The method broke its contract: wrong size, wrong type, unknown object ids, too few frames."""


class SequenceFailed(Exception):
    """A sequence could not be finished; carries what is recorded."""

    def __init__(self, failure: FailureRecord) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure


@dataclass
class _Progress:
    """The frame in work, for the error record."""

    frame: str | None = None


def run_sequence(
    method: Method | ClipMethod,
    sequence: Sequence,
    *,
    capabilities: Capabilities,
    folder: Path,
    trace: Trace,
    late: Mapping[str, tuple[int, ...]],
    oracle: bool = False,
    soft_folder: Path | None = None,
    self_report: SelfReport | None = None,
    frame_done: Callable[[int], None] = lambda count: None,
) -> dict[str, str]:
    """Segment one sequence and write its masks into `folder`, which is emptied first.

    Args:
        method: a built method.
        sequence: frames must have images, the first one an annotation.
        capabilities: of the method's card; what is missing is adapted.
        folder: takes `<frame>.png` of every frame, the first one included.
        trace: takes the times.
        late: ids of objects that start on a later frame, by frame name.
        oracle: whether to show the method the truth.
        soft_folder: takes the soft masks of every frame but the first; None to store none.
        self_report: takes what the method tells of itself.
        frame_done: told how many frames are done, after each.

    Returns:
        SHA-256 of each mask file by frame name.

    Raises:
        SequenceFailed: for anything that the method, the data or the disk did wrong.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if soft_folder is not None:
        shutil.rmtree(soft_folder, ignore_errors=True)
    progress = _Progress()
    try:
        with MaskWriter(folder, trace=trace, soft_folder=soft_folder) as writer:
            if isinstance(method, ClipMethod):
                if oracle:
                    raise MethodDefect("a method of whole clips cannot be shown the truth")
                given = without_later_truth(sequence, late)
                predictions = _whole_clip(method, given, trace, progress)
            else:
                predictions = _stream(
                    adapt(method, capabilities),
                    sequence,
                    trace=trace,
                    progress=progress,
                    late=late,
                    oracle=oracle,
                )
            known = np.zeros(256, dtype=bool)
            known[[0, *sequence.object_ids, *(one for ids in late.values() for one in ids)]] = True
            done = 0
            started = sequence.object_ids
            with closing(predictions):
                for frame, prediction in predictions:
                    started += late.get(frame, ())
                    with trace.measure(frame, "collect"):
                        labels, soft, ids = prediction.labels, None, started
                        _check(labels, sequence, known)
                        if soft_folder is not None and done:
                            soft, ids = _soft_of(prediction, started)
                        if self_report is not None:
                            self_report.add(frame, prediction.aux)
                        writer.put(frame, labels, soft=soft, object_ids=ids)
                    done += 1
                    frame_done(done)
            progress.frame = None
            if done != len(sequence.frames):
                raise MethodDefect(f"{done} predictions for {len(sequence.frames)} frames")
            return writer.finish()
    except (Exception, SystemExit) as error:
        # a method that calls sys.exit() must not end the run as if all were well
        raise SequenceFailed(_failure(error, progress.frame)) from error


def _stream(
    method: Method,
    sequence: Sequence,
    *,
    trace: Trace,
    progress: _Progress,
    late: Mapping[str, tuple[int, ...]],
    oracle: bool,
) -> Generator[tuple[str, Prediction]]:
    first = sequence.frames[0].name
    every = (ref.name for ref in sequence.frames)
    labels_for = frozenset(every) if oracle else frozenset({first, *late})
    size = (sequence.height, sequence.width)
    frames = decode_ahead(
        sequence.frames, size=size, kind=sequence.label_kind, labels_for=labels_for, trace=trace
    )
    with closing(frames):
        progress.frame = first
        head = next(frames)
        given = _given(head, sequence.object_ids)
        clip = ClipInfo(sequence.name, sequence.height, sequence.width, sequence.object_ids)
        objects = len(sequence.object_ids)
        with trace.call(head.ref.name, "start", objects=objects):
            session = method.start(clip, head.rgb, given.copy())
        if oracle and not isinstance(session, OracleSession):
            raise MethodDefect("the variant is an oracle, but its session has no observe_truth")
        yield head.ref.name, Prediction(given)
        for ref in sequence.frames[1:]:
            # named before it is decoded, so that a broken image is blamed on its own frame
            name = progress.frame = ref.name
            decoded = next(frames)
            starting = late.get(name, ())
            if oracle and isinstance(session, OracleSession):
                session.observe_truth(decoded.labels)
            new_objects = _given(decoded, starting) if starting else None
            with trace.call(name, "step", objects=objects):
                prediction: Prediction = session.step(decoded.rgb, new_objects)
            objects += len(starting)
            yield name, prediction


def _whole_clip(
    method: ClipMethod, sequence: Sequence, trace: Trace, progress: _Progress
) -> Generator[tuple[str, Prediction]]:
    predictions: Iterable[Prediction] = method.segment(sequence)
    source = iter(predictions)
    outside = isinstance(method, OutsideMethod)
    for ref in sequence.frames:
        progress.frame = ref.name
        # what is made outside takes no time here that is worth calling a step
        with nullcontext() if outside else trace.call(ref.name, "step"):
            prediction = next(source, None)
        if prediction is None:
            return
        yield ref.name, prediction
    if next(source, None) is not None:
        raise MethodDefect(f"more than {len(sequence.frames)} predictions")


def without_later_truth(sequence: Sequence, late: Mapping[str, tuple[int, ...]]) -> Sequence:
    """The sequence without the annotations that a method must not see."""
    given = {sequence.frames[0].name, *late}
    frames = (f if f.name in given else replace(f, annotation=None) for f in sequence.frames)
    return replace(sequence, frames=tuple(frames))


def _given(decoded: Decoded, object_ids: tuple[int, ...]) -> LabelMap:
    """The masks a method is given: the named objects only, void as background."""
    if decoded.labels is None:
        raise InputError(f"frame {decoded.ref.name} has no annotation to start objects from")
    labels = decoded.labels
    kept: LabelMap = np.where(np.isin(labels, object_ids) & (labels != VOID), labels, np.uint8(0))
    return kept


def _check(labels: LabelMap, sequence: Sequence, known: NDArray[np.bool_]) -> None:
    if getattr(labels, "dtype", None) != np.uint8:
        raise MethodDefect(f"labels are {getattr(labels, 'dtype', type(labels))}, not uint8")
    if labels.shape != (sequence.height, sequence.width):
        raise MethodDefect(
            f"labels have shape {labels.shape}, the frame {(sequence.height, sequence.width)}"
        )
    # a table look-up is some five times faster than unique, and this runs on every frame
    if not known[labels].all():
        found = set(np.unique(labels).tolist())
        raise MethodDefect(
            f"labels hold ids {sorted(found - set(np.flatnonzero(known).tolist()))}, which the "
            "clip does not have"
        )


def _soft_of(prediction: Prediction, started: tuple[int, ...]) -> tuple[SoftMasks, tuple[int, ...]]:
    """Soft masks and their ids: those the method names, else all objects in order of arrival."""
    soft = prediction.soft
    if soft is None:
        raise MethodDefect("the card says that there are soft masks, but this frame has none")
    ids = tuple(prediction.aux.get("object_ids", started))
    if soft.shape != (len(ids), *prediction.labels.shape):
        raise MethodDefect(
            f"soft masks have shape {soft.shape} for objects {ids} on a frame of "
            f"{prediction.labels.shape}"
        )
    return soft, ids


def _failure(error: Exception | SystemExit, frame: str | None) -> FailureRecord:
    memory = isinstance(error, MemoryError) or "out of memory" in str(error).lower()
    return FailureRecord(
        kind="out-of-memory" if memory else type(error).__name__,
        message=str(error) or type(error).__name__,
        frame=frame,
        traceback="".join(traceback.format_exception(error)),
    )
