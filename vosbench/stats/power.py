"""What a comparison could have seen."""

from __future__ import annotations

__all__ = ["smallest_detectable_difference"]


def smallest_detectable_difference(
    standard_error: float | None, sequences: int, *, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """True difference that a two-sided t-test over these sequences finds with the given power.

    The noncentrality at which a t variate with S - 1 degrees of freedom exceeds the critical value
    with probability `power`, times the standard error (Cohen, Statistical Power Analysis, 1988,
    chapter 2; the far tail is neglected). It uses the observed spread, and is itself an estimate:
    with few sequences a rough one.

    A difference below it can be real and was merely not looked for with enough sequences. It is no
    bound on the true difference: for that, read the interval.

    Args:
        standard_error: of the mean difference (`standard_error`); None or 0 where unknown.
        sequences: S.
        power: probability of finding the difference.
        alpha: level of the test.

    Returns:
        The difference in the unit of the standard error, at least 0, or None where undefined.
    """
    if not standard_error or sequences < 2:
        return None
    from scipy.special import nctdtrinc, stdtrit

    freedom = sequences - 1
    critical = float(stdtrit(freedom, 1 - alpha / 2))
    return float(nctdtrinc(freedom, 1 - power, critical)) * standard_error
