"""How masks move from frame to frame: do they lag, flicker, or stand still."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.runs import runs
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds
from vosbench.metrics.bits import WORD, BitGrid, count_bits
from vosbench.types import LabelMap

__all__ = ["Lag", "Motion", "MotionMeter", "find_lag", "frozen_frames"]


@dataclass(frozen=True, eq=False)
class Motion:
    """K objects over T annotated frames; NaN where undefined.

    Attributes:
        past: K×T×(L+1), IoU of the mask with the true mask 0..L annotated frames before; NaN where
            either is empty or there is no such frame.
        predicted_change: K×T, 1 - IoU of the mask with that of the frame before; NaN where both are
            empty or one is unknown.
        true_change: K×T, the same of the true masks.
    """

    past: NDArray[np.float64]
    predicted_change: NDArray[np.float64]
    true_change: NDArray[np.float64]


@dataclass(frozen=True)
class Lag:
    """How late a mask follows.

    Attributes:
        frames: the shift 0..L with the highest mean IoU; the smallest of equal ones.
        gain: mean IoU at that shift minus that without a shift.
        compared: frames for which all shifts are known.
    """

    frames: int
    gain: float
    compared: int


class MotionMeter:
    """Collects the masks of a clip, frame by frame.

    Args:
        object_ids: K ids.
        limits: thresholds.
    """

    def __init__(self, object_ids: Sequence[int], *, limits: Thresholds = DEFAULTS) -> None:
        self._ids = tuple(object_ids)
        self._reach = limits.longest_lag + 1
        self._truths: list[deque[_Mask]] = [deque(maxlen=self._reach) for _ in self._ids]
        self._last: list[_Mask | None] = [None] * len(self._ids)
        self._past: list[NDArray[np.float64]] = []
        self._changes: list[list[tuple[float, float]]] = []

    def add(self, prediction: LabelMap | None, truth: LabelMap) -> None:
        """Take the next annotated frame.

        Args:
            prediction: H×W uint8, or None where there is none to look at.
            truth: H×W uint8 of the same size.
        """
        past = np.full((len(self._ids), self._reach), np.nan)
        changes = []
        for k, object_id in enumerate(self._ids):
            true = _pack(truth == object_id)
            truths = self._truths[k]
            true_change = _change(truths[-1], true) if truths else np.nan
            truths.append(true)
            mine = _pack(prediction == object_id) if prediction is not None else None
            last = self._last[k]
            changes.append((_change(last, mine) if last and mine else np.nan, true_change))
            self._last[k] = mine
            if mine is not None and mine.area:
                past[k, : len(truths)] = _ious(mine, list(reversed(truths)))
        self._past.append(past)
        self._changes.append(changes)

    def finish(self) -> Motion:
        """What was seen."""
        count = len(self._ids)
        past = np.array(self._past).reshape(-1, count, self._reach)
        changes = np.array(self._changes, np.float64).reshape(-1, count, 2)
        return Motion(past.transpose(1, 0, 2), changes[..., 0].T, changes[..., 1].T)


@dataclass(frozen=True, eq=False)
class _Mask:
    bits: BitGrid
    area: int


def _pack(mask: NDArray[np.bool_]) -> _Mask:
    size = -(-mask.size // WORD) * WORD
    flat = np.zeros(size, np.bool_)
    flat[: mask.size] = mask.reshape(-1)
    bits = np.packbits(flat).view(np.uint64)[None]
    return _Mask(bits, int(count_bits(bits[None])[0]))


def _ious(mine: _Mask, others: Sequence[_Mask]) -> NDArray[np.float64]:
    """IoU with each; NaN for an empty one."""
    shared = count_bits(np.stack([other.bits for other in others]) & mine.bits)
    areas = np.array([other.area for other in others], np.float64)
    return np.where(areas > 0, shared / (areas + mine.area - shared), np.nan)


def _change(one: _Mask, two: _Mask) -> float:
    if not one.area + two.area:
        return float("nan")
    shared = int(count_bits((one.bits & two.bits)[None])[0])
    return 1.0 - shared / (one.area + two.area - shared)


def find_lag(past: NDArray[np.float64], chosen: NDArray[np.bool_] | None = None) -> Lag | None:
    """The shift k* = argmax_k mean_t IoU(P_t, G_{t-k}), over frames for which all shifts are known.

    Where that leaves fewer than half of the frames, as in short clips and around absences, the
    longest shifts are not searched.

    Args:
        past: T×(L+1), one object of `Motion.past`.
        chosen: (T,) only these frames, such as those of a quartile of speed.

    Returns:
        None where not even a shift of one frame can be told.
    """
    known = np.isfinite(past[:, 0]) if chosen is None else np.isfinite(past[:, 0]) & chosen
    complete = np.logical_and.accumulate(np.isfinite(past), axis=1) & known[:, None]
    counts = complete.sum(axis=0)
    shifts = int(((counts > 0) & (2 * counts >= known.sum())).sum())
    if shifts < 2:
        return None
    full = complete[:, shifts - 1]
    means = past[full, :shifts].mean(axis=0)
    best = int(np.argmax(means > means.max() - 1e-12))
    return Lag(best, float(means[best] - means[0]), int(full.sum()))


def frozen_frames(
    predicted_change: NDArray[np.float64],
    true_change: NDArray[np.float64],
    *,
    limits: Thresholds = DEFAULTS,
) -> NDArray[np.bool_]:
    """Frames of runs of `failed_frames` or more on which the truth moves and the mask does not.

    Args:
        predicted_change: (T,) of one object.
        true_change: (T,) of the same.
        limits: thresholds.
    """
    moving = np.nan_to_num(true_change) > 0
    still = moving & (predicted_change < limits.frozen * np.where(moving, true_change, 1.0))
    frozen = np.zeros(still.size, np.bool_)
    for run in runs(still, least=limits.failed_frames):
        frozen[run.onset : run.end + 1] = True
    return frozen
