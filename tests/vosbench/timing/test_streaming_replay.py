"""What a user has on the screen when frames arrive at a fixed rate."""

from __future__ import annotations

import pytest

from vosbench.timing import replay


def literal(durations: list[float], rate: float, *, newest: bool) -> list[int]:
    """The same in steps of a tenth of a millisecond."""
    period, tick = round(10_000 / rate), 0
    busy_until, working, taken, has = round(10 * durations[0]), 0, 0, 0
    shown = []
    while len(shown) < len(durations):
        if tick == busy_until and working:
            has, working = working, 0
        if tick and tick % period == 0:
            shown.append(has)
        if not working and tick >= busy_until:
            arrived = min(len(durations) - 1, tick // period)
            if arrived > taken:
                working = taken = arrived if newest else taken + 1
                busy_until = tick + round(10 * durations[working])
        tick += 1
    return shown


@pytest.mark.parametrize("rate", [10.0, 25.0, 50.0])
@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize(
    "durations",
    [
        [5.0] * 12,
        [90.0, *[30.3] * 20],
        [20.1, *[61.7] * 20],
        [300.2, *[10.1] * 30],
        [5.0, 10.3, 10.3, 200.9, 10.3, 10.3, 10.3, 10.3, 10.3, 10.3],
    ],
)
def test_the_replay_is_that_of_a_literal_clock(
    durations: list[float], rate: float, newest: bool
) -> None:
    found = replay(durations, rate, policy="newest" if newest else "every")
    assert list(found.shown) == literal(durations, rate, newest=newest)


def test_a_fast_method_is_always_on_time() -> None:
    found = replay([30.0] * 20, 30.0)
    assert found.shown == tuple(range(20))
    assert (found.on_time, found.mean_age, found.processed) == (1.0, 0.0, 20)


def test_one_stall_costs_the_frames_it_lasts_and_no_more() -> None:
    durations = [10.0] * 20
    durations[8] = 210.0
    found = replay(durations, 10.0)
    assert found.shown == (*range(8), 7, 7, 10, *range(11, 20))
    assert found.on_time == pytest.approx(17 / 19)


def test_a_slow_method_skips_to_the_newest_or_falls_behind() -> None:
    newest = replay([150.0] * 30, 10.0)
    every = replay([150.0] * 30, 10.0, policy="every")
    assert newest.mean_age < 2 < every.mean_age
    assert every.shown[-1] < newest.shown[-1]
    assert newest.processed < every.processed == 30


def test_a_clip_of_one_frame_or_none() -> None:
    assert replay([], 30.0).shown == ()
    assert replay([500.0], 30.0).shown == (0,)
    with pytest.raises(ValueError, match="above 0"):
        replay([1.0], 0.0)
