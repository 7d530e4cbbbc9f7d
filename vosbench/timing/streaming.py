"""What a user sees when frames arrive at a fixed rate: a replay of measured times.

Frame i arrives at i / rate and is due when the next one arrives. A method that is still busy then
leaves the user with the newest mask it has finished (after Li et al., Towards Streaming Perception,
ECCV 2020, and the VOT realtime challenge, which give a late frame the previous answer).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["RATES", "Policy", "Replay", "replay"]

RATES: Final = (15.0, 24.0, 30.0)
Policy: TypeAlias = Literal["newest", "every"]


@dataclass(frozen=True)
class Replay:
    """What was on the screen.

    Attributes:
        shown: for each frame, the index of the frame whose mask the user had when it was due.
        processed: how many frames the method took on.
    """

    shown: tuple[int, ...]
    processed: int

    @property
    def on_time(self) -> float:
        """Share of the frames after the first whose own mask was there when due, 0..1."""
        later = self.shown[1:]
        return sum(have == at for at, have in enumerate(later, 1)) / len(later) if later else 1.0

    @property
    def mean_age(self) -> float:
        """How many frames old the mask was, on average over the frames after the first."""
        later = self.shown[1:]
        return sum(at - have for at, have in enumerate(later, 1)) / len(later) if later else 0.0


def replay(durations: Sequence[float], rate: float, *, policy: Policy = "newest") -> Replay:
    """Replay a sequence.

    Args:
        durations: ms of every frame's call, in order; the first is the start, whose masks are
            given and so are there at once, but which keeps the method busy.
        rate: frames per second at which frames arrive, above 0.
        policy: `newest`: a method that gets free takes the newest frame that has arrived, or waits
            for one; `every`: it takes all frames in order and falls ever further behind when it is
            too slow.

    Raises:
        ValueError: for a rate that is not above 0.
    """
    if not rate > 0:
        raise ValueError(f"The rate must be above 0, not {rate}.")
    count, period = len(durations), 1000.0 / rate
    if not count:
        return Replay((), 0)
    free, last = float(durations[0]), 0
    finished: list[tuple[float, int]] = [(0.0, 0)]
    while last + 1 < count:
        arrived = min(count - 1, int(free / period + 1e-9))
        following = max(last + 1, arrived) if policy == "newest" else last + 1
        free = max(free, following * period) + float(durations[following])
        finished.append((free, following))
        last = following
    shown, at = [], 0
    for frame in range(count):
        due = (frame + 1) * period
        while at + 1 < len(finished) and finished[at + 1][0] <= due + 1e-9:
            at += 1
        shown.append(finished[at][1])
    return Replay(tuple(shown), len(finished))
