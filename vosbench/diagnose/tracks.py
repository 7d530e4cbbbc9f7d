"""When an object is lost and found again, and how long it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose.runs import runs
from vosbench.diagnose.thresholds import DEFAULTS, Thresholds

__all__ = ["Failure", "Lifetime", "SurvivalStep", "find_failures", "lifetime", "survival"]


@dataclass(frozen=True)
class Failure:
    """An object that was followed and then was not.

    Attributes:
        onset: position of the first frame with J < 0.5, of 5 or more in a row.
        recovery: position of the first frame with J ≥ 0.5, of 5 or more in a row, or None.
        lost: whether J was below 0.1 for 5 frames in a row.
        lowest: the lowest J.
    """

    onset: int
    recovery: int | None
    lost: bool
    lowest: float


@dataclass(frozen=True)
class Lifetime:
    """How many frames an object was followed.

    Attributes:
        frames: until the first failure, or until the end of the clip.
        failed: whether it ended by a failure; otherwise the time is censored.
    """

    frames: int
    failed: bool


@dataclass(frozen=True)
class SurvivalStep:
    """One step of the Kaplan-Meier curve.

    Attributes:
        frames: time of the step.
        at_risk: objects that were followed until then.
        failures: how many of them failed at that time.
        survival: estimated share of objects that are followed beyond it.
    """

    frames: int
    at_risk: int
    failures: int
    survival: float


def find_failures(
    region: NDArray[np.float64], *, limits: Thresholds = DEFAULTS
) -> tuple[Failure, ...]:
    """Find drift onsets and recoveries of one object.

    An object starts as followed, because its first mask is given. A drop that is too short, or too
    near to the end of the clip to last, is no failure.

    Args:
        region: (T,) J of the frames that count, in order.
        limits: thresholds.
    """
    bad = region < limits.failed
    least = limits.failed_frames
    onsets = [run.onset for run in runs(bad, least=least)]
    returns = [run.onset for run in runs(~bad, least=least)]
    found: list[Failure] = []
    at = 0
    while onset := next((one + 1 for one in onsets if one >= at), 0):
        start = onset - 1
        back = next((one for one in returns if one > start), None)
        stop = region.size if back is None else back
        values = region[start:stop]
        lost = bool(runs(values < limits.wrong, least=least))
        found.append(Failure(start, back, lost, float(values.min())))
        at = stop
    return tuple(found)


def lifetime(failures: Sequence[Failure], frames: int) -> Lifetime:
    """Time to the first failure of an object that counts on so many frames."""
    return Lifetime(failures[0].onset, True) if failures else Lifetime(frames, False)


def survival(lifetimes: Sequence[Lifetime]) -> tuple[SurvivalStep, ...]:
    """The Kaplan-Meier estimate (J. Am. Stat. Assoc. 1958), one step per time of failure.

    Objects that never fail leave at the end of their clip without counting as failures.
    """
    share = 1.0
    steps = []
    for time in sorted({one.frames for one in lifetimes if one.failed}):
        at_risk = sum(one.frames >= time for one in lifetimes)
        failures = sum(one.failed and one.frames == time for one in lifetimes)
        share *= 1 - failures / at_risk
        steps.append(SurvivalStep(time, at_risk, failures, share))
    return tuple(steps)
