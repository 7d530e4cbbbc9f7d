"""What a training run is told: data sources, phases, optimiser, sampling and bookkeeping.

Every default is this project's own choice, a reconstruction: the DMVOS paper's training settings
are not published. The choices follow RANet (ICCV 2019) where it says something: thin-plate
deformation of static images, then video with the previous state taken from a nearby frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vosbench.errors import UsageError

__all__ = [
    "LossWeights",
    "OptimiserConfig",
    "Phase",
    "SamplingConfig",
    "TrainConfig",
    "default_phases",
    "full_size_phases",
]


@dataclass(frozen=True)
class Phase:
    """One stretch of a run with a fixed input size and mixture of data.

    Attributes:
        until: fraction of the run (0..1) at which the phase ends; the last one ends at 1.
        height: px of every crop.
        width: px of every crop.
        clips: templates per step.
        searches: search frames that share one template. Encoding the template once for several
            search frames nearly halves the encoder's share of a step.
        static_share: probability that a sample comes from one image instead of a video.
    """

    until: float
    height: int = 480
    width: int = 854
    clips: int = 2
    searches: int = 3
    static_share: float = 0.3


def default_phases(*, clips: int = 2, searches: int = 3) -> tuple[Phase, ...]:
    """The recipe: mostly static images, then mostly video, then video at the size of inference.

    The first two phases run at half size (240×427), where a step costs a quarter; the last one lets
    the network adapt to the scale it sees at inference (480×854).
    """
    return (
        Phase(0.25, 240, 427, clips, searches, 0.6),
        Phase(0.75, 240, 427, clips, searches, 0.3),
        Phase(1.0, 480, 854, 1, searches, 0.2),
    )


def full_size_phases(*, clips: int = 4, searches: int = 3) -> tuple[Phase, ...]:
    """The same recipe for a GPU: always the size of inference, static images first."""
    return (
        Phase(0.3, 480, 854, clips, searches, 0.8),
        Phase(1.0, 480, 854, clips, searches, 0.2),
    )


@dataclass(frozen=True)
class SamplingConfig:
    """How samples are drawn. Probabilities are 0..1, lengths are fractions of the window or frame.

    Attributes:
        near_gap: frames between template and search in the `near` draw; else any frame of the clip.
        near_share: probability of the `near` draw.
        previous_gap: greatest number of frames between the search frame and its previous state.
        context: window side over box side (1.5 in the DMVOS supplementary).
        size_jitter: standard deviation of the logarithm of the window's sides.
        shift_jitter: standard deviation of the window's centre, in window sides.
        centre_jitter: the previous centre moves uniformly by up to this much of the window.
        wrong_state_share: probability of a badly wrong previous state.
        wide_share: probability that the window has grown as it does after false positives: it still
            holds the target, at any place, and the centre is pulled towards its middle.
        wide_scale: greatest growth of a side of such a window, as a factor.
        previous_share: probability that the previous mask is given; else it is an empty plane, so
            that one set of weights serves with and without it.
        draft_share: probability that the state of a search frame (window, centre, previous mask) is
            the network's own answer on the frame before. Such a batch depends on the weights of the
            moment: a run repeats bit by bit only with `workers` 0.
        full_frame_share: probability that the window is the whole frame.
        paste_share: probability that an object of another image is pasted in.
        paste_target_share: probability that a pasted object becomes the target.
        twin_share: probability that a pasted object is a copy of the target, so that only its place
            tells them apart.
        blob_share: probability that a pasted object is a random shape with another image's texture.
        rotation: degrees, static images (video takes a third).
        scale: greatest change of scale of static images, as a factor (video takes its square root).
        bend: thin-plate displacement of 16 control points, fraction of the frame (static images).
        min_area: smallest target in the template, fraction of the frame.
    """

    near_gap: int = 25
    near_share: float = 0.6
    previous_gap: int = 5
    context: float = 1.5
    size_jitter: float = 0.12
    shift_jitter: float = 0.04
    centre_jitter: float = 0.05
    wrong_state_share: float = 0.07
    wide_share: float = 0.2
    wide_scale: float = 3.0
    previous_share: float = 0.45
    draft_share: float = 0.0
    full_frame_share: float = 0.05
    paste_share: float = 0.4
    paste_target_share: float = 0.25
    twin_share: float = 0.15
    blob_share: float = 0.25
    rotation: float = 25.0
    scale: float = 1.3
    bend: float = 0.06
    min_area: float = 0.001


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms.

    Attributes:
        mask: binary cross-entropy of the mask.
        iou: soft IoU of the mask.
        similarity: binary cross-entropy of the similarity logit.
        offset: smooth L1 of the centre offset.
    """

    mask: float = 1.0
    iou: float = 1.0
    similarity: float = 0.5
    offset: float = 1.0


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with one learning rate per part of the network, warm-up and cosine decay.

    Attributes:
        head_lr: peak learning rate of newly initialised parts.
        encoder_lr: peak learning rate of the pretrained encoder.
        final_lr: learning rate at the end, as a fraction of the peak.
        warmup: fraction of the run with a rising learning rate.
        weight_decay: of weights with two or more dimensions; biases and scales have none.
        betas: of Adam.
        clip_norm: greatest norm of the gradient.
        ema_decay: of the averaged weights that are validated and exported.
    """

    head_lr: float = 5e-4
    encoder_lr: float = 4e-5
    final_lr: float = 0.02
    warmup: float = 0.02
    weight_decay: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    clip_norm: float = 1.0
    ema_decay: float = 0.998


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run.

    Exactly one of `steps` and `budget_minutes` is given. With a budget the schedule follows the
    *active* time (the sum of step durations, each capped), so a stopped and continued process does
    not lose its share; only a run with `steps` can be repeated bit by bit.

    Attributes:
        out: folder of checkpoints, log and exports.
        steps: optimiser steps of the whole run.
        budget_minutes: active minutes of the whole run.
        phases: ascending in `until`, the last at 1.
        sampling: how samples are drawn.
        loss: weights of the loss terms.
        optimiser: AdamW and schedule.
        seed: for sampling; step n of a run always draws the same batch for the same phase.
        device: `cpu` or `cuda:N`.
        precision: `bf16` and `fp16` use autocast; master weights stay fp32.
        compile: whether the network is compiled.
        workers: threads that prepare batches; 0 prepares them in the training loop.
        prefetch: batches prepared ahead.
        log_every: steps per progress event and log line.
        checkpoint_minutes: active minutes between checkpoints.
        export_minutes: active minutes between exports of the averaged weights; 0: at the end only.
        validate_minutes: active minutes between validations; 0: at the end only.
        validate_frames: frames of each held-out clip that are used.
        step_cap_seconds: what one step counts at most towards the budget.
        tensorboard: also write TensorBoard events (needs the `train` extra).
        resume: continue from the checkpoint in `out` if there is one.
    """

    out: Path
    steps: int | None = None
    budget_minutes: float | None = None
    phases: tuple[Phase, ...] = field(default_factory=default_phases)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    seed: int = 0
    device: str = "cpu"
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    compile: bool = False
    workers: int = 1
    prefetch: int = 3
    log_every: int = 10
    checkpoint_minutes: float = 5.0
    export_minutes: float = 10.0
    validate_minutes: float = 0.0
    validate_frames: int = 25
    step_cap_seconds: float = 60.0
    tensorboard: bool = False
    resume: bool = True

    def __post_init__(self) -> None:
        """Refuse contradictions before any data is read."""
        if (self.steps is None) == (self.budget_minutes is None):
            raise UsageError(
                "training needs either a number of steps or a time budget, and got "
                + ("neither" if self.steps is None else "both"),
                hint="give --steps or --budget-minutes",
            )
        length = self.budget_minutes if self.steps is None else self.steps
        if length is None or length <= 0:
            raise UsageError(f"steps and budget-minutes must be positive; got {length}")
        ends = [phase.until for phase in self.phases]
        if not ends or ends != sorted(ends) or ends[-1] != 1.0:
            raise UsageError(f"phases must end at ascending fractions, the last at 1; got {ends}")
