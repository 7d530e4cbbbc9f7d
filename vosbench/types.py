"""Frozen records and protocols that every stage passes on.

This module is the contract between the harness and a method; `methods/` imports it and little else.
It imports neither torch nor pandas. Arrays are host NumPy arrays: what a method does on its device
is its own business.

Shapes: `RGB` is H×W×3 uint8; `LabelMap` is H×W uint8 with 0 = background and 1..254 = object ids;
`SoftMasks` is K×H×W float32 in 0..1, ordered like `ClipInfo.object_ids`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "RGB",
    "STOPWATCH",
    "BuildOptions",
    "ClipInfo",
    "ClipMethod",
    "FrameRef",
    "LabelKind",
    "LabelMap",
    "Method",
    "MethodPlugin",
    "ObjectInfo",
    "OracleSession",
    "OutsideMethod",
    "ParameterValue",
    "Precision",
    "Prediction",
    "Sequence",
    "Session",
    "SoftMasks",
    "Stopwatch",
    "TrainEvent",
    "TrainOptions",
    "TrainOutcome",
    "mark_stage",
]

RGB: TypeAlias = NDArray[np.uint8]
LabelMap: TypeAlias = NDArray[np.uint8]
SoftMasks: TypeAlias = NDArray[np.float32]
ParameterValue: TypeAlias = bool | int | float | str
Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
LabelKind: TypeAlias = Literal["binary", "ids"]
"""How annotation files are read: `binary` = every non-zero value is object 1 (DAVIS-2016 and its
0/255 files); `ids` = pixel values are object ids and 255 is void."""


@dataclass(frozen=True)
class FrameRef:
    """One frame on disk.

    Attributes:
        name: file stem, for example `00042`; masks are written under it.
        image: image file, or None where only scoring is possible.
        annotation: ground-truth mask file, or None where the frame is not annotated.
    """

    name: str
    image: Path | None
    annotation: Path | None


@dataclass(frozen=True)
class ObjectInfo:
    """What a data set's metadata tell of one object, for protocols that ask for it.

    Attributes:
        object_id: pixel value in the annotations.
        seen: whether training data hold objects of its category; None where that is not told.
        frames: names of the frames that are its own range, in order; None where it has none.
        annotations: frames with masks of this object alone, in order, where objects are annotated
            apart and may overlap; None where they share label maps.
    """

    object_id: int
    seen: bool | None = None
    frames: tuple[str, ...] | None = None
    annotations: tuple[FrameRef, ...] | None = None


@dataclass(frozen=True)
class Sequence:
    """One video of a dataset, in frame order; frame 0 has the annotation that starts the objects.

    Attributes:
        dataset: name of the dataset card.
        split: split of the card, for example `val`.
        name: sequence name; also its folder name in a run.
        frames: frames in temporal order.
        height: px.
        width: px.
        object_ids: ids 1..K to segment, ascending, as the first annotation has them.
        label_kind: how annotation files are read.
        objects: what the data set's metadata tell of the objects, by id; empty where it has none.
    """

    dataset: str
    split: str
    name: str
    frames: tuple[FrameRef, ...]
    height: int
    width: int
    object_ids: tuple[int, ...]
    label_kind: LabelKind
    objects: tuple[ObjectInfo, ...] = ()


@dataclass(frozen=True)
class ClipInfo:
    """What a method may know of a clip before it starts. It says nothing of later frames.

    Attributes:
        name: sequence name, for logs only.
        height: px.
        width: px.
        object_ids: ids of the objects given with the first frame, ascending.
    """

    name: str
    height: int
    width: int
    object_ids: tuple[int, ...]


@dataclass(frozen=True)
class Prediction:
    """A method's answer for one frame.

    Attributes:
        labels: H×W uint8, 0 background, else an object id of the clip.
        soft: K×H×W float32 in 0..1, each object's own probability BEFORE objects compete for
            pixels, or None where the method has none.
        aux: what the method can tell of itself, keyed by name. Known keys, each a mapping from
            object id: `crop_box` (x0, y0, x1, y1 in px), `voted_centre` (x, y in px),
            `empty_streak` (frames).
    """

    labels: LabelMap
    soft: SoftMasks | None = None
    aux: Mapping[str, Any] = field(default_factory=dict)


class Stopwatch(Protocol):
    """What the harness listens with while a method works on a frame."""

    def mark(self, stage: str) -> None:
        """From now on the method works on `stage`, until the next mark or the end of the call."""
        ...


STOPWATCH: Final[ContextVar[Stopwatch | None]] = ContextVar("vosbench_stopwatch", default=None)
"""Set by the harness around `Method.start` and `Session.step`; None elsewhere."""


def mark_stage(stage: str) -> None:
    """Tell the harness, if it listens, what the method works on from here on.

    A method calls it or leaves it: without marks all its time is in the stages `start` and `step`.
    It never waits for the device, costs less than a microsecond on a CPU, and does nothing outside
    a measured call or on a thread of the method's own. Keep it out of compiled functions.

    The names that conventions of published speeds know: `upload` (host to device), `crop` (resize
    and normalise), `encode`, `match`, `decode-mask`, `paste-back` (to the frame's own size),
    `merge` (objects to labels), `download` (device to host), `update` (memory, window). Other names
    are recorded as they are.
    """
    stopwatch = STOPWATCH.get()
    if stopwatch is not None:
        stopwatch.mark(stage)


class Session(Protocol):
    """State of a method on one clip. Strictly causal: it sees one frame at a time."""

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment the next frame.

        Args:
            frame: H×W×3 uint8.
            new_objects: H×W uint8 with the masks of objects that start on this frame, or None.

        Returns:
            The prediction for this frame, at the frame's own size.
        """
        ...


@runtime_checkable
class OracleSession(Protocol):
    """A session of an oracle variant: it is shown the truth of a frame before it steps on it.

    Only variants whose card says `oracle = true` are given the truth, and their runs are marked.
    """

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the ground truth (H×W uint8) of the frame `step` gets next; None if it has none."""
        ...


class Method(Protocol):
    """A method that streams. One instance serves many clips, one after the other."""

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Session:
        """Begin a clip from its first frame (H×W×3 uint8) and that frame's masks (H×W uint8)."""
        ...


@runtime_checkable
class ClipMethod(Protocol):
    """A method that can only do a whole clip, such as an external program or masks on disk."""

    def segment(self, sequence: Sequence) -> Iterator[Prediction]:
        """Yield one prediction per frame, the first frame included."""
        ...


@runtime_checkable
class OutsideMethod(ClipMethod, Protocol):
    """A clip method whose masks are made outside of this process: by a program, or long ago.

    The harness times nothing of it frame by frame, for that would be the time to read files.

    Attributes:
        content_sha256: digest of what decides the masks beside card, parameters and weights: the
            bytes of the masks themselves, or the program's own source.
    """

    content_sha256: str

    def prepare(self, sequences: tuple[Sequence, ...], *, scratch: Path, logs: Path) -> None:
        """Be told of everything that `segment` will be asked for, before the first is.

        Args:
            sequences: as `segment` gets them, without later annotations; may be empty.
            scratch: absolute path of a folder to make and use; it is removed after the run.
            logs: absolute path of a folder to make and leave logs in; it is kept with the run.

        Raises:
            vosbench.errors.InputError: if none of them can be done.
        """
        ...

    def timing(self, sequences: tuple[str, ...]) -> Mapping[str, float]:
        """What is known of the time that the masks of these took, by name of the figure."""
        ...


@dataclass(frozen=True)
class BuildOptions:
    """What the harness asks of a method when it builds it.

    Attributes:
        parameters: every parameter of the card by dotted name, defaults filled in, types checked.
        device: `cpu` or `cuda:N`, already resolved.
        precision: arithmetic of the network, already resolved.
        compile: whether to use `torch.compile`.
        seed: for everything random in the method.
        weights: weight file the user named; None means what the method ships.
        oracle: whether the sessions will be shown the truth; only variants marked so are.
        masks: folder or archive of masks that the user named, for a method that hands them on.
    """

    parameters: Mapping[str, ParameterValue]
    device: str = "cpu"
    precision: Precision = "fp32"
    compile: bool = False
    seed: int = 0
    weights: Path | None = None
    oracle: bool = False
    masks: Path | None = None


@dataclass(frozen=True)
class TrainOptions:
    """What `vosbench train` asks of a method.

    Attributes:
        out: folder for checkpoints, log and exported weights.
        videos: roots of training videos by data set: `davis2016`, `davis2017`, `youtube-vos`.
        stills: folders of still images with polygon labels.
        held_out: names of training sequences to validate on and never learn from.
        encoder: ImageNet-pretrained encoder to start from.
        initial: weights of the method itself to go on from, instead of `encoder`.
        steps: optimiser steps, or None.
        budget_minutes: active minutes, or None; exactly one of the two is given.
        device: `cpu` or `cuda:N`, already resolved.
        precision: already resolved.
        compile: whether to use `torch.compile`.
        seed: of sampling and initialisation.
        tensorboard: also write TensorBoard events.
        resume: go on from the checkpoint in `out` if there is one.
    """

    out: Path
    videos: Mapping[str, Path]
    stills: tuple[Path, ...] = ()
    held_out: tuple[str, ...] = ()
    encoder: Path | None = None
    initial: Path | None = None
    steps: int | None = None
    budget_minutes: float | None = None
    device: str = "cpu"
    precision: Precision = "fp32"
    compile: bool = False
    seed: int = 0
    tensorboard: bool = False
    resume: bool = True


@dataclass(frozen=True)
class TrainEvent:
    """What a training run tells now and then.

    Attributes:
        kind: `step`, `validation`, `checkpoint` or `export`.
        step: steps done.
        progress: fraction of the run, 0..1.
        values: mean losses since the last event, learning rates, or validation scores.
        path: file that was written, or None.
    """

    kind: str
    step: int
    progress: float
    values: Mapping[str, float] = field(default_factory=dict)
    path: Path | None = None


@dataclass(frozen=True)
class TrainOutcome:
    """How a training run ended.

    Attributes:
        steps: over all continuations.
        weights: exported weights, usable as `--weights`.
        checkpoint: to go on from.
        log: JSON lines.
        validation: mean J (0..1) by held-out sequence.
    """

    steps: int
    weights: Path
    checkpoint: Path
    log: Path
    validation: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MethodPlugin:
    """What an entry point of the group `vosbench.methods` names.

    The module that holds it must import fast: listing methods loads every plug-in. `build` imports
    what it needs when it is called.

    Attributes:
        card: path of the method's `method.toml`.
        build: makes the method; may raise `vosbench.errors.InputError` for weights it cannot use.
        train: trains the method and tells of its progress, or None where it has no recipe.
        member: for a plug-in that stands for many methods: makes the plug-in of the one that
            `NAME:member` asks for, or None; may raise `vosbench.errors.UsageError`.
    """

    card: Path
    build: Callable[[BuildOptions], Method | ClipMethod]
    train: Callable[[TrainOptions, Callable[[TrainEvent], None]], TrainOutcome] | None = None
    member: Callable[[str], MethodPlugin] | None = None
