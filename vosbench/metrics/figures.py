"""From counts to figures, for each way of measuring that a protocol can ask for.

All protocols share the seven figures; what only some define comes as extra figures by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.metrics.protocols import Measures
from vosbench.metrics.scores import boundary_accuracy, region_similarity
from vosbench.metrics.statistics import Figures, object_figures

__all__ = ["FrameValues", "figures_of", "extra_figures", "frame_values"]

_UNDEFINED: Final = float("nan")
_ADQ_MINIMUM: Final = 10
_VOTS_THRESHOLDS: Final = (0.1, 0.5)
"""Absence detection quality is defined for objects absent on more frames than this."""


@dataclass(frozen=True, eq=False)
class FrameValues:
    """J and F per frame.

    Attributes:
        region: (...) float64, 0..1.
        boundary: (...) float64, 0..1; NaN where the protocol has no boundary measure.
    """

    region: NDArray[np.float64]
    boundary: NDArray[np.float64]


def frame_values(measures: Measures, counts: NDArray[np.int64]) -> FrameValues:
    """J and F from counts (..., 6) int64, columns as in `COUNT_COLUMNS`."""
    if measures == "mosev2-official":
        # (MOSE-api, metricsv2.py, db_eval_iou)
        region = (counts[..., 0] + 1) / (counts[..., 1] + 1)
    else:
        region = region_similarity(counts)
    if measures in ("region", "vots"):
        boundary = np.full(region.shape, np.nan)
    else:
        boundary = boundary_accuracy(counts)
    return FrameValues(region, boundary)


def figures_of(
    measures: Measures, counts: NDArray[np.int64], *, official_decay: bool = False
) -> Figures:
    """The seven figures of one object from its evaluated frames, (frames, 6) int64.

    Figures that the protocol does not define are NaN.
    """
    if measures == "volumetric":
        total = frame_values(measures, counts.sum(axis=0))
        j, f = float(total.region), float(total.boundary)
        nothing = _UNDEFINED
        return Figures((j + f) / 2, j, nothing, nothing, f, nothing, nothing)
    values = frame_values(measures, counts)
    return object_figures(values.region, values.boundary, official_decay=official_decay)


def extra_figures(
    measures: Measures, counts: NDArray[np.int64], areas: NDArray[np.int64]
) -> Mapping[str, float]:
    """Figures of one object beyond the seven, by name; NaN where undefined for this object.

    Args:
        measures: how the protocol measures.
        counts: (frames, 6) int64 of the evaluated frames, columns as in `COUNT_COLUMNS`.
        areas: (frames, 2) int64, predicted and true px.
    """
    values = frame_values(measures, counts)
    if measures == "region":
        last = values.region[math.floor(0.75 * values.region.size) :]
        return {"J-Last": float(np.mean(last))}
    if measures == "lvos":
        # (lvos-evaluation, utils.py, db_statistics_var; there the variance is rounded first)
        return {"V": float(np.std((values.region + values.boundary) / 2))}
    if measures in ("mosev2", "mosev2-official"):
        return _absence(values, areas[:, 1] == 0)
    if measures == "vots":
        return _vots(values.region, areas)
    return {}


def _absence(values: FrameValues, absent: NDArray[np.bool_]) -> Mapping[str, float]:
    """Mean J&F over clips of absence and over clips after a return, clips counting the same.

    (MOSE-api, score.py, merge_chunk_results; absence from the start is no disappearance.)

    Args:
        values: J and F per frame.
        absent: (frames,) whether the true mask is empty.
    """
    change = np.flatnonzero(absent[1:] != absent[:-1]) + 1
    ends = np.append(change[1:], absent.size)
    clips: dict[bool, list[float]] = {True: [], False: []}
    for start, end in zip(change.tolist(), ends.tolist(), strict=False):
        j, f = np.mean(values.region[start:end]), np.mean(values.boundary[start:end])
        clips[bool(absent[start])].append(float(j + f) / 2)
    return {
        "J&F-Disappeared": float(np.mean(clips[True])) if clips[True] else _UNDEFINED,
        "J&F-Reappeared": float(np.mean(clips[False])) if clips[False] else _UNDEFINED,
    }


def _vots(overlap: NDArray[np.float64], areas: NDArray[np.int64]) -> Mapping[str, float]:
    """Robustness, error rates and absence detection (VOTS 2023 measures).

    The toolkit counts one common pixel as found, whatever threshold it is given; the figures named
    with a threshold ask for more overlap than that. NRE and ADQ do not depend on it.

    Args:
        overlap: (frames,) intersection over union.
        areas: (frames, 2) predicted and true px.
    """
    reported, visible = areas[:, 0] > 0, areas[:, 1] > 0
    named = visible & reported
    found = named & (overlap > 0)
    shown = int(visible.sum())
    hidden = int((~visible).sum())

    def share(frames: NDArray[np.bool_], total: int) -> float:
        return float(frames.sum() / total) if total else _UNDEFINED

    stricter = {}
    for threshold in _VOTS_THRESHOLDS:
        held = named & (overlap > threshold)
        stricter[f"Robustness@{threshold}"] = share(held, shown)
        stricter[f"DRE@{threshold}"] = share(named & ~held, shown)
    return {
        "Quality": float(np.mean(overlap)),
        "Accuracy": float(np.mean(overlap[found])) if found.any() else _UNDEFINED,
        "Robustness": share(found, shown),
        "NRE": share(visible & ~reported, shown),
        "DRE": share(named & ~found, shown),
        "ADQ": share(~visible & ~reported, hidden) if hidden > _ADQ_MINIMUM else _UNDEFINED,
        **stricter,
    }
