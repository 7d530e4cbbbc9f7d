"""Parameters of the method's card, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from vosbench.types import ParameterValue

from ..parameters import fields_given, one_of, refuse_unknown, within
from .config import ISOMETRIC_MODES, IsometricMode

__all__ = ["CentreKind", "MergeRule", "Parameters", "Parts"]

MergeRule = Literal["argmax", "soft-aggregation"]
CentreKind = Literal["mass", "box"]
Parts = Literal["all", "persistent"]


@dataclass(frozen=True)
class Parameters:
    """What can be changed without other weights, except where README.md says so.

    Attributes:
        crop: crop around the object; else the whole frame is the input.
        context: window size over mask-box size.
        least_size: px, least width and height of a window.
        most_frames: largest width and height of a window, in frame widths and heights.
        smoothing: smooth the window's size over time.
        momentum: weight of the previous size in the smoothing, 0..1.
        patience: empty frames in a row before the window grows.
        growth: factor per frame by which it then grows.
        parts: which parts of the mask move window and centre: all, or those that lie where the
            object was, see `persistent.py`.
        overlap: how much of a part must lie there, 0..1.
        offset: whether the centre offset enters the fusion.
        centre: which point of the previous mask is its centre.
        isometric_mode: see `NetworkConfig`.
        template_pool: 2×2 pooling of the template.
        previous_mask: whether the previous mask is a further input.
        threshold: least probability of an object's pixel, 0..1.
        merge: how objects compete for a pixel.
        height: px, height of the network's input.
        width: px, width of the network's input.
        batch: most objects in one pass of the network; 0 leaves it to the device.
        oracle_box: take the window from the truth of the current frame.
        oracle_centre: take the previous centre from the truth of the current frame.
    """

    crop: bool = True
    context: float = 1.5
    least_size: float = 32.0
    most_frames: float = 1.5
    smoothing: bool = True
    momentum: float = 0.5
    patience: int = 5
    growth: float = 1.5
    parts: Parts = "all"
    overlap: float = 0.6
    offset: bool = True
    centre: CentreKind = "mass"
    isometric_mode: IsometricMode = "rank_sample"
    template_pool: bool = True
    previous_mask: bool = False
    threshold: float = 0.5
    merge: MergeRule = "argmax"
    height: int = 480
    width: int = 854
    batch: int = 0
    oracle_box: bool = False
    oracle_centre: bool = False

    @classmethod
    def parse(cls, values: Mapping[str, ParameterValue]) -> Parameters:
        """Read the card's dotted names; what is absent keeps its default.

        Raises:
            UsageError: a name is unknown, or a value is of another type or out of range.
        """
        refuse_unknown("dmvos", values, NAMES)
        parameters = cls(**fields_given(values, NAMES, cls()))
        parameters._check()
        return parameters

    def _check(self) -> None:
        one_of("offset.centre", self.centre, get_args(CentreKind))
        one_of("window.parts", self.parts, get_args(Parts))
        one_of("merge.rule", self.merge, get_args(MergeRule))
        one_of("isometric.mode", self.isometric_mode, ISOMETRIC_MODES)
        within("crop.context", self.context, 0.1, 100.0)
        within("crop.least-size", self.least_size, 1.0, 10_000.0)
        within("crop.most-frames", self.most_frames, 0.1, 10.0)
        within("smoothing.momentum", self.momentum, 0.0, 1.0)
        within("empty.patience", self.patience, 0, 1_000_000)
        within("empty.growth", self.growth, 1.0, 100.0)
        within("window.overlap", self.overlap, 0.0, 1.0)
        within("threshold", self.threshold, 0.0, 1.0)
        within("input.height", self.height, 32, 4096)
        within("input.width", self.width, 32, 4096)
        within("batch.objects", self.batch, 0, 254)


NAMES = {
    "crop.enabled": "crop",
    "crop.context": "context",
    "crop.least-size": "least_size",
    "crop.most-frames": "most_frames",
    "smoothing.enabled": "smoothing",
    "smoothing.momentum": "momentum",
    "empty.patience": "patience",
    "empty.growth": "growth",
    "window.parts": "parts",
    "window.overlap": "overlap",
    "offset.enabled": "offset",
    "offset.centre": "centre",
    "isometric.mode": "isometric_mode",
    "template.pool": "template_pool",
    "previous_mask.enabled": "previous_mask",
    "threshold": "threshold",
    "merge.rule": "merge",
    "input.height": "height",
    "input.width": "width",
    "batch.objects": "batch",
    "oracle.box": "oracle_box",
    "oracle.centre": "oracle_centre",
}
