"""Every number that the diagnosis decides by, in one record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULTS", "Thresholds"]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of events, losses, identity and time.

    Frames are counted among the annotated ones. Where no source is named the value is our own.

    Attributes:
        window: frames to either side that an object's size is held against.
        area_ratio: an object with less than this share of its largest area in the window shrank.
        border_share: share of its boundary on the frame edge from which an object leaves by it.
        contact_share: share of its boundary near another object from which they touch.
        contact_px: how near that is, px.
        anisotropy: difference of log height and log width from which a shrink is a cut.
        fast_step: centroid step as a share of the diagonal (20 px at 854x480, DAVIS 2016).
        scale_ratio: box area against the first frame below this or above its inverse (MOSEv2).
        deformation: 1 - IoU of consecutive aligned masks.
        deformation_area: px below which a mask is too small to speak of its shape.
        crowding: overlap of boxes over their union (BOR, OVIS) of a crowded frame.
        crossing_distance: distance of two centroids in sqrt(area of the smaller) from which their
            order counts.
        join_gap: pauses of an event up to this many frames do not end it.
        wrong: J below which a mask is on something else (TIDE, background threshold).
        most: share of a mask that must lie on one other object to blame that object.
        band_share: width of the boundary band as a share of the diagonal (DAVIS).
        band_area: squared width of the band as a share of the true area: (0.1)^2 (MOSEv2).
        failed: J below which an object drifted (recall level of DAVIS).
        failed_frames: how many frames in a row it takes to fail or to recover.
        swap_gain: mean IoU that two objects gain by exchanging their masks.
        swap_frames: how many frames in a row it takes.
        merge_share: share of two true objects under one mask.
        split_share: share of one true object under each of two masks.
        longest_lag: frames.
        lag_gain: mean IoU that shifting the truth in time must gain to speak of a lag.
        frozen: change of the mask as a share of the change of the truth; below, it froze.
        small_loss: mean loss below which no cause is looked for.
        main_share: share of an object's loss that a cause must explain, and the least share of
            background to interior loss, or the reverse, in a displaced mask.
        displaced: mean distance of its centroid from the true one from which a mask is displaced,
            in sqrt(true area).
        event_reach: frames after an event within which a failure is put next to it.
    """

    window: int = 10
    area_ratio: float = 0.75
    border_share: float = 0.05
    contact_share: float = 0.05
    contact_px: int = 2
    anisotropy: float = 0.15
    fast_step: float = 20 / 979.66
    scale_ratio: float = 0.5
    deformation: float = 0.25
    deformation_area: int = 100
    crowding: float = 0.1
    crossing_distance: float = 0.25
    join_gap: int = 2
    wrong: float = 0.1
    most: float = 0.5
    band_share: float = 0.008
    band_area: float = 0.01
    failed: float = 0.5
    failed_frames: int = 5
    swap_gain: float = 0.1
    swap_frames: int = 3
    merge_share: float = 0.5
    split_share: float = 0.25
    longest_lag: int = 10
    lag_gain: float = 0.02
    frozen: float = 0.1
    small_loss: float = 0.005
    main_share: float = 0.5
    displaced: float = 0.1
    event_reach: int = 5


DEFAULTS: Final = Thresholds()
"""What `vosbench diagnose` uses; stored with every diagnosis."""
