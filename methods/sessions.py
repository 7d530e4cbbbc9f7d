"""What the sessions of several methods do alike; each keeps its own state and order of steps.

Sizes of what they are given, objects that start on a later frame, and the truth for oracles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, SoftMasks

__all__ = ["VOID", "Joined", "Oracles", "Truth", "ids_in", "joined", "require_size"]

VOID: Final = 255
"""Label of pixels that belong to nobody knows whom; never an object."""


def ids_in(labels: LabelMap) -> list[int]:
    """Object ids of a label map (H×W uint8), ascending; background and void are none."""
    return [int(value) for value in np.unique(labels) if value not in (0, VOID)]


def require_size(array: RGB | LabelMap, clip: ClipInfo, what: str) -> None:
    """Refuse a frame or label map of another size than its clip's.

    Raises:
        InputError: naming the clip, `what` it is, and both sizes.
    """
    height, width = array.shape[:2]
    if (height, width) != (clip.height, clip.width):
        raise InputError(
            f"{clip.name}: the {what} is {height}×{width}, the clip is {clip.height}×{clip.width}"
        )


class Joined(NamedTuple):
    """An answer with objects that start on its frame.

    Attributes:
        arriving: ids of those objects, ascending.
        labels: H×W uint8, a new array.
        soft: K×H×W float32, a new array.
    """

    arriving: list[int]
    labels: LabelMap
    soft: SoftMasks


def joined(order: list[int], new_objects: LabelMap, labels: LabelMap, soft: SoftMasks) -> Joined:
    """Answer objects that start on this frame as they are given.

    An id that runs already starts afresh: what it was answered with before is taken back.

    Args:
        order: ids in the order of `soft`; those that are new are put behind them.
        new_objects: H×W uint8, 0 and 255 are no object.
        labels: H×W uint8, the answer without them.
        soft: K×H×W float32, the same.
    """
    arriving = ids_in(new_objects)
    fresh = [one for one in arriving if one not in order]
    order += fresh
    soft = np.concatenate([soft, np.zeros((len(fresh), *labels.shape), np.float32)])
    labels = labels.copy()
    labels[np.isin(labels, arriving)] = 0
    for one in arriving:
        mask = new_objects == one
        labels[mask] = one
        soft[order.index(one)] = mask
    return Joined(arriving, labels, soft)


@dataclass(frozen=True)
class Oracles:
    """The parameters of a method that need the truth, such as `oracle.box`.

    Each is set by the variant that is called like it with dashes, `oracle-box`.

    Attributes:
        method: its name.
        parameters: their names.
    """

    method: str
    parameters: tuple[str, ...]

    def only_in_variants(self, options: BuildOptions) -> None:
        """Refuse them outside of the variants that are shown the truth.

        Raises:
            UsageError: one is set, but the sessions will not be shown the truth.
        """
        if not options.oracle and any(options.parameters.get(one) for one in self.parameters):
            raise UsageError(f"{self._need}, which only variants see", hint=self._hint)

    def not_shown(self, clip: ClipInfo) -> UsageError:
        """The error of a session that was not shown the truth of a frame."""
        return UsageError(f"{clip.name}: {self._need}, and none was shown", hint=self._hint)

    @property
    def _need(self) -> str:
        verb = "needs" if len(self.parameters) == 1 else "need"
        return f"{' and '.join(self.parameters)} {verb} the truth of every frame"

    @property
    def _hint(self) -> str:
        variants = (f"{self.method}@{one.replace('.', '-')}" for one in self.parameters)
        return f"run {' or '.join(variants)}: only variants see the truth"


class Truth:
    """The truth of the frame at hand, as `vosbench.types.OracleSession` is shown it.

    Args:
        clip: of the session.
        oracles: of the method.
        wanted: whether one of them is set; if not, what is shown is not looked at.
    """

    def __init__(self, clip: ClipInfo, oracles: Oracles, *, wanted: bool) -> None:
        self._clip = clip
        self._oracles = oracles
        self._wanted = wanted
        self._labels: LabelMap | None = None
        self._shown = False

    def show(self, labels: LabelMap | None) -> None:
        """Take the truth (H×W uint8) of the frame that comes next; None if it has none."""
        self._labels, self._shown = labels, True

    def take(self) -> LabelMap | None:
        """The truth of this frame, which is then forgotten; None where nobody wants it.

        Raises:
            UsageError: it is wanted and was not shown.
            InputError: it has another size than the clip.
        """
        labels, shown = self._labels, self._shown
        self._labels, self._shown = None, False
        if not self._wanted:
            return None
        if not shown:
            raise self._oracles.not_shown(self._clip)
        if labels is not None:
            require_size(labels, self._clip, "truth")
        return labels
