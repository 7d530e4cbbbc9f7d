"""Three-valued verdicts: an interval against a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vosbench.stats.intervals import Interval
from vosbench.stats.speed import RatioEstimate

__all__ = ["GateVerdict", "non_inferiority", "not_slower"]


@dataclass(frozen=True)
class GateVerdict:
    """Pass, fail, or not enough data to say.

    Attributes:
        verdict: `inconclusive` is neither good nor bad news; more sequences or pairs may decide.
        reason: the comparison in words.
    """

    verdict: Literal["pass", "fail", "inconclusive"]
    reason: str


def non_inferiority(interval: Interval, margin: float) -> GateVerdict:
    """Whether a candidate is worse than the baseline by less than a margin.

    Pass if the interval of candidate minus baseline lies above -margin, fail if it lies at or
    below, else inconclusive (Piaggio et al., JAMA 2012, CONSORT for non-inferiority, figure 1). A
    two-sided 95 % interval gives a one-sided level of 2.5 %. Never "p > 0.05, so equal": passing
    needs evidence. A fail does not mean a difference from 0 was shown the other way.

    Args:
        interval: of the difference, higher being better.
        margin: how much worse is acceptable, above 0, in the interval's unit.

    Raises:
        ValueError: for a margin that is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"The margin must be above 0, not {margin}.")
    if interval.low is None or interval.high is None:
        return GateVerdict("inconclusive", f"no interval: {interval.reason}")
    ends = f"[{interval.low:+.4f}, {interval.high:+.4f}]"
    if interval.low > -margin:
        return GateVerdict("pass", f"the interval {ends} lies above {-margin:+.4f}")
    if interval.high <= -margin:
        return GateVerdict("fail", f"the interval {ends} lies at or below {-margin:+.4f}")
    return GateVerdict("inconclusive", f"the interval {ends} holds {-margin:+.4f}")


def not_slower(estimate: RatioEstimate, margin: float = 0.05) -> GateVerdict:
    """Whether a candidate is slower than the baseline by less than a margin.

    Fail if the interval of the ratio lies above 1 + margin, pass if it lies below, else
    inconclusive. On a busy machine a true slowdown of twice the margin is often inconclusive:
    that is no proof of equal speed.

    Args:
        estimate: candidate over baseline, from interleaved pairs.
        margin: acceptable slowdown as a share, above 0.

    Raises:
        ValueError: for a margin that is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"The margin must be above 0, not {margin}.")
    if estimate.low is None or estimate.high is None:
        return GateVerdict("inconclusive", f"no interval: {estimate.reason}")
    limit = 1 + margin
    ends = f"[{estimate.low:.3f}, {estimate.high:.3f}]"
    if estimate.low > limit:
        return GateVerdict("fail", f"the interval {ends} lies above {limit:.3f}")
    if estimate.high < limit:
        return GateVerdict("pass", f"the interval {ends} lies below {limit:.3f}")
    return GateVerdict("inconclusive", f"the interval {ends} holds {limit:.3f}")
