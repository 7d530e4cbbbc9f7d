"""Parameters of the method's card, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vosbench.errors import UsageError
from vosbench.types import ParameterValue

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
        unknown = sorted(values.keys() - NAMES.keys())
        if unknown:
            raise UsageError(
                f"ranet has no parameter {unknown[0]!r}", hint=f"Known: {', '.join(sorted(NAMES))}"
            )
        defaults = cls()
        given = {
            NAMES[name]: _typed(name, value, getattr(defaults, NAMES[name]))
            for name, value in values.items()
        }
        parameters = cls(**given)
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
        _one_of("objects", self.objects, RULES)
        _one_of("ranking.order", self.order, ORDERS)
        _within("window.context", self.context, 0.1, 100.0)
        _within("window.least-size", self.least_size, 1, 10_000)
        _within("threshold", self.threshold, 0.0, 1.0)
        _within("batch.objects", self.batch, 0, 254)
        for name, value in (("input.height", self.height), ("input.width", self.width)):
            _within(name, value, DEEPEST_STRIDE, 4096)
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


def _typed(name: str, value: ParameterValue, default: ParameterValue) -> Any:
    kind = type(default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise UsageError(f"{name} is {value!r}; expected {kind.__name__}, such as {default!r}")
    return value


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} is {value!r}; expected one of {', '.join(known)}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name} is {value}; expected {low} to {high}")
