"""Parameters of the method's card, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vosbench.errors import UsageError
from vosbench.types import ParameterValue

from ..parameters import fields_given, one_of, refuse_unknown, within
from .config import DEEPEST_STRIDE, ORDERS, RULES, ObjectRule, RankingOrder, Wiring

__all__ = ["NAMES", "Parameters"]


@dataclass(frozen=True)
class Parameters:
    """What can be changed without other weights, except the input's size.

    Attributes:
        objects: `multi` segments all objects that start together in one crop, `single` every
            object alone.
        window: crop around the objects; else the whole canvas is the input.
        context: crop size over mask-box size.
        least_size: px of the canvas, least side of a crop; below it the whole canvas is taken.
        order: which similarity maps are kept, see `Wiring`.
        matching: whether the similarity maps enter.
        previous_mask: whether the previous mask enters.
        threshold: a pixel's probability must be above it, 0..1.
        height: px, height of the network's input and of the canvas; must fit the weights.
        width: px, width of the network's input and of the canvas; must fit the weights.
        batch: most objects in one pass of the decoder; 0 leaves it to the device.
        random_weights: run a random network, where no weight file is named.
        oracle_box: take the window from the truth of the current frame.
    """

    objects: ObjectRule = "multi"
    window: bool = True
    context: float = 1.5
    least_size: int = 32
    order: RankingOrder = "score"
    matching: bool = True
    previous_mask: bool = True
    threshold: float = 0.5
    height: int = 480
    width: int = 864
    batch: int = 0
    random_weights: bool = False
    oracle_box: bool = False

    @classmethod
    def parse(cls, values: Mapping[str, ParameterValue]) -> Parameters:
        """Read the card's dotted names; what is absent keeps its default.

        Raises:
            UsageError: a name is unknown, or a value is of another type or out of range.
        """
        refuse_unknown("ranet", values, NAMES)
        parameters = cls(**fields_given(values, NAMES, cls()))
        parameters._check()
        return parameters

    @property
    def wiring(self) -> Wiring:
        """The part that is the network's business."""
        return Wiring(
            rule=self.objects,
            order=self.order,
            matching=self.matching,
            previous_mask=self.previous_mask,
        )

    def _check(self) -> None:
        one_of("objects", self.objects, RULES)
        one_of("ranking.order", self.order, ORDERS)
        within("window.context", self.context, 0.1, 100.0)
        within("window.least-size", self.least_size, 1, 10_000)
        within("threshold", self.threshold, 0.0, 1.0)
        within("batch.objects", self.batch, 0, 254)
        for name, value in (("input.height", self.height), ("input.width", self.width)):
            within(name, value, DEEPEST_STRIDE, 4096)
            if value % DEEPEST_STRIDE:
                raise UsageError(f"{name} is {value}; expected a multiple of {DEEPEST_STRIDE}")


NAMES = {
    "objects": "objects",
    "window.enabled": "window",
    "window.context": "context",
    "window.least-size": "least_size",
    "ranking.order": "order",
    "matching.enabled": "matching",
    "previous-mask.enabled": "previous_mask",
    "threshold": "threshold",
    "input.height": "height",
    "input.width": "width",
    "batch.objects": "batch",
    "weights.random": "random_weights",
    "oracle.box": "oracle_box",
}
