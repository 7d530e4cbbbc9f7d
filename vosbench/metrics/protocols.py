"""Named protocols: which frames and objects count, and how files are read.

The same masks get different scores under different protocols, so a score never goes without the
name of its protocol. A protocol is data; the code that follows it is in `vosbench.evaluate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from vosbench.errors import UsageError
from vosbench.types import LabelKind

__all__ = ["PROTOCOLS", "ObjectRule", "Protocol", "get_protocol"]

ObjectRule: TypeAlias = Literal["union", "first-frame"]
"""Which objects count: `union` merges all into one, `first-frame` takes ids 1..K where K is the
highest id of the first annotation."""


@dataclass(frozen=True)
class Protocol:
    """Rules of an evaluation.

    Attributes:
        name: how it is asked for and recorded.
        description: one paragraph for people.
        prediction_kind: how predicted mask files are read.
        objects: which objects count.
        drop_first: the first annotated frame does not count.
        drop_last: the last annotated frame does not count.
    """

    name: str
    description: str
    prediction_kind: LabelKind
    objects: ObjectRule
    drop_first: bool = True
    drop_last: bool = True

    def evaluated(self, annotated: int) -> range:
        """Positions that count among that many annotated frames."""
        return range(int(self.drop_first), annotated - int(self.drop_last))


_DAVIS_2016 = Protocol(
    name="davis2016",
    description=(
        "DAVIS 2016, single object (Perazzi et al., CVPR 2016; as computed by "
        "davis2017-evaluation on DAVIS-2016 data). All non-zero pixels are one object, in the "
        "annotations as in the predictions. The first and the last annotated frame do not count. "
        "J is the intersection over union; F matches boundary pixels within ceil(0.008 * "
        "diagonal) px. Two empty masks score 1, one empty mask scores 0. Figures are means over "
        "frames, then over sequences."
    ),
    prediction_kind="binary",
    objects="union",
)
_DAVIS_2017 = Protocol(
    name="davis2017",
    description=(
        "DAVIS 2017, semi-supervised (Pont-Tuset et al., 2017; davis2017-evaluation). Objects are "
        "1..K where K is the highest id in the first annotation: an id missing below K counts as "
        "an object that is absent everywhere, and objects that appear later do not count. Void "
        "(255) is background. The first and the last annotated frame do not count. A predicted id "
        "above K makes the sequence unscorable. J, F and empty masks as in davis2016. Figures "
        "are means over frames, then over all objects of all sequences."
    ),
    prediction_kind="ids",
    objects="first-frame",
)
PROTOCOLS: Final = MappingProxyType(
    {protocol.name: protocol for protocol in (_DAVIS_2016, _DAVIS_2017)}
)
"""All protocols by name."""


def get_protocol(name: str) -> Protocol:
    """Look a protocol up by its name.

    Raises:
        UsageError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise UsageError(
            f"There is no protocol {name!r}.", hint=f"Known protocols: {', '.join(PROTOCOLS)}."
        )
    return PROTOCOLS[name]
