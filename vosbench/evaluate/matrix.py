"""The protocol matrix: the same masks under every protocol, and whether a ranking depends on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from vosbench.data.masks import MaskSource
from vosbench.evaluate.files import score_masks
from vosbench.metrics import PROTOCOLS
from vosbench.store.schema import ScoreRecord
from vosbench.types import Sequence as Clip

__all__ = ["Flip", "ProtocolMatrix", "ranking_flips", "score_matrix"]

HEADLINES = ("jf_mean", "j_mean")


@dataclass(frozen=True)
class Flip:
    """Two sets of masks that change places.

    Attributes:
        better: first in the reference protocol.
        worse: second there.
        reference: the reference protocol.
        protocol: the protocol under which `worse` scores higher.
    """

    better: str
    worse: str
    reference: str
    protocol: str


@dataclass(frozen=True)
class ProtocolMatrix:
    """Records of one set of masks by protocol, in the order of `PROTOCOLS`.

    A protocol that cannot score the masks at all has a record without objects, whose `unscored`
    says why.
    """

    name: str
    records: Mapping[str, ScoreRecord]

    def headline(self, protocol: str) -> float | None:
        """J&F, or J where the protocol has no F; None where it scored less than the whole set."""
        record = self.records[protocol]
        if record.unscored:
            return None
        values = (getattr(record.overall, name) for name in HEADLINES)
        return next((value for value in values if value is not None), None)


def score_matrix(
    name: str,
    source: MaskSource,
    sequences: Sequence[Clip],
    *,
    dataset: str,
    split: str,
    processes: int = 1,
) -> ProtocolMatrix:
    """Score one set of masks under every protocol.

    Args:
        name: how the set is called in the answer.
        source: the masks.
        sequences: clips of the split.
        dataset: for the records.
        split: for the records.
        processes: worker processes.
    """
    records = {
        protocol: score_masks(
            source,
            sequences,
            protocol=protocol,
            dataset=dataset,
            split=split,
            processes=processes,
        ).record
        for protocol in PROTOCOLS
    }
    return ProtocolMatrix(name, records)


def ranking_flips(matrices: Sequence[ProtocolMatrix], *, reference: str) -> list[Flip]:
    """Pairs whose order under the reference protocol is reversed under another.

    A protocol compares two sets only where both are scored whole; ties are no flip.

    Args:
        matrices: two or more sets of masks.
        reference: name of the protocol that gives the order.
    """
    flips = []
    for one, other in combinations(matrices, 2):
        first, second = one.headline(reference), other.headline(reference)
        if first is None or second is None or first == second:
            continue
        better, worse = (one, other) if first > second else (other, one)
        for protocol in PROTOCOLS:
            high, low = better.headline(protocol), worse.headline(protocol)
            if high is not None and low is not None and high < low:
                flips.append(Flip(better.name, worse.name, reference, protocol))
    return flips
