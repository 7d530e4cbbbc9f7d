"""What in a trace must not be believed: unsynchronised clocks, stalls, slow stretches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fault", "FaultKind", "fault_lines", "find_faults", "slow_stretches", "stalled"]

FaultKind: TypeAlias = Literal["unsynchronised", "stall", "slow-stretch"]

_SLACK_MS: Final = 0.5
_SLACK_SHARE: Final = 0.02
_STALL: Final = 3.0
_NEIGHBOURS: Final = 15
_WIDTH: Final = 10
_SLOW: Final = 4 / 3
"""A clock at 75 % of its rate, nvbench's threshold for discarding a sample, takes 4/3 the time."""
_JUMP: Final = (1 + _SLOW) / 2
_LEAST_MS: Final = 0.05
_MOST_LINES: Final = 3


@dataclass(frozen=True)
class Fault:
    """One reason to doubt some frames.

    Attributes:
        kind: `unsynchronised`: the device went on working after the host's clock stopped;
            `stall`: a frame took over three times its neighbours' median;
            `slow-stretch`: ten frames or more took over 4/3 of the clip's median.
        sequence: name.
        round: of the sequence.
        first: name of the first frame concerned.
        last: name of the last.
        ratio: how many times too long, or for `unsynchronised` the ms that escaped the host.
        text: the same in words.
    """

    kind: FaultKind
    sequence: str
    round: int
    first: str
    last: str
    ratio: float
    text: str


def find_faults(trace: pd.DataFrame) -> tuple[Fault, ...]:
    """Look through the calls of a trace (columns of `TRACE_COLUMNS`)."""
    calls = trace[trace["stage"].isin(["start", "step"]) & (trace["inside"] == "")]
    found: list[Fault] = []
    for (sequence, repetition), rows in calls.groupby(["sequence", "round"], sort=True):
        name, number = str(sequence), int(str(repetition))
        ordered = rows.sort_values("index")
        found += _escaped(ordered, name, number)
        steps = ordered[ordered["stage"] == "step"]
        frames = [str(frame) for frame in steps["frame"]]
        ms = steps["ms"].to_numpy(np.float64)
        for at, ratio in stalled(ms):
            took = f"{ms[at]:.1f}" if ms[at] >= 1 else f"{ms[at]:.2g}"
            text = f"{name} {frames[at]}: {took} ms, {ratio:.1f} times its neighbours"
            found.append(Fault("stall", name, number, frames[at], frames[at], ratio, text))
        for begin, end, ratio in slow_stretches(ms):
            first, last = frames[begin], frames[end - 1]
            text = f"{name} {first} to {last}: {ratio:.2f} times as slow as the rest of the clip"
            found.append(Fault("slow-stretch", name, number, first, last, ratio, text))
    return tuple(found)


def fault_lines(faults: Iterable[Fault], step_ms: float) -> list[str]:
    """The faults in words, many of one kind in one line.

    Args:
        faults: of one method.
        step_ms: its usual step. Of a step under 0.05 ms stalls tell nothing: what the machine does
            in between takes longer.
    """
    listed = list(faults)
    lines = [one.text for one in listed if one.kind == "unsynchronised"]
    if step_ms < _LEAST_MS:
        return [
            *lines,
            f"steps of {step_ms:.2g} ms are too short to be judged: what the machine does in "
            "between takes longer",
        ]
    for kind, what in (
        ("stall", "frames took over three times as long as their neighbours"),
        ("slow-stretch", "stretches were slow"),
    ):
        alike = [one for one in listed if one.kind == kind]
        if len(alike) > _MOST_LINES:
            worst = max(alike, key=lambda one: one.ratio)
            lines.append(f"{len(alike)} {what}, most of all {worst.text}")
        else:
            lines += [one.text for one in alike]
    return lines


def _escaped(rows: pd.DataFrame, name: str, number: int) -> list[Fault]:
    """Calls whose work on the device ended after they had returned."""
    host_end = rows["begin_ms"].to_numpy(np.float64) + rows["ms"].to_numpy(np.float64)
    device_ms = rows["device_ms"].to_numpy(np.float64)
    device_end = rows["device_begin_ms"].to_numpy(np.float64) + device_ms
    late = device_end - host_end
    # NaN, where there is no device, compares as false
    wrong = np.flatnonzero(late > _SLACK_MS + _SLACK_SHARE * device_ms)
    if not len(wrong):
        return []
    frames = [str(frame) for frame in rows["frame"]]
    worst = float(late[wrong].max())
    text = (
        f"{name}: {len(wrong)} of {len(rows)} calls returned before the device was done, by up to "
        f"{worst:.1f} ms: the host's times are too short"
    )
    return [Fault("unsynchronised", name, number, frames[wrong[0]], frames[wrong[-1]], worst, text)]


def stalled(ms: NDArray[np.float64]) -> list[tuple[int, float]]:
    """Frames over three times the median of the 31 around them, with that ratio.

    At the ends of a clip it is the first or last 31 frames, in a shorter clip all of them.
    """
    if len(ms) < 5:
        return []
    width = min(len(ms), 2 * _NEIGHBOURS + 1)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(ms, width), axis=1)
    at = np.clip(np.arange(len(ms)) - width // 2, 0, len(medians) - 1)
    usual = np.maximum(medians[at], 1e-9)
    return [(int(one), float(ms[one] / usual[one])) for one in np.flatnonzero(ms > _STALL * usual)]


def slow_stretches(ms: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Stretches of ten frames or more that took over 4/3 of the clip's median: begin, end, ratio.

    The ratio is of the stretch's median to that of the rest. A stretch must begin and end with a
    jump, or with the clip: a method whose cost grows evenly with the clip's length is not taken for
    a throttled device. At most half of a clip can be found slow: where more is, the rest looks
    fast.
    """
    if len(ms) < 2 * _WIDTH:
        return []
    ratio = ms / max(float(np.median(ms)), 1e-9)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(ratio, _WIDTH), axis=1)
    slow = np.zeros(len(ms), dtype=bool)
    for begin in np.flatnonzero(medians > _SLOW):
        slow[begin : begin + _WIDTH] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], slow, [False]]).astype(int)))
    found = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        # a window's median lets usual frames in at either end: keep what is slow as a whole
        within = _heaviest(ratio[begin:end] - _JUMP)
        first, stop = begin + within[0], begin + within[1]
        if stop - first >= _WIDTH and _jumps(ratio, first, stop):
            rest = np.delete(ms, np.arange(first, stop))
            found.append((first, stop, float(np.median(ms[first:stop]) / np.median(rest))))
    return found


def _jumps(ratio: NDArray[np.float64], first: int, stop: int) -> bool:
    """Whether the stretch is set off from what is around it by a jump, at either end there is."""
    head, tail = ratio[first : first + _WIDTH], ratio[stop - _WIDTH : stop]
    before, after = ratio[max(0, first - _WIDTH) : first], ratio[stop : stop + _WIDTH]
    return all(
        np.median(inner) > _JUMP * np.median(outer)
        for inner, outer in ((head, before), (tail, after))
        if len(outer)
    )


def _heaviest(values: NDArray[np.float64]) -> tuple[int, int]:
    """Begin and end of the stretch with the largest sum (Kadane, in Bentley, CACM 27(9), 1984)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    lowest = np.minimum.accumulate(sums)
    stop = int(np.argmax(sums - lowest))
    return int(np.argmin(sums[: stop + 1])), stop
