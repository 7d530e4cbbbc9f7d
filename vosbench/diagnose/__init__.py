"""Why masks lose: events of the truth, the loss split by cause, identity, and time.

Pure functions over arrays; no files. Positions count annotated frames unless said otherwise.
"""

from __future__ import annotations

from vosbench.diagnose.causes import Cause, dominant_group, find_cause
from vosbench.diagnose.claims import CLAIM, SWEEP, ClaimCounts, count_claims, sum_claims
from vosbench.diagnose.events import (
    EVENT_KINDS,
    Event,
    EventKind,
    find_events,
    occluded_frames,
)
from vosbench.diagnose.identity import (
    IdentityEvent,
    IdentityKind,
    best_assignment,
    find_identity_events,
    leaks,
)
from vosbench.diagnose.merging import MERGE_RULES, MergeRule
from vosbench.diagnose.motion import Lag, Motion, MotionMeter, find_lag, frozen_frames
from vosbench.diagnose.overlap import FrameOverlap, frame_overlap, stack_overlaps
from vosbench.diagnose.runs import Run, runs
from vosbench.diagnose.selfreport import Told, centroid, clipped_share, offset_error
from vosbench.diagnose.shapes import Shape, change_of_shape, measure_shapes
from vosbench.diagnose.study import (
    CENTRE_KINDS,
    EventCurve,
    ObjectTrack,
    StudyPoint,
    mean_around,
    study,
)
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.diagnose.tracks import (
    Failure,
    Lifetime,
    SurvivalStep,
    find_failures,
    lifetime,
    survival,
)
from vosbench.diagnose.waterfall import (
    CONTOUR_PARTS,
    GROUPS,
    TERMS,
    FrameLoss,
    frame_loss,
    grouped,
)

__all__ = [
    "CENTRE_KINDS",
    "CLAIM",
    "CONTOUR_PARTS",
    "DEFAULTS",
    "EVENT_KINDS",
    "GROUPS",
    "MERGE_RULES",
    "SWEEP",
    "TERMS",
    "Cause",
    "ClaimCounts",
    "Event",
    "EventCurve",
    "EventKind",
    "Failure",
    "FrameLoss",
    "FrameOverlap",
    "IdentityEvent",
    "IdentityKind",
    "Lag",
    "Lifetime",
    "MergeRule",
    "Motion",
    "MotionMeter",
    "ObjectTrack",
    "Run",
    "Shape",
    "StudyPoint",
    "SurvivalStep",
    "Thresholds",
    "Told",
    "best_assignment",
    "centroid",
    "change_of_shape",
    "clipped_share",
    "count_claims",
    "dominant_group",
    "find_cause",
    "find_events",
    "find_failures",
    "find_identity_events",
    "find_lag",
    "frame_loss",
    "frame_overlap",
    "frozen_frames",
    "grouped",
    "leaks",
    "lifetime",
    "mean_around",
    "measure_shapes",
    "occluded_frames",
    "offset_error",
    "runs",
    "stack_overlaps",
    "study",
    "sum_claims",
    "survival",
]
