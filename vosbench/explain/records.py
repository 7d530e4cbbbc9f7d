"""What `diagnosis.json` holds and `vosbench diagnose --json` prints.

J, losses and terms are 0..1; undefined numbers are null. Frames are named by their file stems, and
`index` counts all frames of the sequence from 0. Durations count annotated frames.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from vosbench.store.schema import Record

__all__ = [
    "DIAGNOSIS_COLUMNS",
    "DIAGNOSIS_SCHEMA_VERSION",
    "AttributeFramesRecord",
    "AttributeRecord",
    "AttributesRecord",
    "CentreCurveRecord",
    "CentreDifference",
    "CentreDifferencePoint",
    "ClaimsRecord",
    "ContourRecord",
    "CurveRecord",
    "DiagnosisRecord",
    "DifferenceRecord",
    "DosePoint",
    "DoseRecord",
    "EventLossRecord",
    "EventRecord",
    "FailureSpan",
    "LagRecord",
    "LossRecord",
    "MeanRecord",
    "ObjectDifference",
    "ObjectRecord",
    "OverlapRecord",
    "PlacementRecord",
    "PointRecord",
    "ReplayRecord",
    "RestartRecord",
    "RestartsRecord",
    "SurvivalRecord",
    "TermDifference",
    "VisibilityRecord",
]

DIAGNOSIS_SCHEMA_VERSION: Final = 1

DIAGNOSIS_COLUMNS: Final = (
    "sequence",  # str
    "object_id",  # int64
    "index",  # int64, position of the frame in the sequence
    "frame",  # str
    "J",  # float64
    "boundary",  # float64; these nine sum to 1 - J
    "leak",
    "stolen",
    "bg_fp",
    "interior_miss",
    "missed",
    "hallucinated",
    "wrong_id",
    "drift",
    "other",  # int64, the other object to blame, or 0
    "predicted_area",  # int64 px
    "true_area",  # int64 px
    "clipped",  # float64, share of the true object outside of the method's window; NaN if untold
    "voted_error",  # float64, from the voted centre to the true centroid, in sqrt(true area)
    "mask_error",  # float64, the same from the centroid of the mask
    "events",  # str, kinds of events on this frame, by spaces
    "thin",  # float64, of `boundary`: missed parts no wider than the band on both sides
    "miss_rim",  # float64, of `boundary`: rims of parts whose inside is missed
    "extra_rim",  # float64, of `boundary`: rims of regions of background that are taken
    "detached",  # float64, of `boundary` and `bg_fp`: pieces that do not touch the object
)
"""Columns of `diagnosis.parquet`: one row per object-frame that counts."""


class ContourRecord(Record):
    """What the terms do not tell of wrong pixels; the first four sum to the term `boundary`."""

    thin: float = Field(description="missed parts no wider than the band on both sides")
    miss_rim: float = Field(description="rims of parts whose inside is missed")
    extra_rim: float = Field(description="rims of regions of background that are taken")
    along: float = Field(description="the rest, along the contour")
    detached: float = Field(
        description="of `boundary` and `bg_fp`: pieces of the mask that do not touch the object"
    )


class LossRecord(Record):
    """The loss of an object, a sequence or the set."""

    j_mean: float
    loss: float = Field(description="1 - J")
    terms: dict[str, float] = Field(description="sum to the loss")
    dominant: str = Field(description="group of terms that costs most; empty for no loss")
    contour: ContourRecord | None = None


class FailureSpan(Record):
    """An object that was followed and then was not."""

    onset: str
    onset_index: int
    recovery: str | None
    frames_to_recover: int | None
    lost: bool = Field(description="J below 0.1 for 5 frames in a row")
    lowest: float


class LagRecord(Record):
    """The shift of the truth in time that fits the masks best."""

    frames: int
    gain: float = Field(description="mean IoU that the shift gains")
    compared: int


class PlacementRecord(Record):
    """Where the method looked and what it took for the centre; null where it does not tell."""

    clipped: float | None = Field(
        default=None, description="mean share of the truth outside of the window"
    )
    clipped_frames: float | None = Field(
        default=None, description="share of frames that lose 10 % or more so"
    )
    voted_error: float | None = Field(
        default=None, description="mean error of the voted centre, sqrt(area)"
    )
    mask_error: float | None = Field(
        default=None, description="mean error of the mask's centroid, sqrt(area)"
    )


class ObjectRecord(LossRecord):
    """One object."""

    sequence: str
    object_id: int
    seen: bool | None = Field(description="of a seen category; null where that does not matter")
    evaluated_frames: int
    cause: str
    failures: list[FailureSpan]
    followed: int = Field(description="frames until the first failure or the end")
    failed: bool = Field(description="false: `followed` is censored")
    lag: LagRecord | None
    lag_by_speed: list[LagRecord | None] = Field(description="by quartile of speed, slow first")
    jitter: float | None = Field(description="mean |change of J| between frames")
    flicker: float | None = Field(description="change of the mask minus change of the truth")
    placement: PlacementRecord = PlacementRecord()
    leaks_to: dict[str, float] = Field(description="other true object to the share under this mask")


class EventRecord(Record):
    """Something that happens from one frame to another, both included."""

    sequence: str
    object_id: int = Field(description="0 for all together")
    other: int
    kind: str
    onset: str
    onset_index: int
    end: str
    end_index: int
    strength: float


class SurvivalRecord(Record):
    """A step of the Kaplan-Meier curve."""

    frames: int
    at_risk: int
    failures: int
    survival: float


class PointRecord(Record):
    """Mean J at an offset from the onset, with its 95 % band by sequence."""

    offset: int
    mean: float
    low: float | None
    high: float | None
    events: int


class CurveRecord(Record):
    """J around the onsets of one kind of event."""

    kind: str
    events: int
    sequences: int
    at_risk: int = Field(description="onsets at which the object was still followed")
    failures: int = Field(description="those of them with a failure within 5 frames")
    lift: float | None = Field(description="how much likelier a failure is than without the event")
    points: list[PointRecord]


class EventLossRecord(Record):
    """The loss on frames during one kind of event, and on those without it.

    Each object-frame counts the same, and only objects to which it happens count at all, so that
    hard objects are not held against easy ones.
    """

    kind: str
    objects: int
    sequences: int
    frames_with: int = Field(description="object-frames that count")
    frames_without: int
    j_with: float
    j_without: float | None
    terms_with: dict[str, float] = Field(description="sum to 1 - j_with")
    terms_without: dict[str, float] | None


class CentreCurveRecord(Record):
    """Error of the centre around the onsets of one kind of event, in sides of the object."""

    kind: str
    of: str = Field(description="`voted`, or `mask` for the centroid of the mask")
    points: list[PointRecord]


class MeanRecord(Record):
    """A mean over object-frames with its 95 % band by sequence."""

    mean: float
    low: float | None
    high: float | None
    frames: int = Field(description="on which it is known")


class VisibilityRecord(Record):
    """Errors of the centre where so much of the object can be seen, on diagnostic clips."""

    visible_from: float = Field(description="share of what is inside the frame; included")
    visible_to: float = Field(description="not included, unless it is 1 or the other end")
    object_frames: int
    sequences: int
    j_mean: float
    voted_error: MeanRecord | None = Field(
        description="voted centre to the centroid of what can be seen, sqrt(visible area)"
    )
    whole_error: MeanRecord | None = Field(
        description="voted centre to the centroid of the whole object, sqrt(its area)"
    )
    mask_error: MeanRecord | None = Field(
        description="centroid of the mask to that of what can be seen, sqrt(visible area)"
    )


class ClaimsRecord(Record):
    """Soft masks of a sequence with several objects: who claims (p >= 0.5) which pixels."""

    frames: int
    contest_rate: dict[str, float | None] = Field(
        description="threshold to the mean over frames of the share of claimed px that two claim"
    )
    peak_contest_rate: float | None = Field(description="at 0.5")
    peak_frame: str
    contest_matrix: dict[str, dict[str, float | None]] = Field(
        description="shared claims over the smaller of the two claims"
    )
    claimed_truth: dict[str, dict[str, float | None]] = Field(
        description="share of each true object (inner) that each object (outer) claims"
    )
    unclaimed: float | None = Field(description="share of the true objects that nobody claims")
    disputed_px: int = Field(description="contested px on true objects")
    wrong_by_rule_px: int = Field(description="of them given away though the right one claimed")
    wrong_by_network_px: int = Field(description="of them wrong, and not claimed by the right one")
    arbitration_error: float | None = Field(description="wrong share of the disputed px")


class ReplayRecord(Record):
    """The same soft masks under another merging rule."""

    rule: str
    jf_mean: float | None
    j_mean: float | None
    f_mean: float | None
    change: float | None = Field(description="of J&F against the masks as run")
    change_by_sequence: dict[str, float | None]
    same_frames: int = Field(description="frames on which the rule makes the very same mask")
    frames: int


class OverlapRecord(Record):
    """What stored soft masks tell; figures are over sequences with several objects."""

    contest_rate: dict[str, float | None] = Field(description="mean over sequences")
    disputed_px: int
    wrong_by_rule_px: int
    wrong_by_network_px: int
    arbitration_error: float | None
    sequences: dict[str, ClaimsRecord]
    replay: list[ReplayRecord] = Field(description="empty unless it was asked for")


class RestartRecord(Record):
    """A failure after which the method was started again from the truth."""

    sequence: str
    object_id: int
    restarted_at: str
    frames: int = Field(description="frames compared, after the restart to the failure's end")
    j_run: float
    j_restarted: float
    propagation_share: float = Field(description="share of the loss that the restart undoes")
    verdict: str = Field(description="`propagation` if that is half or more, else `hard frames`")


class RestartsRecord(Record):
    """All restarts of a run."""

    restarts: list[RestartRecord]
    frames: int
    loss_run: float | None = Field(description="mean over the frames compared")
    loss_restarted: float | None
    propagation_share: float | None
    notes: list[str]


class DosePoint(Record):
    """A clip of a series."""

    level: int
    dose: float
    j_mean: float
    drop: float = Field(description="J of the control minus this")


class DoseRecord(Record):
    """J against the dose of one factor of the diagnostic suite, over visible objects only.

    An empty mask of an object that is hidden has J = 1, which would make long absences look easy.
    """

    factor: str
    unit: str
    series: int = Field(description="how many series of clips the figures are means over")
    control: float = Field(description="J without the factor")
    points: list[DosePoint] = Field(description="by level")
    breaking_dose: float | None = Field(
        description="where J drops 0.2 below the control, between levels on a straight line; null "
        "if it does not"
    )


class AttributeFramesRecord(Record):
    """J on the object-frames with and without an attribute, each counting the same.

    The means and their difference mix hard objects with easy ones; `within` does not.
    """

    frames_with: int = Field(description="object-frames that count")
    frames_without: int
    undefined: dict[str, int] = Field(
        description="object-frames on which it is not defined, by reason"
    )
    objects_with: int = Field(description="with it on any frame")
    sequences_with: int
    sequences_without: int = Field(description="without it on any frame")
    mean_with: MeanRecord | None = Field(description="J")
    mean_without: MeanRecord | None = Field(description="J")
    difference: float | None = Field(description="of J; negative: those frames are harder")
    low: float | None = Field(description="95 % interval by sequence (jackknife)")
    high: float | None
    terms_with: dict[str, float] | None = Field(description="of the loss; sum to 1 - mean J")
    terms_without: dict[str, float] | None
    objects_both: int = Field(description="with it on some frames and without it on others")
    within: float | None = Field(
        description="mean over those objects of the difference between their frames"
    )
    within_low: float | None = Field(description="95 % interval by sequence")
    within_high: float | None


class AttributeRecord(Record):
    """J of the sequences with and without an attribute, and how far to believe the attribute."""

    attribute: str
    threshold: float
    above: bool = Field(description="more than the threshold means yes")
    origin: str = Field(description="`definition`, `rule`, or `train` for a chosen threshold")
    needs_frames: bool
    sequences_with: int
    sequences_without: int
    j_with: float | None
    j_without: float | None
    difference: float | None = Field(description="of J; negative: they are harder")
    terms_with: dict[str, float] | None = Field(
        default=None, description="of the loss, mean over the sequences with it; sum to 1 - j_with"
    )
    terms_without: dict[str, float] | None = None
    kappa_train: float = Field(description="agreement with people on 30 sequences of DAVIS-2016")
    kappa_left_out: float | None = Field(description="with thresholds chosen without the sequence")
    kappa_val: float = Field(description="on 10 sequences that no threshold was chosen on")
    kappa_here: float | None = Field(description="on these sequences, where tags are given")
    tagged_here: int
    frames: AttributeFramesRecord | None = Field(
        default=None,
        description="frame by frame; the kappas are of whole sequences, as nobody tagged frames",
    )


class AttributesRecord(Record):
    """What makes the sequences hard."""

    sequences: dict[str, list[str]] = Field(description="attributes of each")
    figures: dict[str, dict[str, dict[str, float | None]]] = Field(
        description="by sequence, object and attribute"
    )
    attributes: list[AttributeRecord]


class DiagnosisRecord(LossRecord):
    """`diagnosis.json`."""

    schema_version: int = DIAGNOSIS_SCHEMA_VERSION
    path: str
    method: str
    dataset: str
    split: str
    protocol: str
    sequences: dict[str, LossRecord]
    objects: list[ObjectRecord]
    events: list[EventRecord] = Field(description="from the true masks")
    identity: list[EventRecord] = Field(description="swaps, merges and splits")
    survival: list[SurvivalRecord]
    curves: list[CurveRecord]
    event_losses: list[EventLossRecord] = Field(
        default_factory=list, description="by kind of event, frame by frame"
    )
    placement: PlacementRecord = Field(
        default=PlacementRecord(), description="over all object-frames with a visible object"
    )
    centre_curves: list[CentreCurveRecord] = Field(default_factory=list)
    visibility: list[VisibilityRecord] = Field(
        default_factory=list,
        description="errors of the centre by visible share; on diagnostic clips of methods that "
        "tell their centres",
    )
    overlap: OverlapRecord | None = Field(
        default=None, description="null without stored soft masks"
    )
    restarts: RestartsRecord | None = Field(default=None, description="null unless asked for")
    attributes: AttributesRecord | None = Field(default=None, description="null unless asked for")
    doses: list[DoseRecord] = Field(
        default_factory=list, description="on series of diagnostic clips only"
    )
    undiagnosed: dict[str, str] = Field(description="sequence to reason")
    limits: list[str] = Field(description="what these masks cannot tell, and why")
    thresholds: dict[str, float]


class TermDifference(Record):
    """How much more of the loss a group of terms makes in the second run."""

    group: str
    baseline: float
    candidate: float
    difference: float = Field(description="positive: the candidate loses more")
    low: float | None = Field(description="95 % interval by sequence")
    high: float | None


class ObjectDifference(Record):
    """An object in both runs."""

    sequence: str
    object_id: int
    baseline: float = Field(description="J")
    candidate: float
    difference: float = Field(description="of J; negative: the candidate loses")
    dominant: str = Field(description="group whose loss changed most")


class CentreDifferencePoint(Record):
    """Mean errors of the centre so many frames after the onset, on frames that both runs know."""

    offset: int
    baseline: float
    candidate: float
    difference: float
    low: float | None = Field(description="95 % band of the difference by sequence")
    high: float | None
    events: int


class CentreDifference(Record):
    """Errors of the centre around the onsets of one kind of event, in sides of the object."""

    kind: str
    of: str = Field(description="`voted`, or `mask` for the centroid of the mask")
    points: list[CentreDifferencePoint]


class DifferenceRecord(Record):
    """Two diagnoses; differences are candidate minus baseline."""

    schema_version: int = DIAGNOSIS_SCHEMA_VERSION
    baseline: str
    candidate: str
    j_baseline: float
    j_candidate: float
    loss: TermDifference
    groups: list[TermDifference] = Field(description="sum to `loss`; largest change first")
    objects: list[ObjectDifference] = Field(description="largest change first")
    left_out: list[str] = Field(description="objects that only one of the two has")
    centres: list[CentreDifference] = Field(
        default_factory=list, description="where both tell their windows or centres"
    )
    warnings: list[str] = Field(default_factory=list, description="why not to trust intervals")
    summary: str
