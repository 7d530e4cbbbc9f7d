"""Why masks lose: events of the truth, the loss split by cause, identity, and time.

Pure functions over arrays; no files. Positions count annotated frames unless said otherwise.
"""

from __future__ import annotations

from vosbench.diagnose.causes import Cause, dominant_group, find_cause
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
from vosbench.diagnose.motion import Lag, Motion, MotionMeter, find_lag, frozen_frames
from vosbench.diagnose.overlap import FrameOverlap, frame_overlap, stack_overlaps
from vosbench.diagnose.runs import Run, runs
from vosbench.diagnose.shapes import Shape, change_of_shape, measure_shapes
from vosbench.diagnose.study import EventCurve, ObjectTrack, StudyPoint, study
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.diagnose.tracks import (
    Failure,
    Lifetime,
    SurvivalStep,
    find_failures,
    lifetime,
    survival,
)
from vosbench.diagnose.waterfall import GROUPS, TERMS, FrameLoss, frame_loss, grouped

__all__ = [
    "DEFAULTS",
    "EVENT_KINDS",
    "GROUPS",
    "TERMS",
    "Cause",
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
    "Motion",
    "MotionMeter",
    "ObjectTrack",
    "Run",
    "Shape",
    "StudyPoint",
    "SurvivalStep",
    "Thresholds",
    "best_assignment",
    "change_of_shape",
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
    "measure_shapes",
    "occluded_frames",
    "runs",
    "stack_overlaps",
    "study",
    "survival",
]
