"""What may be said of a difference: by the test and by the interval, which must agree."""

from __future__ import annotations

from typing import Final

from vosbench.compare.records import Verdict
from vosbench.report.table import p_text, signed
from vosbench.report.text import count
from vosbench.stats import Interval, PairedComparison

__all__ = ["ALPHA", "judge"]

ALPHA: Final = 0.05


def judge(
    paired: PairedComparison,
    p_holm: float | None,
    *,
    alpha: float = ALPHA,
    equal: bool = False,
    oracle: bool = False,
) -> tuple[Verdict, str]:
    """The verdict, and for `not clear` the reason.

    The sign-flip test asks whether chance could have dealt the signs, the interval by bootstrap-t
    also how unevenly the difference lies. On ten sequences with exponential differences the test
    alone names the wrong winner in 10 % of cases at a nominal 5 %, both together in 7 to 8 %. So a
    claim needs both. Without any interval, as where all sequences differ alike, the test decides.

    Args:
        paired: the comparison.
        p_holm: its p, adjusted for the number of candidates; None where there is none.
        alpha: level of the test; the intervals are at 1 - alpha.
        equal: every object has the same score in both runs.
        oracle: one of the runs was shown the truth.
    """
    if oracle:
        return "oracle", ""
    if equal:
        return "identical", ""
    if p_holm is None or paired.difference is None:
        return "undetermined", ""
    tested = p_holm <= alpha
    shown = next(
        (one for one in (paired.bootstrap, paired.robust) if _excludes(one) is not None), None
    )
    if shown is not None and _excludes(shown) != tested:
        return "not clear", _reason(paired, shown, p_holm, alpha=alpha, tested=tested)
    if not tested:
        return "not shown", ""
    return ("better" if paired.difference > 0 else "worse"), ""


def _excludes(interval: Interval) -> bool | None:
    """Whether 0 lies outside; None without ends."""
    if interval.low is None or interval.high is None:
        return None
    return interval.low > 0 or interval.high < 0


def _reason(
    paired: PairedComparison, shown: Interval, p_holm: float, *, alpha: float, tested: bool
) -> str:
    if not tested:
        why = "too few signs agree"
        if paired.test.smallest is not None and paired.test.smallest > alpha:
            why = "and so few sequences never give less"
        elif paired.test.p is not None and paired.test.p <= alpha:
            why = "by the number of candidates"
        return f"the interval leaves 0 out, but p Holm is {p_text(p_holm)}, {why}"
    outcomes, flipped = paired.outcomes, paired.flipped
    ends = ""
    if flipped.low is not None and flipped.high is not None:
        ends = f"; the interval of that test is [{signed(flipped.low)}, {signed(flipped.high)}]"
    return (
        f"p Holm is {p_text(p_holm)}, {count(outcomes.wins, 'win')} and "
        f"{count(outcomes.losses, 'loss', 'losses')}{ends}; but the {shown.method} interval, which "
        "also allows for a few sequences that differ much, holds 0"
    )
